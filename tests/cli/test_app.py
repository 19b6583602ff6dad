import importlib.metadata
import json
import os
import subprocess
import sys

import pandas as pd
import pytest

from landbridge.job import run as run_job

HEAVY = ("numpy", "pandas", "sklearn", "scipy", "pydantic", "torch")


def test_the_commands_are_loaded_without_heavy_libraries():
    code = (
        "import sys; import landbridge.cli.app; "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_help_names_every_command(landbridge):
    result = landbridge("--help")
    assert result.exit_code == 0
    for name in ("demo", "check", "run", "predict", "mappings", "data"):
        assert name in result.stdout


def test_the_version_is_that_of_the_package(landbridge):
    assert landbridge("--version").stdout == (
        f"landbridge {importlib.metadata.version('landbridge')}\n"
    )


def test_a_run_writes_model_report_and_results(quick_run):
    result, out = quick_run
    assert result.exit_code == 0, result.stderr
    assert sorted(os.listdir(out)) == ["model.landbridge", "report.html", "results.json"]
    for name in os.listdir(out):
        assert str(out / name) in result.stdout


def test_a_run_prints_leaderboard_and_verdict_in_eighty_columns(quick_run):
    result, out = quick_run
    found = json.loads((out / "results.json").read_text())
    printed = " ".join(result.stdout.split())
    assert found["verdict"]["sentence"] in printed
    for row in found["leaderboard"]["rows"]:
        assert row["name"] in printed
    told = [line for line in result.stdout.splitlines() if str(out) not in line]
    assert max(len(line) for line in told) <= 80


def test_json_is_all_that_is_on_stdout(landbridge, files, tmp_path, quick):
    out = tmp_path / "out"
    result = landbridge("run", *files, "--label", "ill", *quick, "-o", out, "--json")
    assert json.loads(result.stdout) == json.loads((out / "results.json").read_text())


def test_quiet_says_nothing(landbridge, files, tmp_path, quick):
    result = landbridge("run", *files, "-l", "ill", *quick, "-o", tmp_path / "out", "--quiet")
    assert (result.exit_code, result.output) == (0, "")


def test_the_command_in_the_results_does_the_same_once_more(landbridge, quick_run):
    _, out = quick_run
    first = json.loads((out / "results.json").read_text())
    words = first["command"].split()
    assert words[:2] == ["landbridge", "run"]
    again = json.loads(landbridge(*words[1:], "--json").stdout)
    assert again["verdict"] == first["verdict"]
    assert again["shift"] == first["shift"]


def test_the_options_reach_the_job(landbridge, files, tmp_path, quick):
    words = ["--learner", "tree", "--metric", "accuracy", "--level", "0.1", "--seed", "3"]
    out = tmp_path / "out"
    result = landbridge("run", *files, "-l", "ill", *quick, *words, "-o", out, "--json")
    settings = json.loads(result.stdout)["settings"]
    assert settings == {
        "label": "ill",
        "task": "classification",
        "learner": "tree",
        "candidates": ["coral"],
        "metric": "accuracy",
        "folds": 2,
        "repeats": 1,
        "level": 0.1,
        "budget": None,
        "seed": 3,
    }


@pytest.mark.parametrize("written", ["all", "[all]"])
def test_all_candidates_are_the_whole_catalogue(landbridge, files, tmp_path, monkeypatch, written):
    def asked(*_, candidates, **__):
        raise ValueError(f"asked for {candidates!r}")

    monkeypatch.setattr("landbridge.job.compare", asked)
    words = ["run", *files, "-l", "ill", "-o", tmp_path / "out"]
    config = tmp_path / "study.yaml"
    config.write_text(f"candidates: {written}\n")
    for given in (["--candidates", "all"], ["--config", config]):
        assert "asked for 'all'" in landbridge(*words, *given).stderr


def test_a_file_of_options_does_what_the_options_do(landbridge, files, tmp_path):
    config = tmp_path / "study.yaml"
    config.write_text(
        f"source: {files[0]}\ntarget: {files[1]}\nlabel: ill\n"
        f"candidates: [coral]\nfolds: 2\nrepeats: 1\noutput: {tmp_path / 'out'}\n"
    )
    result = landbridge("run", "--config", config, "--repeats", "2", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["leaderboard"]["repeats"] == 2


def test_a_check_prints_its_statements_and_writes_nothing(landbridge, files, tmp_path):
    before = sorted(os.listdir(tmp_path))
    result = landbridge("check", *files, "--label", "ill")
    assert result.exit_code == 0, result.stderr
    assert "The features differ between the domains" in result.stdout
    assert "What to try" in result.stdout
    assert "adjusted p" in result.stdout
    assert sorted(os.listdir(tmp_path)) == before


def test_a_check_with_a_folder_writes_report_and_results(landbridge, files, tmp_path):
    out = tmp_path / "out"
    result = landbridge("check", *files, "-l", "ill", "-o", out, "--json")
    assert sorted(os.listdir(out)) == ["report.html", "results.json"]
    assert json.loads(result.stdout)["shift"]["n_source"] == 80


def test_predictions_go_to_stdout_as_csv(landbridge, files, quick_run):
    result = landbridge("predict", quick_run[1] / "model.landbridge", files[1])
    lines = result.stdout.splitlines()
    assert lines[0] == "ill,probability of no,probability of yes"
    assert len(lines) == 41


def test_predictions_go_to_a_file_and_as_json_to_stdout(landbridge, files, quick_run, tmp_path):
    path = tmp_path / "predicted.csv"
    words = ["predict", quick_run[1] / "model.landbridge", files[1], "-o", path]
    assert landbridge(*words).stdout == f"40 predictions in {path}\n"
    rows = json.loads(landbridge(*words, "--json").stdout)
    assert [row["ill"] for row in rows] == pd.read_csv(path)["ill"].tolist()


def test_what_a_warning_says_is_one_line_on_stderr(landbridge, files, quick_run, tmp_path):
    rows = pd.read_csv(files[1]).assign(colour="green")
    rows.to_csv(tmp_path / "green.csv", index=False)
    result = landbridge("predict", quick_run[1] / "model.landbridge", tmp_path / "green.csv")
    assert result.stderr == "Warning: 'colour' has categories not seen at fit: 'green'.\n"


def test_the_catalogue_has_every_mapping_on_the_screen_and_as_json(landbridge):
    rows = json.loads(landbridge("mappings", "--json").stdout)
    shown = landbridge("mappings").stdout
    for row in rows["mappings"] + rows["targets"] + rows["learners"]:
        assert row["name"] in shown


def test_the_data_sets_are_listed_with_their_terms(landbridge):
    rows = json.loads(landbridge("data", "list", "--json").stdout)
    assert {"name", "licence", "domains", "found", "bytes"} <= set(rows[0])
    assert "comes with scikit-learn" in landbridge("data", "list").stdout.lower()


def test_a_data_set_without_files_needs_no_fetching(landbridge):
    assert landbridge("data", "fetch", "digits").stdout == "digits comes with scikit-learn.\n"
    assert json.loads(landbridge("data", "fetch", "digits", "--json").stdout) == []


def test_the_demo_shows_how_models_do_on_unseen_rows(landbridge, tmp_path, monkeypatch):
    def quick(*tables, **options):
        return run_job(*tables, **options, candidates=["coral"], n_folds=2, n_repeats=1)

    monkeypatch.setattr("landbridge.cli.demo.run", quick)
    out = tmp_path / "demo"
    result = landbridge("demo", "-o", out)
    assert result.exit_code == 0, result.stderr
    assert "accuracy on 420 target rows kept from every model" in result.stdout
    held_out = json.loads((out / "results.json").read_text())["held_out"]
    assert {"source only", "target only", "coral"} <= set(held_out["models"])


@pytest.mark.skipif("LANDBRIDGE_DATA" not in os.environ, reason="LANDBRIDGE_DATA is not set")
def test_a_data_set_brings_its_label_and_task(landbridge, tmp_path, quick):
    words = ["heart_disease:cleveland", "heart_disease:hungarian", *quick]
    result = landbridge("run", *words, "-o", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.stderr
    data = json.loads(result.stdout)["data"]
    assert (data["label"], data["task"]) == ("disease", "classification")
    assert data["source"]["rows"] == 303
