import importlib
import pickle
import sys
import time
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin, clone, is_classifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from landbridge import MAPPINGS, AutoTransfer, Refit, Transfer, compare, load, save
from landbridge.evidence.verdict.candidates import make_candidates, whole_catalogue
from landbridge.evidence.verdict.memory import LABEL_BLIND
from landbridge.evidence.verdict.race import rounds_of, sharing_in_turn
from landbridge.mapping import CORAL

LEARNER = LogisticRegression()
HERE = str(Path(__file__).parent)
BLIND = [name for name, kind in MAPPINGS.items() if kind.__name__ in LABEL_BLIND]


DIRECTION = np.random.default_rng(1).normal(size=30)
SHIFT = 2.0 * DIRECTION / np.linalg.norm(DIRECTION)


@pytest.fixture
def moved():
    """A target moved across the boundary, where 40 labels are few for 30 features."""
    rng = np.random.default_rng(0)
    Xs, Xt = rng.normal(size=(300, 30)), rng.normal(size=(150, 30))
    ys, truth = (Xs @ DIRECTION > 0).astype(int), (Xt @ DIRECTION > 0).astype(int)
    yt = np.where(np.arange(150) < 40, truth, np.nan)
    return Xs, ys, Xt + SHIFT, yt


def truth_of(rows):
    return ((rows - SHIFT) @ DIRECTION > 0).astype(int)


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Whatever process fits a troubled learner can import it."""
    monkeypatch.syspath_prepend(HERE)
    with parallel_config("loky", initializer=sys.path.append, initargs=(HERE,)):
        yield


def trouble(what):
    return importlib.import_module("troubled").Troubled(what)


def troubled(what):
    return Transfer(LEARNER, "identity", Refit(trouble(what)))


def good():
    return Transfer(LEARNER, "recentre")


def test_it_is_the_model_that_the_comparison_chose(moved):
    model = AutoTransfer(LEARNER, ["recentre"]).fit(*moved)
    assert model.verdict_.chosen == "recentre"
    assert model.verdict_.sentence.startswith("Transfer helps by ")
    assert " points of balanced accuracy: recentre against " in model.verdict_.sentence
    assert is_classifier(model)
    assert model.classes_.tolist() == [0, 1]
    assert model.score(moved[2], truth_of(moved[2])) > 0.85
    np.testing.assert_allclose(model.predict_proba(moved[2]).sum(axis=1), 1.0)
    assert clone(model).get_params()["candidates"] == ["recentre"]


def test_the_chosen_model_can_be_saved(moved, tmp_path):
    model = AutoTransfer(LEARNER, ["recentre"], n_repeats=1).fit(*moved)
    again = load(save(model.best_, tmp_path / "model.landbridge"))
    np.testing.assert_array_equal(again.predict(moved[2]), model.predict(moved[2]))


def test_the_whole_catalogue_is_tried_within_the_time(moved):
    start = time.perf_counter()
    model = AutoTransfer(LEARNER, budget=2, n_repeats=1).fit(*moved)
    took = time.perf_counter() - start
    rows = model.comparison_.leaderboard()
    assert {row["name"] for row in rows} >= set(whole_catalogue("classification", 2, True))
    reasons = [row["error"] for row in rows if row["error"]]
    assert all("time" in reason or "budget" in reason for reason in reasons)
    assert took < 30  # the budget, the last fit, and a busy machine


def test_a_candidate_worse_than_the_leader_leaves_early_and_the_table_says_so(moved):
    Xs, ys, Xt, yt = moved
    candidates = {"good": good(), "constant": troubled(None)}
    options = {"learner": LEARNER, "candidates": candidates, "n_repeats": 4}
    raced = compare(Xs, ys, Xt, yt, budget="10m", **options)
    assert "worse than good after 5 folds" in raced["constant"].dropped
    assert len(raced["constant"].scores) == 5
    assert len(raced["good"].scores) == 20
    full = compare(Xs, ys, Xt, yt, **options)
    assert full["constant"].dropped is None
    assert len(full["constant"].scores) == 20
    np.testing.assert_array_equal(full["good"].scores, raced["good"].scores)
    assert "worse than good" in str(raced)


def test_equal_candidates_are_not_dropped_for_chance(moved):
    names = {f"again {i}": good() for i in range(5)}
    found = compare(*moved, learner=LEARNER, candidates=names, budget="10m", n_repeats=2)
    assert [trial.dropped for trial in found.trials if trial.role == "candidate"] == [None] * 5


def test_rounds_double_and_cover_all_folds():
    for n_repeats in range(1, 9):
        rounds = rounds_of(3, n_repeats)
        assert list(chain(*rounds)) == list(range(3 * n_repeats))
        assert len(rounds[0]) == 3


def test_one_that_takes_too_long_is_stopped_and_the_others_go_on(moved):
    candidates = {"slow": troubled("slow"), "good": good()}
    start = time.perf_counter()
    found = compare(*moved, learner=LEARNER, candidates=candidates, time_limit=1.5)
    assert time.perf_counter() - start < 19
    assert "stopped after" in found["slow"].error
    assert "the time that one candidate has" in found["slow"].error
    assert found.verdict.chosen == "good"


def test_any_error_of_a_candidate_is_shown_with_its_kind(moved):
    candidates = {"greedy": troubled("greedy"), "good": good()}
    found = compare(*moved, learner=LEARNER, candidates=candidates, n_repeats=1)
    assert found["greedy"].error == "MemoryError: no room for 1 TB"
    assert found["good"].error is None


def test_a_candidate_that_calls_exit_ends_only_itself(moved):
    candidates = {"exits": troubled("exits"), "good": good()}
    found = compare(*moved, learner=LEARNER, candidates=candidates, n_repeats=1)
    assert found["exits"].error == "SystemExit: 3"
    assert len(found["good"].scores) == 5


@pytest.fixture
def unknown(monkeypatch):
    """A transfer whose learner other processes cannot import: its module is made here alone."""

    class Unknown(ClassifierMixin, BaseEstimator):
        """A learner by name."""

    module = ModuleType("made_here_alone")
    module.Unknown = Unknown
    Unknown.__module__, Unknown.__qualname__ = module.__name__, "Unknown"
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return Transfer(Unknown(), "recentre")


def test_what_other_processes_cannot_import_or_what_calls_exit_there_is_not_called_killed(
    moved, unknown
):
    candidates = {"unknown": unknown, "exits": troubled("exits"), "good": good()}
    found = compare(*moved, learner=LEARNER, candidates=candidates, n_repeats=1, n_jobs=2)
    assert "could not be handed to another process" in found["unknown"].error
    assert "No module named 'made_here_alone'" in found["unknown"].error
    assert "n_jobs=1" in found["unknown"].error
    assert found["exits"].error == "SystemExit: 3"
    assert len(found["good"].scores) == 5


def test_an_interrupt_ends_the_whole_comparison(moved):
    candidates = {"interrupted": troubled("interrupted"), "good": good()}
    with pytest.raises(KeyboardInterrupt):
        compare(*moved, learner=LEARNER, candidates=candidates, n_repeats=1)


def test_a_killed_worker_costs_only_the_candidate_that_it_ran(moved):
    candidates = {"killed": troubled("killed"), "good": good()}
    found = compare(*moved, learner=LEARNER, candidates=candidates, n_repeats=1, n_jobs=2)
    assert "the process that fitted it was killed" in found["killed"].error
    assert len(found["good"].scores) == 5
    assert found.verdict.chosen == "good"


def test_a_metric_that_cannot_be_computed_says_on_which_rows(moved):
    Xs, ys, Xt, yt = moved
    learner = trouble(None)
    with pytest.raises(ValueError, match="Neither source only nor target only"):
        compare(Xs, ys, Xt, yt, learner=learner, candidates=["recentre"], metric="roc_auc")
    few = yt.copy()
    few[:40] = 0
    few[0] = 1
    with pytest.raises(ValueError, match=r"one held 8 rows of the classes \[0.0\]"):
        compare(Xs, ys, Xt, few, learner=LEARNER, candidates=["recentre"], metric="roc_auc")


def test_ties_keep_the_baseline(moved):
    same = {"same": Transfer(LEARNER, "identity", Refit(LEARNER))}
    Xs, ys, Xt, yt = moved
    found = compare(Xs, ys, Xt - SHIFT, yt, learner=LEARNER, candidates=same)
    assert found.verdict.p_values["same"] == 1.0
    assert found.verdict.chosen in ("source only", "target only", "pooled")


def test_without_the_guard_the_best_score_is_followed(moved):
    Xs, ys, Xt, yt = moved
    given = Xs, ys, Xt - SHIFT, yt
    options = {"learner": LEARNER, "candidates": ["coral", "monge", "tca"], "n_repeats": 1}
    for guard in (True, False):
        found = compare(*given, guard=guard, **options)
        names = [t.name for t in found.trials if guard is False or t.role == "baseline"]
        best = max(names, key=lambda name: found[name].scores.mean())
        assert found[found.verdict.chosen].scores.mean() == found[best].scores.mean()


def test_no_evidence_says_how_many_labels_would_do(moved):
    Xs, ys, Xt, yt = moved
    yt[12:] = np.nan
    found = compare(Xs, ys, Xt - SHIFT, yt, learner=LEARNER, candidates=["recentre"])
    verdict = found.verdict
    assert verdict.outcome == "no evidence"
    if verdict.gain.mean > 0:
        assert verdict.labels_needed > 12
        assert f"about {verdict.labels_needed} labelled target rows" in verdict.details[-1]
    else:
        assert verdict.labels_needed is None


def test_a_single_label_a_class_is_compared_or_refused_but_never_crashes(moved):
    Xs, ys, Xt, yt = moved
    first = [np.flatnonzero(yt == c)[0] for c in (0, 1)]
    few = np.full(150, np.nan)
    few[first] = [0, 1]
    verdict = compare(Xs, ys, Xt, few, learner=LEARNER, candidates=["recentre"]).verdict
    assert "2 labelled rows, and 6 are the least" in verdict.sentence
    assert "6 are the fewest for any comparison" in verdict.details[-1]


@pytest.mark.parametrize("budget", ["soon", 0, -3, "5 parsecs", True])
def test_a_budget_that_is_no_time_is_refused_before_any_work(moved, budget):
    with pytest.raises(ValueError, match="budget must be a span of time above zero"):
        AutoTransfer(LEARNER, budget=budget).fit(*moved)


def test_a_name_in_place_of_a_list_is_refused(moved):
    with pytest.raises(ValueError, match="a list of names: found the text 'coral'"):
        AutoTransfer(LEARNER, "coral").fit(*moved)


def test_regression_has_its_own_catalogue_and_words(moved):
    Xs, _, Xt, _ = moved
    ys, truth = Xs @ DIRECTION, (Xt - SHIFT) @ DIRECTION
    yt = np.where(np.arange(150) < 20, truth, np.nan)
    model = AutoTransfer(LinearRegression(), ["recentre"]).fit(Xs, ys, Xt, yt)
    assert "it lowers the root mean squared error by" in model.verdict_.sentence
    assert "jda" not in whole_catalogue("regression", 0, True)


def test_sharing_fitted_steps_changes_no_score(moved):
    """Each candidate alone, where there is nothing to share, against all together."""
    names = ["recentre", "coral", "coral+stacking", "kmm", "regular"]
    options = {"learner": LEARNER, "n_repeats": 1}
    together = compare(*moved, candidates=names, **options)
    for name in names:
        alone = compare(*moved, candidates=[name], **options)
        np.testing.assert_allclose(together[name].scores, alone[name].scores)


@pytest.mark.filterwarnings("ignore:.*effective sample size")
@pytest.mark.parametrize("name", BLIND)
def test_mappings_said_not_to_look_at_target_labels_do_not(name, moved):
    kind = MAPPINGS[name]
    Xs, ys, Xt, yt = moved
    fitted = [kind().fit(Xs, Xt, ys=ys, yt=labels) for labels in (yt, 1 - yt, np.full(150, None))]
    carried = [mapping.carry(Xs, ys, None, Xt) for mapping in fitted]
    for other in carried[1:]:
        np.testing.assert_array_equal(other.X, carried[0].X)
        np.testing.assert_array_equal(other.y, carried[0].y)
        if other.sample_weight is not None:
            np.testing.assert_array_equal(other.sample_weight, carried[0].sample_weight)


@contextmanager
def under_dask(**workers):
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed")
    with (
        distributed.LocalCluster(dashboard_address=":0", **workers) as cluster,
        distributed.Client(cluster),
        parallel_config("dask"),
    ):
        yield


def test_it_runs_under_dask(moved):
    one = compare(*moved, learner=LEARNER, candidates=["recentre"], n_repeats=1)
    with under_dask(n_workers=1, threads_per_worker=2, processes=False):
        found = compare(*moved, learner=LEARNER, candidates=["recentre"], n_repeats=1)
    np.testing.assert_array_equal(found["recentre"].scores, one["recentre"].scores)


def test_a_killed_worker_of_dask_costs_only_the_candidate_that_it_ran(moved, unknown):
    candidates = {"killed": troubled("killed"), "unknown": unknown, "good": good()}
    options = {"learner": LEARNER, "n_repeats": 1}
    start = time.perf_counter()
    with under_dask(n_workers=2, threads_per_worker=1, processes=True):
        found = compare(*moved, candidates=candidates, **options)
    assert time.perf_counter() - start < 60  # without an end it would wait for ever
    assert "the process that fitted it was killed" in found["killed"].error
    assert "could not be handed to another process" in found["unknown"].error
    alone = compare(*moved, candidates={"good": good()}, **options)
    for name in ("good", "source only", "target only", "pooled"):
        np.testing.assert_array_equal(found[name].scores, alone[name].scores)


class Vandal(ClassifierMixin, BaseEstimator):
    """A whole candidate that overwrites all that it is given."""

    def fit(self, Xs, ys, Xt, yt):
        self.classes_ = np.unique(ys)
        for given in (Xs, ys, Xt, yt):
            given[:] = 0
        return self

    def predict(self, X):
        X *= 0
        return np.repeat(self.classes_[:1], len(X))


@pytest.mark.parametrize("n_unlabelled", [0, 110])
def test_candidates_that_write_into_their_rows_change_neither_the_caller_s_nor_each_other_s(
    moved, n_unlabelled
):
    Xs, ys, Xt, yt = moved
    n = 40 + n_unlabelled
    given = Xs, ys, Xt[:n], yt[:n]
    before = [part.copy() for part in given]
    candidates = {"vandal": Vandal(), "writes": troubled("writes"), "good": good()}
    options = {"learner": LEARNER, "n_repeats": 1}
    found = compare(*given, candidates=candidates, **options)
    for part, was in zip(given, before):
        np.testing.assert_array_equal(part, was)
    alone = compare(*given, candidates={"good": good()}, **options)
    assert len(found["vandal"].scores) == 5
    for name in ("source only", "target only", "pooled", "good"):
        np.testing.assert_array_equal(found[name].scores, alone[name].scores)


def test_a_learner_that_scales_in_place_does_as_one_that_copies(moved):
    Xs, ys, Xt, yt = moved
    before = [part.copy() for part in moved]
    models = [
        AutoTransfer(
            make_pipeline(StandardScaler(copy=copy), LEARNER),
            ["recentre", "coral", "coral+stacking", "kmm"],
            n_repeats=1,
        )
        for copy in (False, True)
    ]
    in_place, copying = (model.fit(*moved) for model in models)
    for trial in copying.comparison_.trials:
        np.testing.assert_array_equal(in_place.comparison_[trial.name].scores, trial.scores)
        np.testing.assert_array_equal(in_place.comparison_[trial.name].predicted, trial.predicted)
    np.testing.assert_allclose(in_place.predict_proba(Xt), copying.predict_proba(Xt))
    for part, was in zip((Xs, ys, Xt, yt), before):
        np.testing.assert_array_equal(part, was)


@pytest.mark.parametrize("named", ["both", "source", "target"])
def test_tables_have_the_same_columns_in_the_same_order_wherever_they_come_in(moved, named):
    Xs, ys, Xt, yt = moved
    names = [f"f{k}" for k in range(30)]
    table_s, table_t = (pd.DataFrame(rows, columns=names) for rows in (Xs, Xt))
    model = AutoTransfer(LEARNER, ["recentre"], n_repeats=1)
    given_s, given_t = table_s if named != "target" else Xs, table_t if named != "source" else Xt
    model.fit(given_s, ys, given_t, yt)
    truth = truth_of(Xt)
    assert model.score(table_t, truth) == model.score(Xt, truth)  # warnings are errors here
    for ask in (model.predict, model.predict_proba, lambda X: model.score(X, truth)):
        with pytest.raises(ValueError, match="'f0' in the target of fit but 'f29' in X"):
            ask(table_t[names[::-1]])
    with pytest.raises(ValueError, match="'f0' in Xs but 'f29' in Xt"):
        clone(model).fit(table_s, ys, table_t[names[::-1]], yt)


def test_rows_without_a_label_cannot_be_scored_nor_none_be_learned_from(moved):
    Xs, ys, Xt, yt = moved
    model = AutoTransfer(LEARNER, ["recentre"], n_repeats=1)
    with pytest.raises(ValueError, match="ys is None: give a label for each of 300 rows"):
        model.fit(Xs, None, Xt, yt)
    with pytest.raises(ValueError, match="y has no label in 110 of 150 rows"):
        model.fit(Xs, ys, Xt, yt).score(Xt, yt)


def test_models_of_one_mapping_are_tried_one_after_the_other():
    names = ["coral", "recentre", "regular", "coral+regular", "stacking"]
    models = make_candidates(names, LogisticRegression())
    turns = [names[k] for k in sharing_in_turn(list(models.values()))]
    assert turns == ["coral", "coral+regular", "recentre", "regular", "stacking"]
    others = [Transfer(LogisticRegression(), CORAL(reg=reg)) for reg in (0.1, 0.2, 0.1)]
    assert sharing_in_turn([*others, LogisticRegression()]) == [0, 2, 1, 3]


class Telling(LogisticRegression):
    """Writes down the rows that it is fitted to, by their number."""

    seen = []

    def fit(self, X, y, sample_weight=None):
        self.seen.append(len(X))
        return super().fit(X, y, sample_weight)


def test_the_source_learns_once_and_not_once_a_fold(moved):
    Xs, ys, Xt, _ = moved
    Telling.seen.clear()
    data = Xs, ys, Xt, truth_of(Xt)  # no row without a label, so each fold has rows of its own
    found = compare(*data, learner=Telling(), candidates=["label-shift"], n_repeats=2)
    assert len(found["label-shift"].scores) == 10
    # Ten are label-shift's own; what needs no target row is not learned in every fold.
    assert 10 < Telling.seen.count(300) < 10 + 10


def test_kernels_of_the_same_rows_are_made_once_in_a_comparison(moved, monkeypatch):
    from landbridge.moments import feature_map

    widths, real = [], feature_map.median_distance
    monkeypatch.setattr(feature_map, "median_distance", lambda X: widths.append(1) or real(X))
    kernels = ["tca", "kmm", "mmd-target-shift"]
    together = compare(*moved, learner=LEARNER, candidates=kernels, n_repeats=1)
    n_together = len(widths)
    alone = [compare(*moved, learner=LEARNER, candidates=[name], n_repeats=1) for name in kernels]
    assert 0 < n_together <= (len(widths) - n_together) / 2
    for name, found in zip(kernels, alone):
        np.testing.assert_array_equal(together[name].scores, found[name].scores)


def test_what_cannot_be_named_is_fitted_each_time_and_not_shared(moved):
    from landbridge.evidence.verdict.memory import Memory, name_of

    class Local(LogisticRegression):
        """Of no module that another process could look it up in."""

        def __reduce__(self):
            raise pickle.PicklingError("not found as __main__.Local")

    assert name_of(Local()) is None and name_of(LEARNER) == name_of(LogisticRegression())
    memory, model = Memory("here"), Transfer(Local(), "coral")
    fits = [memory.fit(model, moved, "all", "all") for _ in range(2)]
    assert fits[0].source_ is not fits[1].source_
    assert fits[0].mapping_ is fits[1].mapping_
