import subprocess
import sys
from pathlib import Path

import pytest

import landbridge

README = Path(__file__).parents[1] / "README.md"


def modules_after(code):
    """The modules that a fresh process has loaded after some code."""
    shown = f"{code}\nimport sys; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_loads_no_other():
    loaded = modules_after("import landbridge")
    assert not loaded & {"numpy", "scipy", "sklearn", "pandas", "torch", "typer"}


def test_every_public_name_is_there_and_loads_nothing_heavy():
    loaded = modules_after("from landbridge import *\nassert Transfer and compare and run")
    assert not loaded & {"torch", "tensorflow", "keras", "matplotlib", "ot", "dask"}
    for name in landbridge.__all__:
        assert getattr(landbridge, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Teleport'"):
        _ = landbridge.Teleport


def test_the_scripts_of_the_readme_run(capsys):
    """The first two: the third shows streams that a reader brings."""
    blocks = [part.split("```")[0] for part in README.read_text().split("```python\n")[1:]]
    scope = {}
    for block in blocks[:2]:
        exec(block, scope)
    assert "balanced_accuracy" in capsys.readouterr().out
    assert len(scope["model"].predict(scope["Xt"][:5])) == 5
