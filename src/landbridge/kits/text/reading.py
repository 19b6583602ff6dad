"""Tables with a column of texts: read from files, and what is wrong with them said."""

import codecs
import csv
import gzip
import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landbridge.domains import Table, read_table
from landbridge.domains.labels import is_labelled
from landbridge.domains.sniffing import MISSING, decode
from landbridge.domains.wording import listed, nearest
from landbridge.kits.text.words import as_texts

SEPARATORS = (",", "\t", ";", "|")
TEXT_ENDINGS = (".csv", ".tsv", ".txt")


@dataclass(frozen=True, eq=False)
class TextTable:
    """Texts of one domain, the labels that they have (blank: ``None``), and their table."""

    texts: list[str]
    labels: NDArray
    table: Table

    @property
    def n_labelled(self) -> int:
        """How many texts have a label."""
        return int(is_labelled(self.labels).sum())


def read_texts(
    source: Any,
    *,
    text: str,
    label: str | None = None,
    name: str = "table",
    encoding: str | None = None,
    needs_labels: bool = False,
) -> TextTable:
    """Read a table that has a column of texts, and one of labels if there are any.

    Parameters
    ----------
    source : path, DataFrame or Table
        A ``.csv``, ``.tsv`` or ``.txt`` file (each also with ``.gz``), whose separator is the one
        that makes a column ``text`` of the first line; or anything else that ``read_table`` takes.
    text, label : str
        Names of the columns.
    name : str
        What messages call the table.
    encoding : str, optional
        Of a text file: found out by default, and noted where it is not UTF-8.
    needs_labels : bool
        Whether rows without text or label are left out, and noted.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty, no text, of another encoding, lacks a column, or all its texts are empty.

    Examples
    --------
    >>> import pandas as pd
    >>> from landbridge.kits.text import read_texts
    >>> table = pd.DataFrame({"body": ["good", None, "bad"], "stars": [5, 4, 1]})
    >>> read = read_texts(table, text="body", label="stars", needs_labels=True)
    >>> read.texts, read.labels.tolist(), read.table.notes
    (['good', 'bad'], [5, 1], ('1 of 3 texts is empty: left out.',))
    """
    table = _read(source, text, name, encoding)
    frame, notes = table.frame, list(table.notes)
    _check_columns(frame, text, label if needs_labels else None, name)
    texts = as_texts(frame[text].tolist(), f"column {text!r} of {name}")
    labels = _labels(frame, label)
    kept = np.ones(len(texts), dtype=bool)
    empty = np.array([not value.strip() for value in texts])
    if needs_labels:
        kept = ~empty & is_labelled(labels)
    notes += _notes(empty, kept, needs_labels)
    texts, labels = [t for t, keep in zip(texts, kept) if keep], labels[kept]
    if not texts:
        raise ValueError(f"No row of {name} has both a text ({text}) and a label ({label}).")
    shown = (
        pd.DataFrame({text: texts}) if label is None else pd.DataFrame({text: texts, label: labels})
    )
    return TextTable(
        texts, labels, Table(shown, table.name, table.path, table.sha256, tuple(notes))
    )


def _read(source: Any, text: str, name: str, encoding: str | None) -> Table:
    if not isinstance(source, (str, os.PathLike)):
        return read_table(source, name=name)
    path = Path(source)
    endings = path.suffixes[-2:-1] if path.suffix == ".gz" else path.suffixes[-1:]
    if not endings or endings[0].lower() not in TEXT_ENDINGS:
        return read_table(path, name=name)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}: check the path.")
    raw = path.read_bytes()
    try:
        unpacked = gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError) as error:
        raise ValueError(f"{path} is no gzip file, or is cut off: fetch it once more.") from error
    content, notes = _decoded(unpacked, path, encoding)
    frame = _parsed(content, path, text)
    return Table(frame, path.name, str(path), hashlib.sha256(raw).hexdigest(), notes)


def _decoded(raw: bytes, path: Path, encoding: str | None) -> tuple[str, tuple[str, ...]]:
    if not raw.strip():
        raise ValueError(f"{path} is empty, expected a table: fetch or export it once more.")
    if encoding is None:
        try:
            content, found = decode(raw)
        except ValueError as error:
            raise ValueError(f"{path} cannot be read: {error}. Give its --encoding.") from error
        return content, () if found == "utf-8" else (f"The text encoding is {found}.",)
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise ValueError(
            f"There is no encoding {encoding!r}: common ones are utf-8, utf-16, cp1252 and latin-1."
        ) from None
    try:
        return raw.decode(encoding), ()
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{path}, line {line}: found bytes that are not {encoding}. Give another encoding, or "
            "none, to have it found out."
        ) from None


def _parsed(content: str, path: Path, text: str) -> pd.DataFrame:
    content = content.removeprefix("\ufeff")
    separator = _separator(content, path, text)
    options: dict[str, Any] = {"sep": separator, "dtype": str, "keep_default_na": False}
    is_plain = separator == "\t" and _has_equal_lines(content)
    if is_plain:  # quotes are part of the text where each line has all its tabs
        options["quoting"] = csv.QUOTE_NONE
    try:
        return pd.read_csv(io.StringIO(content), index_col=False, **options)
    except (pd.errors.ParserError, ValueError) as error:
        raise ValueError(
            f"{path} cannot be read as a table: {str(error).strip().splitlines()[0]}. Texts that "
            f"hold a {separator!r} or a line break must stand in double quotes."
        ) from error


def _separator(content: str, path: Path, text: str) -> str:
    """The separator with which the first line has a column of that name."""
    first = next(line for line in content.splitlines() if line.strip())
    splits = {mark: next(csv.reader([first], delimiter=mark)) for mark in SEPARATORS}
    for mark, fields in splits.items():
        if text in [field.strip() for field in fields]:
            return mark
    columns = max(splits.values(), key=len)
    raise ValueError(_no_column(str(path), text, columns))


def _has_equal_lines(content: str) -> bool:
    return len({line.count("\t") for line in content.splitlines() if line.strip()}) == 1


def _check_columns(frame: pd.DataFrame, text: str, label: str | None, name: str) -> None:
    for column in (text, label):
        if column is not None and column not in frame.columns:
            raise ValueError(_no_column(name, column, [str(other) for other in frame.columns]))


def _no_column(where: str, column: str, columns: list[str]) -> str:
    like = nearest(column, columns)
    found = f"the nearest are {listed(like)}" if like else f"it has {listed(columns)}"
    hint = (
        " There is one column only: is the separator another than comma, tab, semicolon or bar?"
        if len(columns) == 1
        else ""
    )
    return (
        f"{where} has no column {column!r}: {found}. Give the name as it is spelled in the first "
        f"line.{hint}"
    )


def _labels(frame: pd.DataFrame, label: str | None) -> NDArray:
    """Labels as they are, numbers as numbers, ``None`` where there is none."""
    if label is None or label not in frame.columns:
        return np.full(len(frame), None, dtype=object)
    column = frame[label].astype(object)
    values = np.array(
        [None if _is_blank(value) else value for value in column.tolist()], dtype=object
    )
    known = np.flatnonzero(is_labelled(values))
    if len(known) and all(isinstance(values[k], str) for k in known):
        values[known] = [value.strip() for value in values[known]]
        whole = _whole_numbers(values[known])
        if whole is not None:
            values[known] = whole
    return values


def _is_blank(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip() in MISSING
    return bool(pd.isna(value))


def _whole_numbers(values: NDArray) -> list[int] | None:
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        return None
    return [int(n) for n in numbers] if all(n.is_integer() for n in numbers) else None


def _notes(empty: NDArray, kept: NDArray, leaves_out: bool) -> list[str]:
    n = len(empty)
    notes = []
    if empty.any():
        verb = "is" if empty.sum() == 1 else "are"
        end = "left out" if leaves_out else "nothing can be told of them but what is commonest"
        notes.append(f"{int(empty.sum())} of {n} texts {verb} empty: {end}.")
    n_blank = int((~kept & ~empty).sum())
    if n_blank:
        notes.append(f"{n_blank} of {n} texts have no label: left out.")
    return notes
