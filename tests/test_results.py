from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix

from landbridge.domains import make_problem
from landbridge.evidence import compare
from landbridge.evidence.verdict.trying import OutOfTime
from landbridge.results import (
    frame_of_results,
    influence_block,
    leaderboard_block,
    learning_block,
    mapping_blocks,
    moving_model,
    plain,
    quality_block,
    recall_interval,
    verdict_block,
)
from landbridge.transfer import Transfer


@pytest.fixture
def problem():
    """Three classes in the source, the target's labels are of two of them, with shorter names."""
    rng = np.random.default_rng(0)
    Xs = rng.normal(size=(90, 2)) + np.repeat([[0, 0], [3, 0], [6, 0]], 30, axis=0)
    Xt = rng.normal(size=(40, 2)) + np.repeat([[1, 0], [5, 0]], 20, axis=0)
    source = pd.DataFrame(Xs, columns=["a", "b"]).assign(y=np.repeat(["p", "qq", "longer"], 30))
    target = pd.DataFrame(Xt, columns=["a", "b"]).assign(y=np.repeat(["p", "qq"], 20))
    return make_problem(source, target, label="y")


def compared(problem, *candidates):
    return compare(
        problem.Xs,
        problem.ys,
        problem.Xt,
        problem.yt,
        learner=LogisticRegression(),
        candidates=list(candidates),
        n_folds=2,
        n_repeats=2,
    )


def test_the_frame_counts_rows_and_labels(problem):
    data = frame_of_results(problem, {}, "landbridge run", 0)["data"]
    assert (data["source"]["rows"], data["source"]["labelled"]) == (90, 90)
    assert (data["target"]["rows"], data["target"]["labelled"]) == (40, 40)
    assert data["classes"] == ["longer", "p", "qq"]
    assert data["features"]["made"] == 2


def test_a_predicted_class_that_was_not_observed_keeps_its_name(problem):
    """Observed labels of two letters at most do not cut a longer one that was predicted."""
    comparison = compared(problem, "coral")
    predicted = np.repeat(["p", "longer"], 20)
    comparison[comparison.verdict.baseline].predicted = predicted[None, :]
    model = quality_block(problem, comparison)["models"][0]
    assert model["classes"] == ["longer", "p", "qq"]
    expected = confusion_matrix(comparison.observed, predicted, labels=model["classes"])
    np.testing.assert_array_equal(model["confusion"], expected)


def test_recall_is_that_of_the_confusion_matrix(problem):
    model = quality_block(problem, compared(problem, "coral"))["models"][0]
    for row in model["recall"]:
        k = model["classes"].index(row["class"])
        counts = model["confusion"][k]
        assert row["n"] == sum(counts) == 20
        assert row["recall"] == counts[k] / 20
        assert row["low"] <= row["recall"] <= row["high"]


def test_the_interval_of_a_share_is_wilsons():
    z, n, p = 1.959964, 10, 0.8
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    np.testing.assert_allclose(recall_interval(8, 10), (centre - half, centre + half), atol=1e-6)


def test_the_leaderboard_falls_and_marks_one_model(problem):
    rows = leaderboard_block(compared(problem, "coral", "stacking"))["rows"]
    scores = [row["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert sum(row["chosen"] for row in rows) == 1


def test_the_picture_has_both_domains_before_and_after(problem):
    projection, explanation = mapping_blocks(problem, compared(problem, "recentre"), seed=0)
    before, after = (np.array(projection[when]["source"], float) for when in ("before", "after"))
    assert before.shape == after.shape == (90, 3)
    target = np.array(projection["after"]["target"], float)
    np.testing.assert_allclose(after[:, :2].mean(axis=0), target[:, :2].mean(axis=0), atol=1e-3)
    assert explanation["name"] == "recentre"


@pytest.mark.parametrize(
    ("name", "same"), [("coral", True), ("subspace-alignment", False), ("tca", False)]
)
def test_the_target_stays_in_the_picture_unless_both_meet_elsewhere(problem, name, same):
    projection, _ = mapping_blocks(problem, compared(problem, name), seed=0)
    before, after = (projection[when]["target"] for when in ("before", "after"))
    assert projection["same_axes"] == same
    assert (before == after) == same


def test_without_a_model_that_moves_rows_there_is_no_picture(problem):
    comparison = compared(problem, "stacking")
    assert moving_model(comparison) is None
    assert mapping_blocks(problem, comparison, seed=0) == (None, None)


def test_the_verdict_is_plain(problem):
    verdict = plain(verdict_block(compared(problem, "coral")))
    assert {"outcome", "sentence", "gain", "p_value", "chosen"} <= set(verdict)
    assert set(verdict["gain"]) == {"mean", "low", "high"}


def test_plain_values_are_those_of_json():
    given = {1: np.float64("nan"), "a": (np.int64(2), np.array([True, False])), "b": -np.inf}
    assert plain(given) == {"1": None, "a": [2, [True, False]], "b": None}
    assert plain(pd.Timestamp("2024-01-01")) == "2024-01-01 00:00:00"


class Late(Transfer):
    """The time is over as soon as it is fitted, as the alarm says it, or it fails."""

    def __init__(self, source, error=OutOfTime):
        super().__init__(source)
        self.error = error

    def fit(self, Xs, ys, Xt, yt):
        raise self.error("it broke.")


def with_chosen(comparison, model):
    comparison["coral"].model = model
    return replace(comparison, verdict=replace(comparison.verdict, chosen="coral"))


def test_a_curve_cut_short_keeps_the_baseline_and_says_what_is_missing(problem):
    comparison = with_chosen(compared(problem, "coral"), Late(LogisticRegression()))
    block = learning_block(problem, comparison, LogisticRegression(), 0, 3600)
    baseline = comparison.verdict.baseline
    assert {row["model"] for row in block["rows"]} == {baseline}
    assert all(row["score"] is not None for row in block["rows"])
    assert {one["model"] for one in block["worth"]} == {baseline}
    assert block["reason"] == "the 3600 s for the curve were over after 0 of 5 folds of coral"


def test_a_model_that_fails_on_the_curve_is_named_with_its_reason(problem):
    comparison = with_chosen(compared(problem, "coral"), Late(LogisticRegression(), RuntimeError))
    block = learning_block(problem, comparison, LogisticRegression(), 0)
    assert "coral has no score at 4 labels (RuntimeError: it broke)" in block["reason"]
    assert {row["model"] for row in block["rows"]} == {comparison.verdict.baseline, "coral"}


def test_a_whole_curve_needs_no_reason(problem):
    block = learning_block(problem, compared(problem, "coral"), LogisticRegression(), 0, 3600)
    assert block["rows"] and block["reason"] is None


def test_an_influence_that_had_no_time_gives_the_reason_alone(problem):
    comparison = with_chosen(compared(problem, "coral"), Late(LogisticRegression()))
    block = influence_block(problem, comparison, 0, 3600)
    assert block["rows"] == []
    assert block["reason"] == "the 3600 s for it were over after 0 of 5 folds"
    whole = influence_block(problem, compared(problem, "coral"), 0, 3600)
    assert whole["by"] == "classes" and len(whole["rows"]) == 3 and whole["reason"] is None
