"""What people get wrong: each is one clear message, exit code 2, and nothing written."""

import errno
import os
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def refused(landbridge, files, tmp_path, quick):
    """A run that must fail: its message, after a look at what it left behind."""

    def run(*words, source=files[0], target=files[1], label="ill", code=2):
        before = sorted(os.listdir(tmp_path))
        out = tmp_path / "out"
        result = landbridge("run", source, target, "--label", label, *quick, "-o", out, *words)
        assert sorted(os.listdir(tmp_path)) == before
        assert result.exit_code == code
        assert "Traceback" not in result.output
        assert result.stdout == ""
        return " ".join(result.stderr.split())

    return run


@pytest.fixture
def written(tmp_path):
    """Writes a table to a CSV file and returns its path."""

    def write(table, name="odd.csv"):
        table.to_csv(tmp_path / name, index=False)
        return tmp_path / name

    return write


def test_tables_without_a_column_in_common(refused, written):
    odd = written(pd.DataFrame({"a": [1.0, 2.0], "b": [2.0, 3.0]}))
    message = refused(target=odd)
    assert "Source and target have no column in common" in message


def test_a_source_of_one_class(refused, written, make_table):
    odd = written(make_table(30, 30).assign(ill="yes"))
    assert "All 30 labels of the source are 'yes'" in refused(source=odd)


@pytest.mark.parametrize("n", [0, 1])
def test_a_target_of_no_or_one_row(refused, written, n, make_table):
    odd = written(make_table(5, 5).head(n))
    assert f"The target has {n} rows, expected at least 2" in refused(target=odd)


def test_constant_columns_only(refused, written, make_table):
    tables = [make_table(30, 30)[["ill"]].assign(x=1.0) for _ in range(2)]
    paths = [written(table, name) for table, name in zip(tables, ("a.csv", "b.csv"))]
    assert "'x': dropped, one value throughout" in refused(source=paths[0], target=paths[1])


def test_duplicate_column_names(refused, tmp_path):
    (tmp_path / "odd.csv").write_text("x,x,ill\n1,2,yes\n3,4,no\n")
    assert "column names that occur more than once: 'x'" in refused(source=tmp_path / "odd.csv")


def test_labels_of_a_type_that_does_not_fit(refused, written, make_table):
    odd = written(make_table(30, 30).assign(ill=np.arange(30) % 2))
    assert "are text in the source" in refused(target=odd)
    assert "A regression needs numbers as labels" in refused("--task", "regression")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_that_was_cut_off(refused, tmp_path, ending, make_table):
    path = tmp_path / f"odd.{ending}"
    if ending == "parquet":
        pytest.importorskip("pyarrow")
        make_table(300, 300).to_parquet(path)
    else:
        make_table(300, 300).to_csv(path, index=False)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 40 if ending == "parquet" else whole.rindex(b",")])
    message = refused(source=path)
    assert str(path) in message
    assert "cut off" in message


def test_a_file_that_is_no_table(refused, tmp_path):
    (tmp_path / "odd.parquet").write_bytes(b"not a table")
    assert "cannot be read as .parquet" in refused(source=tmp_path / "odd.parquet")


def test_a_file_that_is_not_there(refused, tmp_path):
    message = refused(source=tmp_path / "none.csv")
    assert f"There is no file {tmp_path / 'none.csv'}: check the path." in message


def test_a_label_that_is_not_there(refused):
    assert "no column 'il' to take labels from; the nearest are 'ill'" in refused(label="il")


def test_a_candidate_that_is_not_there(refused):
    message = refused("--candidates", "corral")
    assert "Unknown candidate 'corral': the nearest are 'coral'" in message


def test_a_learner_that_is_not_there(refused):
    message = refused("--learner", "oak")
    assert "No learner 'oak' for classification: choose one of logistic, tree" in message


def test_a_metric_that_is_not_there(refused):
    message = refused("--metric", "acuracy")
    assert "Unknown metric 'acuracy': the nearest are 'accuracy'" in message
    assert "'roc_auc'" in message


def test_a_data_set_or_domain_that_is_not_there(refused):
    assert "There is no data set 'hearts'. Choose from: 'digits'" in refused(source="hearts:va")
    assert "digits has no domain 'me'" in refused(source="digits:me")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--folds", "1"], "--folds: found 1, expected greater than or equal to 2."),
        (["--level", "1.5"], "--level: found 1.5, expected less than 1."),
        (["--task", "ranking"], "--task: found 'ranking', expected 'classification' or 'regress"),
    ],
)
def test_options_out_of_range(refused, words, message):
    assert message in refused(*words)


def test_an_option_of_another_type_is_refused_at_once(landbridge):
    result = landbridge("run", "a.csv", "b.csv", "--folds", "many")
    assert result.exit_code == 2
    assert "--folds" in result.stderr


def test_what_is_missing_is_asked_for(landbridge, files, tmp_path):
    out = tmp_path / "out"
    assert "Give SOURCE and TARGET" in landbridge("run", files[0], "-o", out).stderr
    result = landbridge("run", *files, "-o", out)
    assert result.stderr == "Error: Give the column to predict: --label NAME.\n"
    assert (result.exit_code, out.exists()) == (2, False)


def test_a_run_without_a_folder_is_refused_before_reading(landbridge):
    result = landbridge("run", "no.csv", "no.csv", "--label", "y")
    assert "Give the folder to write to: --output FOLDER." in result.stderr


def test_infinite_values_count_as_missing_and_are_reported(landbridge, tmp_path, quick, make_table):
    table = make_table(80, 80)
    table.loc[[3, 5], "x"] = [np.inf, -np.inf]
    path = tmp_path / "odd.npz"
    rows = table[["x", "y"]].to_numpy()
    np.savez(path, X=rows, y=(table["ill"] == "yes").to_numpy())
    result = landbridge("run", path, path, "-l", "y", *quick, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert "'x0': 4 infinite values count as missing" in " ".join(result.stdout.split())


def test_a_constant_column_is_dropped_and_reported(landbridge, written, tmp_path, make_table):
    paths = [written(make_table(40, 40, seed=s).assign(k=1), f"{s}.csv") for s in (0, 1)]
    result = landbridge("check", *paths, "-l", "ill")
    assert "'k': dropped, one value throughout." in result.stdout


def test_columns_of_one_table_only_are_dropped_and_reported(landbridge, written, files, make_table):
    odd = written(make_table(40, 20).assign(more=1.0))
    result = landbridge("check", files[0], odd, "-l", "ill")
    assert "'more': dropped, only the target has it." in result.stdout


def test_a_full_disk_leaves_nothing_behind(refused, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("landbridge.job.write_report", full)
    assert refused(code=1) == "Error: No space left on device. Nothing was written."


def test_a_full_disk_leaves_an_earlier_result_as_it_was(
    landbridge, files, quick_run, monkeypatch, quick
):
    _, out = quick_run
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("landbridge.job.save", full)
    result = landbridge("run", *files, "-l", "ill", *quick, "--seed", "5", "-o", out)
    assert result.exit_code == 1
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_folder_in_a_file_is_refused_before_any_work(landbridge, files, tmp_path):
    out = tmp_path / "source.csv" / "out"
    result = landbridge("run", "no.csv", "no.csv", "-l", "ill", "-o", out)
    assert result.exit_code == 2
    assert f"{tmp_path / 'source.csv'} is a file, expected a folder" in result.stderr


def test_an_interruption_is_one_line_and_code_130(refused, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("landbridge.job.compare", interrupted)
    assert refused(code=130) == "Interrupted: nothing was written."


def test_ctrl_c_in_mid_run_leaves_nothing_behind(tmp_path):
    code = (
        "import signal\n"
        "from contextlib import contextmanager\n"
        "import landbridge.cli, landbridge.cli.app as app\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # ignored in the background
        "@contextmanager\n"
        "def told(shown):\n"
        "    yield lambda what, done, total: print(what, done, flush=True)\n"
        "app.progress_bars = told\n"
        "landbridge.cli.main()\n"
    )
    words = ["run", "digits:first_writers", "digits:last_writers", "-o", str(tmp_path / "out")]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "Comparing models 5\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "Interrupted: nothing was written.\n")
    assert os.listdir(tmp_path) == []


def test_a_model_that_is_none(landbridge, files, tmp_path):
    (tmp_path / "odd.landbridge").write_bytes(b"nothing of the kind")
    result = landbridge("predict", tmp_path / "odd.landbridge", files[1])
    assert result.exit_code == 2
    assert "is not a model of Landbridge, or is damaged" in result.stderr
    assert "There is no model at" in landbridge("predict", tmp_path / "no", files[1]).stderr
