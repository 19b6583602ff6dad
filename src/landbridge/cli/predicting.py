"""Predictions of a saved model for the rows of a table."""

from pathlib import Path

import pandas as pd

from landbridge.cli.inputs import model_of, table_of
from landbridge.job import TableModel
from landbridge.saving import write_beside


def predictions(model: Path, table: str) -> pd.DataFrame:
    """The model's labels and probabilities, a row for each of the table's.

    Raises
    ------
    FileNotFoundError, OSError
        If model or table cannot be found or read.
    ValueError
        If the file holds no model that takes tables, or the table has none of its columns.
    """
    instead = (
        "this command takes those that landbridge run has written. Pictures and texts have a "
        "predict of their own; models of arrays are for landbridge.load in Python."
    )
    loaded = model_of(model, TableModel, instead)
    return loaded.predict(table_of(table).frame)


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a CSV file, all of it or nothing."""
    with write_beside(path) as file:
        frame.to_csv(file, index=False)
