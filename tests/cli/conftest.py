import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from landbridge.cli.app import app


@pytest.fixture
def quick():
    """Options of a run that is soon done."""
    return ["--candidates", "coral", "--folds", "2", "--repeats", "1"]


@pytest.fixture
def make_table():
    """Makes a table of n rows; see ``_table``."""
    return _table


def _table(n, n_labelled, shift=0.0, seed=0):
    """Two numbers and a colour; the labels of the first rows, which follow the first number."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n) + shift
    ill = np.where(x + rng.normal(scale=0.3, size=n) > shift, "yes", "no").astype(object)
    ill[n_labelled:] = None
    colour = rng.choice(["red", "blue"], n)
    return pd.DataFrame({"x": x, "y": rng.normal(size=n), "colour": colour, "ill": ill})


@pytest.fixture
def files(tmp_path):
    """The paths of a source of 80 labelled rows and a target of 40 rows, 20 of them labelled."""
    paths = tmp_path / "source.csv", tmp_path / "target.csv"
    for path, table in zip(paths, (_table(80, 80), _table(40, 20, 2.0, seed=1))):
        table.to_csv(path, index=False)
    return [str(path) for path in paths]


@pytest.fixture
def landbridge(monkeypatch):
    """The command line as a function of its words, on a screen of eighty columns."""
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def quick_run(landbridge, files, quick, tmp_path):
    """The outcome of one quick run, and its folder."""
    out = tmp_path / "out"
    return landbridge("run", *files, "--label", "ill", *quick, "-o", out), out
