"""Stratified folds that depend on what is in the rows, not on their order."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


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
    >>> from landbridge.source import stratified_folds
    >>> X, y = np.arange(6.0)[:, None], np.array(["a", "a", "a", "a", "b", "b"])
    >>> [y[held_out].tolist() for _, held_out in stratified_folds(X, y, 2)]
    [['a', 'a', 'b'], ['a', 'a', 'b']]
    """
    key = X @ np.random.default_rng(0).standard_normal(X.shape[1])
    codes = np.unique(y, return_inverse=True)[1]
    fold = np.empty(len(y), dtype=int)
    fold[np.lexsort((key, codes))] = np.arange(len(y)) % n_folds
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_folds)]


def smallest_class(y: NDArray) -> int:
    """The number of rows of the rarest class that occurs; zero without rows."""
    return int(np.unique(y, return_counts=True)[1].min(initial=len(y)))
