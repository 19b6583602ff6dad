"""Density ratios by counting neighbours."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from landbridge.domains.parameters import check_number
from landbridge.mapping.reweighting.base import Reweighting, log_of_positive
from landbridge.mapping.reweighting.basis import row_blocks, row_hashes


def cell_ratios(counts: NDArray, masses: NDArray, smoothing: float) -> NDArray[np.float64]:
    """Target rows in each cell plus the smoothing, by the source's mass there (n,)."""
    return (counts + smoothing) / masses


class NearestNeighbourRatio(Reweighting):
    r"""Weigh each source row by the number of target rows it is the nearest to.

    .. math:: w_i = \big| V_i \cap X_t \big| + λ

    with :math:`V_i` the rows nearer to source row i than to any other, its Voronoi cell, and
    λ = 1 by Laplace's rule of succession (Loog 2012, the scheme NNeW+1). A new
    row weighs as much as the source row nearest to it. Rows that occur several times share a
    cell. Features on different scales want standardising first.

    Parameters
    ----------
    smoothing : float, default=1.0
        λ, in target rows; larger values draw weights towards 1, and 0 leaves source rows
        without a target row near them weighing nothing.
    cap : None, "auto" or float, default="auto"
        Truncate weights at so many times their mean; ``"auto"`` at √n_s times (Ionides 2008).

    Attributes
    ----------
    neighbours_ : NearestNeighbors
        It keeps all distinct source rows: the fitted model grows with them.
    log_ratios_ : ndarray of shape (n_distinct,)
    effective_size_, effective_share_ : float

    Examples
    --------
    >>> from landbridge.mapping.reweighting import NearestNeighbourRatio
    >>> ratio = NearestNeighbourRatio().fit([[0.0], [10.0]], [[9.0], [8.0], [7.0], [1.0]])
    >>> ratio.weights([[0.0], [10.0]])  # 2 : 4
    array([0.667, 1.333])
    """

    cost: ClassVar[str] = "n d log n for few features, n² d for many"
    when: ClassVar[str] = "A first look without any parameter to set."

    def __init__(self, smoothing: float = 1.0, cap: float | str | None = "auto"):
        self.smoothing = smoothing
        self.cap = cap

    def _check_parameters(self) -> None:
        check_number("smoothing", self.smoothing)

    def _fit_ratio(self, Xs: Any, Xt: Any, ys: Any, yt: Any, shares: NDArray) -> None:
        counted = np.flatnonzero(shares > 0)
        _, first, cell = np.unique(
            row_hashes(Xs[counted]), return_index=True, return_inverse=True
        )  # in the order of what is in them, each row once
        self.neighbours_ = NearestNeighbors(n_neighbors=1).fit(Xs[counted[first]])
        masses = np.bincount(cell, weights=shares[counted]) * len(shares)
        nearest = [self._nearest(Xt[part]) for part in row_blocks(Xt.shape[0])]
        counts = np.bincount(np.concatenate(nearest), minlength=len(first))
        self.log_ratios_ = log_of_positive(cell_ratios(counts, masses, self.smoothing))

    def _nearest(self, X: Any) -> NDArray[np.intp]:
        return self.neighbours_.kneighbors(X, return_distance=False)[:, 0]

    def _log_ratio(self, X: Any, y: Any) -> NDArray[np.float64]:
        return self.log_ratios_[self._nearest(X)]
