"""Affine maps ``f(x) = (x - μ_s) A + μ_t``: what most closed forms come down to."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils.validation import check_is_fitted

from landbridge.moments import Moments

ROWS_AT_ONCE = 4096


def apply_affine(X: Any, source_mean: NDArray, A: NDArray, target_mean: NDArray) -> NDArray:
    """``(X - source_mean) @ A + target_mean`` in the precision of X."""
    if issparse(X):
        return np.asarray(X @ A.astype(X.dtype)) + (target_mean - source_mean @ A).astype(X.dtype)
    A, source_mean, target_mean = (v.astype(X.dtype) for v in (A, source_mean, target_mean))
    moved = np.empty((len(X), A.shape[1]), dtype=X.dtype)
    centred = np.empty((min(len(X), ROWS_AT_ONCE), X.shape[1]), dtype=X.dtype)
    for start in range(0, len(X), ROWS_AT_ONCE):  # all rows centred would be a second table
        rows = slice(start, start + ROWS_AT_ONCE)
        part = np.subtract(X[rows], source_mean, out=centred[: len(X[rows])])
        moved[rows] = part @ A
        moved[rows] += target_mean
    return moved


def contributions(
    A: NDArray,
    source_std: NDArray,
    source_names: Sequence[str],
    target_names: Sequence[str],
    top: int,
) -> pd.DataFrame:
    """The ``top`` source features behind each target feature, largest share first."""
    reach = np.abs(A) * source_std[:, None]
    share = reach / np.maximum(reach.sum(axis=0), np.finfo(float).tiny)
    order = np.argsort(-share, axis=0, kind="stable")[:top]
    columns = np.broadcast_to(np.arange(A.shape[1]), order.shape)
    rows, columns = order.T.ravel(), columns.T.ravel()
    return pd.DataFrame(
        {
            "target_feature": np.asarray(target_names, dtype=object)[columns],
            "source_feature": np.asarray(source_names, dtype=object)[rows],
            "weight": A[rows, columns],
            "share": share[rows, columns],
        }
    )


def one_to_one(
    weights: NDArray, source_names: Sequence[str], target_names: Sequence[str]
) -> pd.DataFrame:
    """The table of ``contributions`` for a map of each feature by itself."""
    return pd.DataFrame(
        {
            "target_feature": target_names,
            "source_feature": source_names,
            "weight": weights,
            "share": np.ones(len(weights)),
        }
    )


class Affine:
    """A mapping whose fit leaves ``matrix_``, ``source_mean_``, ``target_mean_``, ``source_std_``.

    To be mixed into one of the forms of mapping.
    """

    matrix_: NDArray[np.float64]
    source_mean_: NDArray[np.float64]
    target_mean_: NDArray[np.float64]
    source_std_: NDArray[np.float64]

    @property
    def is_invertible(self) -> bool:
        """Whether the matrix keeps every direction of the source."""
        check_is_fitted(self)
        return bool(np.linalg.matrix_rank(self.matrix_) == len(self.matrix_))

    def _explain(self, top: int, source: list[str], target: list[str]) -> pd.DataFrame:
        return contributions(self._effects(), self.source_std_, source, target, top)

    def _effects(self) -> NDArray:
        """How much a unit of each source feature moves each target feature (d_s, d_t)."""
        return self.matrix_

    def _set_between(
        self, matrix: NDArray, source: Moments, target: Moments, move_mean: bool = True
    ) -> None:
        """Keep the matrix of a map between two samples, and where the source's mean goes."""
        self.matrix_ = matrix
        self.source_mean_ = source.mean
        self.target_mean_ = target.mean if move_mean else source.mean @ matrix
        self.source_std_ = source.std

    def _set_affine(self, matrix: NDArray, pairs: Moments) -> None:
        """Keep the matrix of a map between the two views of ``pairs``, and their means."""
        self.matrix_ = matrix
        self.source_mean_, self.target_mean_ = pairs.mean, pairs.mean_y
        self.source_std_ = pairs.std

    def _map(self, X: Any) -> NDArray:
        return apply_affine(X, self.source_mean_, self.matrix_, self.target_mean_)

    def _invert(self, X: Any) -> NDArray:
        back = np.linalg.pinv(self.matrix_)
        return apply_affine(X, self.target_mean_, back, self.source_mean_)
