"""Boosting that goes on from the source model."""

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.tree import DecisionTreeRegressor

from landbridge.mapping import Carried, Recentre
from landbridge.source import CarriedModel
from landbridge.target.boosted import BoostedContinuation, StartingPoint, with_all_classes


def test_without_added_steps_it_is_the_source_model(two_classes, numbers):
    carried, Xt, yt, _ = two_classes
    source = LogisticRegression().fit(carried.X, carried.y)
    learner = BoostedContinuation(LogisticRegression(), n_estimators=1, learning_rate=1e-9)
    np.testing.assert_allclose(
        learner.fit(carried, Xt, yt).predict_proba(Xt), source.predict_proba(Xt), atol=1e-3
    )
    line = BoostedContinuation(LinearRegression(), n_estimators=1, learning_rate=1e-9)
    theirs = LinearRegression().fit(*numbers.carried[:2]).predict(numbers.Xt)
    np.testing.assert_allclose(line.fit(*numbers[:3]).predict(numbers.Xt), theirs, atol=1e-4)


def test_each_tree_is_fitted_to_what_is_left(numbers):
    carried, Xt, yt, _ = numbers
    ours = BoostedContinuation(LinearRegression(), n_estimators=5, learning_rate=0.3)
    ours.fit(carried, Xt, yt)
    X, y = Xt[:20].astype(np.float32), yt[:20].astype(float)
    line = LinearRegression().fit(carried.X, carried.y)
    fitted = line.predict(X)
    for _ in range(5):
        tree = DecisionTreeRegressor(max_depth=3, random_state=0).fit(X, y - fitted)
        fitted += 0.3 * tree.predict(X)
    np.testing.assert_allclose(ours.predict(Xt[:20]), fitted, atol=1e-4)


def test_going_on_from_a_booster_is_a_longer_run_of_it_on_the_same_rows(numbers):
    _, Xt, _, truth = numbers
    short = GradientBoostingRegressor(n_estimators=30, random_state=0)
    longer = GradientBoostingRegressor(n_estimators=50, random_state=0).fit(Xt, truth)
    ours = BoostedContinuation(short, n_estimators=20).fit(Carried(Xt, truth), Xt, truth)
    np.testing.assert_allclose(ours.predict(Xt), longer.predict(Xt), atol=1e-4)


def test_few_labels_correct_the_source(rng):
    Xs, Xt = rng.normal(size=(500, 4)), rng.normal(size=(400, 4))
    ys = Xs @ [1.0, 1.0, 1.0, 1.0] > 0
    truth = Xt @ [1.0, 1.0, 1.0, 1.0] + 3.0 * (Xt[:, 0] > 0.5) > 0
    yt = np.where(np.arange(400) < 60, truth, None)
    learner = BoostedContinuation(LogisticRegression()).fit(Carried(Xs, ys), Xt, yt)
    source = LogisticRegression().fit(Xs, ys).score(Xt, truth)
    alone = GradientBoostingClassifier(random_state=0).fit(Xt[:60], truth[:60]).score(Xt, truth)
    assert (learner.predict(Xt) == truth).mean() > max(source, alone)


def test_classes_without_target_labels_are_not_forgotten(three_classes):
    carried, Xt, yt, truth = three_classes
    part = np.where(truth == 9, None, yt)
    learner = BoostedContinuation(LogisticRegression()).fit(carried, Xt, part)
    assert learner.classes_.tolist() == [7, 8, 9]
    assert (learner.predict(Xt)[truth == 9] == 9).mean() > 0.5


def test_a_row_of_no_weight_stands_for_a_missing_class():
    X, y = np.arange(4.0)[:, None], np.array(["a", "b", "c", "c"])
    carried = Carried(X, y)
    rows, labels, weights = with_all_classes(X[:2], y[:2], carried, np.array(["a", "b", "c"]))
    assert rows.ravel().tolist() == [0.0, 1.0, 2.0]
    assert labels.tolist() == ["a", "b", "c"]
    assert weights.tolist() == [1.0, 1.0, 0.0]
    assert with_all_classes(X, y, carried, np.array(["a", "b", "c"]))[2] is None


def test_a_model_that_votes_starts_with_doubts(two_classes):
    carried, Xt, yt, truth = two_classes
    learner = BoostedContinuation(RidgeClassifier()).fit(carried, Xt, yt)
    start = StartingPoint(learner.source_).predict_proba(Xt)
    np.testing.assert_allclose(np.sort(start, axis=1), np.tile([0.05, 0.95], (60, 1)))
    np.testing.assert_allclose(learner.predict_proba(Xt).sum(axis=1), 1.0)
    assert (learner.predict(Xt) == truth).mean() > 0.85


def test_numbers_start_from_a_model_seen_through_a_mapping(numbers):
    carried, Xt, yt, truth = numbers
    mapping = Recentre().fit(carried.X, Xt)
    source = LinearRegression().fit(carried.X, carried.y)
    learner = BoostedContinuation(LinearRegression())
    learner.fit(carried, Xt, yt, CarriedModel(source, mapping))
    start = source.predict(mapping.inverse_transform(Xt))
    assert ((learner.predict(Xt) - truth) ** 2).mean() < ((start - truth) ** 2).mean()


def test_a_class_that_the_source_lacks_is_refused(three_classes):
    carried, Xt, yt, _ = three_classes
    two = Carried(carried.X[carried.y != 9], carried.y[carried.y != 9])
    with pytest.raises(ValueError, match=r"source's classes, \[7, 8\]: yt has \[9\] besides"):
        BoostedContinuation(LogisticRegression()).fit(two, Xt, yt)


def test_lightgbm_goes_on_with_its_own_trees(three_classes, numbers):
    lightgbm = pytest.importorskip("lightgbm")
    carried, Xt, yt, truth = three_classes
    booster = lightgbm.LGBMClassifier(n_estimators=10, min_child_samples=3, verbose=-1)
    part = np.where(truth == 9, None, yt)
    learner = BoostedContinuation(booster).fit(carried, Xt, part)
    assert learner.learner_.booster_.num_trees() == 60
    assert learner.classes_.tolist() == [7, 8, 9]
    line = lightgbm.LGBMRegressor(n_estimators=10, min_child_samples=3, verbose=-1)
    going = BoostedContinuation(line).fit(*numbers[:3])
    source = ((going.source_.predict(numbers.Xt) - numbers.truth) ** 2).mean()
    assert ((going.predict(numbers.Xt) - numbers.truth) ** 2).mean() < source


def test_xgboost_goes_on_with_its_own_trees(numbers):
    xgboost = pytest.importorskip("xgboost")
    learner = BoostedContinuation(xgboost.XGBRegressor(n_estimators=10)).fit(*numbers[:3])
    assert learner.learner_.get_booster().num_boosted_rounds() == 20
