"""Reading a table from a file or from memory, and saying how it was read."""

import gzip
import hashlib
import io
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from scipy.io import loadmat
from scipy.io.matlab import MatReadError
from scipy.sparse import issparse
from sklearn.datasets import load_svmlight_file

from landbridge.domains.sniffing import (
    MISSING,
    Dialect,
    count_missing_marks,
    decode,
    sniff,
    split_lines,
)
from landbridge.domains.wording import listed

_UNREADABLE = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OSError,
    EOFError,
    BadZipFile,
    MatReadError,
    zlib.error,
)
_ROWS_KEYS = ("X", "x", "data", "features", "fts", "fea")
_LABEL_KEYS = ("y", "Y", "label", "labels", "target", "gnd")


@dataclass(frozen=True)
class Table:
    """A table, where it came from, and how it was read.

    ``sha256`` is the checksum of the file as it lies on the disk; ``path`` and ``sha256`` are
    ``None`` for a table that came from memory.
    """

    frame: pd.DataFrame
    name: str
    path: str | None = None
    sha256: str | None = None
    notes: tuple[str, ...] = ()


def read_table(source: Any, *, name: str = "table") -> Table:
    """Read a table from a file, whatever its format, or take one from memory.

    Parameters
    ----------
    source : path, DataFrame, array, sparse matrix or Table
        A file ending in ``.csv``, ``.tsv``, ``.txt`` or ``.data`` (each also with ``.gz``),
        ``.parquet``, ``.feather``, ``.npz``, ``.npy``, ``.mat`` or ``.svmlight``
        (``.libsvm``); or rows in memory. Separator, encoding, decimal comma and header line of
        text are found out and noted. ``?``, ``NA`` and blank fields are missing values. Rows
        of svmlight stay sparse, with the labels in the column ``label``. An array's columns
        are named ``x0``, ``x1``, ….
    name : str
        What messages and notes call the table, such as ``"source"``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImportError
        If the format needs an extra that is not installed.
    ValueError
        If the file is empty, cut off or of an unknown format, two columns share a name, or
        several arrays could be the table.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.domains import read_table
    >>> table = read_table(np.array([[1.0, 2.0], [3.0, 4.0]]), name="source")
    >>> list(table.frame.columns), table.notes
    (['x0', 'x1'], ())
    """
    if isinstance(source, Table):
        return source
    if isinstance(source, (str, Path)):
        return _read_file(Path(source), name)
    frame, notes = _with_plain_names(_frame_of(source, name), f"{name}")
    return Table(frame, name, notes=notes)


def _frame_of(rows: Any, name: str) -> pd.DataFrame:
    if isinstance(rows, pd.DataFrame):
        return rows
    if issparse(rows):
        return _sparse_frame(rows)
    array = np.asarray(rows)
    if array.ndim == 1 and array.dtype.names is None:
        array = array.reshape(-1, 1)
    if array.ndim > 2 or array.ndim == 0:
        raise ValueError(
            f"{name} must be a table of rows and columns: found an array of shape {array.shape}. "
            "Give a path, a DataFrame or a two-dimensional array."
        )
    columns = None if array.dtype.names else _numbered(array.shape[1])
    return pd.DataFrame(array, columns=columns)


def _sparse_frame(rows: Any) -> pd.DataFrame:
    columns = _numbered(rows.shape[1])
    return pd.DataFrame.sparse.from_spmatrix(rows, columns=columns)  # type: ignore[attr-defined]


def _numbered(n_columns: int) -> list[str]:
    return [f"x{j}" for j in range(n_columns)]


def _with_plain_names(frame: pd.DataFrame, where: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The frame with text for column names, each once, and a plain index."""
    names = [str(column).strip() for column in frame.columns]
    blank = {f"unnamed_{j}": j for j, text in enumerate(names) if not text}
    for new, j in blank.items():
        names[j] = new
    repeated = sorted({text for text in names if names.count(text) > 1})
    if repeated:
        raise ValueError(
            f"{where} has {len(repeated)} column names that occur more than once: "
            f"{listed(repeated)}. Each column needs a name of its own; if the first line holds "
            "data, add a header line."
        )
    notes = (f"Columns without a name are called {listed(list(blank))}.",) if blank else ()
    return frame.set_axis(names, axis=1).reset_index(drop=True), notes


def _read_file(path: Path, name: str) -> Table:
    reader = _reader(path)
    raw = _bytes_of(path)
    try:
        frame, notes = reader(raw, path)
    except _Refusal as error:
        raise ValueError(f"{path}: {error}") from None
    except _UNREADABLE as error:
        raise ValueError(
            f"{path} cannot be read as {_ending(path)}: {_first_line(error)}. The file may be cut "
            "off or of another format; fetch or export it once more."
        ) from error
    frame, renamed = _with_plain_names(frame, str(path))
    return Table(frame, name, str(path), hashlib.sha256(raw).hexdigest(), notes + renamed)


class _Refusal(Exception):
    """The file is sound, but it cannot be told what in it is the table."""


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _ending(path: Path) -> str:
    endings = [ending.lower() for ending in path.suffixes]
    return "".join(endings[-2:]) if endings[-1:] == [".gz"] else "".join(endings[-1:])


def _reader(path: Path) -> Callable[[bytes, Path], tuple[pd.DataFrame, tuple[str, ...]]]:
    ending = _ending(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}: check the path.")
    if path.is_dir():
        raise ValueError(f"{path} is a folder, expected a file: name the file inside it.")
    if ending not in READERS:
        raise ValueError(
            f"{path} ends in {ending or 'nothing'!r}, a format that is not known. "
            f"Known endings: {', '.join(READERS)}."
        )
    return READERS[ending]


def _bytes_of(path: Path) -> bytes:
    raw = path.read_bytes()
    if not raw.strip():
        raise ValueError(f"{path} is empty, expected a table: fetch or export it once more.")
    return raw


def _read_text(raw: bytes, path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    text, encoding = decode(raw)
    if not text.strip():
        raise ValueError("there is nothing in it")
    dialect = sniff(text)
    _check_last_line(text, dialect)
    frame = pd.read_csv(
        io.StringIO(text),
        sep=r"\s+" if dialect.separator == " " else dialect.separator,
        decimal=dialect.decimal,
        header=None if dialect.names is None else 0,
        names=_numbered(dialect.n_columns),
        index_col=False,
        na_values=list(MISSING),
        keep_default_na=False,
        skipinitialspace=True,
        low_memory=False,
    )
    if dialect.names is not None:
        frame = frame.set_axis(list(dialect.names), axis=1)
    marks = count_missing_marks(text, dialect.separator)
    missing = tuple(f"{mark!r} stands for a missing value {n} times." for mark, n in marks.items())
    coded = () if encoding == "utf-8" else (f"The text encoding is {encoding}.",)
    return frame, coded + dialect.notes + missing


def _read_gzip(raw: bytes, path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    return _read_text(gzip.decompress(raw), path)


def _check_last_line(text: str, dialect: Dialect) -> None:
    """A file that was cut off ends in the middle of a line."""
    head = split_lines(text, dialect.separator, 2)
    tail = split_lines(text[-100_000:], dialect.separator, n_lines=100_000)[-1]
    if len(head[-1]) > dialect.n_columns:
        raise _Refusal(
            f"the first line names {dialect.n_columns} columns, but the second has "
            f"{len(head[-1])} fields. Give each column a name in the first line."
        )
    if len(tail) < dialect.n_columns:
        raise _Refusal(
            f"the last line has {len(tail)} of {dialect.n_columns} fields, so the file looks cut "
            "off. Fetch it once more, or remove that line."
        )


def _read_parquet(raw: bytes, path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    _need_pyarrow(path)
    return _with_index_as_columns(pd.read_parquet(io.BytesIO(raw), engine="pyarrow"))


def _read_feather(raw: bytes, path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    _need_pyarrow(path)
    return _with_index_as_columns(pd.read_feather(io.BytesIO(raw)))


def _need_pyarrow(path: Path) -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"Reading {path.name} needs pyarrow: pip install 'landbridge[vectors]'."
        ) from error


def _with_index_as_columns(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    named = [str(level) for level in frame.index.names if level is not None]
    if not named:
        return frame, ()
    return frame.reset_index(), (f"The index became the column {listed(named)}.",)


def _read_npz(raw: bytes, path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    with np.load(io.BytesIO(raw), allow_pickle=False) as archive:
        return _frame_from_arrays({key: archive[key] for key in archive.files})


def _read_npy(raw: bytes, path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    return _frame_of(np.load(io.BytesIO(raw), allow_pickle=False), str(path)), ()


def _read_mat(raw: bytes, path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    try:
        found = loadmat(io.BytesIO(raw))
    except NotImplementedError:
        raise _Refusal(
            "it is a MATLAB file of version 7.3, which is HDF5. Read it with h5py "
            "(pip install h5py) and give the array, or save it with -v7 in MATLAB."
        ) from None
    return _frame_from_arrays({key: found[key] for key in found if not key.startswith("__")})


def _read_svmlight(raw: bytes, path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    X, y = load_svmlight_file(io.BytesIO(raw))
    frame = _sparse_frame(X)
    frame.insert(0, "label", y)
    return frame, ("The labels of the svmlight file are in the column 'label'.",)


def _frame_from_arrays(arrays: dict[str, Any]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The one matrix among several arrays, and the one vector that has a label for each row."""
    shapes = {key: np.shape(array) for key, array in arrays.items()}
    matrices = [key for key, shape in shapes.items() if len(shape) == 2 and min(shape) > 1]
    if len(arrays) == 1 and not matrices:
        matrices = list(arrays)
    rows_key = _the_one(matrices, _ROWS_KEYS, shapes, "matrix of rows")
    n_rows = shapes[rows_key][0]
    vectors = [k for k, s in shapes.items() if k != rows_key and s in ((n_rows,), (n_rows, 1))]
    frame = _frame_of(arrays[rows_key], rows_key)
    if not vectors:
        return frame, (f"The rows are the array {rows_key!r}.",)
    label_key = _the_one(vectors, _LABEL_KEYS, shapes, "vector of labels")
    labelled = frame.assign(**{label_key: np.ravel(arrays[label_key])})
    note = f"The rows are the array {rows_key!r}, with {label_key!r} as one more column."
    return labelled, (note,)


def _the_one(
    keys: Sequence[str], usual: Sequence[str], shapes: dict[str, tuple[int, ...]], what: str
) -> str:
    chosen = [key for key in keys if key in usual] if len(keys) > 1 else list(keys)
    if len(chosen) == 1:
        return chosen[0]
    held = ", ".join(f"{key} {shape}" for key, shape in shapes.items()) or "nothing"
    raise _Refusal(
        f"expected one {what}, found {len(keys)} in: {held}. "
        "Save the rows as X and their labels as y, or read the arrays and give one of them."
    )


READERS: dict[str, Callable[[bytes, Path], tuple[pd.DataFrame, tuple[str, ...]]]] = {
    **dict.fromkeys((".csv", ".tsv", ".txt", ".data"), _read_text),
    **dict.fromkeys((".csv.gz", ".tsv.gz", ".txt.gz", ".data.gz"), _read_gzip),
    ".parquet": _read_parquet,
    ".feather": _read_feather,
    ".npz": _read_npz,
    ".npy": _read_npy,
    ".mat": _read_mat,
    **dict.fromkeys((".svmlight", ".libsvm"), _read_svmlight),
}
