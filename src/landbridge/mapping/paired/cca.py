"""Canonical correlation analysis."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from landbridge.mapping.affine import apply_affine
from landbridge.mapping.base import PairedMomentMapping
from landbridge.mapping.paired.ridge import ridge_matrix
from landbridge.mapping.shared_space import SharedSpace, components_for
from landbridge.moments import Moments, power_psd, regularised_covariance


def _correlations(pairs: Moments, A: NDArray, B: NDArray) -> NDArray[np.float64]:
    """Correlation of ``x @ A[:, j]`` with ``y @ B[:, j]`` for each j; 0 where one is constant."""
    shared = (A.T @ pairs.scatter_xy * B.T).sum(axis=1)
    own = (A.T @ pairs.scatter * A.T).sum(axis=1) * (B.T @ pairs.scatter_yy * B.T).sum(axis=1)
    return np.divide(shared, np.sqrt(np.maximum(own, 0.0)), out=np.zeros(len(own)), where=own > 0)


class CCA(SharedSpace, PairedMomentMapping):
    r"""Canonical correlations: the directions of both views that agree best over the pairs.

    With :math:`C_x^{-1/2} C_{xy} C_y^{-1/2} = U \Sigma V^\top`, source rows become
    :math:`(x - \mu_x) C_x^{-1/2} U` and target rows :math:`(y - \mu_y) C_y^{-1/2} V`, which
    correlate by Σ (Hotelling 1936). ``predict`` regresses the target row on the source's
    components.

    Parameters
    ----------
    n_components : int or None, default=None
        How many directions; all, which is the smaller of both dimensions, by default.
    reg : "auto" or float, default="auto"
        As in :class:`CORAL`, on both covariances; 0 is the textbook method, which overfits
        where features are many.

    Attributes
    ----------
    correlations_ : ndarray of shape (k,)
        How far each pair of components correlates over the pairs fitted.
    source_matrix_, target_matrix_ : ndarray of shape (d_s, k) and (d_t, k)
    source_mean_, source_std_ : ndarray of shape (d_s,)
    target_mean_ : ndarray of shape (d_t,)

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping import CCA
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(400, 3))
    >>> Y = np.c_[X[:, 0] - X[:, 1], rng.normal(size=(400, 3))]
    >>> CCA(n_components=2).fit(X, Y).correlations_.round(1)
    array([1., 0.])
    """

    cost = "n d² + d³"
    when = "two feature spaces with something in common"

    def __init__(self, n_components: int | None = None, *, reg: float | str = "auto"):
        self.n_components = n_components
        self.reg = reg

    def _fit_folds(self, folds: list[Moments]) -> None:
        pairs = Moments.sum(folds)
        whiten_x, whiten_y = (
            power_psd(regularised_covariance(view, self.reg), -0.5)
            for view in (pairs, pairs.swap())
        )
        U, sizes, Vt = linalg.svd(whiten_x @ pairs.scatter_xy @ whiten_y, full_matrices=False)
        k = components_for(sizes, self.n_components)
        self.source_matrix_, self.target_matrix_ = whiten_x @ U[:, :k], whiten_y @ Vt[:k].T
        self.correlations_ = _correlations(pairs, self.source_matrix_, self.target_matrix_)
        self.source_mean_, self.target_mean_ = pairs.mean, pairs.mean_y
        self.source_std_ = pairs.std
        self.regression_ = ridge_matrix(
            self.source_matrix_.T @ pairs.scatter @ self.source_matrix_,
            self.source_matrix_.T @ pairs.scatter_xy,
            0.0,
        )

    def _predict(self, X: Any) -> NDArray:
        B = self.source_matrix_ @ self.regression_
        return apply_affine(X, self.source_mean_, B, self.target_mean_)
