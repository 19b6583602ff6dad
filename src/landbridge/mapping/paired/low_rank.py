"""Reduced-rank regression."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from landbridge.domains.parameters import check_number
from landbridge.mapping.affine import Affine
from landbridge.mapping.base import PairedMomentMapping, fold_rows
from landbridge.mapping.paired.reduced_rank import Factors, best_width, check_width
from landbridge.mapping.paired.ridge import ridge_matrix
from landbridge.moments import Moments
from landbridge.moments.matrices import eigh_psd


def reduced_rank_factors(pairs: Moments, k: int, reg: float) -> Factors:
    r"""The best ``k`` directions of the (ridge) regression matrix B (Izenman 1975, eq. 2.6).

    :math:`B V_k V_k^\top` with the leading eigenvectors V of :math:`S_{yx} B`, the scatter of
    the fitted values.
    """
    B = ridge_matrix(pairs.scatter, pairs.scatter_xy, reg)
    fitted = pairs.scatter_xy.T @ B
    V = eigh_psd((fitted + fitted.T) / 2)[1][:, :k]
    return B @ V, V.T


class LowRankAffine(Affine, PairedMomentMapping):
    r"""Reduced-rank regression: the best affine map through ``rank`` directions.

    :math:`A = B V V^\top`, with the ridge solution B and the leading directions V of what it
    fits (Izenman 1975, eq. 2.6, with the identity as weight).

    Parameters
    ----------
    rank : "cv" or int, default="cv"
        How many directions; at most the smaller of both dimensions. ``"cv"`` takes the number
        that predicts left-out folds best, out of their moments.
    reg : float, default=0.0
        Ridge penalty on the scale of a sum over rows, as in :class:`Ridge`.
    cv : int or splitter, default=5
        As in :class:`Ridge`.

    Attributes
    ----------
    matrix_ : ndarray of shape (d_s, d_t)
    rank_ : int
    errors_ : ndarray
        Mean squared error on left-out rows for rank 0, 1, …, where the rank was chosen.
    source_mean_, source_std_ : ndarray of shape (d_s,)
    target_mean_ : ndarray of shape (d_t,)

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping import LowRankAffine
    >>> rng = np.random.default_rng(2)
    >>> X = rng.normal(size=(300, 4))
    >>> Y = np.outer(X[:, 0], [1.0, 2.0, 3.0]) + rng.normal(size=(300, 3))
    >>> LowRankAffine().fit(X, Y).rank_
    1
    """

    cost = "n d² + d³"
    when = "fewer pairs than entries of a full map"

    def __init__(self, rank: int | str = "cv", *, reg: float = 0.0, cv: Any = 5):
        self.rank = rank
        self.reg = reg
        self.cv = cv

    def _folds(self, X: Any, Y: NDArray) -> Sequence[NDArray | None]:
        check_width("rank", self.rank, self.cv)
        return fold_rows(self.cv, X, Y) if self.rank == "cv" else [None]

    def _fit_folds(self, folds: list[Moments]) -> None:
        check_number("reg", self.reg)
        pairs = Moments.sum(folds)
        most = min(pairs.scatter_xy.shape)
        if self.rank == "cv":
            self.rank_, self.errors_ = best_width(folds, self._factors, most)
        else:
            self.rank_ = min(int(self.rank), most)
        left, right = self._factors(pairs, self.rank_)
        self._set_affine(left @ right, pairs)

    def _factors(self, pairs: Moments, k: int) -> Factors:
        return reduced_rank_factors(pairs, k, self.reg)
