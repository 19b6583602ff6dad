"""How many directions a map of low rank should have, out of the moments of folds."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.mapping.base import check_folds
from landbridge.moments import Moments

Factors = tuple[NDArray, NDArray]
"""``left`` (d, k) and ``right`` (k, e): rank r is the product of their first r parts."""


def rank_path_errors(train: Moments, fold: Moments, factors: Factors) -> NDArray[np.float64]:
    """Squared error on a fold of the maps of rank 0, 1, …, k, from moments alone."""
    left, right = factors
    dx, dy = fold.mean - train.mean, fold.mean_y - train.mean_y
    S_xx = fold.scatter + fold.weight * np.outer(dx, dx)
    S_xy = fold.scatter_xy + fold.weight * np.outer(dx, dy)
    linear = (left.T @ S_xy * right).sum(axis=1).cumsum()
    pairwise = (left.T @ S_xx @ left) * (right @ right.T)
    quadratic = pairwise.cumsum(axis=0).cumsum(axis=1).diagonal()
    constant = np.trace(fold.scatter_yy) + fold.weight * dy @ dy
    return constant + np.concatenate([[0.0], quadratic - 2 * linear])


def best_width(
    folds: list[Moments], factors: Callable[[Moments, int], Factors], most: int
) -> tuple[int, NDArray[np.float64]]:
    """The number of factors, 1 to ``most``, that predicts left-out folds best, and all errors."""
    pairs = Moments.sum(folds)
    if len(folds) < 2:
        raise ValueError(
            "To choose a rank each part of the pairs is left out in turn: found 1 part. Give the "
            "moments of at least two parts, or a rank."
        )
    rests = [(pairs - fold, fold) for fold in folds]
    errors = np.sum([rank_path_errors(rest, fold, factors(rest, most)) for rest, fold in rests], 0)
    return int(errors[1:].argmin()) + 1, errors / pairs.weight


def check_width(name: str, width: Any, cv: Any) -> None:
    """Refuse a width that is neither ``"cv"`` nor a whole number, and fewer than two folds."""
    chosen = (
        width == "cv"
        if isinstance(width, str)
        else isinstance(width, (int, np.integer)) and width >= 1
    )
    if not chosen:
        raise ValueError(f'{name} must be "cv" or a whole number from 1 up: found {width!r}.')
    check_folds(cv)
