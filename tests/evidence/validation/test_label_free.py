"""Figures of a model on rows without labels."""

import numpy as np
import pytest
from scipy.stats import entropy, norm

from landbridge.evidence.validation.label_free import (
    classifier_weights,
    diversity,
    effective_sample_size,
    importance_weighted_score,
    information_maximisation,
    mean_entropy,
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


def test_importance_weights_turn_the_sources_mean_into_the_targets():
    rng = np.random.default_rng(0)
    Xs, Xt = rng.normal(size=(4000, 1)), rng.normal(size=(4000, 1)) + 0.7
    weights = classifier_weights(Xs, Xt)
    exact = norm.pdf(Xs[:, 0], 0.7) / norm.pdf(Xs[:, 0])
    assert np.corrcoef(weights, exact)[0, 1] > 0.99
    loss = Xs[:, 0] ** 2
    assert importance_weighted_score(loss, weights) == pytest.approx(1.49, abs=0.15)


def test_weights_are_cut_off_at_the_root_of_the_number_of_rows():
    Xs, Xt = np.r_[np.zeros(99), 50.0][:, None], np.full((100, 1), 50.0)
    assert classifier_weights(Xs, Xt).max() <= 10.0


def test_effective_sample_size_is_between_one_and_all():
    assert effective_sample_size(np.ones(7)) == pytest.approx(7)
    assert effective_sample_size([0.0, 3.0]) == pytest.approx(1)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"one value a row: found \(2,\) and \(3,\)"):
        importance_weighted_score([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="above zero somewhere"):
        effective_sample_size([0.0, 0.0])
    with pytest.raises(ValueError, match="not negative"):
        importance_weighted_score([1, 2], [1, -1])
    with pytest.raises(ValueError, match=r"rows that sum to one: found shape \(2,\)"):
        mean_entropy([0.5, 0.5])
