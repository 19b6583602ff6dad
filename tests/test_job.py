import errno
import json
import os
import time

import numpy as np
import pandas as pd
import pytest

from landbridge.domains import digits_by_writer, load_domains
from landbridge.job import Outcome, TableModel, check, run
from landbridge.report import render_report
from landbridge.saving import load

QUICK = {"candidates": ["coral", "stacking"], "n_folds": 3, "n_repeats": 1}


def make_table(n, n_labelled, shift=0.0, seed=0, task="classification"):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n) + shift
    y = x + rng.normal(scale=0.3, size=n)
    label = np.where(y > shift, "ill", "well") if task == "classification" else y
    label = label.astype(object)
    label[n_labelled:] = None
    colour = rng.choice(["red", "blue"], n).astype(object)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D")
    return pd.DataFrame({"x": x, "colour": colour, "day": day, "flag": x > 0, "y": label})


@pytest.fixture(scope="module", params=["classification", "regression"])
def outcome(request):
    tables = make_table(90, 90, task=request.param), make_table(45, 24, 2.0, 1, request.param)
    return run(*tables, label="y", task=request.param, command="landbridge run", **QUICK)


def test_the_results_are_plain_json(outcome):
    assert json.loads(json.dumps(outcome.results, allow_nan=False)) == outcome.results


def test_the_results_have_every_block_and_the_report_shows_them(outcome):
    blocks = {"verdict", "leaderboard", "shift", "projection", "quality", "mapping", "data"}
    assert all(outcome.results[name] for name in blocks)
    assert outcome.results["verdict"]["sentence"].split(":")[0] in render_report(outcome.results)


def test_the_model_is_the_one_that_the_guard_chose(outcome):
    chosen = [row for row in outcome.results["leaderboard"]["rows"] if row["chosen"]]
    assert [row["name"] for row in chosen] == [outcome.results["verdict"]["chosen"]]


def test_a_saved_model_predicts_the_same(outcome, tmp_path):
    rows = make_table(20, 0, 2.0, seed=2)
    written = outcome.save(tmp_path / "out")
    again = load(written["model"]).predict(rows)
    pd.testing.assert_frame_equal(again, outcome.model.predict(rows))


def test_the_same_seed_gives_the_same_results():
    tables = make_table(60, 60), make_table(30, 20, 1.0, seed=1)
    first, second = (run(*tables, label="y", seed=3, **QUICK).results for _ in range(2))
    for name in ("verdict", "shift", "projection", "quality", "mapping"):
        assert first[name] == second[name]


def test_the_tables_stay_as_they_were():
    tables = make_table(60, 60), make_table(30, 20, 1.0, seed=1)
    copies = [table.copy() for table in tables]
    run(*tables, label="y", **QUICK)
    for table, copy in zip(tables, copies):
        pd.testing.assert_frame_equal(table, copy)


def test_two_processes_find_what_one_finds():
    tables = make_table(60, 60), make_table(30, 20, 1.0, seed=1)
    found = [run(*tables, label="y", n_jobs=n, **QUICK).results["verdict"] for n in (1, 2)]
    assert found[0] == found[1]


def test_without_target_labels_nothing_is_claimed():
    found = run(make_table(60, 60), make_table(30, 0, 1.0, seed=1), label="y", **QUICK)
    assert found.results["verdict"]["outcome"] == "unknown"
    assert found.results["quality"] is None
    assert found.results["data"]["target"]["labelled"] == 0
    assert len(found.model.predict(make_table(5, 0))) == 5
    assert "cannot be known" in render_report(found.results)


def test_only_one_class_among_target_labels_is_no_ground_for_a_comparison():
    target = make_table(30, 20, 1.0, seed=1)
    target.loc[target["y"].notna(), "y"] = "ill"
    verdict = run(make_table(60, 60), target, label="y", **QUICK).results["verdict"]
    assert "all labelled target rows are of one class, 'ill'" in verdict["sentence"]


def test_progress_is_told_from_first_to_last():
    said = []
    tables = make_table(60, 60), make_table(30, 20, 1.0, seed=1)
    found = run(*tables, label="y", progress=lambda *what: said.append(what), **QUICK)
    n = 3 * len(found.results["leaderboard"]["rows"])
    fits = [(done, total) for what, done, total in said if what == "Comparing models"]
    assert fits == [(i, n) for i in range(3, n + 1, 3)]
    assert said[-1] == ("Describing what was found", 0, 0)


def test_a_budget_adds_what_labels_and_source_rows_are_worth():
    tables = make_table(60, 60), make_table(40, 30, 1.0, seed=1)
    said = []
    found = run(*tables, label="y", budget="2m", progress=lambda *what: said.append(what), **QUICK)
    assert found.results["settings"]["budget"] == 120.0
    assert found.results["learning_curve"]["rows"]
    assert found.results["influence"]["by"] == "clusters"
    assert {what for what, *_ in said} >= {"Weighing labels and source rows"}
    page = render_report(found.results)
    assert "What more labels are worth" in page and "Which source rows help" in page


def test_a_budget_that_is_used_up_leaves_the_reason(monkeypatch):
    def endless(*_, **__):
        time.sleep(30)

    monkeypatch.setattr("landbridge.job.learning_block", endless)
    monkeypatch.setattr("landbridge.job.DESCRIBING", 1.0)  # of what is left nothing is to be spent
    tables = make_table(60, 60), make_table(40, 30, 1.0, seed=1)
    found = run(*tables, label="y", budget=300, **QUICK).results
    assert found["learning_curve"] == {"rows": [], "reason": "the budget was used up"}


def test_what_the_comparison_leaves_of_the_budget_goes_to_what_explains_it(monkeypatch):
    given = {}

    def curve(*_):
        given["curve"] = _[-1]
        return {"rows": [], "reason": "not asked"}

    def groups(*_):
        given["groups"] = _[-1]
        return {"rows": [], "reason": "not asked"}

    monkeypatch.setattr("landbridge.job.learning_block", curve)
    monkeypatch.setattr("landbridge.job.influence_block", groups)
    tables = make_table(60, 60), make_table(40, 30, 1.0, seed=1)
    run(*tables, label="y", budget="1h", **QUICK)  # which takes seconds to compare
    assert 0.4 * 3600 < given["curve"] < 0.5 * 3600
    assert 0.9 * 3600 < given["groups"] < 3600  # the curve took nothing


def test_a_failure_in_what_explains_the_result_leaves_the_result(monkeypatch):
    def broken(*_):
        raise RuntimeError("it broke.")

    monkeypatch.setattr("landbridge.job.learning_block", broken)
    tables = make_table(60, 60), make_table(40, 30, 1.0, seed=1)
    found = run(*tables, label="y", budget="1m", **QUICK).results
    assert found["learning_curve"] == {"rows": [], "reason": "RuntimeError: it broke"}
    assert found["verdict"]["sentence"] and found["influence"]["rows"]


def test_too_few_labels_for_a_curve_are_its_reason():
    tables = make_table(60, 60), make_table(40, 8, 1.0, seed=1)
    found = run(*tables, label="y", budget="1m", **QUICK).results
    assert found["learning_curve"]["rows"] == []
    assert "needs 12 labelled target rows or more: yt has 8" in found["learning_curve"]["reason"]


def test_an_interruption_while_models_are_compared_leaves_nothing(tmp_path):
    def press_ctrl_c(what, done, total):
        if what == "Comparing models":
            raise KeyboardInterrupt

    tables = make_table(60, 60), make_table(40, 30, 1.0, seed=1)
    with pytest.raises(KeyboardInterrupt):
        run(*tables, label="y", budget="1m", progress=press_ctrl_c, **QUICK).save(tmp_path / "out")
    assert os.listdir(tmp_path) == []


def test_a_check_needs_no_target_labels_and_makes_no_model(tmp_path):
    found = check(make_table(60, 60), make_table(30, 0, 1.0, seed=1), label="y")
    assert found.model is None
    assert found.results["shift"]["n_target"] == 30
    assert sorted(found.save(tmp_path / "out")) == ["report", "results"]


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("acuracy", "Unknown metric 'acuracy': the nearest are 'accuracy'"),
        ("zzzzzz", "Unknown metric 'zzzzzz': choose one such as 'balanced_accuracy', 'roc_auc'"),
    ],
)
def test_an_unknown_metric_is_refused_before_the_tables_are_read(metric, message):
    with pytest.raises(ValueError, match=message):
        run("none.csv", "none.csv", label="y", metric=metric)


def test_probabilities_are_named_by_class_and_sum_to_one(tmp_path):
    found = run(make_table(60, 60), make_table(30, 20, 1.0, seed=1), label="y", **QUICK)
    predicted = found.model.predict(make_table(8, 0))
    assert list(predicted) == ["y", "probability of ill", "probability of well"]
    np.testing.assert_allclose(predicted.iloc[:, 1:].sum(axis=1), 1.0)


def test_a_model_without_probabilities_gives_labels_alone():
    tables = make_table(60, 60, task="regression"), make_table(30, 20, 1.0, 1, "regression")
    predicted = run(*tables, label="y", **QUICK).model.predict(make_table(8, 0))
    assert list(predicted) == ["y"]


def test_predictions_keep_the_index_and_pass_over_the_label():
    found = run(make_table(60, 60), make_table(30, 20, 1.0, seed=1), label="y", **QUICK)
    rows = make_table(8, 8).set_axis(list("abcdefgh"))
    predicted = found.model.predict(rows)
    assert predicted.index.tolist() == list("abcdefgh")
    pd.testing.assert_frame_equal(predicted, found.model.predict(rows.drop(columns="y")))


def test_saving_makes_the_folder_and_those_above_it(tmp_path):
    written = Outcome({"warnings": []}).save(tmp_path / "a" / "b")
    assert sorted(os.listdir(tmp_path / "a" / "b")) == ["report.html", "results.json"]
    assert written["results"] == tmp_path / "a" / "b" / "results.json"


def test_a_file_that_cannot_be_written_leaves_no_trace(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("landbridge.job.write_report", full)
    with pytest.raises(OSError, match="No space left"):
        Outcome({"warnings": []}).save(tmp_path / "a" / "b")
    assert os.listdir(tmp_path) == []


def test_a_model_that_cannot_be_saved_leaves_no_trace(tmp_path):
    with pytest.raises(TypeError, match="cannot be saved"):
        Outcome({"warnings": []}, TableModel(None, lambda: 0, "y")).save(tmp_path / "out")
    assert os.listdir(tmp_path) == []


def test_digits_by_writer_keep_the_source_model_or_gain():
    source, target = digits_by_writer()
    hidden = target.assign(digit=target["digit"].where(target.index % 9 == 0))
    found = run(source, hidden[::3], label="digit", n_repeats=1, candidates=["coral"])
    verdict = found.results["verdict"]
    assert verdict["chosen"] in ("source only", "coral")
    unseen = target.drop(index=hidden[::3].index)
    predicted = found.model.predict(unseen)
    assert (predicted["digit"] == unseen["digit"]).mean() > 0.9


@pytest.mark.skipif("LANDBRIDGE_DATA" not in os.environ, reason="LANDBRIDGE_DATA is not set")
def test_heart_disease_goes_from_cleveland_to_hungary(tmp_path):
    source, target = load_domains("heart_disease", "cleveland", "hungarian")
    found = run(source, target, label="disease", n_folds=3, n_repeats=1)
    rows = found.results["leaderboard"]["rows"]
    assert all(row["error"] is None for row in rows)
    assert min(row["score"] for row in rows) > 0.7
    written = found.save(tmp_path / "out")
    assert written["report"].stat().st_size < 3_000_000
    assert load(written["model"]).predict(target.frame)["disease"].isin([0, 1]).all()
