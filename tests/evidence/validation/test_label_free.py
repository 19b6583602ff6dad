"""Figures of a model on rows without labels."""

import numpy as np
import pytest
from scipy.stats import norm

from landbridge.evidence.validation.label_free import (
    classifier_weights,
    effective_sample_size,
    importance_weighted_score,
)


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
