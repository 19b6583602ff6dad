"""Fitted models on disk: plain arrays and JSON in one file, which runs no code when read."""

import hashlib
import json
import os
import platform
import tempfile
import warnings
import zipfile
import zlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

FORMAT = "landbridge.model/1"
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a damaged zip makes its reader raise, depending on where the damage is."""
OUR_TYPES = ("landbridge.", "sklearn.", "numpy.", "scipy.", "builtins.")


def versions() -> dict[str, str]:
    """The versions that a result rests on, by package."""
    packages = ("landbridge", "numpy", "scipy", "scikit-learn", "pandas")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def save(model: Any, path: str | os.PathLike) -> Path:
    """Write a fitted model to a file, all of it or nothing.

    The file is a zip of ``header.json`` (format, versions, checksum) and ``model.skops`` (plain
    arrays and JSON). It is written beside its final place and renamed when complete.

    Parameters
    ----------
    model : fitted estimator
        A ``Transfer``, or any estimator of this library or of scikit-learn.
    path : path
        Where to write, by custom with the ending ``.landbridge``.

    Raises
    ------
    TypeError
        If the model holds something that cannot be written as plain data, such as a function or
        a network of one's own.
    OSError
        If the file cannot be written; then nothing is left behind.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from landbridge import CORAL, load, save
    >>> coral = CORAL().fit(np.eye(3), 2 * np.eye(3))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = load(save(coral, os.path.join(folder, "coral.landbridge")))
    >>> np.array_equal(coral.matrix_, again.matrix_)
    True
    """
    import skops.io

    path = Path(path)
    try:
        data = skops.io.dumps(model)
        unknown = _foreign_types(data)
    except OSError:
        raise
    except Exception as error:  # whatever a foreign object's own code raises
        raise TypeError(f"This {type(model).__name__} cannot be saved: {error}") from error
    if unknown:
        raise TypeError(
            f"This {type(model).__name__} cannot be saved as plain data: it holds "
            f"{', '.join(unknown)}. Use learners of scikit-learn and mappings by their names."
        )
    header = {
        "format": FORMAT,
        "model": type(model).__name__,
        "versions": versions(),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    with write_beside(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("header.json", json.dumps(header, indent=1))
        file.writestr("model.skops", data)
    return path


def load(path: str | os.PathLike) -> Any:
    """Read back what :func:`save` wrote; nothing in the file is run.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not a model of this library, is damaged, or names types other than those
        of this library, NumPy, SciPy and scikit-learn.
    """
    import skops.io

    header, data = _read(Path(path))
    if hashlib.sha256(data).hexdigest() != header["sha256"]:
        raise ValueError(f"{path} is damaged: its checksum is not the one in its header.")
    unknown = _foreign_types(data)
    if unknown:
        raise ValueError(f"{path} holds types that are not read: {', '.join(unknown)}.")
    _warn_of_versions(path, header["versions"])
    return skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))


class write_beside:
    """A temporary file beside ``path``, renamed to it on success and removed on any error."""

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self) -> Any:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.file = tempfile.NamedTemporaryFile(
            dir=self.path.parent, prefix=f".{self.path.name}.", delete=False
        )
        return self.file

    def __exit__(self, kind: Any, *_: Any) -> None:
        beside = Path(self.file.name)
        try:
            self.file.close()
            if kind is None:
                beside.chmod(0o644)
                beside.replace(self.path)
        finally:
            beside.unlink(missing_ok=True)


def _read(path: Path) -> tuple[dict, bytes]:
    if not path.exists():
        raise FileNotFoundError(f"There is no model at {path}.")
    try:
        with zipfile.ZipFile(path) as file:
            header = json.loads(file.read("header.json"))
            if header["format"] == FORMAT:
                return header, file.read("model.skops")
    except DAMAGE as error:
        raise ValueError(f"{path} is not a model of Landbridge, or is damaged: {error}") from error
    raise ValueError(
        f"{path} has the format {header['format']!r}; this version reads {FORMAT!r}. "
        "Use the version of Landbridge that wrote it."
    )


def _foreign_types(data: bytes) -> list[str]:
    import skops.io

    return [t for t in skops.io.get_untrusted_types(data=data) if not t.startswith(OUR_TYPES)]


def _warn_of_versions(path: Any, written: dict[str, str]) -> None:
    now = versions()["scikit-learn"].split(".")[:2]
    then = written.get("scikit-learn", "unknown").split(".")[:2]
    if now != then:
        warnings.warn(
            f"{path} was written with scikit-learn {'.'.join(then)} and is read with "
            f"{'.'.join(now)}: its predictions may differ. Fit it anew to be sure.",
            stacklevel=3,
        )
