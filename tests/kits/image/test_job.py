import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner

from landbridge import load
from landbridge.cli.app import app
from landbridge.cli.screen import show_run
from landbridge.kits.image import ImageTransfer, read_pictures, run_images
from landbridge.kits.image.job import apart
from landbridge.kits.image.pretrained import compare_features
from landbridge.report import render_report

QUICK = {"features": "hog", "size": 32, "candidates": ["prototype"], "n_folds": 2}


@pytest.fixture
def landbridge(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def test_labelled_target_pictures_let_the_guard_judge(folders):
    outcome = run_images(*folders, **QUICK)
    results = outcome.results
    names = {row["name"] for row in results["leaderboard"]["rows"]}
    assert names == {"source only", "target only", "pooled", "prototype"}
    assert results["verdict"]["outcome"] in ("helps", "no evidence", "hurts")
    assert results["data"]["target"]["labelled"] == 24 and results["data"]["source"]["rows"] == 48
    assert results["quality"]["models"][0]["classes"] == ["across", "disc", "upright"]
    shown = results["tables"][0]
    assert shown["title"] == "Pictures by class"
    assert [row[0] for row in shown["rows"]] == ["across", "disc", "upright", "no label"]
    assert shown["rows"][0][1]["pictures"][0]["src"].startswith("data:image/jpeg;base64,")
    assert outcome.model.score(folders[1]) > 0.9


def test_without_labels_the_choice_is_told_and_claims_nothing(folders, pictures):
    names = ["recentre", "augmentation", "prototype"]  # the second needs labels
    asked = QUICK | {"candidates": names}
    outcome = run_images(folders[0], pictures("target", 8)[0], **asked)
    verdict = outcome.results["verdict"]
    assert verdict["outcome"] == "unknown"
    assert verdict["chosen"] in ("identity", "recentre", "prototype")
    assert "chosen without labels" in verdict["details"][-1]
    assert verdict["sentence"].endswith(f". Used: {verdict['chosen']}, chosen without labels.")
    assert verdict["sentence"].count("Used: ") == 1


def test_near_duplicates_are_on_one_side_only_and_told(folders, pictures):
    """Two copies within the target, and one of a labelled target picture in the source."""
    source, target = folders
    twin = target / "disc" / "014.png"
    (target / "disc" / "again.png").write_bytes(twin.read_bytes())
    (target / "unlabelled" / "again.png").write_bytes(twin.read_bytes())
    (source / "across" / "again.png").write_bytes(twin.read_bytes())
    left, kept, twins = apart(read_pictures(source), read_pictures(target))
    assert len(left) == 48 and len(kept) == 42 and len(twins) == 3
    assert {pictures.names[k] for pictures, k, _, _ in twins} == {"disc/014.png"}
    results = run_images(source, target, **QUICK).results
    assert (
        "3 pictures are nearly the same as another and were left out, 1 of them in the source as "
        "in the target; 1 had another label than the one that was kept."
    ) in results["data"]["notes"]
    assert results["tables"][-1]["title"] == "Nearly the same"
    assert len(results["tables"][-1]["rows"]) == 3


def test_mistakes_are_shown_as_pictures(pictures):
    target, yt = pictures("target", 10)
    yt = yt.copy()
    yt[[0, 1]] = "disc"  # nobody can get these right
    results = run_images(pictures("source", 12), (target, yt), **QUICK).results
    table = results["tables"][1]
    assert table["title"] == "What was mistaken for what"
    found = {tuple(row[:3]) for row in table["rows"]}
    assert ("disc", "across", "2 ×") in found
    assert "labelled target pictures, each predicted by" in table["about"]


def test_classes_that_the_source_lacks_and_damaged_files_are_noted(folders):
    source, target = folders
    for file in (source / "disc").iterdir():
        file.unlink()
    (target / "across" / "cut.png").write_bytes(b"no picture")
    notes = run_images(source, target, **QUICK).results["data"]["notes"]
    assert any("The source never saw the classes 'disc'" in note for note in notes)
    assert any(note.startswith("Target: across/cut.png: ") for note in notes)


def test_networks_are_compared_with_networks(folders):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    from landbridge import Training

    outcome = run_images(
        *folders,
        features="cnn",
        size=16,
        candidates=["linear-probe"],
        training=Training(max_epochs=2),
        n_folds=2,
    )
    rows = {row["name"]: row for row in outcome.results["leaderboard"]["rows"]}
    assert rows["linear-probe"]["error"] is None and rows["target only"]["error"] is None
    assert outcome.model.takes_pixels_ and len(outcome.model.predict(folders[1])) == 42


def test_a_pretrained_backbone_is_judged_against_handmade_features(folders):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from landbridge.kits.image import Backbone

    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = torch.nn.Sequential(
            torch.nn.Conv2d(3, 8, 5, stride=2),
            torch.nn.ReLU(),
            torch.nn.Flatten(),
            torch.nn.Linear(8 * 6 * 6, 2),
        )
    outcome = run_images(None, folders[1], features=Backbone(module, 16), n_folds=2)
    rows = {row["name"] for row in outcome.results["leaderboard"]["rows"]}
    assert rows == {"target only", "probe", "prototype"}
    assert outcome.results["data"]["source"]["rows"] == 0
    assert outcome.model.score(folders[1]) > 0.8
    few = read_pictures(folders[1])
    few.labels[2:-2] = None
    told = run_images(None, few, features=Backbone(module, 16)).results
    assert told["verdict"]["outcome"] == "unknown" and told["verdict"]["chosen"] == "probe"
    said = io.StringIO()
    show_run(Console(file=said), told)
    assert "cannot be known here" in said.getvalue()
    assert "Pictures by class" in render_report(told)
    assert told["leaderboard"]["rows"] == [] and told["leaderboard"]["n_labelled"] == 4


def test_held_out_labels_are_not_seen_by_the_comparison(rng):
    """Rows that tell nothing: who peeked would do better than chance."""
    rows = rng.normal(size=(120, 5))
    y = np.repeat(["a", "b"], 60)
    from landbridge.source import make_learner

    names = ("target only", "probe", "prototype")
    learner = make_learner("logistic", "classification", 0)
    found = compare_features(dict.fromkeys(names, rows), y, learner, n_repeats=2)
    for name in names:
        assert abs(found[name].scores.mean() - 0.5) < 0.12
        truth = (found[name].predicted == found.observed).mean()
        assert truth == pytest.approx(found[name].scores.mean(), abs=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"candidates": ["magic"]}, "Unknown candidate 'magic'"),
        ({"candidates": ["coral", "lp-ft"]}, "'lp-ft' train a network on pixels, 'coral' go on"),
        ({"candidates": ["lp-ft"]}, "these features have none in PyTorch"),
        ({"candidates": ["corral"]}, "Unknown candidate 'corral': the nearest are 'coral'"),
        ({"metric": "acuracy"}, "Unknown metric 'acuracy': the nearest are 'accuracy'"),
        ({"n_folds": 1}, "n_folds must be a whole number from 2 up: found 1"),
        ({"n_repeats": 0}, "n_repeats must be a whole number from 1 up: found 0"),
        ({"level": 1.0}, "level must be a number above 0 and below 1: found 1.0"),
        ({"features": "sift"}, "Unknown features 'sift'"),
        ({"source": None}, "Without a source, features must be pretrained"),
    ],
)
def test_what_was_asked_wrongly_is_named_before_any_work(change, message, tmp_path):
    asked = {"source": tmp_path, "target": tmp_path, **QUICK} | change
    with pytest.raises(ValueError, match=message):
        run_images(asked.pop("source"), asked.pop("target"), **asked)


def test_a_source_that_is_a_copy_of_the_target_is_refused(folders):
    with pytest.raises(ValueError, match="the source has 0 pictures of 0 classes"):
        run_images(folders[0], folders[0], **QUICK)


def test_results_are_as_their_schema_says(folders):
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    from landbridge.results import results_schema

    jsonschema.validate(run_images(*folders, **QUICK).results, results_schema())


def test_labels_of_two_types_are_refused(pictures):
    source, ys = pictures("source", 4)
    with pytest.raises(TypeError, match=r"int and str|str and int"):
        run_images((source, ys), (source, np.arange(len(ys)) % 2), **QUICK)


def test_the_command_writes_a_model_a_report_and_results(landbridge, folders, tmp_path):
    out = tmp_path / "out"
    words = ["image", "run", *folders, "-o", out, "--features", "hog", "--size", "32"]
    words += ["--candidates", "prototype", "--folds", "2", "--cache", tmp_path / "rows"]
    done = landbridge(*words)
    assert done.exit_code == 0, done.output
    results = json.loads((out / "results.json").read_text())
    assert results["command"].startswith("landbridge image run")
    assert "--candidates prototype" in results["command"] and "--label" not in results["command"]
    page = (out / "report.html").read_text()
    assert (
        len(re.findall(r'<img class="thumb" src="data:image/jpeg;base64,[\w+/=]+" alt=', page)) > 20
    )
    assert isinstance(load(out / "model.landbridge"), ImageTransfer)
    assert list((tmp_path / "rows").rglob("*.npz"))
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    told = landbridge("image", "predict", out / "model.landbridge", folders[1] / "disc", bad)
    rows = told.stdout.strip().splitlines()
    assert told.exit_code == 0 and len(rows) == 9
    assert rows[0] == (
        "file,class,probability of across,probability of disc,probability of upright"
    )
    assert "bad.png cannot be read" in told.stderr
    saved = tmp_path / "found.csv"
    landbridge("image", "predict", out / "model.landbridge", folders[1], "-o", saved)
    assert len(pd.read_csv(saved)) == 42


def test_the_command_says_what_is_wrong_and_writes_nothing(landbridge, folders, tmp_path):
    out, empty = tmp_path / "out", tmp_path / "empty"
    empty.mkdir()
    failed = landbridge("image", "run", empty, folders[1], "-o", out)
    assert failed.exit_code == 2 and "holds no picture" in failed.stderr and not out.exists()
    failed = landbridge("image", "run", folders[1], "-o", out)
    assert failed.exit_code == 2 and "Without a source" in failed.stderr and not out.exists()
    failed = landbridge("image", "predict", folders[0] / "disc" / "016.png", empty)
    assert failed.exit_code == 2 and "not a model" in failed.stderr


def test_folders_and_tables_of_paths_go_together(landbridge, folders, tmp_path):
    """Also where the classes are digits, and one run uses what another has kept."""
    digits = {"across": "0", "disc": "1", "upright": "2"}
    for folder in folders:
        for kind, digit in digits.items():
            (folder / kind).rename(folder / digit)
    rows = [[f"source/{f.parent.name}/{f.name}", f.parent.name] for f in folders[0].rglob("*.png")]
    pd.DataFrame(rows, columns=["path", "label"]).to_csv(tmp_path / "source.csv", index=False)
    words = ["--features", "hog", "--size", "16", "--candidates", "prototype", "--folds", "2"]
    words += ["--cache", tmp_path / "rows"]
    for source, name in ((folders[0], "one"), (tmp_path / "source.csv", "two")):
        done = landbridge("image", "run", source, folders[1], "-o", tmp_path / name, *words)
        assert done.exit_code == 0, done.output
        assert "columns make" not in done.output and " features" in done.output
    boards = [
        [(row["name"], row["score"]) for row in results["leaderboard"]["rows"]]
        for results in (
            json.loads((tmp_path / name / "results.json").read_text()) for name in ("one", "two")
        )
    ]
    assert boards[0] == boards[1]
    table = pd.read_json(io.StringIO(landbridge(
        "image", "predict", tmp_path / "two" / "model.landbridge", folders[1] / "1", "--json"
    ).stdout))  # fmt: skip
    assert set(table["class"]) <= {0, 1, 2} and len(table) == 8


def test_a_cache_that_cannot_be_written_is_refused_before_any_work(landbridge, folders, tmp_path):
    file = tmp_path / "file"
    file.write_text("in the way")
    failed = landbridge("image", "run", *folders, "-o", tmp_path / "out", "--cache", file / "rows")
    assert failed.exit_code == 2 and not (tmp_path / "out").exists()
    assert "give another --cache" in " ".join(failed.stderr.split())


def test_the_directions_in_which_pictures_differ_have_a_name(folders):
    features = run_images(*folders, **QUICK).results["shift"]["features"]
    assert {one["name"] for one in features} == {f"direction {k}" for k in range(1, 11)}


def test_the_command_exports(landbridge, pictures, tmp_path):
    pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    model = ImageTransfer("pixels", size=8).fit(pictures("source", 6), pictures("target", 3))
    model.save(tmp_path / "model.landbridge")
    done = landbridge("image", "export", tmp_path / "model.landbridge", tmp_path / "m.onnx")
    assert done.exit_code == 0 and "takes bytes of pictures (n, 8, 8, 3)" in done.stdout
    assert (tmp_path / "m.onnx").stat().st_size > 0
