import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from landbridge import load
from landbridge.cli.app import app
from landbridge.kits.text import run_texts
from landbridge.kits.text.job import TextModel


@pytest.fixture
def tables(reviews):
    """Labelled reviews of books, and of knives, of which the first 30 have labels."""
    texts, labels = reviews("books", 90)
    target, truth = reviews("knives", 70)
    known = np.where(np.arange(70) < 30, truth.astype(object), None)
    return (
        pd.DataFrame({"body": [*texts, ""], "stars": [*labels, "up"]}),
        pd.DataFrame({"body": target, "stars": known}),
    )


@pytest.fixture
def landbridge(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def files(tables, tmp_path):
    paths = tmp_path / "books.csv", tmp_path / "knives.csv"
    for path, table in zip(paths, tables):
        table.to_csv(path, index=False)
    return paths


QUICK = {"candidates": ["scl"], "n_folds": 2}


def test_labelled_target_texts_let_the_guard_judge(tables):
    outcome = run_texts(*tables, text="body", label="stars", **QUICK)
    results = outcome.results
    names = {row["name"] for row in results["leaderboard"]["rows"]}
    assert {"source only", "target only", "pooled", "scl"} <= names
    assert results["verdict"]["outcome"] in ("helps", "no evidence", "hurts")
    assert "Source: 1 of 91 texts is empty: left out." in results["data"]["notes"]
    assert results["data"]["target"] | {"labelled": 30, "rows": 70} == results["data"]["target"]
    assert {"Words: carries over", "What decided"} <= {t["title"] for t in results["tables"]}


def test_without_labels_the_choice_is_told_and_claims_nothing(tables):
    source, target = tables
    outcome = run_texts(source, target[["body"]], text="body", label="stars", candidates=["scl"])
    verdict = outcome.results["verdict"]
    assert verdict["outcome"] == "unknown" and verdict["chosen"] in ("identity", "scl")
    assert "chosen without labels" in verdict["details"][-1]
    assert verdict["sentence"].endswith(f". Used: {verdict['chosen']}, chosen without labels.")
    assert verdict["sentence"].count("Used: ") == 1
    predicted = outcome.model.predict(["sharp and good", ""], 2)
    assert list(predicted) == ["stars", "probability of down", "probability of up", "words"]
    assert list(outcome.model.predict(["sharp"])) == list(predicted)[:-1]


def test_directions_are_named_by_words_that_tell_texts_apart(tables):
    """A word of every text is in every direction, and names none."""
    everywhere = [table.assign(body="the " + table["body"]) for table in tables]
    results = run_texts(*everywhere, text="body", label="stars", **QUICK).results
    named = [one["name"].partition(": ")[2].split(" · ") for one in results["shift"]["features"]]
    assert len(named) > 3 and all(len(words) == 3 for words in named)
    assert not any("the" in words for words in named)


def test_words_of_which_the_model_makes_nothing_are_not_shown(tables):
    """A source only knows nothing of the target's own words: no effects of 0 are listed."""
    source, target = tables
    outcome = run_texts(source, target[["body"]], text="body", label="stars", candidates=[])
    assert outcome.results["verdict"]["chosen"] == "identity"
    shown = [t for t in outcome.results["tables"] if t["title"].startswith("Words: ")]
    assert [t["title"] for t in shown] == ["Words: carries over"]
    assert all(row[3] != 0 for t in shown for row in t["rows"])


def test_texts_that_are_in_both_tables_are_told(tables):
    source, target = tables
    target = pd.concat([target, source.iloc[:4][["body"]]])
    outcome = run_texts(source, target, text="body", label="stars", **QUICK)
    assert "4 of 74 target texts are in the source too." in outcome.results["data"]["notes"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"candidates": ["magic"]}, "Unknown candidate 'magic'"),
        ({"text": "bdy"}, "the nearest are 'body'"),
        ({"label": "rating"}, "no column 'rating'"),
        ({"encoding": "klingon"}, "no encoding 'klingon'"),
        ({"label": "body"}, "'body' cannot be both the texts and the labels"),
        ({"candidates": ["corral"]}, "Unknown candidate 'corral': the nearest are 'coral'"),
        ({"metric": "acuracy"}, "Unknown metric 'acuracy': the nearest are 'accuracy'"),
        ({"n_folds": 1}, "n_folds must be a whole number from 2 up: found 1"),
    ],
)
def test_what_was_asked_wrongly_is_named_before_any_work(change, message, files):
    with pytest.raises(ValueError, match=message):
        run_texts(*files, **({"text": "body", "label": "stars"} | change))


def test_one_class_is_refused(tables):
    source, target = tables
    with pytest.raises(ValueError, match="one class, 'up'"):
        run_texts(source.assign(stars="up"), target, text="body", label="stars")


def test_the_command_writes_a_model_a_report_and_results(landbridge, files, tmp_path):
    out = tmp_path / "out"
    done = landbridge(
        "text", "run", *files, "--text", "body", "-l", "stars", "-o", out,
        "--candidates", "scl", "--folds", "2",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    results = json.loads((out / "results.json").read_text())
    assert results["command"].startswith("landbridge text run")
    assert "--candidates scl --folds 2" in results["command"]
    page = (out / "report.html").read_text()
    assert "Words: carries over" in page and "What decided" in page
    assert isinstance(load(out / "model.landbridge"), TextModel)
    told = landbridge("text", "predict", out / "model.landbridge", files[1])
    rows = told.output.strip().splitlines()
    assert told.exit_code == 0 and len(rows) == 71 and rows[0].startswith("stars,probability of")
    failed = landbridge("text", "predict", out / "model.landbridge", files[1], "--words", "-3")
    assert failed.exit_code == 2 and "n_words must be a whole number" in failed.stderr
    saved = tmp_path / "found.csv"
    landbridge("text", "predict", out / "model.landbridge", files[1], "--words", "2", "-o", saved)
    assert list(pd.read_csv(saved))[-2:] == ["probability of up", "words"]


def test_the_command_says_what_is_wrong_and_writes_nothing(landbridge, files, tmp_path):
    out = tmp_path / "out"
    words = ("text", "run", *files, "--text", "review", "--label", "stars", "-o", out)
    failed = landbridge(*words)
    assert failed.exit_code == 2 and "no column 'review'" in failed.stderr and not out.exists()
    failed = landbridge("text", "predict", files[0], files[1])
    assert failed.exit_code == 2 and "not a model" in failed.stderr
