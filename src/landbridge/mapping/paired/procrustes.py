"""The rotation that lays one space onto another."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from landbridge.mapping.affine import Affine
from landbridge.mapping.base import PairedMomentMapping
from landbridge.moments import Moments


def procrustes_rotation(S_xy: NDArray) -> tuple[NDArray[np.float64], float]:
    """The semi-orthogonal ``R`` (d, e) nearest to ``S_xy``, and the sum of singular values."""
    U, sizes, Vt = linalg.svd(S_xy, full_matrices=False)
    return U @ Vt, float(sizes.sum())


class Procrustes(Affine, PairedMomentMapping):
    r"""Rotate (and reflect) the source onto the target: distances stay as they are.

    :math:`\min_R \lVert (X - \mu_x) R - (Y - \mu_y) \rVert_F` over
    :math:`R^\top R = I` is :math:`R = U V^\top` with :math:`S_{xy} = U \Sigma V^\top`
    (Schönemann 1966). Where the dimensions differ R is semi-orthogonal: from the smaller space
    into the larger it keeps all distances, the other way it projects.

    Parameters
    ----------
    scaling : bool, default=False
        Whether to scale too, by :math:`\mathrm{tr}\,\Sigma / \mathrm{tr}\,S_{xx}` (least
        squares; where R projects, by the scatter that it keeps).
    centre : bool, default=True
        Whether to map mean onto mean; otherwise the origin stays put, as is usual for unit
        vectors.

    Attributes
    ----------
    matrix_ : ndarray of shape (d_s, d_t)
        The rotation, times the scale.
    scale_ : float
    source_mean_, source_std_ : ndarray of shape (d_s,)
    target_mean_ : ndarray of shape (d_t,)

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping import Procrustes
    >>> X = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    >>> turned = X @ [[0.0, 1.0], [-1.0, 0.0]]
    >>> Procrustes().fit(X, turned).matrix_.round(6)
    array([[ 0.,  1.],
           [-1.,  0.]])
    """

    cost = "n d² + d³"
    when = "two embeddings of the same things, up to a rotation"

    def __init__(self, *, scaling: bool = False, centre: bool = True):
        self.scaling = scaling
        self.centre = centre

    def _unused_covariances(self, X: Any, Y: NDArray) -> str:
        return "y" if self.scaling and X.shape[1] > Y.shape[1] else "xy"

    def _fit_folds(self, folds: list[Moments]) -> None:
        pairs = Moments.sum(folds)
        S_xy = pairs.scatter_xy
        if not self.centre:
            S_xy = S_xy + pairs.weight * np.outer(pairs.mean, pairs.mean_y)
        rotation, size = procrustes_rotation(S_xy)
        self.scale_ = self._scale(pairs, rotation, size) if self.scaling else 1.0
        self.matrix_ = rotation * self.scale_
        self.source_mean_ = pairs.mean if self.centre else np.zeros_like(pairs.mean)
        self.target_mean_ = pairs.mean_y if self.centre else np.zeros_like(pairs.mean_y)
        self.source_std_ = pairs.std

    def _scale(self, pairs: Moments, rotation: NDArray, size: float) -> float:
        shift = np.zeros_like(pairs.mean) if self.centre else pairs.mean
        if rotation.shape[0] > rotation.shape[1]:
            projected = shift @ rotation
            kept = (
                np.vdot(rotation, pairs.scatter @ rotation) + pairs.weight * projected @ projected
            )
        else:
            kept = pairs.squares.sum() + pairs.weight * shift @ shift
        return size / float(kept) if kept > 0 else 1.0
