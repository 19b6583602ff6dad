"""The decision threshold for a stated metric."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import balanced_accuracy_score, f1_score, get_scorer, make_scorer
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.svm import LinearSVC

from landbridge.domains.folds import stratified_folds
from landbridge.mapping import Carried
from landbridge.target import Pooled, Refit, Stacking, TargetOnly, Thresholded, best_threshold


@pytest.fixture
def rare(rng):
    """Two domains in which one row in ten is ill."""

    def domain(n, shift):
        y = np.where(np.arange(n) % 10 == 0, "ill", "well")
        return rng.normal(size=(n, 2)) + 1.2 * (y == "well")[:, None] + shift, y

    (Xs, ys), (Xt, truth) = domain(400, 0.0), domain(300, 0.2)
    return Carried(Xs, ys), Xt, truth


def test_the_best_threshold_is_that_of_trying_all(rng):
    y = rng.integers(0, 2, 80)
    p = np.clip(0.2 * y + rng.uniform(0, 0.6, 80), 0, 1)
    cuts = np.linspace(0, 1, 401)
    best = max(balanced_accuracy_score(y, p >= cut) for cut in cuts)
    threshold, score = best_threshold(p, y, get_scorer("balanced_accuracy"))
    assert score == pytest.approx(best)
    assert balanced_accuracy_score(y, p >= threshold) == pytest.approx(best)


def test_of_equal_thresholds_the_one_nearest_a_half_is_taken():
    p, y = np.array([0.1, 0.2, 0.8, 0.9]), np.array([0, 0, 1, 1])
    assert best_threshold(p, y, get_scorer("accuracy")) == (0.5, 1.0)


def test_row_weights_reach_the_metric():
    p, y = np.array([0.1, 0.3, 0.6, 0.9]), np.array([0, 1, 0, 1])
    accuracy = get_scorer("accuracy")
    low, _ = best_threshold(p, y, accuracy, np.array([1.0, 9.0, 1.0, 1.0]))
    high, _ = best_threshold(p, y, accuracy, np.array([1.0, 1.0, 9.0, 1.0]))
    assert low < 0.3 and high > 0.6


def test_the_chosen_threshold_finds_more_of_the_rare_class(rare):
    carried, Xt, truth = rare
    plain = Pooled(LogisticRegression()).fit(carried, Xt, truth)
    chosen = Thresholded(Pooled(LogisticRegression())).fit(carried, Xt, truth)
    scores = [balanced_accuracy_score(truth, each.predict(Xt)) for each in (plain, chosen)]
    assert scores[1] > scores[0] + 0.1
    assert chosen.threshold_ > 0.7
    np.testing.assert_array_equal(chosen.predict_proba(Xt), plain.predict_proba(Xt))
    assert chosen.notes_ == ["The threshold was chosen on 300 labelled target rows."]


@pytest.mark.parametrize("metric", ["balanced_accuracy", "f1_macro"])
def test_it_agrees_with_scikit_learns_tuned_threshold(rare, metric):
    carried, Xt, truth = rare
    ours = Thresholded(TargetOnly(LogisticRegression()), metric=metric).fit(carried, Xt, truth)
    folds = stratified_folds(Xt, truth, 5)
    theirs = TunedThresholdClassifierCV(
        LogisticRegression(), scoring=metric, cv=folds, thresholds=100
    ).fit(Xt, truth)
    ours_score, theirs_score = (get_scorer(metric)(model, Xt, truth) for model in (ours, theirs))
    assert ours_score == pytest.approx(theirs_score, abs=0.03)
    assert ours.threshold_ == pytest.approx(theirs.best_threshold_, abs=0.1)


def test_without_enough_target_labels_it_is_chosen_on_carried_rows_out_of_fold(rare):
    carried, Xt, _ = rare
    learner = Thresholded(Refit(LogisticRegression())).fit(carried, Xt, np.full(300, None))
    held_out = np.empty(400)
    for train, test in stratified_folds(carried.X, carried.y, 5):
        part = LogisticRegression().fit(carried.X[train], carried.y[train])
        held_out[test] = part.predict_proba(carried.X[test])[:, 1]
    expected = best_threshold(held_out, carried.y, get_scorer("balanced_accuracy"))
    assert (learner.threshold_, learner.score_) == pytest.approx(expected)
    assert "Fewer than 5 labelled target rows in a class" in learner.notes_[0]


def test_labels_of_one_class_only_do_not_count_as_enough(rare):
    carried, Xt, truth = rare
    well = np.where(truth == "well", truth, None)
    learner = Thresholded(Pooled(LogisticRegression())).fit(carried, Xt, well)
    assert "chosen on 400 carried rows" in learner.notes_[0]


def test_the_source_model_never_sees_the_rows_that_judge_it(rare):
    carried, Xt, truth = rare
    few = np.where(np.arange(300) < 30, truth, None)
    model = LogisticRegression().fit(carried.X, carried.y)
    inner = Stacking(LogisticRegression())
    given, own = (Thresholded(inner).fit(carried, Xt, few, m) for m in (model, None))
    assert given.threshold_ == own.threshold_
    assert given.uses_model and not Thresholded(Refit(LogisticRegression())).uses_model


def test_a_scorer_may_be_given_for_labels_that_are_text(rare):
    carried, Xt, truth = rare
    scorer = make_scorer(f1_score, pos_label="ill")
    learner = Thresholded(Refit(LogisticRegression()), metric=scorer).fit(carried, Xt, truth)
    assert f1_score(truth, learner.predict(Xt), pos_label="ill") > 0.4


@pytest.mark.parametrize(
    ("learner", "message"),
    [
        (Thresholded(Refit(LogisticRegression()), metric="roc_auc"), "'roc_auc' judges probab"),
        (Thresholded(Refit(LogisticRegression()), metric="beauty"), "beauty"),
        (Thresholded(Refit(LogisticRegression()), cv=1), "from 2 up: found 1"),
        (Thresholded(Refit(LinearSVC())), "needs probabilities: Refit has no predict_proba"),
        (Thresholded(Refit(Ridge())), "needs probabilities: Refit has no predict_proba"),
    ],
)
def test_what_it_cannot_do_is_said(rare, learner, message):
    with pytest.raises(ValueError, match=message):
        learner.fit(*rare)


def test_more_than_two_classes_are_refused(three_classes):
    with pytest.raises(ValueError, match=r"is for two classes: found 3, \[7, 8, 9\]"):
        Thresholded(Refit(LogisticRegression())).fit(*three_classes[:3])


def test_too_few_rows_of_a_class_are_refused(rare):
    carried, Xt, _ = rare
    one = Carried(carried.X[:10], carried.y[:10])
    with pytest.raises(ValueError, match="found 0 and 1 of the rarer class"):
        Thresholded(Refit(LogisticRegression())).fit(one, Xt, np.full(300, None))
