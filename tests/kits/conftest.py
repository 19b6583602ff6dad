import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from landbridge.cli.app import app

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def typed(monkeypatch):
    """Types every command of a page of the documentation, and returns what each said."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(page):
        blocks = (DOCS / page).read_text("utf-8").split("```sh\n")[1:]
        lines = [line for block in blocks for line in block.split("```")[0].splitlines()]
        said = {}
        for line in lines:
            name, *words = shlex.split(line, comments=True)
            assert name == "landbridge"
            done = CliRunner().invoke(app, words)
            assert done.exit_code == 0, f"{line}: {done.output}"
            said[" ".join(words[:2])] = done.stdout
        return said

    return run
