"""Alternating least squares: all rows of one side solved exactly while the other side stands."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from scipy.sparse import csr_array, issparse
from threadpoolctl import threadpool_limits

from landbridge.domains.parameters import check_number

NUMBERS_AT_ONCE = 2**20
"""A block gathers at most so many numbers of the other side, which then stay in the cache."""
GROWTH = 1.15
"""The longest row of a block has at most so many times the entries of the shortest."""
CG_STEPS = 3
TINY = np.float32(1e-30)

Solve = Callable[["Block", NDArray], tuple[NDArray, NDArray]]
"""From a block and its gathered factors to their weighted form and right-hand sides."""


class Block(NamedTuple):
    """Rows with about equally many entries, filled up with entries that count for nothing."""

    rows: NDArray[np.intp]
    columns: NDArray[np.int32]  # (m, c); one past the last column where filled up
    values: NDArray[np.float32]  # (m, c); zero where filled up


def check_matrix(X: Any, name: str = "X") -> csr_array:
    """Entries as float32 CSR; an entry stored as zero is an entry.

    Raises
    ------
    TypeError
        If ``X`` is not sparse: what is not stored was not rated, which a dense matrix cannot say.
    ValueError
        If nothing is stored, a value is not finite, or an entry is stored twice.
    """
    if not issparse(X):
        raise TypeError(
            f"{name} must be a scipy.sparse matrix of users by items, found {type(X).__name__}: "
            "entries that are not stored count as unknown."
        )
    matrix = csr_array(X, dtype=np.float32)
    if matrix.nnz == 0:
        raise ValueError(f"{name} has no entries: give at least one interaction.")
    if not np.isfinite(matrix.data).all():
        raise ValueError(f"{name} holds values that are not finite: leave those entries out.")
    if not matrix.has_canonical_format:
        n_stored = matrix.nnz
        merged = matrix.copy()
        merged.sum_duplicates()
        if merged.nnz != n_stored:
            raise ValueError(
                f"{name} stores {n_stored - merged.nnz} entries twice: keep one of each."
            )
        matrix = merged
    return matrix


def blocks_of(matrix: csr_array, n_factors: int) -> list[Block]:
    """All rows that have entries, in blocks of about equal length."""
    counts = np.diff(matrix.indptr)
    order = np.argsort(counts, kind="stable")
    order = order[counts[order] > 0]
    return [_block(matrix, rows, counts) for rows in _groups(order, counts, n_factors)]


def _groups(order: NDArray, counts: NDArray, n_factors: int) -> Iterator[NDArray]:
    start = 0
    while start < len(order):
        shortest = counts[order[start]]
        stop = np.searchsorted(counts[order], max(shortest, int(GROWTH * shortest)), side="right")
        longest = max(int(counts[order[stop - 1]]), 1)
        stop = min(stop, start + max(1, NUMBERS_AT_ONCE // (longest * (n_factors + 1))))
        yield order[start:stop]
        start = stop


def _block(matrix: csr_array, rows: NDArray, counts: NDArray) -> Block:
    places = np.arange(counts[rows].max())
    is_entry = places < counts[rows][:, None]
    entries = np.where(is_entry, matrix.indptr[rows][:, None] + places, 0)
    columns = np.where(is_entry, matrix.indices[entries], matrix.shape[1]).astype(np.int32)
    return Block(rows, columns, np.where(is_entry, matrix.data[entries], 0).astype(np.float32))


def ridge_rows(H: NDArray, s: NDArray) -> NDArray:
    """``argmin_x ‖s − H x‖² + ‖x‖²`` for each of a stack: H (m, c, k) and s (m, c) give (m, k).

    Through k × k normal equations, or c × c ones where a row has fewer entries than factors.
    """
    Ht = H.transpose(0, 2, 1)
    n_entries, n_factors = H.shape[1:]
    gram = H @ Ht if n_entries < n_factors else Ht @ H
    np.einsum("mii->mi", gram)[:] += 1
    if n_entries < n_factors:
        return (Ht @ np.linalg.solve(gram, s[..., None]))[..., 0]
    return np.linalg.solve(gram, Ht @ s[..., None])[..., 0]


def nearer_rows(H: NDArray, s: NDArray, x: NDArray) -> NDArray:
    """The same from a start x (m, k) by a few steps of conjugate gradients, which never lose.

    Enough while the other side will move again (Takács, Pilászy & Tikk 2011), and much quicker.
    """
    Ht, x = H.transpose(0, 2, 1), x[..., None]
    gram = Ht @ H if H.shape[1] > H.shape[2] else None

    def times(p: NDArray) -> NDArray:
        return p + (Ht @ (H @ p) if gram is None else gram @ p)

    left = Ht @ s[..., None] - times(x)
    step, size = left, (left**2).sum(axis=1, keepdims=True)
    for _ in range(CG_STEPS):
        along = times(step)
        length = size / np.maximum((step * along).sum(axis=1, keepdims=True), TINY)
        x, left = x + length * step, left - length * along
        size, before = (left**2).sum(axis=1, keepdims=True), size
        step = left + size / np.maximum(before, TINY) * step
    return x[..., 0]


def solve_side(
    blocks: list[Block],
    n_rows: int,
    Z: NDArray,
    base: NDArray,
    solve: Solve,
    pool: Any,
    start: NDArray | None = None,
) -> NDArray[np.float32]:
    r"""Every row's factors :math:`x`, the other side's :math:`Z` (n, k) given.

    Minimises :math:`\sum_i w_i (t_i - z_i^\top x)^2 + x^\top B x`, where ``solve`` says the
    weights and aims. With :math:`B = L L^\top` the rows of :math:`Z L^{-\top}` leave a unit
    penalty, the same for all rows. A row without entries is zero. With a ``start`` (n_rows, k)
    the rows only get nearer to the solution.
    """
    L = cholesky(base, lower=True)
    whitened = np.zeros((len(Z) + 1, Z.shape[1]), dtype=np.float32)  # the last one fills up
    whitened[:-1] = solve_triangular(L, Z.T, lower=True).T
    factors = np.zeros((n_rows, Z.shape[1]), dtype=np.float32)
    begun = None if start is None else (start @ L).astype(np.float32)

    def solved(block: Block) -> None:
        H, s = solve(block, whitened[block.columns])
        found = ridge_rows(H, s) if begun is None else nearer_rows(H, s, begun[block.rows])
        factors[block.rows] = found

    for _ in pool.map(solved, blocks):
        pass
    return np.ascontiguousarray(solve_triangular(L, factors.T, lower=True, trans="T").T)


@contextmanager
def workers(n_jobs: int | None) -> Iterator[Any]:
    """Threads that share the blocks, each with a BLAS of one thread."""
    with threadpool_limits(1, user_api="blas"):
        if n_jobs in (None, 1):
            yield _Alone()
            return
        n_threads = None if n_jobs == -1 else n_jobs
        with ThreadPoolExecutor(n_threads) as pool:
            yield pool


class _Alone:
    """What stands for a pool where there is one thread."""

    map = staticmethod(map)


def check_sweeps(model: Any) -> None:
    """Refuse parameters that both factorisations share and that cannot be."""
    check_number("n_sweeps", model.n_sweeps, least=1, whole=True)
    check_number("n_jobs", model.n_jobs, words=(None, -1), least=1, whole=True)
