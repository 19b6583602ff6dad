"""Intervals and tests for scores from repeated cross-validation, whose folds overlap."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


class Interval(NamedTuple):
    """A mean with its two-sided interval."""

    mean: float
    low: float
    high: float


def corrected_error(values: ArrayLike, test_share: float) -> float:
    r"""Standard error of the mean of J fold scores: :math:`\sqrt{(1/J + \rho) S^2}`.

    ρ = ``test_share`` is n_test / n_train, and stands for how much the training parts share
    (Nadeau & Bengio 2003, eq. 9; J counts the folds of all repeats, as in Bouckaert & Frank
    2004). The plain S²/J finds a difference between equal models far too often.
    """
    scores = np.asarray(values, dtype=float)
    if np.ptp(scores) <= 1e-12 * np.abs(scores).max():
        return 0.0  # equal scores, up to rounding
    return float(np.sqrt((1 / len(scores) + test_share) * scores.var(ddof=1)))


def corrected_interval(values: ArrayLike, test_share: float, level: float = 0.95) -> Interval:
    """The mean of fold scores, with an interval that covers the true one at ``level``.

    Examples
    --------
    >>> from landbridge.evidence.verdict.corrected_test import corrected_interval
    >>> interval = corrected_interval([0.8, 0.9, 0.7, 0.8], test_share=0.25)
    >>> [round(value, 3) for value in interval]
    [0.8, 0.616, 0.984]
    """
    scores = np.asarray(values, dtype=float)
    mean = float(scores.mean())
    if len(scores) < 2:
        return Interval(mean, -np.inf, np.inf)
    quantile = float(stats.t.ppf((1 + level) / 2, len(scores) - 1))
    reach = quantile * corrected_error(scores, test_share)
    return Interval(mean, mean - reach, mean + reach)


def corrected_p_value(differences: ArrayLike, test_share: float) -> float:
    """One-sided p-value of "the mean difference is not above zero", by the corrected t-test."""
    scores = np.asarray(differences, dtype=float)
    if len(scores) < 2:
        return 1.0
    error = corrected_error(scores, test_share)
    if error == 0:
        return 0.0 if scores.mean() > 0 else 1.0
    return float(stats.t.sf(scores.mean() / error, len(scores) - 1))
