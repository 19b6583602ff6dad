"""Weights that bring both domains to what they have in common."""

import numpy as np
import pytest

from landbridge.evidence.shift.overlap import overlap_weights, rows_in_common


def test_weighted_domains_agree_in_mean_and_spread():
    rng = np.random.default_rng(0)
    Xs, Xt = rng.normal(size=(3000, 2)), 0.8 * rng.normal(size=(2000, 2)) + [0.8, 0]
    weights = overlap_weights(Xs, Xt)
    moments = [
        np.r_[np.average(X, axis=0, weights=w), np.average(X**2, axis=0, weights=w)]
        for X, w in zip((Xs, Xt), weights, strict=True)
    ]
    np.testing.assert_allclose(*moments, atol=0.08)
    assert abs(Xs.mean(axis=0) - Xt.mean(axis=0)).max() > 0.7


def test_weights_are_those_of_the_true_densities():
    rng = np.random.default_rng(0)
    Xs, Xt = rng.normal(size=(4000, 1)), rng.normal(size=(1000, 1)) + 1
    w_s, w_t = overlap_weights(Xs, Xt)
    np.testing.assert_allclose(w_s, 1 / (1 + np.exp(0.5 - Xs[:, 0])), atol=0.08)
    np.testing.assert_allclose(w_t, 1 / (1 + np.exp(Xt[:, 0] - 0.5)), atol=0.08)


def test_alike_domains_have_all_rows_in_common_and_strange_ones_none():
    rng = np.random.default_rng(0)
    Xs, Xt = rng.normal(size=(300, 3)), rng.normal(size=(200, 3))
    assert rows_in_common(overlap_weights(Xs, Xt)[1]) == pytest.approx(200, rel=0.05)
    assert rows_in_common(overlap_weights(Xs, Xt + 9)[1]) < 10
    assert rows_in_common(np.zeros(5)) == 0.0


def test_one_row_weighs_one():
    for weights in overlap_weights(np.ones((1, 2)), np.zeros((3, 2))):
        assert (weights == 1).all()
