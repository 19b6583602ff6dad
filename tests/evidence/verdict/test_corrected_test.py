import numpy as np
import pytest
from scipy import stats

from landbridge.evidence.verdict.corrected_test import (
    corrected_error,
    corrected_interval,
    corrected_p_value,
)


def test_the_error_is_equation_9_of_the_paper():
    scores = np.array([0.1, 0.3, 0.2, 0.6])
    expected = np.sqrt((1 / 4 + 0.25) * np.var(scores, ddof=1))
    assert corrected_error(scores, 0.25) == pytest.approx(expected, rel=1e-14)


def test_without_overlap_it_is_the_plain_t_test():
    scores = np.random.default_rng(0).normal(0.3, 1.0, 12)
    plain = stats.ttest_1samp(scores, 0.0, alternative="greater")
    assert corrected_p_value(scores, 0.0) == pytest.approx(plain.pvalue, rel=1e-12)
    low, high = stats.ttest_1samp(scores, 0.0).confidence_interval()
    interval = corrected_interval(scores, 0.0)
    assert (interval.low, interval.high) == pytest.approx((low, high), rel=1e-12)


def test_equal_learners_are_told_apart_at_the_stated_level():
    """Ten folds, ten repeats: a plain test rejects far too often, the corrected one does not."""
    rng = np.random.default_rng(0)
    plain, corrected = [], []
    for _ in range(300):
        X, noise = rng.standard_normal((30, 2)), rng.standard_normal(30)
        differences = []
        for _ in range(5):
            for test in np.array_split(rng.permutation(30), 5):
                train = np.setdiff1d(np.arange(30), test)
                slopes = [(X[train, j] @ noise[train]) / (X[train, j] ** 2).sum() for j in (0, 1)]
                errors = [(noise[test] - X[test, j] * slopes[j]) ** 2 for j in (0, 1)]
                differences.append(np.mean(errors[0] - errors[1]))
        plain.append(corrected_p_value(differences, 0.0) <= 0.05)
        corrected.append(corrected_p_value(differences, 0.25) <= 0.05)
    assert np.mean(plain) > 0.10
    assert np.mean(corrected) < 0.07


def test_one_fold_says_nothing():
    assert corrected_p_value([0.5], 0.25) == 1.0
    assert corrected_interval([0.5], 0.25).high == np.inf


def test_a_difference_without_spread_is_certain():
    assert corrected_p_value([0.1, 0.1, 0.1], 0.25) == 0.0
    assert corrected_p_value([0.0, 0.0, 0.0], 0.25) == 1.0
