from pathlib import Path

import pytest
from PIL import Image

README = Path(__file__).parents[3] / "README.md"


def blocks_on_pictures():
    parts = README.read_text("utf-8").split("```python\n")[1:]
    return [block for part in parts if "ImageTransfer" in (block := part.split("```")[0])]


def test_what_the_readme_says_of_pictures_runs(pictures, write_folder, tmp_path, monkeypatch):
    blocks = blocks_on_pictures()
    if not blocks:
        pytest.skip("the README has no section on pictures")
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
