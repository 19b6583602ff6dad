"""What predictions say of themselves, against slow obvious forms."""

import numpy as np
import pytest
from scipy.stats import entropy

from landbridge.source.unlabelled import (
    PREDICTION_SCORES,
    as_probabilities,
    diversity,
    information_maximisation,
    matrix_norm,
    mean_entropy,
    neighbourhood_density,
    nuclear_norm,
)


@pytest.fixture
def table():
    return np.random.default_rng(0).dirichlet(np.ones(4), size=30)


def test_entropies_are_scipys(table):
    assert mean_entropy(table) == pytest.approx(entropy(table, axis=1).mean(), rel=1e-12)
    assert diversity(table) == pytest.approx(entropy(table.mean(axis=0)), rel=1e-12)


def test_information_is_highest_for_certain_and_even_predictions(table):
    assert information_maximisation(np.eye(4)) == pytest.approx(np.log(4))
    assert 0 < information_maximisation(table) < np.log(4)
    assert information_maximisation(np.eye(4)[[1, 1]]) == 0.0


def test_the_nuclear_norm_is_the_trace_of_a_root(table):
    values = np.linalg.eigvalsh(table.T @ table)
    expected = np.sqrt(values).sum() / np.sqrt(30 * 4)
    assert nuclear_norm(table) == pytest.approx(expected, rel=1e-10)


def test_the_nuclear_norm_is_one_for_certain_even_predictions_alone(table):
    assert nuclear_norm(np.eye(4)[np.arange(12) % 4]) == pytest.approx(1.0)
    assert nuclear_norm(np.eye(4)[np.zeros(12, dtype=int)]) == pytest.approx(0.5)
    assert nuclear_norm(table) < 1.0


def slow_density(P, temperature):
    total = 0.0
    for i, p in enumerate(P):
        near = []
        for j, q in enumerate(P):
            if i != j:
                near.append(p @ q / np.linalg.norm(p) / np.linalg.norm(q) / temperature)
        shares = np.exp(near) / np.exp(near).sum()
        total -= (shares * np.log(shares)).sum()
    return total / len(P)


@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_the_density_of_neighbourhoods_is_its_definition(table, temperature):
    found = neighbourhood_density(table, temperature)
    assert found == pytest.approx(slow_density(table, temperature), rel=1e-10)


def test_the_density_is_the_same_in_one_block_or_several(table, monkeypatch):
    whole = neighbourhood_density(table)
    monkeypatch.setattr("landbridge.source.unlabelled.BLOCK", 7)
    assert neighbourhood_density(table) == pytest.approx(whole, rel=1e-12)


def test_the_matrix_norm_is_its_definition(table):
    slow = sum(p**4 for row in table for p in row) / table.size
    assert matrix_norm(table) == pytest.approx(slow**0.25, rel=1e-12)


@pytest.mark.parametrize("name", PREDICTION_SCORES)
def test_the_order_of_rows_and_of_classes_does_not_matter(table, name):
    rng = np.random.default_rng(1)
    shuffled = table[rng.permutation(30)][:, rng.permutation(4)]
    score = PREDICTION_SCORES[name]
    assert score(shuffled) == pytest.approx(score(table), rel=1e-10)


@pytest.mark.parametrize("name", ["entropy", "information", "bnm", "mano", "snd"])
def test_surer_predictions_of_the_same_classes_score_higher(table, name):
    score = PREDICTION_SCORES[name]
    certain = np.eye(4)[table.argmax(axis=1)]
    assert score(certain) > score(0.5 * certain + 0.5 * table)


ONE_CLASS = np.eye(4)[np.zeros(30, dtype=int)]
EVEN = np.eye(4)[np.arange(30) % 4]


@pytest.mark.parametrize("name", ["diversity", "information", "bnm"])
def test_one_class_for_all_rows_scores_low(name):
    assert PREDICTION_SCORES[name](ONE_CLASS) < PREDICTION_SCORES[name](EVEN)


@pytest.mark.parametrize("name", ["entropy", "snd", "mano"])
def test_one_class_for_all_rows_deceives_what_looks_at_certainty_alone(name):
    assert PREDICTION_SCORES[name](ONE_CLASS) >= PREDICTION_SCORES[name](EVEN)


@pytest.mark.parametrize(
    ("table", "match"),
    [
        ([0.5, 0.5], r"rows that sum to one: found shape \(2,\)"),
        (np.empty((0, 2)), r"found shape \(0, 2\)"),
        ([[0.5, 0.5], [np.nan, 0.5]], "must be finite: 1 of 2 rows are not"),
        ([[0.5, 0.7]], "found sums from 1.2 to 1.2"),
        ([[1.5, -0.5]], "none below zero"),
    ],
)
def test_what_are_no_probabilities_is_named(table, match):
    with pytest.raises(ValueError, match=match):
        as_probabilities(table)


def test_a_single_row_has_no_neighbours():
    with pytest.raises(ValueError, match="at least 2 rows"):
        neighbourhood_density([[0.5, 0.5]])
