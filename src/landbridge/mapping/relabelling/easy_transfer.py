"""Easy transfer learning: target rows go to the nearest source class, and no class stays empty."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import softmax
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.preprocessing import StandardScaler

from landbridge.domains import class_names
from landbridge.mapping.alignment.coral import CORAL
from landbridge.mapping.relabelling.base import Relabelling
from landbridge.moments import Moments


def intra_domain_programming(distances: NDArray) -> NDArray[np.intp]:
    r"""The class (n,) of each row that minimises the sum of distances (n, C), none left empty.

    The linear programme :math:`\min \sum_{ic} D_{ic} M_{ic}` subject to :math:`M \ge 0`,
    :math:`\sum_c M_{ic} = 1` and :math:`\sum_i M_{ic} \ge 1` (Wang 2019, intra-domain
    programming) is one of transportation, so its vertices are whole numbers: every row takes its
    nearest class, but for one row of each class, and those rows make up the assignment of
    classes to rows with the least regret. That is solved exactly in n C² steps.
    """
    nearest = distances.argmin(axis=1)
    regret = distances - distances.min(axis=1, keepdims=True)
    classes, rows = linear_sum_assignment(regret.T)
    nearest[rows] = classes
    return nearest


def centre_confidence(distances: NDArray, codes: NDArray) -> NDArray[np.float64]:
    """How clearly each row belongs to its class (n,): a softmax of its distances (n, C).

    Distances are taken in units of their spread over the classes, the same for all rows.
    """
    unit = float(distances.std(axis=1).mean()) or 1.0
    return softmax(-distances / unit, axis=1)[np.arange(len(codes)), codes]


class EasyTransfer(Relabelling):
    r"""Align covariances, then give each target row the nearest source class, all classes used.

    Source rows are aligned by CORAL; then target rows get the classes that minimise the sum of
    their distances to the class means, under the condition that each class has a row (Wang,
    Chen, Yu, Huang & Yang 2019: EasyTL, or EasyTL(c) without alignment). Each domain is
    standardised by itself first, as in the paper's experiments. The third step learns from the
    target rows so labelled. The confidence in a label is a softmax of the distances.

    Parameters
    ----------
    align : bool, default=True
        Whether to align covariances first.
    reg : "auto" or float, default=1.0
        As in :class:`CORAL`, in squared units of the standardised features; 1 is the paper's.

    Attributes
    ----------
    labels_ : ndarray of shape (n_t,)
    confidence_ : ndarray of shape (n_t,)

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.relabelling.easy_transfer import EasyTransfer
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["no", "yes"], 50)
    >>> Xs = rng.normal(size=(100, 2)) + 6.0 * (y == "yes")[:, None]
    >>> easy = EasyTransfer().fit(Xs, 10.0 * Xs - 50.0, ys=y)
    >>> float((easy.labels_ == y).mean())
    1.0
    """

    needs_classes = True
    cost = "n d² + d³ + n C²"
    when = "classes with one centre each, and no time to choose parameters"

    def __init__(self, align: bool = True, reg: float | str = 1.0):
        self.align = align
        self.reg = reg

    def _relabel(
        self, Xs: Any, ys: NDArray, Xt: Any, yt: NDArray | None, sample_weight: NDArray | None
    ) -> tuple[NDArray, NDArray]:
        classes = class_names(ys)
        if len(Xt) < len(classes):
            raise ValueError(
                f"EasyTransfer gives every class a target row: Xt has {len(Xt)} rows, and ys "
                f"{len(classes)} classes. Give more target rows, or choose CORAL."
            )
        Zs = StandardScaler().fit_transform(Xs, sample_weight=sample_weight)
        Zt = StandardScaler().fit_transform(Xt)
        if self.align:
            Zs = CORAL(self.reg).fit(Zs, Zt, sample_weight=sample_weight).transform(Zs)
        parts = Moments.of(Zs, sample_weight=sample_weight, labels=ys, variances_only="x").classes
        centres = np.array([parts[name].mean for name in classes.tolist()])
        distances = euclidean_distances(Zt.astype(np.float64), centres)
        codes = intra_domain_programming(distances)
        return classes[codes], centre_confidence(distances, codes)
