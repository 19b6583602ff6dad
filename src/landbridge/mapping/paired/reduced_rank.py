"""How many directions a map of low rank should have, out of the moments of folds."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.domains.parameters import check_number
from landbridge.mapping.base import check_folds
from landbridge.moments import Moments

Factors = tuple[NDArray, NDArray]
"""``left`` (d, k) and ``right`` (k, e): rank r is the product of their first r parts."""


def error_path(S_xx: NDArray, S_xy: NDArray, factors: Factors) -> NDArray[np.float64]:
    """``⟨A, S_xx A⟩ − 2⟨A, S_xy⟩`` for the maps A of rank 0, 1, …, k, over any leading axes."""
    left, right = factors
    linear = (left.mT @ S_xy * right).sum(axis=-1).cumsum(axis=-1)
    pairwise = (left.mT @ S_xx @ left) * (right @ right.mT)
    quadratic = pairwise.cumsum(axis=-1).cumsum(axis=-2).diagonal(axis1=-2, axis2=-1)
    return np.insert(quadratic - 2 * linear, 0, 0.0, axis=-1)


def seen_from(train: Moments, fold: Moments) -> tuple[NDArray, NDArray, float]:
    """Scatter and cross scatter of a fold about the training means, and the sum of y's squares."""
    dx, dy = fold.mean - train.mean, fold.mean_y - train.mean_y
    S_xx = fold.scatter + fold.weight * np.outer(dx, dx)
    S_xy = fold.scatter_xy + fold.weight * np.outer(dx, dy)
    return S_xx, S_xy, float(fold.squares_y.sum() + fold.weight * dy @ dy)


def rank_path_errors(train: Moments, fold: Moments, factors: Factors) -> NDArray[np.float64]:
    """Squared error on a fold of the maps of rank 0, 1, …, k, from moments alone."""
    S_xx, S_xy, constant = seen_from(train, fold)
    return constant + error_path(S_xx, S_xy, factors)


def best_on_path(
    folds: list[Moments], path_errors: Callable[[Moments, Moments], NDArray]
) -> tuple[int, NDArray[np.float64]]:
    """The rank, from 1 up, that predicts left-out folds best, and the mean errors from rank 0."""
    if len(folds) < 2:
        raise ValueError(
            "To choose a rank each part of the pairs is left out in turn: found 1 part. Give the "
            "moments of at least two parts, or a rank."
        )
    pairs = Moments.sum(folds)
    errors = np.sum([path_errors(pairs - fold, fold) for fold in folds], axis=0)
    return int(errors[1:].argmin()) + 1, errors / pairs.weight


def best_width(
    folds: list[Moments], factors: Callable[[Moments, int], Factors], most: int
) -> tuple[int, NDArray[np.float64]]:
    """The number of factors, 1 to ``most``, that predicts left-out folds best, and all errors."""
    return best_on_path(folds, lambda rest, fold: rank_path_errors(rest, fold, factors(rest, most)))


def most_directions(folds: list[Moments], n_features: int) -> int:
    """The most directions that the rows leave to be told apart when any one fold is left out."""
    counts = [fold.count for fold in folds]
    return max(1, min(n_features, sum(counts) - max(counts) - 1))


def check_width(name: str, width: Any, cv: Any) -> None:
    """Refuse a width that is neither ``"cv"`` nor a whole number, and fewer than two folds."""
    check_number(name, width, words=("cv",), least=1, whole=True)
    check_folds(cv)
