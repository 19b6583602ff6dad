"""The command that ranks source tables."""

import json

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from landbridge.cli.ranking import rank

app = typer.Typer()
app.command()(rank)


@pytest.fixture
def files(tmp_path):
    """A near and a far source with words and gaps, and a target."""
    rng = np.random.default_rng(0)
    for name, shift in (("near", 0.2), ("far", 3.0), ("target", 0.0)):
        frame = pd.DataFrame({"age": rng.normal(shift, 1, 80), "town": rng.choice(["a", "b"], 80)})
        frame["ill"] = np.where(frame["age"] > shift, "yes", "no")
        frame.loc[3, "age"] = np.nan
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    return {name: str(tmp_path / f"{name}.csv") for name in ("near", "far", "target")}


def ranked(*arguments):
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_the_nearest_source_is_first(files):
    result = ranked(files["far"], files["near"], "-t", files["target"], "-l", "ill", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert found["by"] == "accuracy"
    assert found["rows"][0]["name"] == files["near"]


def test_without_target_labels_distances_rank_and_are_shown(files, tmp_path):
    pd.read_csv(files["target"]).drop(columns="ill").to_csv(tmp_path / "bare.csv", index=False)
    result = ranked(files["far"], files["near"], "-t", tmp_path / "bare.csv", "-l", "ill")
    assert result.exit_code == 0, result.output
    said = "".join(result.output.split())  # a long path is broken anywhere
    assert "Sourcesbyproxyadistance" in said
    assert "near.csvranksfirst" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["near", "near", "-l", "ill"], "Each source may be given once"),
        (["near", "far"], "--label NAME"),
        (["near", "far", "-l", "well"], "has no column 'well'"),
    ],
)
def test_bad_input_is_named(files, arguments, said):
    given = [files.get(one, one) for one in arguments]
    result = ranked(*given, "-t", files["target"])
    assert result.exit_code != 0
    assert "".join(said.split()) in "".join(result.output.split())
