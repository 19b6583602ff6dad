"""Predictions for files: what each shows, with probabilities."""

import os
from collections.abc import Sequence
from typing import Any

import pandas as pd

from landbridge.kits.image.reading import read_pictures
from landbridge.kits.image.transfer import ImageTransfer
from landbridge.source import has_probabilities


def predict_files(
    model: ImageTransfer, files: Sequence[str | os.PathLike]
) -> tuple[pd.DataFrame, dict[str, str]]:
    """The class expected for each picture in files and folders, and what could not be read.

    Parameters
    ----------
    model : fitted ImageTransfer
    files : sequence of path

    Returns
    -------
    found : DataFrame
        ``file``, ``class``, and each class's probability.
    unreadable : dict of str to str
        Files that were passed over, and why.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If none can be read.
    """
    read = read_pictures([str(file) for file in files], name="pictures")
    columns: dict[str, Any] = {"file": read.names, "class": model.predict(read)}
    if has_probabilities(model):
        shares = model.predict_proba(read)
        columns |= {
            f"probability of {name}": share for name, share in zip(model.classes_, shares.T)
        }
    return pd.DataFrame(columns), read.unreadable
