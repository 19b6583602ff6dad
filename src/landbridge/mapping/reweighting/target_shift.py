"""Weights of classes, or of a numeric label, that bring the features to the target's."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.utils.multiclass import type_of_target

from landbridge.domains import class_names, encode, is_labelled, labelled_rows
from landbridge.domains.parameters import check_choice, check_number
from landbridge.mapping.reweighting.base import Reweighting, log_of_positive
from landbridge.mapping.reweighting.basis import row_blocks
from landbridge.moments import FeatureMap

TASKS = ("auto", "classification", "regression")


def class_basis(y: NDArray, classes: NDArray) -> NDArray[np.float64]:
    """One function of the label a class: 1 there, 0 elsewhere (n, C)."""
    return (encode(y, classes)[:, None] == np.arange(len(classes))).astype(np.float64)


def label_basis(y: NDArray, centres: NDArray, width: float) -> NDArray[np.float64]:
    """Gaussian functions of a numeric label about the centres (n, J), each row summing to 1."""
    values = np.asarray(y, dtype=np.float64)[:, None]
    bumps = rbf_kernel(np.clip(values, centres[0], centres[-1]), centres[:, None], 0.5 / width**2)
    return bumps / bumps.sum(axis=1, keepdims=True)


def matching_coefficients(
    A: NDArray,
    target_mean: NDArray,
    gram: NDArray,
    mean: NDArray,
    reg: float,
    least: NDArray | float = 0.0,
) -> NDArray[np.float64]:
    """Least ``‖A a − μ_t‖² + ρ E_s(β − 1)²`` over a (J,) from ``least`` up with ``mean @ a = 1``.

    With ``mean @ a = 1`` all of this is a quadratic form ``aᵀ Q a``; of ``aᵀ Q a + (mean·a − 1)²``
    the least point differs from that sought by a factor alone, and is a problem of non-negative
    least squares. With ``least`` f it is one in ``b = a − f (mean @ a)``, from 0 up.
    """
    least = np.broadcast_to(least, mean.shape)
    raised = np.eye(len(mean)) + np.multiply.outer(least, mean) / (1.0 - mean @ least)
    shifted = A - np.multiply.outer(target_mean, mean)
    Q = shifted.T @ shifted + reg * (gram - np.multiply.outer(mean, mean))
    values, vectors = np.linalg.eigh(Q)
    root = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
    found = raised @ nnls(np.vstack([root, mean]) @ raised, np.append(np.zeros(len(Q)), 1.0))[0]
    return found / (mean @ found)


class MMDTargetShift(Reweighting):
    r"""Weigh classes, or values of a label, so that the features are distributed as in the target.

    For shifts of the labels alone, where :math:`p(x|y)` stays: the weight is a function of the
    label, :math:`β(y) = \sum_j a_j ℓ_j(y)`, and minimises

    .. math:: \Big\| E_s[β(y) φ(x)] - μ_t \Big\|^2 + ρ\, E_s (β(y) - 1)^2, \qquad
              a \ge 0, \quad E_s β(y) = 1

    with features φ of a Gaussian kernel (Zhang, Schölkopf, Muandet & Wang 2013, section 3).
    For classes, :math:`ℓ_j` tells class j, and the first term is
    :math:`\|\sum_c π_c β_c μ_{s,c} - μ_t\|^2`, a problem in as many variables as there are
    classes; each keeps the share of about one target row, so that a class which the target seems
    to lack is not lost to the learner. For numbers, :math:`ℓ_j` are Gaussian functions of the
    label; the paper's regression of φ on the label, when it is on the same functions, leaves the
    first term as it is here. Features on different scales want standardising first.

    Parameters
    ----------
    task : {"auto", "classification", "regression"}, default="auto"
        What labels are; ``"auto"`` takes numbers with fractions as values, all else as classes.
    reg : float, default=1e-4
        ρ, in units of the kernel, which is at most 1; larger values draw weights towards 1.
    gamma : "median" or float, default="median"
        The inverse squared width of the kernel of features.
    n_features : int, default=300
        How many features of the kernel, on landmark rows; more come nearer to it.
    n_label_functions : int, default=10
        Functions of a numeric label, about its quantiles; more let the weights bend more.
    cap : None, "auto" or float, default="auto"
        Truncate weights at so many times their mean; ``"auto"`` at √n_s times (Ionides 2008).
    random_state : int, default=0
        Seed of the landmarks; the order of rows changes nothing.

    Attributes
    ----------
    classes_ : ndarray of shape (C,)
        The classes; empty in regression.
    centres_ : ndarray of shape (J,)
        The quantiles; empty in classification.
    width_ : float
        Width of the functions of a numeric label.
    coef_ : ndarray of shape (C,) or (J,)
        a: for classes, the ratio of target to source share of each.
    effective_size_, effective_share_ : float

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.reweighting import MMDTargetShift
    >>> rng = np.random.default_rng(0)
    >>> ys, yt = np.repeat(["ill", "well"], [500, 500]), np.repeat(["ill", "well"], [100, 900])
    >>> Xs, Xt = (rng.normal(size=(1000, 1)) + 4.0 * (y == "well")[:, None] for y in (ys, yt))
    >>> shift = MMDTargetShift().fit(Xs, Xt, ys=ys)
    >>> shift.coef_.round(1)
    array([0.2, 1.8])
    >>> shift.weights(Xs[-2:], ["ill", "well"]).round(1)
    array([0.2, 1.8])
    """

    needs_labels: ClassVar[str] = "source"
    cost: ClassVar[str] = "n d m + n m C + C³"
    when: ClassVar[str] = "Classes are as common as never before, but each looks as it did."

    def __init__(
        self,
        task: str = "auto",
        reg: float = 1e-4,
        gamma: float | str = "median",
        n_features: int = 300,
        n_label_functions: int = 10,
        cap: float | str | None = "auto",
        random_state: int = 0,
    ):
        self.task = task
        self.reg = reg
        self.gamma = gamma
        self.n_features = n_features
        self.n_label_functions = n_label_functions
        self.cap = cap
        self.random_state = random_state

    def _check_parameters(self) -> None:
        check_choice("task", self.task, TASKS)
        check_number("reg", self.reg)
        check_number("n_label_functions", self.n_label_functions, least=2, whole=True)

    def _fit_ratio(self, Xs: Any, Xt: Any, ys: Any, yt: Any, shares: NDArray) -> None:
        known = is_labelled(ys)
        rows, labels = labelled_rows(Xs, ys)
        weights = shares[known] / shares[known].sum()
        self._set_basis(labels)
        phi = FeatureMap("rbf", "nystroem", self.n_features, self.gamma, self.random_state)
        phi.fit(Xs, Xt)
        L = self._basis(labels)
        A = sum(phi.transform(rows[p]).T @ (weights[p, None] * L[p]) for p in _blocks(rows))
        target = sum(phi.transform(Xt[p]).sum(axis=0, dtype=np.float64) for p in _blocks(Xt))
        weighted = weights[:, None] * L
        mean = weighted.sum(axis=0)
        self.coef_ = matching_coefficients(
            A,
            target / Xt.shape[0],
            L.T @ weighted,
            mean,
            self.reg,
            self._least(mean, Xt.shape[0]),
        )

    def _least(self, mean: NDArray, n_target: int) -> NDArray | float:
        """The smallest coefficient of each class: that of one target row, or half a fair share."""
        if not len(self.classes_):
            return 0.0
        share = min(1 / n_target, 0.5 / len(mean))
        return np.divide(share, mean, out=np.zeros_like(mean), where=mean > 0)

    def _set_basis(self, labels: NDArray) -> None:
        """Classes, or the quantiles of a numeric label and the width of the gaps between them."""
        self.classes_, self.centres_, self.width_ = np.empty(0), np.empty(0), 1.0
        found = type_of_target(labels) if self.task == "auto" else self.task
        if found not in ("continuous", "regression"):
            self.classes_ = class_names(labels)
            return
        levels = np.linspace(0, 1, self.n_label_functions)
        self.centres_ = np.unique(np.quantile(labels.astype(np.float64), levels))
        self.width_ = float(np.diff(self.centres_).mean()) if len(self.centres_) > 1 else 1.0

    def _basis(self, y: NDArray) -> NDArray[np.float64]:
        if len(self.classes_):
            return class_basis(y, self.classes_)
        return label_basis(y, self.centres_, self.width_)

    def _log_ratio(self, X: Any, y: Any) -> NDArray[np.float64]:
        if y is None:
            raise ValueError(
                "MMDTargetShift weighs rows by their labels: give weights(X, y) the labels y."
            )
        ratio, known = np.ones(len(y)), is_labelled(y)
        ratio[known] = self._basis(y[known]) @ self.coef_
        return log_of_positive(ratio)


def _blocks(X: Any) -> list[slice]:
    return row_blocks(X.shape[0])
