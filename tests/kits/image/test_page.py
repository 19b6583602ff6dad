from pathlib import Path

import pytest
from PIL import Image

PAGE = Path(__file__).parents[3] / "docs" / "images.md"


def test_what_the_page_on_images_says_runs(pictures, write_folder, tmp_path, monkeypatch):
    blocks = [part.split("```")[0] for part in PAGE.read_text("utf-8").split("```python\n")[1:]]
    assert any("lp-ft" in block for block in blocks)
    pytest.importorskip("torch", reason="PyTorch is not installed")
    monkeypatch.chdir(tmp_path)
    write_folder("catalogue", *pictures("source", 6))
    write_folder("snapshots", *pictures("target", 4))
    new, _ = pictures("target", 1)
    (tmp_path / "new").mkdir()
    for k, array in enumerate(new):
        Image.fromarray(array).save(tmp_path / "new" / f"{k}.jpg")
    scope = {"pictures": new}
    for block in blocks:
        exec(block, scope)
    assert set(scope["model"].predict(new)) <= {"across", "disc", "upright"}
    assert (tmp_path / "model.landbridge").exists()


def test_every_command_of_the_page_on_images_can_be_typed(
    typed, pictures, write_folder, tmp_path, monkeypatch
):
    pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    monkeypatch.chdir(tmp_path)
    write_folder("catalogue", *pictures("source", 6))
    target, labels = pictures("target", 4)
    write_folder("snapshots", target, [*labels[:-2], None, None])
    write_folder("new", *pictures("target", 1))
    said = typed("images.md")
    assert list(said) == ["image run", "image predict", "image export"]
    assert "Leaderboard" in said["image run"]
    assert len(said["image predict"].splitlines()) == 4
    assert (tmp_path / "results" / "report.html").exists() and (tmp_path / "model.onnx").exists()
