"""The tests of both domains as wholes: their level, their power, and their formulas."""

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.metrics.pairwise import rbf_kernel

from landbridge.evidence.shift.two_sample import (
    classifier_two_sample_test,
    domain_scores,
    fold_auc,
    fold_scores,
    mmd_test,
    permutation_p_value,
    permuted_domains,
    unbiased_mmd2,
)

TESTS = (classifier_two_sample_test, mmd_test)


def slow_mmd2(Xs, Xt, h):
    """Gretton et al. 2012, equation 3, term by term."""

    def k(x, y):
        return np.exp(-np.sum((x - y) ** 2) / (2 * h**2))

    n, m = len(Xs), len(Xt)
    within_s = sum(k(Xs[i], Xs[j]) for i in range(n) for j in range(n) if i != j)
    within_t = sum(k(Xt[i], Xt[j]) for i in range(m) for j in range(m) if i != j)
    across = sum(k(x, y) for x in Xs for y in Xt)
    return within_s / (n * (n - 1)) + within_t / (m * (m - 1)) - 2 * across / (n * m)


@pytest.mark.parametrize("test", TESTS)
def test_domains_that_are_alike_are_told_apart_no_more_often_than_the_level_says(test, rng):
    draws = [rng.normal(size=(120, 3)) for _ in range(200)]
    p_values = [
        test(X[:60], X[60:], n_permutations=99, random_state=seed).p_value
        for seed, X in enumerate(draws)
    ]
    low, high = binom.ppf([0.0005, 0.9995], 200, 0.05)
    assert low <= np.sum(np.array(p_values) <= 0.05) <= high


@pytest.mark.parametrize("test", TESTS)
def test_unequal_and_tiny_domains_keep_the_level(test, rng):
    draws = [rng.exponential(size=(44, 1)) for _ in range(200)]
    p_values = [test(X[:40], X[40:], n_permutations=99).p_value for X in draws]
    assert np.sum(np.array(p_values) <= 0.05) <= binom.ppf(0.9995, 200, 0.05)


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("change", [lambda X: X + np.eye(3)[0], lambda X: 2 * X])
def test_a_change_of_place_or_of_spread_is_found(test, change, rng):
    Xs, Xt = rng.normal(size=(100, 3)), change(rng.normal(size=(80, 3)))
    assert test(Xs, Xt).p_value == pytest.approx(1 / 201)


def test_the_area_is_that_of_the_normal_model(rng):
    Xs, Xt = rng.normal(size=(4000, 1)), rng.normal(size=(4000, 1)) + 1
    test = classifier_two_sample_test(Xs, Xt, squares=False, n_permutations=1)
    assert test.auc == pytest.approx(0.7602, abs=0.015)  # Φ(1 / √2)
    assert test.proxy_a_distance == pytest.approx(2 * (1 - 2 * 0.3085), abs=0.05)  # Φ(-1/2)


def test_domains_that_do_not_overlap_are_as_far_apart_as_can_be(rng):
    Xs, Xt = rng.uniform(size=(30, 2)), rng.uniform(size=(10, 2)) + 5
    test = classifier_two_sample_test(Xs, Xt)
    assert (test.auc, test.proxy_a_distance, test.n_used) == (1.0, 2.0, 40)


def test_fold_scores_are_those_of_ridge_refitted_in_each_fold(rng):
    X, labels = rng.normal(size=(60, 4)), rng.integers(0, 2, (60, 3)).astype(float)
    fold = np.arange(60) % 3
    scores = fold_scores(np.hstack([np.ones((60, 1)), X]), labels, fold, penalty=4.0)
    for k in range(3):
        inside, held = fold != k, fold == k
        for column in range(3):
            y = labels[inside, column]
            ridge = Ridge(4.0).fit(X[inside], y)
            seen = ridge.predict(X[inside])
            threshold = (seen[y == 1].mean() + seen[y == 0].mean()) / 2
            expected = ridge.predict(X[held]) - threshold
            np.testing.assert_allclose(scores[held, column], expected, atol=1e-12)


def test_fold_auc_counts_the_pairs_of_each_fold(rng):
    fold, domain = np.arange(40) % 2, np.repeat([0.0, 1.0], 20)
    labels = permuted_domains(domain, fold, 3, rng)
    scores = rng.normal(size=(40, 4)).round(1)
    areas = [
        np.mean([roc_auc_score(labels[fold == k, b], scores[fold == k, b]) for k in range(2)])
        for b in range(4)
    ]
    np.testing.assert_allclose(fold_auc(scores, labels, fold), areas, rtol=1e-12)


def test_permutations_stay_within_their_fold(rng):
    fold, domain = np.arange(30) % 3, np.repeat([0.0, 1.0], [20, 10])
    labels = permuted_domains(domain, fold, 50, rng)
    np.testing.assert_array_equal(labels[:, 0], domain)
    for k in range(3):
        assert (labels[fold == k].sum(axis=0) == domain[fold == k].sum()).all()
    assert len(np.unique(labels, axis=1).T) > 40


@pytest.mark.parametrize("shape", [(12, 9, 3), (2, 5, 1)])
def test_mmd_is_the_double_sum_of_the_paper(shape, rng):
    n, m, d = shape
    Xs, Xt = rng.normal(size=(n, d)), rng.normal(size=(m, d)) + 0.5
    found = mmd_test(Xs, Xt, bandwidth=1.3, standardise=False, n_permutations=9)
    assert found.mmd2 == pytest.approx(slow_mmd2(Xs, Xt, 1.3), abs=1e-12)


def test_each_permutation_of_mmd_is_the_double_sum_too(rng):
    X = rng.normal(size=(14, 2))
    kernel = rbf_kernel(X, gamma=1 / (2 * 0.9**2))
    labels = permuted_domains(np.repeat([0.0, 1.0], [8, 6]), np.zeros(14, dtype=int), 9, rng)
    within, across = (labels * (kernel @ labels)).sum(axis=0), kernel.sum(axis=1) @ labels
    slow = [slow_mmd2(X[a == 0], X[a == 1], 0.9) for a in labels.T]
    np.testing.assert_allclose(unbiased_mmd2(within, across, kernel.sum(), 8, 6), slow, atol=1e-12)


def test_the_order_of_rows_and_of_domains_leaves_mmd_alone(rng):
    Xs, Xt = rng.normal(size=(30, 2)), rng.normal(size=(20, 2)) + 0.3
    one = mmd_test(Xs, Xt)
    other = mmd_test(Xt[rng.permutation(20)], Xs[rng.permutation(30)])
    assert other.mmd2 == pytest.approx(one.mmd2, rel=1e-10)
    assert other.bandwidth == pytest.approx(one.bandwidth, rel=1e-12)


def test_units_leave_both_tests_alone(rng):
    Xs, Xt = rng.normal(size=(30, 2)), rng.normal(size=(20, 2)) + 0.3
    for test in TESTS:
        one, other = test(Xs, Xt), test(Xs * [1000, 0.01] + 7, Xt * [1000, 0.01] + 7)
        assert other.p_value == one.p_value


def test_large_domains_go_through_random_features_to_nearly_the_same_figure(rng):
    Xs, Xt = rng.normal(size=(300, 3)), rng.normal(size=(250, 3)) + 0.7
    exact = mmd_test(Xs, Xt)
    nearly = mmd_test(Xs, Xt, max_rows=200, n_frequencies=4000)
    assert nearly.mmd2 == pytest.approx(exact.mmd2, rel=0.1)
    assert nearly.p_value == exact.p_value
    assert nearly.n_used == 550


def test_p_values_count_the_observed_statistic_and_its_ties():
    assert permutation_p_value(np.array([2.0, 1.0, 2.0, 3.0])) == 0.75
    assert permutation_p_value(np.array([2.0, 2.0 - 1e-15])) == 1.0


@pytest.mark.parametrize("test", TESTS)
def test_constant_columns_are_no_difference(test):
    assert test(np.ones((10, 2)), np.ones((8, 2))).p_value == 1.0


@pytest.mark.parametrize("test", TESTS)
def test_more_features_than_rows_will_do(test, rng):
    Xs, Xt = rng.normal(size=(12, 40)), rng.normal(size=(10, 40)) + 3
    assert test(Xs, Xt).p_value < 0.02


@pytest.mark.parametrize("test", TESTS)
def test_large_domains_are_thinned_by_the_seed(test, rng):
    Xs, Xt = rng.normal(size=(90, 2)), rng.normal(size=(50, 2))
    if test is classifier_two_sample_test:
        one, same = test(Xs, Xt, max_rows=40), test(Xs, Xt, max_rows=40)
        assert one.n_used == 80
    else:
        one, same = test(Xs, Xt), test(Xs, Xt)
    assert one == same
    assert one != test(Xs, Xt, random_state=1)


@pytest.mark.parametrize("test", TESTS)
def test_float32_rows_and_their_float64_twins_agree(test, rng):
    Xs, Xt = (rng.normal(size=(n, 2)).astype(np.float32) for n in (30, 20))
    assert test(Xs, Xt) == test(Xs.astype(np.float64), Xt.astype(np.float64))


@pytest.mark.parametrize("test", TESTS)
def test_inputs_are_left_alone(test, rng):
    Xs, Xt = rng.normal(size=(20, 2)), rng.normal(size=(20, 2))
    before = Xs.copy(), Xt.copy()
    test(Xs, Xt)
    np.testing.assert_array_equal(Xs, before[0])
    np.testing.assert_array_equal(Xt, before[1])


@pytest.mark.parametrize("test", TESTS)
def test_bad_input_is_named(test):
    X = np.zeros((5, 2))
    with pytest.raises(ValueError, match="Xs has 2, Xt has 3"):
        test(X, np.zeros((5, 3)))
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        test(X, X[:1])
    with pytest.raises(ValueError, match="Input Xt contains 1 NaN"):
        test(X, np.where(np.eye(5, 2, k=1), np.nan, X))
    with pytest.raises(ValueError, match="n_permutations must be at least 1: found 0"):
        test(X, X, n_permutations=0)


def test_a_bandwidth_below_zero_is_refused():
    with pytest.raises(ValueError, match="bandwidth must be above zero, or None: found -1"):
        mmd_test(np.zeros((5, 2)), np.zeros((5, 2)), bandwidth=-1)


def coverage(figures):
    """How often (size, low, high) holds the mean size."""
    sizes, lows, highs = np.array(figures).T
    return np.mean((lows <= sizes.mean()) & (sizes.mean() <= highs))


def test_intervals_hold_the_size_of_a_shift():
    areas, distances = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        Xs, Xt = rng.normal(size=(80, 2)), rng.normal([0.7, 0], size=(70, 2))
        c2st = classifier_two_sample_test(Xs, Xt, n_permutations=1, random_state=seed)
        mmd = mmd_test(Xs, Xt, bandwidth=1.5, standardise=False, n_permutations=40)
        areas.append((c2st.auc, c2st.low, c2st.high))
        distances.append((mmd.mmd2, mmd.low, mmd.high))
    assert coverage(areas) >= 0.88
    assert coverage(distances) >= 0.85
    assert np.ptp(np.array(areas)[:, 1:], axis=1).mean() < 0.35


def test_domain_scores_are_those_that_the_test_ranks():
    rng = np.random.default_rng(0)
    Xs, Xt = rng.normal(size=(60, 2)), rng.normal(size=(50, 2)) + 1
    scores = domain_scores(Xs, Xt)
    wrong = np.mean(scores[:60] > 0) + np.mean(scores[60:] <= 0)
    assert 2 - 2 * wrong == pytest.approx(classifier_two_sample_test(Xs, Xt).proxy_a_distance)
