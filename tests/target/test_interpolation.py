"""A mixture of the source's and the target's predictions."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.model_selection import LeaveOneOut

from landbridge.mapping import Carried
from landbridge.target.interpolation import LinearInterpolation, interpolation_weight


def test_no_other_weight_has_a_smaller_squared_error(rng):
    source, target, truth = rng.normal(size=(3, 50, 2))
    truth += 0.7 * source + 0.3 * target
    grid = np.linspace(0, 1, 1001)
    errors = [(((1 - a) * source + a * target - truth) ** 2).sum() for a in grid]
    best = interpolation_weight(source, target, truth)
    assert best == pytest.approx(grid[int(np.argmin(errors))], abs=1e-3)


def test_the_weight_stays_between_both_models():
    zero, one = np.zeros(3), np.ones(3)
    assert interpolation_weight(zero, one, 5 * one) == 1.0
    assert interpolation_weight(zero, one, -one) == 0.0
    assert interpolation_weight(one, one, zero) == 0.5


def test_predictions_are_the_mixture_of_both_models(numbers):
    carried, Xt, yt, _ = numbers
    yt = yt + 3 * np.sin(np.arange(60.0))  # noise, so that neither model is right
    ours = LinearInterpolation(LinearRegression(), cv=20).fit(carried, Xt, yt)
    X, y = Xt[:20], yt[:20].astype(float)
    source = LinearRegression().fit(carried.X, carried.y)
    held_out = np.empty(20)
    for train, test in LeaveOneOut().split(X):
        held_out[test] = LinearRegression().fit(X[train], y[train]).predict(X[test])
    apart = held_out - source.predict(X)
    a = (apart @ (y - source.predict(X))) / (apart @ apart)
    assert ours.weight_ == pytest.approx(a, abs=1e-10)
    mixed = (1 - a) * source.predict(Xt) + a * LinearRegression().fit(X, y).predict(Xt)
    np.testing.assert_allclose(ours.predict(Xt), mixed, rtol=1e-9)


def test_a_source_that_is_right_is_kept_and_one_that_misleads_is_dropped(rng):
    Xs, Xt = rng.normal(size=(500, 5)), rng.normal(size=(400, 5))
    w, known = rng.normal(size=5), np.arange(400) < 30
    truth = Xt @ w + rng.normal(size=400) > 0
    yt = np.where(known, truth, None)
    right, wrong = (
        LinearInterpolation(LogisticRegression()).fit(Carried(Xs, sign * Xs @ w > 0), Xt, yt)
        for sign in (1, -1)
    )
    assert right.weight_ < 0.5 < 0.9 < wrong.weight_
    alone = LogisticRegression().fit(Xt[known], truth[known])
    assert (right.predict(Xt) == truth).mean() >= alone.score(Xt, truth)


def test_classes_of_either_model_are_known(three_classes):
    carried, Xt, yt, _ = three_classes
    two = carried.y != 9
    part = np.array([None if v == 7 else v for v in yt], dtype=object)
    learner = LinearInterpolation(LogisticRegression())
    learner.fit(Carried(carried.X[two], carried.y[two]), Xt, part)
    assert learner.classes_.tolist() == [7, 8, 9]
    np.testing.assert_allclose(learner.predict_proba(Xt).sum(axis=1), 1.0)


def test_a_model_that_is_given_is_used(two_classes):
    carried, Xt, yt, _ = two_classes
    model = LogisticRegression(C=1e-3).fit(carried.X, carried.y)
    learner = LinearInterpolation(LogisticRegression()).fit(carried, Xt, yt, model)
    assert learner.source_ is model


def test_learners_without_probabilities_vote(two_classes):
    carried, Xt, yt, truth = two_classes
    learner = LinearInterpolation(RidgeClassifier()).fit(carried, Xt, yt)
    assert (learner.predict(Xt) == truth).mean() > 0.85
    assert not hasattr(learner, "predict_proba")


def test_too_few_labels_to_weigh_both_count_half(two_classes, numbers):
    carried, Xt, yt, _ = two_classes
    learner = LinearInterpolation(LogisticRegression())
    learner.fit(carried, Xt, np.where(np.arange(60) < 3, yt, None))
    assert learner.weight_ == 0.5
    assert "Too few labelled target rows (3) to weigh both models" in learner.notes_[0]
    two = np.where(np.arange(60) < 2, numbers.truth, np.nan)
    line = LinearInterpolation(LinearRegression()).fit(numbers.carried, numbers.Xt, two)
    assert line.weight_ == 0.5


def test_one_fold_is_refused(two_classes):
    with pytest.raises(ValueError, match="cv must be a whole number from 2 up: found 1"):
        LinearInterpolation(LogisticRegression(), cv=1).fit(*two_classes[:3])
