"""Carried rows and labelled target rows together."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from landbridge.mapping import Carried
from landbridge.moments import effective_size
from landbridge.target import Pooled, Refit, default_target_weight


@pytest.mark.parametrize("weighted", [False, True])
def test_pooled_is_the_learner_on_both_with_target_rows_weighing_more(numbers, rng, weighted):
    weights = rng.uniform(0.2, 3.0, 120) if weighted else np.ones(120)
    carried = numbers.carried._replace(sample_weight=weights if weighted else None)
    X = np.vstack([carried.X, numbers.Xt[:20]])
    y = np.concatenate([carried.y, numbers.yt[:20]])
    theirs = Ridge().fit(X, y, np.concatenate([weights, np.full(20, 2.5 * weights.mean())]))
    ours = Pooled(Ridge(), target_weight=2.5).fit(carried, numbers.Xt, numbers.yt)
    np.testing.assert_allclose(ours.predict(numbers.Xt), theirs.predict(numbers.Xt), rtol=1e-10)


def test_without_target_labels_pooled_is_refit(two_classes):
    arguments = two_classes.carried, two_classes.Xt, np.full(60, None)
    pooled, refit = (kind(LogisticRegression()).fit(*arguments) for kind in (Pooled, Refit))
    np.testing.assert_array_equal(pooled.learner_.coef_, refit.learner_.coef_)


def test_the_automatic_weight_lies_between_one_and_equal_shares(numbers):
    pooled = Pooled(Ridge()).fit(numbers.carried, numbers.Xt, numbers.yt)
    assert pooled.target_weight_ == pytest.approx(np.sqrt(120 / 20))
    assert default_target_weight(50, 200) == 1.0


@pytest.mark.parametrize(("n_source", "n_target"), [(1000, 1), (1000, 30), (50, 50), (20, 400)])
def test_the_automatic_weight_never_costs_more_than_half_the_source(n_source, n_target):
    weight = default_target_weight(n_source, n_target)
    weights = np.concatenate([np.ones(n_source), np.full(n_target, weight)])
    assert effective_size(weights) >= n_source / 2


def test_few_source_rows_that_carry_all_the_weight_count_as_few(numbers):
    weights = np.where(np.arange(120) < 40, 1.0, 0.0)
    pooled = Pooled(Ridge()).fit(
        numbers.carried._replace(sample_weight=weights), numbers.Xt, numbers.yt
    )
    assert pooled.target_weight_ == pytest.approx(np.sqrt(40 / 20))


def test_a_learner_without_weights_gets_none_and_a_note_says_so(two_classes):
    pooled = Pooled(make_pipeline(KNeighborsClassifier())).fit(*two_classes[:3])
    assert pooled.target_weight_ == 1.0
    assert "KNeighborsClassifier takes no sample weights" in pooled.notes_[0]
    plain = Pooled(KNeighborsClassifier(), target_weight=1).fit(*two_classes[:3])
    assert plain.notes_ == []


def test_a_weight_that_the_learner_cannot_take_is_refused(two_classes):
    with pytest.raises(ValueError, match=r"KNeighborsClassifier takes no.*from 1 to 4\).*weight=1"):
        Pooled(KNeighborsClassifier(), target_weight=4).fit(*two_classes[:3])


@pytest.mark.parametrize("weight", [0, -1.0, np.inf, np.nan, "equal", None])
def test_wrong_target_weights_are_refused(two_classes, weight):
    with pytest.raises(ValueError, match='target_weight must be "auto" or a number above 0'):
        Pooled(LogisticRegression(), target_weight=weight).fit(*two_classes[:3])


def test_without_target_labels_the_classes_keep_their_type():
    carried = Carried(np.arange(4.0)[:, None], np.array([0, 0, 1, 1]))
    unlabelled = np.array([None, None])
    pooled = Pooled(LogisticRegression()).fit(carried, np.zeros((2, 1)), unlabelled)
    assert pooled.predict(np.zeros((1, 1))).dtype == carried.y.dtype
