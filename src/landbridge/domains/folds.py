"""Folds that depend on what is in the rows, not on their order."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def content_key(*views: Any) -> NDArray:
    """A number for each row (n,), a random projection of what is in it and always the same."""
    rng = np.random.default_rng(0)
    across: list[Any] = [rng.standard_normal(rows.shape[1]) for rows in views]
    return np.sum([rows @ v.astype(rows.dtype) for rows, v in zip(views, across)], axis=0)


def folds_by_content(X: Any, Y: NDArray, n_folds: int) -> list[NDArray]:
    """The row numbers of each fold, pairs of rows dealt out in the order of their content."""
    order = np.argsort(content_key(X, Y), kind="stable")
    return [order[k::n_folds] for k in range(n_folds)]


def stratified_folds(X: Any, y: NDArray, n_folds: int) -> list[tuple[NDArray, NDArray]]:
    """Training and held-out row numbers of each fold; every class is dealt out evenly.

    The rows of a class are dealt out along a random projection, so that shuffling the rows
    changes no fold.

    Parameters
    ----------
    X : array or CSR matrix of shape (n, d)
        The rows.
    y : ndarray of shape (n,)
        Their classes.
    n_folds : int
        Number of folds; with at most ``smallest_class(y)``, no training part lacks a class.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.domains.folds import stratified_folds
    >>> X, y = np.arange(6.0)[:, None], np.array(["a", "a", "a", "a", "b", "b"])
    >>> [y[held_out].tolist() for _, held_out in stratified_folds(X, y, 2)]
    [['a', 'a', 'b'], ['a', 'a', 'b']]
    """
    key = content_key(X)
    codes = np.unique(y, return_inverse=True)[1]
    fold = np.empty(len(y), dtype=int)
    fold[np.lexsort((key, codes))] = np.arange(len(y)) % n_folds
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_folds)]


def smallest_class(y: NDArray) -> int:
    """The number of rows of the rarest class that occurs; zero without rows."""
    return int(np.unique(y, return_counts=True)[1].min(initial=len(y)))
