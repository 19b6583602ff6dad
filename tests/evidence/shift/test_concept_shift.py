"""The check of whether labels depend on features alike."""

import numpy as np
import pytest
from scipy.stats import binom

from landbridge.evidence.shift.concept_shift import (
    class_concept,
    class_concept_p,
    number_concept,
    number_concept_p,
)
from landbridge.evidence.shift.probe import Probe, probe_classes, probe_numbers


def draw(n, place, seed, flipped=0.0):
    """Rows around ``place`` and labels by one rule, a share of them drawn by lot instead."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2)) + place
    y = (X[:, 0] + rng.logistic(size=n) / 2 > 0).astype(float)
    return X, np.where(rng.random(n) < flipped, rng.integers(0, 2, n), y)


def calibrated(n, seed):
    """Probabilities that are right, and labels drawn from them."""
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 1, n)
    return np.column_stack([1 - p, p]), (rng.random(n) < p).astype(int)


def test_classes_that_follow_their_probabilities_are_not_accused():
    p_values = []
    for seed in range(100):
        (source, y), (target, codes) = calibrated(200, seed), calibrated(25, 1000 + seed)
        probe = Probe(np.arange(200), y, source, target)
        p_values.append(class_concept_p(probe, target, codes, np.random.default_rng(seed)))
    assert np.sum(np.array(p_values) <= 0.05) <= binom.ppf(0.999, 100, 0.05)
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.12)


def test_numbers_on_one_line_are_not_accused():
    rng = np.random.default_rng(0)
    p_values = [
        number_concept_p(*(rng.normal(size=n) for n in (150, 150, 25, 25))) for _ in range(200)
    ]
    assert np.sum(np.array(p_values) <= 0.05) <= binom.ppf(0.999, 200, 0.05)


def test_other_rules_in_the_target_are_found():
    (Xs, ys), (Xt, yt) = draw(400, 0, 0), draw(60, 0.5, 1)
    turned = class_concept(probe_classes(Xs, ys, Xt), 1 - yt)
    assert turned["p_value"] == pytest.approx(0.001)
    assert turned["target"] < 0.5 < turned["source"]


def test_another_place_with_the_same_rule_is_no_change_of_rule():
    (Xs, ys), (Xt, yt) = draw(400, 0, 0), draw(60, 0.7, 1)
    assert class_concept(probe_classes(Xs, ys, Xt), yt)["p_value"] > 0.05


def test_a_class_that_the_source_does_not_know_counts_as_a_mistake():
    (Xs, ys), (Xt, _) = draw(400, 0, 0), draw(60, 0, 1)
    found = class_concept(probe_classes(Xs, ys, Xt), np.full(60, -1.0))
    assert found["target"] == 0.0
    assert found["p_value"] <= 0.01


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda y, rng: y, False),
        (lambda y, rng: y + 1, True),
        (lambda y, rng: 2 * y, True),
        (lambda y, rng: y + rng.normal(size=len(y)), True),
    ],
)
def test_numbers_that_follow_another_rule_are_found(change, found):
    rng = np.random.default_rng(0)
    Xs, Xt = rng.normal(size=(300, 2)), rng.normal(size=(60, 2)) + 0.5
    ys, yt = (X @ [1.0, 1.0] + 0.3 * rng.normal(size=len(X)) for X in (Xs, Xt))
    concept = number_concept(probe_numbers(Xs, ys, Xt), change(yt, rng))
    assert (concept["p_value"] <= 0.01) == found
    assert concept["n_target_labelled"] == 60


def test_below_twenty_labels_nothing_is_said():
    (Xs, ys), (Xt, yt) = draw(100, 0, 0), draw(40, 0, 1)
    yt[19:] = np.nan
    assert class_concept(probe_classes(Xs, ys, Xt), yt) is None
    assert number_concept(probe_numbers(Xs, Xs[:, 0], Xt), yt) is None


def test_scores_without_any_spread_will_do():
    wrong = np.random.default_rng(0).normal(size=60)
    assert 0 < number_concept_p(np.ones(40), wrong[:40], np.ones(20), wrong[40:]) <= 1
    assert number_concept_p(np.ones(40), np.zeros(40), np.ones(20), np.zeros(20)) == 1.0


def test_label_shift_is_told_from_another_rule_by_the_class_shares():
    rng = np.random.default_rng(0)
    ys, yt = rng.random(600) < 0.5, rng.random(400) < 0.9
    Xs, Xt = (rng.normal(size=(len(y), 2)) + y[:, None] for y in (ys, yt))
    found = class_concept(probe_classes(Xs, ys.astype(float), Xt), yt.astype(float))
    assert found["p_value"] < 0.01 < 0.05 < found["p_value_with_shares"]
    turned = class_concept(probe_classes(Xs, ys.astype(float), Xt), 1.0 - yt)
    assert turned["p_value_with_shares"] < 0.01


def test_the_difference_of_the_scores_has_an_interval():
    (Xs, ys), (Xt, yt) = draw(400, 0, 0), draw(60, 0.5, 1)
    found = class_concept(probe_classes(Xs, ys, Xt), 1 - yt)
    assert found["difference_low"] < found["target"] - found["source"] < found["difference_high"]
    assert found["difference_high"] < 0


def test_rows_that_weigh_nothing_do_not_count():
    rng = np.random.default_rng(0)
    score, wrong = rng.normal(size=(2, 200))
    far = np.r_[wrong[100:], wrong[:50] + 9]
    weights = np.ones(100), np.r_[np.ones(100), np.zeros(50)]
    p = number_concept_p(score[:100], wrong[:100], np.r_[score[100:], score[:50]], far, weights)
    alone = number_concept_p(score[:100], wrong[:100], score[100:], wrong[100:])
    assert p == pytest.approx(alone, rel=0.1)
    assert number_concept_p(score[:100], wrong[:100], np.r_[score[100:], score[:50]], far) < 0.01


def test_uneven_noise_is_no_other_rule():
    rejected = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        score, noise = rng.normal(size=(2, 160))
        wrong = noise * np.abs(score) ** 2
        rejected.append(number_concept_p(score[:100], wrong[:100], score[100:], wrong[100:]) < 0.01)
    assert np.mean(rejected) <= 0.04


def test_a_model_that_overfits_is_no_other_rule():
    rejected = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        X, noise = rng.normal(size=(200, 60)), rng.normal(size=200)
        y = 0.7 * X[:, :9].sum(axis=1) + noise
        concept = number_concept(probe_numbers(X[:100], y[:100], X[100:]), y[100:])
        rejected.append(concept["p_value"] <= 0.05)
    assert np.mean(rejected) <= 0.05
