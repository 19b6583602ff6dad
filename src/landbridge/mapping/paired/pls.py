"""Partial least squares."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.mapping.affine import Affine
from landbridge.mapping.base import PairedMomentMapping, fold_rows
from landbridge.mapping.paired.reduced_rank import (
    Factors,
    best_width,
    check_width,
    most_directions,
)
from landbridge.moments import Moments
from landbridge.moments.matrices import eigh_psd


def simpls_factors(pairs: Moments, k: int) -> Factors:
    """Partial least squares by SIMPLS (de Jong 1993, table 1), from moments alone.

    Each direction takes the largest covariance that is left between the two sides; its score is
    uncorrelated with those before.
    """
    S_xx, cross = pairs.scatter, pairs.scatter_xy.copy()
    d, e = cross.shape
    weights, basis, loadings = np.zeros((d, k)), np.zeros((d, k)), np.zeros((k, e))
    floor = np.finfo(float).eps * np.linalg.norm(cross)
    for a in range(k):
        if np.linalg.norm(cross) <= floor:
            break  # nothing of Y is left to explain
        r = cross @ eigh_psd(cross.T @ cross)[1][:, 0]
        spread = float(r @ S_xx @ r)
        if spread <= np.finfo(float).tiny:
            break  # nor is anything of X, where the covariance left is rounding noise
        r /= np.sqrt(spread)
        p = S_xx @ r
        v = p - basis[:, :a] @ (basis[:, :a].T @ p)
        v -= basis[:, :a] @ (basis[:, :a].T @ v)  # twice is enough (Kahan)
        v /= np.linalg.norm(v)
        weights[:, a], basis[:, a], loadings[a] = r, v, r @ pairs.scatter_xy
        cross -= np.outer(v, v @ cross)
    return weights, loadings


class PLS(Affine, PairedMomentMapping):
    r"""Partial least squares: regress through the directions in which both views vary together.

    SIMPLS (de Jong 1993), from the moments of the pairs. The usual map from one instrument's
    spectra to another's, where features are many and pairs few.

    Parameters
    ----------
    n_components : "cv" or int, default="cv"
        How many directions; at most d_s and one less than the number of pairs. ``"cv"`` takes
        the number, up to ``max_components``, that predicts left-out folds best.
    max_components : int, default=20
        The most directions that ``"cv"`` looks at.
    cv : int or splitter, default=5
        As in :class:`Ridge`.

    Attributes
    ----------
    matrix_ : ndarray of shape (d_s, d_t)
    n_components_ : int
    errors_ : ndarray
        Mean squared error on left-out rows for 0, 1, … directions, where their number was
        chosen.
    source_mean_, source_std_ : ndarray of shape (d_s,)
    target_mean_ : ndarray of shape (d_t,)

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping import PLS
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(100, 1)) @ np.ones((1, 50)) + 0.1 * rng.normal(size=(100, 50))
    >>> map_ = PLS(n_components=1).fit(X, X[:, :2])
    >>> map_.score(X, X[:, :2]) > 0.95
    True
    """

    cost = "n d² + k d²"
    when = "spectra and other strongly correlated features"

    def __init__(self, n_components: int | str = "cv", *, max_components: int = 20, cv: Any = 5):
        self.n_components = n_components
        self.max_components = max_components
        self.cv = cv

    def _folds(self, X: Any, Y: NDArray) -> Sequence[NDArray | None]:
        check_width("n_components", self.n_components, self.cv)
        return fold_rows(self.cv, X, Y) if self.n_components == "cv" else [None]

    def _fit_folds(self, folds: list[Moments]) -> None:
        pairs = Moments.sum(folds)
        if self.n_components == "cv":
            most = min(most_directions(folds, pairs.n_features), self.max_components)
            self.n_components_, self.errors_ = best_width(folds, simpls_factors, most)
        else:
            self.n_components_ = min(int(self.n_components), pairs.n_features, pairs.count - 1)
        left, right = simpls_factors(pairs, self.n_components_)
        self._set_affine(left @ right, pairs)
