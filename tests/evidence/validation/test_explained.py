"""How far weighted rows are from a target."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from landbridge.evidence.validation.explained import gap, log_likelihood


def test_gap_keeps_its_level_where_both_samples_are_alike():
    rng = np.random.default_rng(0)
    p_values = [
        gap(rng.normal(size=(80, 2)), np.ones(80), rng.normal(size=(60, 2))).p_value
        for _ in range(200)
    ]
    assert np.mean(np.array(p_values) < 0.05) < 0.08


def test_gap_sees_a_form_that_has_the_targets_moments():
    rng = np.random.default_rng(0)
    two = rng.normal(size=(400, 1)) * 0.3 + np.repeat([-0.95, 0.95], 200)[:, None]
    assert gap(rng.normal(size=(400, 1)), np.ones(400), two).p_value < 0.001


def test_true_weights_close_the_gap_of_a_covariate_shift():
    rng = np.random.default_rng(0)
    Xs, Xt = rng.normal(size=(500, 1)), rng.normal(size=(500, 1)) * 0.5 + 0.5
    ratio = norm.pdf(Xs[:, 0], 0.5, 0.5) / norm.pdf(Xs[:, 0])
    assert gap(Xs, ratio, Xt).p_value > 0.05
    assert gap(Xs, np.ones(500), Xt).p_value < 0.001


def test_gap_with_equal_weights_is_the_unbiased_discrepancy_whatever_their_scale():
    rng = np.random.default_rng(0)
    Z, T = rng.normal(size=(40, 3)), rng.normal(size=(50, 3))
    assert gap(Z, np.ones(40), T) == pytest.approx(gap(Z, np.full(40, 7.0), T))


def test_log_likelihood_comes_near_to_the_true_density():
    rng = np.random.default_rng(0)
    Z, T = rng.normal(size=(1000, 2)), rng.normal(size=(1000, 2))
    exact = multivariate_normal(np.zeros(2), np.eye(2)).logpdf(T).mean()
    assert log_likelihood(Z, np.ones(1000), T) == pytest.approx(exact, abs=0.08)
    halves = np.repeat([0.0, 1.0], 500)
    alone = log_likelihood(Z[500:], np.ones(500), T)
    assert log_likelihood(Z, halves, T) == pytest.approx(alone, abs=0.03)


def test_features_that_never_vary_change_nothing():
    rng = np.random.default_rng(0)
    Z, T = rng.normal(size=(40, 2)), rng.normal(size=(50, 2))
    wide_Z, wide_T = (np.hstack([X, np.ones((len(X), 1))]) for X in (Z, T))
    assert gap(wide_Z, np.ones(40), wide_T) == pytest.approx(gap(Z, np.ones(40), T))


def test_rows_that_are_all_one_are_alike_or_apart():
    one = np.ones((30, 2))
    assert gap(one, np.ones(30), one) == (0.0, 1.0)
    apart = gap(one + np.array([1.0, 0.0]), np.ones(30), one)
    assert apart.z == np.inf and apart.p_value == 0.0
