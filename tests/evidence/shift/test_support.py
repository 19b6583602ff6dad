"""The share of target rows outside of the source's support."""

import numpy as np
import pytest
from scipy.stats import betabinom, binom

from landbridge.evidence.shift.support import support_gap


def test_rows_far_off_are_counted_with_an_interval_about_them():
    rng = np.random.default_rng(0)
    for share in (0.1, 0.4):
        Xt = rng.normal(size=(500, 4))
        Xt[: int(500 * share)] += 15
        found = support_gap(rng.normal(size=(1000, 4)), Xt)
        assert found["share_outside"] == pytest.approx(share, abs=0.03)
        assert found["low"] < share < found["high"]
        assert 0 < found["p_value"] < 1e-6


@pytest.mark.parametrize(("n_source", "n_target"), [(40, 30), (300, 200)])
def test_alike_domains_are_accused_no_more_often_than_the_level_says(n_source, n_target):
    p_values = []
    for seed in range(200):
        X = np.random.default_rng(seed).standard_t(3, size=(n_source + n_target, 3))
        p_values.append(support_gap(X[:n_source], X[n_source:], random_state=seed)["p_value"])
    assert np.sum(np.array(p_values) <= 0.05) <= binom.ppf(0.999, 200, 0.05)


def test_alike_domains_with_many_rare_features_are_not_accused_either():
    p_values = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(120, 30)) * (rng.random((120, 30)) < 0.02)
        p_values.append(support_gap(X[:60], X[60:], random_state=seed)["p_value"])
    assert np.sum(np.array(p_values) <= 0.05) <= binom.ppf(0.999, 200, 0.05)


def test_the_interval_holds_the_share_about_as_often_as_it_says():
    held = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        outside = rng.random(200) < 0.2
        Xt = rng.normal(size=(200, 2)) + 20.0 * outside[:, None]
        found = support_gap(rng.normal(size=(400, 2)), Xt, random_state=seed)
        held += found["low"] <= 0.2 <= found["high"]
    assert held >= binom.ppf(0.001, 60, 0.95)


def test_rows_of_a_feature_that_the_source_never_varies_are_outside():
    rng = np.random.default_rng(0)
    Xs = np.column_stack([rng.normal(size=200), np.zeros(200)])
    Xt = np.column_stack([rng.normal(size=100), rng.integers(0, 2, 100)])
    found = support_gap(Xs, Xt)
    assert found["low"] <= Xt[:, 1].mean() <= found["high"]
    assert found["share_outside"] > 0.3


def test_a_smaller_spread_is_inside():
    rng = np.random.default_rng(0)
    found = support_gap(rng.normal(size=(400, 3)), 0.3 * rng.normal(size=(200, 3)))
    assert found["share_outside"] == 0.0
    assert found["p_value"] > 0.5


def test_the_p_value_is_the_tail_of_the_beta_binomial_law():
    rng = np.random.default_rng(0)
    Xt = np.vstack([rng.normal(size=(30, 2)), np.full((3, 2), 50.0)])
    found = support_gap(rng.normal(size=(40, 2)), Xt)
    # Twenty rows set the bound, the farthest of them: three or more of 33 lie beyond.
    tails = [betabinom.sf(k - 1, 33, 1, 20) for k in range(3, 34)]
    assert min(abs(found["p_value"] - tail) for tail in tails) < 1e-9


def test_few_rows_and_float32_will_do():
    X = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    assert support_gap(X[:9], X[9:]) is None
    assert support_gap(X[1:], X[:1])["n_used"] == 1
    assert support_gap(np.ones((12, 1)), np.ones((3, 1)))["share_outside"] == 0.0
