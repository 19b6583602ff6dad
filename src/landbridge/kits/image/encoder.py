"""What makes rows of pictures: the form all encoders have, and rows that are made only once."""

import hashlib
import json
import os
import warnings
import zipfile
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from landbridge.kits.image.reading import Pictures
from landbridge.saving import write_beside

BATCH = 64
Progress = Callable[[str, int, int], None]


class PictureEncoder(BaseEstimator):
    """What makes a row of each picture.

    Attributes
    ----------
    notes_ : list of str
        What its user should know, such as where its weights come from.
    """

    size: int
    notes_: list[str]
    learns = False
    """Whether ``fit`` needs labelled pictures of the source."""

    @abstractmethod
    def fit(self, X: Any = None, y: Any = None) -> Self:
        """Learn from pixels (n, size, size, 3) and labels, where it does."""

    @abstractmethod
    def transform(self, X: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Rows (n, d) of pixels (n, size, size, 3)."""

    def weights(self) -> dict[str, NDArray]:
        """The arrays on which its rows depend, beside its parameters."""
        return {}

    def fingerprint(self) -> str:
        """SHA-256 of all on which its rows depend: class, parameters and weights."""
        told = hashlib.sha256(json.dumps([type(self).__name__, *self._told()]).encode())
        for name, array in sorted(self.weights().items()):
            told.update(f"{name} {array.dtype} {array.shape}".encode())
            told.update(np.ascontiguousarray(array).tobytes())
        return told.hexdigest()

    def _told(self) -> list[str]:
        """The parameters on which its rows depend, as text."""
        return [f"{name} {value!r}" for name, value in sorted(self.get_params(deep=False).items())]


def as_bytes(X: Any, size: int) -> NDArray[np.uint8]:
    """Pixels as an encoder takes them.

    Raises
    ------
    ValueError
        If they have another shape or type.
    """
    X = np.asarray(X)
    if X.shape[1:] != (size, size, 3) or X.dtype != np.uint8:
        raise ValueError(
            f"X must be pixels of shape (n, {size}, {size}, 3) from 0 to 255 (uint8): found "
            f"{X.dtype} of shape {X.shape}. Let read_pictures(...).pixels({size}) make them."
        )
    return X


class RowCache:
    """Rows that were made before, in files: each by its picture's content and its encoder.

    ``folder/ENCODER/SHARD.npz`` holds the rows of a batch and the keys of its pictures. A shard is
    written when its batch is done, beside its place and then renamed: a run that was interrupted
    goes on where it stopped, and two at a time do not harm each other.

    Parameters
    ----------
    folder : path
    encoder : fitted PictureEncoder
        Another network, other weights or another size is another folder within.
    """

    def __init__(self, folder: str | os.PathLike, encoder: PictureEncoder):
        self.folder = Path(folder) / encoder.fingerprint()[:32]

    def read(self) -> dict[str, NDArray]:
        """All rows that are there, by key; a damaged shard is as good as none, with a warning."""
        found: dict[str, NDArray] = {}
        for file in sorted(self.folder.glob("*.npz")):
            try:
                with file.open("rb") as opened, np.load(opened) as shard:
                    found |= dict(zip(shard["keys"].tolist(), shard["rows"]))
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
                warnings.warn(
                    f"{file} is damaged ({error}): its pictures are looked at once more.",
                    stacklevel=2,
                )
                file.unlink(missing_ok=True)
        return found

    def write(self, keys: list[str], rows: NDArray) -> None:
        """Keep a batch."""
        name = hashlib.sha256("\n".join(keys).encode()).hexdigest()[:32]
        with write_beside(self.folder / f"{name}.npz") as file:
            np.savez(file, keys=np.array(keys), rows=rows)


def rows_of(
    encoder: PictureEncoder,
    pictures: Pictures,
    cache: str | os.PathLike | None = None,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """The encoder's rows (n, d) of pictures, those in the cache taken from there.

    Parameters
    ----------
    encoder : fitted PictureEncoder
    pictures : Pictures
    cache : path, optional
        A folder to keep rows in, for this and later runs.
    progress : callable, optional
        Called with what is being done, the pictures done and their number.
    """
    check_is_fitted(encoder)
    store = None if cache is None else RowCache(cache, encoder)
    found = {} if store is None else store.read()
    missing = [k for k, key in enumerate(pictures.keys) if key not in found]
    for start in range(0, len(missing), BATCH):
        if progress is not None:
            progress(f"Features of the {pictures.name}", start, len(missing))
        some = missing[start : start + BATCH]
        rows = encoder.transform(pictures.take(some).pixels(encoder.size))
        keys = [pictures.keys[k] for k in some]
        found |= dict(zip(keys, rows))
        if store is not None:
            store.write(keys, rows)
    return np.stack([found[key] for key in pictures.keys])
