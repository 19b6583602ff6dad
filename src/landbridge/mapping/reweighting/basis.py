"""Gaussian basis functions about some rows: what most direct ratio estimates are sums of."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.metrics.pairwise import euclidean_distances

from landbridge.domains.folds import content_key
from landbridge.moments.feature_map import draw_rows, kernel_gamma

BLOCK_ROWS = 8192
WIDTHS = 4.0 ** np.arange(-2, 4)
"""Cross-validation tries these multiples of the median rule's gamma."""


def row_blocks(n_rows: int) -> list[slice]:
    """Slices that cut rows into blocks."""
    starts = range(0, n_rows, BLOCK_ROWS)
    return [slice(start, min(start + BLOCK_ROWS, n_rows)) for start in starts]


def squared_distances(X: Any, centres: Any) -> NDArray:
    """``‖x − c‖²`` (n, m) in the precision of X."""
    return euclidean_distances(X, centres, squared=True)


def gaussian_basis(X: Any, centres: Any, gamma: float) -> NDArray:
    """Basis functions ``φ_l(x) = exp(−γ ‖x − c_l‖²)`` (n, m) of rows X about the centres."""
    return np.exp(-gamma * squared_distances(X, centres))


def log_sum_exp(logs: NDArray, axis: int) -> NDArray[np.float64]:
    """``log Σ exp(logs)`` along an axis, without underflow; ``logs`` is written over."""
    top = logs.max(axis=axis, keepdims=True)
    top[~np.isfinite(top)] = 0.0
    logs -= top
    with np.errstate(divide="ignore"):
        return np.log(np.exp(logs, out=logs).sum(axis=axis)) + top.squeeze(axis)


def log_mixture(X: Any, centres: Any, gamma: float, log_weights: NDArray) -> NDArray[np.float64]:
    """``log Σ_l a_l exp(−γ ‖x − c_l‖²)`` (n,), which does not underflow."""
    logs = squared_distances(X, centres).astype(np.float64)
    logs *= -gamma
    logs += log_weights
    return log_sum_exp(logs, axis=1)


def log_means(X: Any, shares: NDArray, centres: Any, gammas: Sequence[float]) -> NDArray:
    """``log E exp(−γ ‖x − c_l‖²)`` (g, m) for every gamma, in one pass and without underflow."""
    total = np.full((len(gammas), centres.shape[0]), -np.inf)
    for part in row_blocks(X.shape[0]):
        counted = shares[part] > 0
        distances = squared_distances(X[part], centres).astype(np.float64)[counted]
        log_shares = np.log(shares[part][counted])[:, None]
        for k, gamma in enumerate(gammas):
            logs = -gamma * distances
            logs += log_shares
            total[k] = np.logaddexp(total[k], log_sum_exp(logs, axis=0))
    return total


def basis_moments(
    X: Any, shares: NDArray, centres: Any, gammas: Sequence[float], *, products: bool = True
) -> tuple[NDArray, NDArray]:
    """Means ``h = E φ`` (g, m) and ``H = E φ φᵀ`` (g, m, m) for every gamma, in one pass.

    Without ``products``, H is left at zero. Memory is that of one block's distances.
    """
    n_centres = centres.shape[0]
    h = np.zeros((len(gammas), n_centres))
    H = np.zeros((len(gammas), n_centres, n_centres))
    for part in row_blocks(X.shape[0]):
        distances, share = squared_distances(X[part], centres), shares[part, None]
        for k, gamma in enumerate(gammas):
            phi = np.exp(-gamma * distances)
            weighted = phi * share.astype(phi.dtype)
            h[k] += weighted.sum(axis=0, dtype=np.float64)
            if products:
                H[k] += phi.T @ weighted
    return h, H


def draw_positions(X: Any, n_drawn: int, random_state: int) -> NDArray[np.intp]:
    """Row numbers of at most so many rows, drawn and ordered by what is in them."""
    rng = np.random.default_rng(random_state)
    order = np.argsort(content_key(X), kind="stable")
    return order[draw_rows(len(order), n_drawn, rng)]


def split_centres(X: Any, n_centres: int, random_state: int) -> tuple[NDArray, NDArray]:
    """Numbers of at most so many rows, and at most half, to centre functions on; and the rest.

    A row with a function of its own looks likelier than it is: only the rest can tell how well
    the functions do.
    """
    centres = draw_positions(X, min(n_centres, X.shape[0] // 2), random_state)
    return centres, np.setdiff1d(np.arange(X.shape[0]), centres)


def gamma_grid(gamma: float | str, Xs: Any, Xt: Any, random_state: int) -> list[float]:
    """The gammas to try: one as it is, that of the median distance, or some about the latter."""
    if not isinstance(gamma, str):
        return [float(gamma)]
    rule = kernel_gamma("median", (Xs, Xt), random_state)
    return [rule] if gamma == "median" else list(rule * WIDTHS)


def row_hashes(X: Any) -> NDArray[np.uint64]:
    """A number (n,) for what is in each row, the same wherever and whenever the row is seen.

    A random linear function, modulo 2⁶⁴, of the row's float32 bits: sparse or dense, float64 or
    float32, alone or among others.
    """
    factors = np.random.default_rng(0).integers(
        0, np.iinfo(np.uint64).max, X.shape[1], np.uint64, endpoint=True
    )
    return np.concatenate([_hashes(X[part], factors) for part in row_blocks(X.shape[0])])


def _hashes(X: Any, factors: NDArray) -> NDArray[np.uint64]:
    dense = X.toarray() if issparse(X) else X
    bits = (dense.astype(np.float32) + np.float32(0)).view(np.uint32)  # one zero, not two
    mixed = (bits.astype(np.uint64) * (factors | np.uint64(1))).sum(axis=1, dtype=np.uint64)
    return mixed ^ (mixed >> np.uint64(32))
