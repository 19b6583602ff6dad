"""Linear learners drawn towards the source's weights."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import LeaveOneOut
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from landbridge.mapping import CORAL, Carried
from landbridge.source import CarriedModel
from landbridge.target import (
    RegularTransferClassifier,
    RegularTransferRegressor,
    regular_transfer,
)
from landbridge.target.regular_transfer import (
    fit_towards,
    leave_one_out_errors,
    logistic_path,
    loss_towards,
    ridge_towards,
    spread_classes,
)


@pytest.mark.parametrize("shape", [(30, 4), (4, 9)])
def test_ridge_towards_is_the_augmented_least_squares(rng, shape):
    X, y, prior, reg = rng.normal(size=shape) + 2, rng.normal(size=shape[0]), shape[1], 0.7
    prior = rng.normal(size=shape[1])
    d = shape[1]
    tall = np.block([[X, np.ones((len(y), 1))], [np.sqrt(reg) * np.eye(d), np.zeros((d, 1))]])
    theirs = np.linalg.lstsq(tall, np.concatenate([y, np.sqrt(reg) * prior]))[0]
    w, b = ridge_towards(X, y, prior, reg)
    np.testing.assert_allclose([*w, b], theirs, atol=1e-8)


def test_leave_one_out_errors_are_those_of_leaving_one_out(rng):
    X, y, prior = rng.normal(size=(12, 3)), rng.normal(size=12), rng.normal(size=3)
    penalties = np.array([0.01, 1.0, 100.0])
    slow = np.zeros(3)
    for k, reg in enumerate(penalties):
        for train, test in LeaveOneOut().split(X):
            w, b = ridge_towards(X[train], y[train], prior, reg)
            slow[k] += (y[test] - X[test] @ w - b).item() ** 2 / 12
    np.testing.assert_allclose(leave_one_out_errors(X, y, prior, penalties), slow, rtol=1e-10)


def test_a_large_penalty_keeps_the_source_slopes_and_a_small_one_the_target_fit(numbers):
    carried, Xt, yt, _ = numbers
    source = LinearRegression().fit(carried.X, carried.y)
    target = LinearRegression().fit(Xt[:20], yt[:20])
    far, near = (RegularTransferRegressor(reg).fit(carried, Xt, yt, source) for reg in (1e12, 1e-9))
    np.testing.assert_allclose(far.coef_, source.coef_, atol=1e-8)
    assert far.intercept_ == pytest.approx(np.mean(yt[:20] - Xt[:20] @ source.coef_))
    np.testing.assert_allclose(near.coef_, target.coef_, atol=1e-8)
    assert near.intercept_ == pytest.approx(target.intercept_)


def test_without_a_penalty_and_with_few_rows_it_fits_them_nearest_to_the_source(rng):
    X, y, prior = rng.normal(size=(3, 6)), rng.normal(size=3), rng.normal(size=6)
    w, b = ridge_towards(X, y, prior, 0.0)
    np.testing.assert_allclose(X @ w + b, y, atol=1e-10)
    centred = X - X.mean(axis=0)
    aside = np.eye(6) - np.linalg.pinv(centred) @ centred
    np.testing.assert_allclose(aside @ (w - prior), 0.0, atol=1e-10)


def test_the_chosen_penalty_follows_the_data(numbers, rng):
    carried, Xt, _, _ = numbers
    alike, unlike = (
        np.where(np.arange(60) < 40, y, np.nan)
        for y in (Xt @ [1.0, -2.0, 0.5] + rng.normal(size=60), Xt @ [-3.0, 2.0, 5.0])
    )
    regs = [RegularTransferRegressor().fit(carried, Xt, yt).reg_ for yt in (alike, unlike)]
    assert regs[0] > 100 * regs[1]


def test_a_shift_by_a_constant_is_learned_from_two_labels(numbers):
    carried, Xt, _, _ = numbers
    yt = np.full(60, np.nan)
    yt[:2] = (Xt @ [1.0, -2.0, 0.5])[:2] + 7.0
    learner = RegularTransferRegressor().fit(carried, Xt, yt)
    assert learner.reg_ == np.inf
    assert learner.notes_[0].startswith("2 labelled target rows are too few to choose reg")
    assert learner.intercept_ == pytest.approx(7.0, abs=0.2)


def test_without_labels_it_is_the_sources_linear_model(numbers, two_classes):
    source = Ridge().fit(*numbers.carried[:2])
    none = np.full(60, np.nan)
    regressor = RegularTransferRegressor().fit(numbers.carried, numbers.Xt, none, source)
    np.testing.assert_allclose(regressor.predict(numbers.Xt), source.predict(numbers.Xt))
    model = LogisticRegression().fit(*two_classes.carried[:2])
    learner = RegularTransferClassifier().fit(two_classes.carried, two_classes.Xt, none, model)
    np.testing.assert_allclose(
        learner.predict_proba(two_classes.Xt), model.predict_proba(two_classes.Xt)
    )
    assert "No target row is labelled" in regressor.notes_[0]
    assert "No target row is labelled" in learner.notes_[0]


@pytest.mark.parametrize("loss", ["logistic", "squared_hinge"])
@pytest.mark.parametrize("k", [1, 3])
def test_the_gradient_is_that_of_finite_differences(rng, k, loss):
    X, codes, prior = rng.normal(size=(8, 4)), np.arange(8) % max(k, 2), rng.normal(size=(k, 4))
    theta, steps = rng.normal(size=4 * k), 1e-5 * np.eye(4 * k)
    up, down = (
        np.array([loss_towards(theta + sign * h, X, codes, prior, 0.3, loss)[0] for h in steps])
        for sign in (1, -1)
    )
    slope = loss_towards(theta, X, codes, prior, 0.3, loss)[1]
    np.testing.assert_allclose(slope, (up - down) / 2e-5, atol=1e-8)


@pytest.mark.parametrize("k", [2, 3])
def test_drawn_towards_zero_it_is_scikit_learns_logistic_regression(rng, k):
    X, reg = rng.normal(size=(60, 4)), 0.8
    codes = (X[:, 0] + rng.normal(size=60) > 0) + (k == 3) * (X[:, 1] > 0.3)
    theirs = LogisticRegression(C=1 / (2 * reg), fit_intercept=False, tol=1e-8).fit(X, codes)
    ours = fit_towards(X, codes.astype(int), np.zeros(theirs.coef_.shape), reg)
    np.testing.assert_allclose(ours, theirs.coef_, atol=1e-4)


@pytest.mark.parametrize("k", [2, 3])
def test_drawn_towards_zero_it_is_scikit_learns_support_vector_machine(rng, k):
    X, reg = rng.normal(size=(60, 4)), 0.8
    codes = (X[:, 0] + rng.normal(size=60) > 0) + 1 * (k == 3) * (X[:, 1] > 0.3)
    theirs = LinearSVC(C=1 / (2 * reg), fit_intercept=False, tol=1e-10, max_iter=100_000)
    coef = theirs.fit(X, codes).coef_
    ours = fit_towards(X, codes.astype(int), np.zeros(coef.shape), reg, "squared_hinge")
    np.testing.assert_allclose(ours, coef, atol=1e-4)


def test_a_support_vector_machine_stays_with_its_source_or_leaves_it(three_classes):
    carried, Xt, yt, truth = three_classes
    source = LinearSVC(random_state=0).fit(carried.X, carried.y)
    far, free = (
        RegularTransferClassifier(reg, loss="squared_hinge").fit(carried, Xt, yt, source)
        for reg in (1e9, "cv")
    )
    np.testing.assert_allclose(far.coef_, source.coef_, atol=1e-6)
    assert (free.predict(Xt) == truth).mean() > 0.85
    assert not hasattr(free, "predict_proba")


def test_a_machine_of_two_source_classes_keeps_both_among_more(three_classes):
    carried, Xt, yt, truth = three_classes
    known = carried.y != 9
    two = Carried(carried.X[known], carried.y[known])
    learner = RegularTransferClassifier(loss="squared_hinge").fit(two, Xt, yt)
    np.testing.assert_array_equal(learner.source_coef_[0], -learner.source_coef_[1])
    assert (learner.predict(Xt)[truth == 9] == 9).mean() > 0.5


def test_an_unknown_loss_is_refused(two_classes):
    with pytest.raises(ValueError, match=r'loss must be "logistic".*: found .hinge.'):
        RegularTransferClassifier(loss="hinge").fit(*two_classes[:3])


@pytest.mark.parametrize("n", [12, 80])
def test_all_penalties_at_once_are_each_by_itself(rng, n):
    X = np.column_stack([rng.normal(size=(n, 4)) * [1.0, 5.0, 0.1, 1.0], np.ones(n)])
    codes = (X[:, 0] + X[:, 1] > 0).astype(int)  # apart: without a penalty there is no minimum
    prior = 3.0 * rng.normal(size=(1, 5))
    penalties = np.logspace(-5, 5, 11)
    path = logistic_path(X, codes, prior[0], penalties)
    for W, reg in zip(path, penalties):
        assert np.abs(loss_towards(W, X, codes, prior, reg)[1]).max() < 1e-5 * max(1.0, reg)
        alone = fit_towards(X, codes, prior, reg)
        values = [loss_towards(w.ravel(), X, codes, prior, reg)[0] for w in (W, alone)]
        assert values[0] <= values[1] + 1e-9 * abs(values[1])
        np.testing.assert_allclose(W, alone[0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("task", ["two_classes", "three_classes"])
def test_a_large_penalty_gives_the_source_model_and_a_small_one_the_target_fit(task, request, rng):
    carried, Xt, _, truth = request.getfixturevalue(task)
    yt = np.where(rng.uniform(size=60) < 0.3, rng.permutation(truth), truth)  # not separable
    source = LogisticRegression().fit(carried.X, carried.y)
    target = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(Xt, yt)
    far, near = (RegularTransferClassifier(reg).fit(carried, Xt, yt, source) for reg in (1e9, 1e-9))
    np.testing.assert_allclose(far.predict_proba(Xt), source.predict_proba(Xt), atol=1e-6)
    np.testing.assert_allclose(near.predict_proba(Xt), target.predict_proba(Xt), atol=1e-3)


def test_the_fit_does_not_depend_on_where_the_origin_is(two_classes):
    carried, Xt, yt, _ = two_classes
    moved = Carried(carried.X + 50.0, carried.y)
    here = RegularTransferClassifier(0.5).fit(carried, Xt, yt).predict_proba(Xt)
    there = RegularTransferClassifier(0.5).fit(moved, Xt + 50.0, yt).predict_proba(Xt + 50.0)
    np.testing.assert_allclose(here, there, atol=1e-4)


def test_few_labels_with_a_good_source_beat_few_labels_alone(rng):
    w = rng.normal(size=20)
    Xs, Xt = rng.normal(size=(500, 20)), rng.normal(size=(1000, 20))
    ys, truth = Xs @ w > 0, Xt @ (w + 0.2 * rng.normal(size=20)) > 0
    yt = np.where(np.arange(1000) < 20, truth, None)
    learner = RegularTransferClassifier().fit(Carried(Xs, ys), Xt, yt)
    alone = LogisticRegression().fit(Xt[:20], truth[:20])
    assert (learner.predict(Xt) == truth).mean() > alone.score(Xt, truth) + 0.1


def test_a_class_with_a_single_label_takes_the_stated_penalty(two_classes):
    carried, Xt, _, truth = two_classes
    yt = np.where(np.arange(60) < 3, truth, None)
    learner = RegularTransferClassifier().fit(carried, Xt, yt)
    assert learner.reg_ == pytest.approx(3 * Xt.var(axis=0).mean() / 4)
    assert "A class has a single labelled target row" in learner.notes_[0]


def test_classes_without_target_labels_keep_what_the_source_knows(three_classes):
    carried, Xt, yt, truth = three_classes
    learner = RegularTransferClassifier().fit(carried, Xt, np.where(truth == 9, None, yt))
    assert (learner.predict(Xt)[truth == 9] == 9).mean() > 0.7


def test_classes_that_the_source_does_not_have_are_learned_from_zero(three_classes):
    carried, Xt, yt, truth = three_classes
    known = carried.y != 9
    two = Carried(carried.X[known], carried.y[known])
    learner = RegularTransferClassifier().fit(two, Xt, yt)
    assert learner.classes_.tolist() == [7, 8, 9]
    assert not learner.source_coef_[2].any()
    assert "start at zero: [9]" in learner.notes_[0]
    assert (learner.predict(Xt)[truth == 9] == 9).mean() > 0.5


def test_two_source_classes_keep_their_odds_among_more():
    W = spread_classes(np.array([[2.0, -1.0]]), np.array([0, 2]), 3)
    np.testing.assert_array_equal(W[2] - W[0], [2.0, -1.0])
    assert not W[1].any()


def test_source_weights_are_taken_from_a_linear_model_and_seen_through_the_mapping(two_classes):
    carried, Xt, yt, _ = two_classes
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01)).fit(carried.X, carried.y)
    mapping = CORAL().fit(carried.X, Xt)
    moved = Carried(mapping.transform(carried.X), carried.y)
    learner = RegularTransferClassifier().fit(moved, Xt, yt, CarriedModel(model, mapping))
    scores = moved.X @ learner.source_coef_[0] + learner.source_intercept_
    np.testing.assert_allclose(scores, model.decision_function(carried.X), atol=1e-8)


def test_a_model_that_is_not_linear_or_has_no_odds_is_replaced_by_one_that_is(two_classes, numbers):
    carried, Xt, yt, _ = two_classes
    plain = RegularTransferClassifier().fit(carried, Xt, yt)
    for other in (RandomForestClassifier(n_estimators=3), RidgeClassifier()):
        model = other.fit(carried.X, carried.y)
        learner = RegularTransferClassifier().fit(carried, Xt, yt, model)
        np.testing.assert_array_equal(learner.source_coef_, plain.source_coef_)
    forest = RandomForestRegressor(n_estimators=3).fit(*numbers.carried[:2])
    learner = RegularTransferRegressor().fit(*numbers[:3], forest)
    np.testing.assert_allclose(learner.source_coef_, [1.0, -2.0, 0.5], atol=0.1)


def test_a_source_learner_that_is_not_linear_is_refused(two_classes):
    forest = RandomForestClassifier(n_estimators=3)
    with pytest.raises(ValueError, match="needs a linear source: RandomForestClassifier is not"):
        RegularTransferClassifier(source=forest).fit(*two_classes[:3])


@pytest.mark.parametrize("kind", [RegularTransferClassifier, RegularTransferRegressor])
@pytest.mark.parametrize("reg", [-1.0, np.nan, np.inf, "loo"])
def test_wrong_penalties_are_refused(kind, reg, numbers):
    with pytest.raises(ValueError, match='reg must be "cv" or a number from 0 up'):
        kind(reg).fit(numbers.carried._replace(y=np.arange(120) % 2), numbers.Xt, np.full(60, None))


def test_one_fold_is_refused(two_classes):
    with pytest.raises(ValueError, match="cv must be a whole number from 2 up: found 1"):
        RegularTransferClassifier(cv=1).fit(*two_classes[:3])


def test_the_task_follows_from_the_learner():
    assert isinstance(regular_transfer(Ridge()), RegularTransferRegressor)
    assert isinstance(regular_transfer(LogisticRegression()), RegularTransferClassifier)
