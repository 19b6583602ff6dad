"""What makes rows of pictures: the form all encoders have, and rows that are kept."""

import hashlib
import json
import os
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from landbridge.kits.caching import RowCache, rows_by_key
from landbridge.kits.image.reading import Pictures

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
    what = f"Features of the {pictures.name}"
    return rows_by_key(
        pictures.keys,
        lambda some: encoder.transform(pictures.take(some).pixels(encoder.size)),
        None if cache is None else RowCache(cache, encoder.fingerprint()),
        BATCH,
        lambda done, n: None if progress is None else progress(what, done, n),
    )
