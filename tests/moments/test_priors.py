"""Class shares of the target: EM and BBSE."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm
from sklearn.exceptions import ConvergenceWarning

from landbridge.moments.priors import bbse_priors, em_priors, least_norms, rlls_penalty, rlls_priors


def posteriors(x, priors):
    """P(class | x) where class k is normal with mean 2k and spread 1."""
    joint = norm.pdf(x[:, None], 2.0 * np.arange(len(priors))) * priors
    return joint / joint.sum(axis=1, keepdims=True)


def mixture(n, priors, seed):
    rng = np.random.default_rng(seed)
    return 2.0 * rng.choice(len(priors), n, p=priors) + rng.normal(size=n)


def test_em_finds_the_shares_of_a_known_mixture():
    truth, source = np.array([0.2, 0.1, 0.7]), np.array([0.5, 0.3, 0.2])
    found = em_priors(posteriors(mixture(20_000, truth, 0), source), source)
    assert np.abs(found - truth).max() < 0.02


def test_em_is_the_loop_that_the_paper_writes_down():
    source = np.array([0.5, 0.3, 0.2])
    table = posteriors(mixture(40, np.array([0.2, 0.1, 0.7]), 1), source)
    priors = source.copy()
    for _ in range(25):
        total = np.zeros(3)
        for row in table:
            q = np.array([row[k] * priors[k] / source[k] for k in range(3)])
            total += q / q.sum()
        priors = total / len(table)
    with pytest.warns(ConvergenceWarning, match=r"after max_iter=25 passes"):
        found = em_priors(table, source, tol=0.0, max_iter=25)
    np.testing.assert_allclose(found, priors, rtol=1e-12)


def test_em_maximises_the_likelihood_of_the_target_rows():
    source = np.array([0.6, 0.4])
    table = posteriors(mixture(300, np.array([0.3, 0.7]), 2), source)
    grid = np.linspace(0.001, 0.999, 999)
    likelihood = np.log((table / source) @ np.stack([grid, 1 - grid])).sum(axis=0)
    assert abs(em_priors(table, source)[0] - grid[likelihood.argmax()]) < 0.002


def test_em_counts_rows_where_the_classifier_is_certain():
    certain = np.eye(2)[[0, 0, 0, 1]]
    np.testing.assert_allclose(em_priors(certain, [0.5, 0.5]), [0.75, 0.25])


def test_em_changes_no_input():
    table, source = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([2.0, 2.0])
    em_priors(table, source)
    assert source.tolist() == [2.0, 2.0]
    assert table.tolist() == [[0.9, 0.1], [0.2, 0.8]]


@pytest.mark.parametrize(
    ("probabilities", "priors", "message"),
    [
        ([[0.5, 0.5]], [1.0, 0.0], "class number 1 has 0.0. Leave out classes without rows"),
        ([[0.5, 0.5]], [0.2, 0.3, 0.5], r"for each of the 3 classes.*found shape \(1, 2\)"),
        ([[0.5, 0.9]], [0.5, 0.5], r"each row must sum to one.*from 1.4 to 1.4"),
        ([[-0.5, 1.5]], [0.5, 0.5], "lowest is -0.5"),
        ([[0.5, 0.5]], [[0.5], [0.5]], r"one share a class: found shape \(2, 1\)"),
    ],
)
def test_em_says_what_is_wrong_with_its_input(probabilities, priors, message):
    with pytest.raises(ValueError, match=message):
        em_priors(probabilities, priors)


def test_bbse_is_exact_on_an_exact_confusion_matrix():
    rates = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.1, 0.6]])
    source, target = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.3, 0.6])
    priors, condition = bbse_priors(1000 * source[:, None] * rates, target @ rates)
    np.testing.assert_allclose(priors, target, atol=1e-12)
    assert condition == pytest.approx(np.linalg.cond(rates))


def test_bbse_agrees_with_the_weights_of_the_paper():
    joint = np.array([[30.0, 10, 2], [5, 25, 5], [1, 3, 19]]) / 100
    q = np.array([0.3, 0.3, 0.4])
    weights = np.linalg.solve(joint.T, q)
    np.testing.assert_allclose(bbse_priors(joint, q)[0], weights * joint.sum(axis=1), rtol=1e-10)


def test_bbse_keeps_the_source_proportions_of_classes_that_are_never_told_apart():
    confusion = [[40, 0, 0], [0, 15, 15], [0, 15, 15]]
    priors, condition = bbse_priors(confusion, [0.2, 0.4, 0.4])
    np.testing.assert_allclose(priors, [0.2, 0.4, 0.4], atol=1e-12)
    assert condition == np.inf


def test_bbse_has_an_answer_where_the_predictions_contradict_the_confusions():
    priors, condition = bbse_priors([[7, 0], [3, 0]], [0.0, 1.0])
    np.testing.assert_allclose(priors, [0.7, 0.3])
    assert condition == np.inf


def test_bbse_sets_negative_shares_to_zero():
    priors, _ = bbse_priors([[80, 20], [10, 90]], [0.05, 0.95])
    assert priors.tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("confusion", "share", "message"),
    [
        ([[1, 0, 0], [0, 1, 0]], [0.5, 0.5], r"must be square, true by predicted: found \(2, 3\)"),
        ([[1, -1], [0, 1]], [0.5, 0.5], "lowest is -1.0"),
        ([[0, 0], [1, 4]], [0.5, 0.5], "no source rows of class number 0"),
        ([[1, 0], [0, 1]], [0.2, 0.3, 0.5], "has 3 classes, confusion has 2"),
        ([[1, 0], [0, 1]], [0.0, 0.0], "zero for every class"),
    ],
)
def test_bbse_says_what_is_wrong_with_its_input(confusion, share, message):
    with pytest.raises(ValueError, match=message):
        bbse_priors(confusion, share)


@pytest.mark.parametrize("reg", [0.05, 0.6, 2.0, 5.0])
def test_the_sum_of_norms_is_least(reg):
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(6, 4)), rng.normal(size=6)
    value = lambda x: np.linalg.norm(A @ x - b) + reg * np.linalg.norm(x)  # noqa: E731
    options = {"maxiter": 20_000, "maxfev": 20_000, "xatol": 1e-10, "fatol": 1e-13}
    slow = minimize(value, np.full(4, 0.1), method="Nelder-Mead", options=options)
    ours = least_norms(A, b, reg)
    assert value(ours) <= slow.fun + 1e-10
    np.testing.assert_allclose(ours, slow.x, atol=1e-5)


def test_rlls_is_bbse_without_a_penalty_and_the_source_with_a_large_one():
    confusion, share = [[30, 10, 2], [5, 25, 5], [1, 3, 19]], [0.3, 0.3, 0.4]
    none, exact = rlls_priors(confusion, share, reg=0.0), bbse_priors(confusion, share)
    np.testing.assert_allclose(none[0], exact[0], atol=1e-6)
    assert none[1] == exact[1]
    np.testing.assert_allclose(rlls_priors(confusion, share, reg=9.0)[0], [0.42, 0.35, 0.23])


def test_rlls_errs_less_than_bbse_where_the_confusions_tell_little():
    rng = np.random.default_rng(0)
    rates = np.full((4, 4), 0.22) + 0.12 * np.eye(4)
    target = np.array([0.35, 0.25, 0.2, 0.2])
    errors = []
    for _ in range(200):
        counts = np.array([rng.multinomial(25, row) for row in rates])
        share = rng.multinomial(100, target @ rates)
        found = rlls_priors(counts + 0.01, share)[0], bbse_priors(counts + 0.01, share)[0]
        errors.append([((priors - target) ** 2).sum() for priors in found])
    rlls, bbse = np.mean(errors, axis=0)
    assert rlls < bbse
    assert rlls_penalty(4, 100) > rlls_penalty(4, 1000)


@pytest.mark.parametrize("reg", [-1.0, np.inf])
def test_rlls_refuses_wrong_penalties(reg):
    with pytest.raises(ValueError, match='reg must be "auto" or a number from 0 up'):
        rlls_priors([[8, 2], [1, 9]], [0.5, 0.5], reg)
