"""From what was typed to tables: files, or domains of data sets that are known by name."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from landbridge.cli.settings import Settings
from landbridge.domains import DATASETS, Table, load_domains, read_table


def table_of(text: str) -> Table:
    """The table in a file, or the domain of a data set given as ``name:domain``.

    Raises
    ------
    KeyError
        If there is no such data set or domain.
    FileNotFoundError, OSError, ValueError
        If a file cannot be found, fetched or read.
    """
    name, domain = dataset_and_domain(text)
    if name is None:
        return read_table(text, name=Path(text).name)
    return load_domains(name, domain, domain)[0]


def model_of(path: Path, kind: type, instead: str) -> Any:
    """The model in a file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it holds no model, or one of another kind: ``instead`` says what to give.
    """
    from landbridge.saving import load

    loaded = load(path)
    if not isinstance(loaded, kind):
        raise ValueError(f"{path} holds another kind of model, {type(loaded).__name__}: {instead}")
    return loaded


def dataset_and_domain(text: str) -> tuple[str | None, str]:
    """The two parts of ``name:domain``, or ``None`` and the text where that is a file's path."""
    name, colon, domain = text.partition(":")
    is_path = Path(text).exists() or os.sep in name or len(name) < 2  # C:\ is no data set
    return (None, text) if is_path or not colon else (name, domain)


def problem_of(settings: Settings) -> dict[str, Any]:
    """Source, target, label and task, the latter two from the data set where not given.

    Raises
    ------
    ValueError
        If source, target or label is missing.
    """
    if settings.source is None or settings.target is None:
        raise ValueError("Give SOURCE and TARGET, the two tables, here or in the file of --config.")
    source, target = table_of(settings.source), table_of(settings.target)
    data = DATASETS.get(dataset_and_domain(settings.source)[0] or "")
    label = settings.label or (data.label if data else None)
    if label is None:
        raise ValueError("Give the column to predict: --label NAME.")
    known = data.task if data and data.label == label else None
    return {"source": source, "target": target, "label": label, "task": settings.task or known}


def check_folder(path: Path, option: str = "--output") -> None:
    """Refuse before any work a folder that could not be written to after it.

    Whoever may write everything still cannot write everywhere: it is tried.

    Raises
    ------
    NotADirectoryError, PermissionError
        If it, or what it would be made in, is a file or may not be written.
    """
    standing = next(place for place in (path, *path.absolute().parents) if place.exists())
    if not standing.is_dir():
        raise NotADirectoryError(f"{standing} is a file, expected a folder: give another {option}.")
    may_not = f"{standing} may not be written: give another {option}."
    if not os.access(standing, os.W_OK):
        raise PermissionError(may_not)
    try:
        with TemporaryDirectory(dir=standing, prefix=".landbridge."):
            pass
    except OSError:
        raise PermissionError(may_not) from None
