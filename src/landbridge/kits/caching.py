"""Rows that take long to make, kept in files and made only once."""

import hashlib
import os
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landbridge.saving import write_beside


class RowCache:
    """Rows that were made before, in files: each by the content that it was made of.

    ``folder/ENCODER/SHARD.npz`` holds the rows of a batch and the keys of its items. A shard is
    written when its batch is done, beside its place and then renamed: a run that was interrupted
    goes on where it stopped, and two at a time do not harm each other.

    Parameters
    ----------
    folder : path
    fingerprint : str
        Of what makes the rows: another network, other weights or another size is another folder
        within.
    """

    def __init__(self, folder: str | os.PathLike, fingerprint: str):
        self.folder = Path(folder) / fingerprint[:32]

    def read(self) -> dict[str, NDArray]:
        """All rows that are there, by key; a damaged shard is as good as none, with a warning."""
        found: dict[str, NDArray] = {}
        for file in sorted(self.folder.glob("*.npz")):
            try:
                with file.open("rb") as opened, np.load(opened) as shard:
                    found |= dict(zip(shard["keys"].tolist(), shard["rows"]))
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
                warnings.warn(
                    f"{file} is damaged ({error}): what it held is made once more.",
                    stacklevel=2,
                )
                file.unlink(missing_ok=True)
        return found

    def write(self, keys: list[str], rows: NDArray) -> None:
        """Keep a batch."""
        name = hashlib.sha256("\n".join(keys).encode()).hexdigest()[:32]
        with write_beside(self.folder / f"{name}.npz") as file:
            np.savez(file, keys=np.array(keys), rows=rows)


def rows_by_key(
    keys: list[str],
    make: Callable[[list[int]], NDArray],
    cache: RowCache | None,
    batch: int,
    say: Callable[[int, int], None] = lambda done, total: None,
) -> NDArray:
    """A row (n, d) for each key, those in the cache taken from there.

    Parameters
    ----------
    keys : list of str
        Of the contents, one an item.
    make : callable
        From the numbers of some items to their rows.
    cache : RowCache or None
    batch : int
        Items that are made, and kept, at a time.
    say : callable
        Called with the items done and their number.
    """
    found = {} if cache is None else cache.read()
    missing = [k for k, key in enumerate(keys) if key not in found]
    for start in range(0, len(missing), batch):
        say(start, len(missing))
        some = missing[start : start + batch]
        rows = make(some)
        found |= dict(zip([keys[k] for k in some], rows))
        if cache is not None:
            cache.write([keys[k] for k in some], rows)
    return np.stack([found[key] for key in keys])
