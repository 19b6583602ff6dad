import time

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import KMeans
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import balanced_accuracy_score

from landbridge import ALIGNMENTS, CORAL, Refit, Transfer, compare, make_candidate
from landbridge.domains import is_labelled
from landbridge.evidence.verdict.candidates import candidate_names
from landbridge.evidence.verdict.comparison import limits
from landbridge.evidence.verdict.folds import repeated_folds
from landbridge.evidence.verdict.race import Rules, Runner, _halve
from landbridge.evidence.verdict.trying import Tried

LEARNER = LogisticRegression(max_iter=5000)
SHIFT = np.random.default_rng(1).standard_normal(40)


@pytest.fixture
def moved():
    """A target moved across the boundary, where 40 labels are too few for 40 features."""
    rng = np.random.default_rng(0)
    w = SHIFT
    Xs, Xt = rng.standard_normal((600, 40)), rng.standard_normal((340, 40))
    yt = (Xt @ w > 0).astype(float)
    yt[40:] = np.nan
    return Xs, (Xs @ w > 0).astype(int), Xt + SHIFT, yt


@pytest.fixture
def truth(moved):
    """Labels of all target rows."""
    return ((moved[2] - SHIFT) @ SHIFT > 0).astype(int)


def test_a_transfer_that_helps_is_found_and_chosen(moved, truth):
    found = compare(*moved, learner=LEARNER, candidates=["recentre", "standardise"])
    assert found.verdict.outcome == "helps"
    assert found.verdict.chosen in ("recentre", "standardise")
    assert found["source only"].scores.mean() == 0.5
    assert found.best_.score(moved[2], truth) > 0.9


def test_scores_are_those_of_fitting_by_hand_on_each_fold(moved):
    Xs, ys, Xt, yt = moved
    found = compare(*moved, learner=LEARNER, candidates=["coral"], n_repeats=2)
    folds = repeated_folds(yt[:40], True, 5, 2, 0)
    assert len(folds) == 10
    for score, (_, held_out) in zip(found["coral"].scores, folds):
        hidden = yt.copy()
        hidden[held_out] = np.nan
        model = Transfer(LEARNER, CORAL()).fit(Xs, ys, Xt, hidden)
        expected = balanced_accuracy_score(yt[held_out], model.predict(Xt[held_out]))
        assert score == pytest.approx(expected)


def test_every_labelled_row_is_predicted_once_a_repeat_from_outside_its_fold(moved):
    _Xs, _ys, Xt, yt = moved
    found = compare(*moved, learner=LEARNER, candidates=["coral"], n_repeats=3)
    predicted = found["target only"].predicted
    assert predicted.shape == (3, 40)
    folds = repeated_folds(yt[:40], True, 5, 3, 0)
    train, held_out = folds[7]
    by_hand = LEARNER.fit(Xt[train], yt[train]).predict(Xt[held_out])
    np.testing.assert_array_equal(predicted[1, held_out], by_hand)


class Watching(Refit):
    """Writes down how many target rows and labels it gets."""

    seen: list = []

    def _fit(self, carried, Xt, yt, model):
        self.seen.append((Xt.shape[0], int(is_labelled(yt).sum())))
        super()._fit(carried, Xt, yt, model)


@pytest.mark.parametrize(("rows", "expected"), [(340, (340, 32)), (40, (32, 32))])
def test_held_out_labels_reach_no_model_and_rows_only_beside_unlabelled_ones(moved, rows, expected):
    Xs, ys, Xt, yt = moved
    Watching.seen.clear()
    model = Transfer(LEARNER, "identity", Watching(LEARNER))
    given = Xs, ys, Xt[:rows], yt[:rows]
    compare(*given, learner=LEARNER, candidates={"watching": model}, n_repeats=1)
    assert Watching.seen[:5] == [expected] * 5


def test_a_candidate_that_fails_is_shown_and_the_others_go_on(moved):
    found = compare(*moved, learner=LEARNER, candidates=["procrustes", "recentre"])
    assert "paired mapping" in found["procrustes"].error
    assert found.leaderboard()[-1]["name"] == "procrustes"
    assert found.verdict.chosen == "recentre"
    assert "procrustes" in str(found)


def test_the_leaderboard_is_sorted_and_marks_the_choice(moved):
    found = compare(*moved, learner=LEARNER, candidates=["coral", "recentre"])
    rows = found.leaderboard()
    scores = [row["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert [row["name"] for row in rows if row["chosen"]] == [found.verdict.chosen]
    for row in rows:
        assert row["low"] <= row["score"] <= row["high"] <= 1.0


@pytest.mark.parametrize(
    ("metric", "least", "most"),
    [("balanced_accuracy", 0, 1), ("f1_macro", 0, 1), ("r2", -np.inf, 1), ("matthews", -np.inf, 1)],
)
def test_intervals_end_where_the_scorer_does(metric, least, most):
    assert limits(metric) == (least, most)
    assert limits("neg_log_loss") == (-np.inf, 0)


def test_without_target_labels_the_guard_names_what_explains_the_target_and_does_not_use_it(moved):
    Xs, ys, Xt, _ = moved
    found = compare(Xs, ys, Xt, learner=LEARNER, candidates=["coral", "recentre"])
    assert found.verdict.chosen == "source only"
    assert "explains the target" in found.verdict.details[-1]


def test_without_target_labels_and_guard_what_explains_the_target_is_used(moved, truth):
    Xs, ys, Xt, _ = moved
    names = ["coral", "recentre"]
    found = compare(Xs, ys, Xt, learner=LEARNER, candidates=names, guard=False)
    assert found.verdict.outcome == "unknown"
    assert found.verdict.chosen in ("coral", "recentre")
    assert "no labels" in found.verdict.sentence
    assert "explains the target" in found.verdict.sentence
    assert found.verdict.labels_needed > 100
    assert found.best_.score(Xt, truth) > 0.9


def test_without_target_labels_and_shift_the_source_only_is_used(moved):
    Xs, ys, _, _ = moved
    found = compare(Xs[:300], ys[:300], Xs[300:], learner=LEARNER, candidates=["coral"])
    assert found.verdict.chosen == "source only"


def test_without_target_labels_a_shift_that_nothing_explains_is_left_alone(moved):
    Xs, ys, Xt, _ = moved
    twisted = np.where(np.arange(40) % 2, np.abs(Xt) ** 3, Xt)
    found = compare(Xs, ys, twisted, learner=LEARNER, candidates=["coral"])
    assert found.verdict.chosen == "source only"
    assert "explains" not in found.verdict.sentence


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([0, 1, 0], "3 labelled rows, and 6 are the least"),
        ([1] * 10, "all labelled target rows are of one class, 1"),
    ],
)
def test_too_few_labels_are_said_to_be_too_few(moved, labels, reason):
    Xs, ys, Xt, _ = moved
    yt = np.concatenate([labels, np.full(340 - len(labels), np.nan)])
    found = compare(Xs, ys, Xt, yt, learner=LEARNER, candidates=["coral"])
    assert reason in found.verdict.sentence


def test_a_rare_class_lessens_the_folds_and_does_not_warn(moved):
    Xs, ys, Xt, yt = moved
    yt[:40] = 0
    yt[[1, 3, 5]] = 1
    found = compare(Xs, ys, Xt, yt, learner=LEARNER, candidates=["recentre"])
    assert found.n_folds == 3


def test_regression_is_compared_by_its_error(moved):
    Xs, _, Xt, _ = moved
    w = np.arange(40.0)
    yt = np.where(np.arange(340) < 60, Xt @ w - 500.0, np.nan)
    found = compare(Xs, Xs @ w + 5, Xt, yt, learner=LinearRegression(), candidates=["stacking"])
    assert found.metric == "neg_root_mean_squared_error"
    assert found.verdict.baseline == "target only"
    assert all(row["high"] <= 0 for row in found.leaderboard())


def test_two_processes_find_what_one_finds(moved):
    options = {"learner": LEARNER, "candidates": ["coral"], "n_repeats": 1}
    one, two = compare(*moved, **options), compare(*moved, n_jobs=2, **options)
    np.testing.assert_array_equal(one["coral"].scores, two["coral"].scores)


def test_progress_counts_every_fit(moved):
    calls = []
    compare(
        *moved,
        learner=LEARNER,
        candidates=["coral"],
        n_repeats=1,
        progress=lambda i, n: calls.append((i, n)),
    )
    assert calls == [(5, 20), (10, 20), (15, 20), (20, 20)]


def test_names_make_candidates():
    both = make_candidate("coral+stacking", LEARNER)
    assert both.mapping == "coral"
    assert type(both.target).__name__ == "Stacking"
    assert type(make_candidate("coral", LEARNER).target).__name__ == "Pooled"
    assert make_candidate("refit", LEARNER).mapping == "identity"
    for name in ("magic", "coral+monge", "coral+magic"):
        with pytest.raises(ValueError, match=f"Unknown candidate '{name}'".replace("+", r"\+")):
            make_candidate(name, LEARNER)


def test_default_candidates_suit_the_problem():
    labelled = candidate_names("classification", 2, True)
    assert {"coral", "stacking", "label-shift", "thresholded"} <= set(labelled)
    assert "stacking" not in candidate_names("classification", 2, False)
    assert "thresholded" not in candidate_names("classification", 3, True)
    assert "label-shift" not in candidate_names("regression", 0, True)


def test_an_unknown_metric_is_refused_before_any_work(moved):
    with pytest.raises(ValueError, match="sharpness"):
        compare(*moved, learner=LEARNER, metric="sharpness")


def test_an_alignment_of_networks_is_a_candidate_for_the_learners_task(moved):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    for name in ALIGNMENTS:
        if name != "none":
            assert make_candidate(name, LEARNER).mapping.alignment == name
    made = make_candidate("dann+stacking", LEARNER)
    assert (made.mapping.alignment, made.mapping.task) == ("dann", "classification")
    assert make_candidate("mmd", LinearRegression()).mapping.task == "regression"
    found = compare(*moved, learner=LEARNER, candidates=["mmd"], n_folds=2, n_repeats=1)
    assert found["mmd"].scores.shape == (2,)


@pytest.mark.parametrize("name", ["fine-tune", "lp-ft", "shot"])
def test_a_network_is_a_candidate_in_place_of_the_learner(name):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    made = make_candidate(name, LEARNER)
    assert type(made.source).__name__ == "NetworkSource"
    assert getattr(made.target, "recipe", "auto") == ("lp-ft" if name == "lp-ft" else "auto")


def test_a_fine_tuned_network_is_compared_like_any_other(moved):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    found = compare(*moved, learner=LEARNER, candidates=["linear-probe"], n_folds=2, n_repeats=1)
    assert found["linear-probe"].scores.shape == (2,)


def test_fine_tuning_is_known_without_the_hyphen():
    assert str(make_candidate("finetune", LEARNER)) == str(make_candidate("fine-tune", LEARNER))


@pytest.mark.parametrize(
    "options, error, words",
    [
        ({"metric": len}, ValueError, "Unknown metric <built-in function len>: choose one such as"),
        ({"metric": "acc"}, ValueError, "Unknown metric 'acc': the nearest are .*'accuracy'"),
        ({"level": 0}, ValueError, "level must be a number above 0 and below 1"),
        ({"level": "x"}, ValueError, "level must be"),
        ({"level": np.nan}, ValueError, "level must be"),
        ({"n_folds": "5"}, ValueError, "n_folds must be a whole number from 2"),
        ({"n_folds": 1}, ValueError, "n_folds must be a whole number from 2"),
        ({"n_repeats": 0}, ValueError, "n_repeats must be a whole number from 1"),
        ({"candidates": [3]}, TypeError, "candidates must be named by text: found 3"),
        ({"candidates": 5}, TypeError, "candidates must be .* found 5"),
        ({"candidates": {"pooled": LEARNER}}, ValueError, "every comparison has"),
        ({"learner": "logistic"}, TypeError, "learner must be .* found 'logistic'"),
        ({"learner": KMeans(2)}, TypeError, "learner must be a scikit-learn classifier"),
        ({"guard": "no"}, ValueError, "guard must be True or False: found 'no'"),
    ],
)
def test_what_does_not_fit_is_refused_before_any_work(moved, options, error, words):
    def no_work(*_):
        raise AssertionError("something was fitted")

    options = {"learner": LEARNER, "candidates": ["coral"], "progress": no_work} | options
    with pytest.raises(error, match=words):
        compare(*moved, **options)


def test_a_model_that_was_not_compared_is_named(moved):
    found = compare(*moved, learner=LEARNER, candidates=["coral"], n_repeats=1)
    with pytest.raises(KeyError, match="'nope' was not compared: source only, target only, pooled"):
        found["nope"]


@pytest.mark.parametrize("budget", [None, "1m"])
@pytest.mark.parametrize("blend", [False, True])
def test_where_no_baseline_can_be_scored_the_reason_is_given(moved, budget, blend):
    Xs, ys, Xt, yt = moved
    with pytest.raises(ValueError, match=r"could be fitted and scored by .* Xt has 2"):
        compare(
            Xs, ys, Xt[:, :2], yt, learner=LEARNER, candidates=["coral"], budget=budget, blend=blend
        )


def test_a_total_change_of_the_rule_is_said_to_hurt_with_the_blend_too():
    X = np.random.default_rng(1).normal(size=(400, 4))
    y = (X[:, 0] > 0).astype(int)
    data = X[:200], y[:200], X[200:], 1 - y[200:]
    found = compare(*data, learner=LEARNER, candidates=["coral"], n_repeats=1, blend=True)
    assert found.verdict.outcome == "hurts" and found.verdict.chosen == "blend"
    assert "the best alternative, pooled, loses" in found.verdict.sentence


def test_a_budget_for_one_round_alone_lets_the_first_folds_decide():
    runners = [Runner("source only", "baseline", None), Runner("coral", "candidate", None)]
    for k, runner in enumerate(runners):
        runner.spent = 1.0
        runner.tried = {fold: Tried(0.5 + k * 0.1, y, y, 0.0) for fold, y in enumerate(np.eye(5))}
    rules = Rules(5, budget=2.5)
    _halve(runners, [0, 1, 2, 3, 4], [5, 6, 7, 8, 9], rules, time.time() - 2.0)
    assert all(runner.is_running for runner in runners)
    others = [Runner(f"c{k}", "candidate", None, dict(runners[0].tried), spent=1.0) for k in "ab"]
    _halve([*runners, *others], [0, 1, 2, 3, 4], [5, 6, 7, 8, 9], rules, time.time())
    assert [r.name for r in [*runners, *others] if r.is_running] == ["source only", "coral"]


class NoNumbers(ClassifierMixin, BaseEstimator):
    """Predicts well, and gives probabilities that are none."""

    def fit(self, Xs, ys, Xt, yt):
        self.model_ = Transfer(LEARNER, "recentre").fit(Xs, ys, Xt, yt)
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X):
        return self.model_.predict(X)

    def predict_proba(self, X):
        return np.full((len(X), 2), np.nan)


@pytest.mark.parametrize("n_labels", [40, 3])
def test_probabilities_that_are_no_numbers_are_told_and_no_part_of_the_blend(moved, n_labels):
    Xs, ys, Xt, yt = moved
    yt = np.where(np.arange(len(yt)) < n_labels, yt, np.nan)
    candidates = {"odd": NoNumbers(), "coral": make_candidate("coral", LEARNER)}
    options = {"n_repeats": 1, "blend": True, "guard": n_labels > 3}
    found = compare(Xs, ys, Xt, yt, learner=LEARNER, candidates=candidates, **options)
    assert found["odd"].error == "its predictions are not all finite numbers"
    assert not any(isinstance(model, NoNumbers) for model in found["blend"].model.models)
    assert np.isfinite(found.best_.predict_proba(Xt)).all()
