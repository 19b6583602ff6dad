import json

import numpy as np
import pandas as pd
import pytest

from landbridge.job import check, run
from landbridge.results import results_schema

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")


def table(n, n_labelled, shift=0.0, seed=0, task="classification"):
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, n)) + shift
    y = np.where(x > shift, "ill", "well").astype(object) if task == "classification" else x
    y = np.asarray(y, dtype=object)
    y[n_labelled:] = None
    return pd.DataFrame({"x": x, "z": z, "colour": rng.choice(["a", "b"], n), "y": y})


def faults(results):
    """What the schema finds wrong, on results as a file holds them."""
    validator = jsonschema.Draft202012Validator(results_schema())
    written = json.loads(json.dumps(results, allow_nan=False))
    return [f"{list(e.absolute_path)}: {e.message}" for e in validator.iter_errors(written)]


QUICK = {"label": "y", "candidates": ["coral", "procrustes"], "n_folds": 3, "n_repeats": 2}


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("budget", [None, "1m"])
def test_the_results_of_a_run_follow_the_schema(task, budget):
    tables = table(60, 60, task=task), table(40, 24, 2.0, 1, task)
    results = run(*tables, task=task, budget=budget, **QUICK).results
    assert faults(results) == []
    assert (results["learning_curve"] is None) == (budget is None)


@pytest.mark.parametrize("n_labelled", [0, 3])
def test_the_results_of_a_run_with_too_few_labels_follow_the_schema(n_labelled):
    results = run(table(60, 60), table(40, n_labelled, 2.0, 1), budget="1m", **QUICK).results
    assert faults(results) == []
    assert results["verdict"]["labels_needed"] > 0


def test_the_results_of_a_check_follow_the_schema():
    assert faults(check(table(60, 60), table(40, 0, 2.0, 1), label="y").results) == []


def test_the_schema_is_one_itself_and_finds_faults():
    jsonschema.Draft202012Validator.check_schema(results_schema())
    results = run(table(60, 60), table(40, 24, 2.0, 1), **QUICK).results
    results["verdict"]["outcome"] = "splendid"
    del results["leaderboard"]["rows"][0]["score"]
    results["leaderboard"]["rows"][1]["extra"] = 1
    assert len(faults(results)) == 3


def test_every_block_that_the_report_shows_is_in_the_schema():
    from landbridge.report.facts import OF_KITS, TITLES

    known = set(results_schema()["properties"]) | {"reproduce"}
    assert set(TITLES) - set(OF_KITS) <= known
