"""Pictures of a domain: folders by class, tables of paths or arrays, and what cannot be read."""

import hashlib
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landbridge.domains import as_labels, class_names, read_table
from landbridge.domains.labels import is_labelled
from landbridge.domains.memory import check_memory
from landbridge.domains.pictures import ENDINGS, need_pillow, open_picture, pictures_in
from landbridge.domains.wording import listed, nearest
from landbridge.kits.image.near import SIDE, difference_hashes

UNLABELLED = ("unlabelled", "unlabeled")
"""Names of folders whose pictures have no label."""
TABLES = (".csv", ".tsv", ".txt", ".parquet", ".feather")
SHOWN = 10
SHOWN_FEW = 3
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of one domain, each looked at once; their pixels are read when they are needed.

    Attributes
    ----------
    name, path : str, and str or None
        What messages call the domain, and where it was read from.
    items : list of Path or ndarray
        The files, or the pixels.
    names : list of str
        Of each picture, for people.
    labels : ndarray of shape (n,)
        ``None`` where there is none.
    keys : list of str
        SHA-256 of each file's content, or of the pixels.
    hashes, small : ndarray of shape (n, 2) and (n, 16, 16)
        By which near-duplicates are found.
    unreadable : dict of str to str
        Files that were passed over, and why.
    notes : list of str
    """

    name: str
    path: str | None
    items: list[Any]
    names: list[str]
    labels: NDArray
    keys: list[str]
    hashes: NDArray[np.uint64]
    small: NDArray[np.uint8]
    unreadable: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def is_labelled(self) -> NDArray[np.bool_]:
        """Which pictures have a label."""
        return is_labelled(self.labels)

    @property
    def n_labelled(self) -> int:
        """How many have one."""
        return int(self.is_labelled.sum())

    @property
    def sha256(self) -> str:
        """Of all pictures and labels together."""
        told = [f"{key} {label}" for key, label in zip(self.keys, self.labels.tolist())]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()

    def take(self, rows: Any) -> "Pictures":
        """Some of the pictures, by number or mask."""
        some = np.arange(len(self))[rows]
        listed_: dict[str, Any] = {
            name: [getattr(self, name)[k] for k in some] for name in ("items", "names", "keys")
        }
        arrays: dict[str, Any] = {
            name: getattr(self, name)[some] for name in ("labels", "hashes", "small")
        }
        return replace(self, **listed_, **arrays)

    def pixels(self, size: int) -> NDArray[np.uint8]:
        """All pictures squeezed to one size, (n, size, size, 3).

        Raises
        ------
        MemoryError
            If that would take too much memory.
        """
        shape = (len(self), size, size, 3)
        check_memory(
            float(np.prod(shape, dtype=float)),
            f"Pictures of shape {shape}",
            "Take a smaller size, or fewer pictures.",
        )
        found = np.empty(shape, dtype=np.uint8)
        for k, item in enumerate(self.items):
            found[k] = squeezed(opened(item), size)
        return found


def squeezed(picture: Any, size: int) -> NDArray[np.uint8]:
    """A picture of Pillow's as pixels (size, size, 3)."""
    from PIL import Image

    return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))


def read_pictures(
    source: Any,
    *,
    name: str = "pictures",
    label: str = "label",
    path: str = "path",
    needs_labels: bool = False,
    progress: Progress | None = None,
) -> Pictures:
    """Read the pictures of one domain, whatever form it has; damaged ones are listed, not fatal.

    Every picture is decoded once here, which finds damage, and hashed. Needs
    ``pip install 'landbridge[image]'``.

    Parameters
    ----------
    source : path, table, arrays or list
        A folder with a folder for each class (those in one named ``unlabelled``, and those that
        lie beside the folders, have no label); a CSV file or DataFrame with columns of paths,
        seen from the file's folder, and of labels, blank where unknown (those in a file are text,
        as names of folders are); arrays, or a pair of
        arrays and labels: (n, height, width), (n, height, width, channels), (n, channels,
        height, width), or a list of such of several sizes, in 0–255 or, as fractions, 0–1; or a
        list of files. ``Pictures`` stay what they are.
    name : str
        What messages call the domain.
    label, path : str
        The columns of a table.
    needs_labels : bool
        Whether pictures without a label are left out, and noted.
    progress : callable, optional
        Called with what is being done, the pictures done and their number.

    Raises
    ------
    ImportError
        If Pillow is not installed.
    FileNotFoundError
        If there is no such file or folder.
    ValueError
        If there is no picture, none can be read, or a table or array has not the form.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.kits.image import read_pictures
    >>> grey = np.random.default_rng(0).random((4, 8, 8))
    >>> read = read_pictures((grey, ["cat", "dog", None, "cat"]))
    >>> len(read), read.n_labelled, read.pixels(16).shape
    (4, 3, (4, 16, 16, 3))
    """
    if isinstance(source, Pictures):
        return _with_labels(source) if needs_labels else source
    need_pillow()
    items, names, labels, where = _found(source, name, label, path)
    read = _looked_at(items, names, labels, name, where, progress)
    return _with_labels(read) if needs_labels else read


def _found(
    source: Any, name: str, label: str, path: str
) -> tuple[list[Any], list[str], NDArray, str | None]:
    """What may be pictures, their names and labels, and where they are."""
    if isinstance(source, pd.DataFrame):
        return *_of_table(source, Path(), name, label, path), None
    if isinstance(source, (str, os.PathLike)):
        return *_of_path(Path(source), name, label, path), str(source)
    if isinstance(source, tuple) and len(source) == 2:
        items, names, _ = _of_arrays(source[0], name)
        return items, names, as_labels(source[1], len(items), f"the labels of {name}"), None
    if _is_files(source):
        return *_of_files([Path(file) for file in source], name), None
    return *_of_arrays(source, name), None


def _is_files(source: Any) -> bool:
    return (
        isinstance(source, Sequence)
        and len(source) > 0
        and isinstance(source[0], (str, os.PathLike))
    )


def _of_path(
    path: Path, name: str, label: str, column: str
) -> tuple[list[Any], list[str], NDArray]:
    if path.is_dir():
        return _of_folder(path, name)
    if not path.exists():
        raise FileNotFoundError(
            f"There is no folder or file {path}: give a folder with a folder of pictures for each "
            "class, or a CSV file with paths and labels."
        )
    if path.suffix.lower() in TABLES:
        table = read_table(path, name=name).frame
        files, names, labels = _of_table(table, path.parent, name, label, column)
        return files, names, _as_names(labels)
    return _of_files([path], name)


def _of_folder(folder: Path, name: str) -> tuple[list[Any], list[str], NDArray]:
    kinds = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    found = [(kind.name, file) for kind in kinds for file in pictures_in(kind)]
    loose = [file for file in pictures_in(folder) if file.parent == folder]
    if not found and not loose:
        raise ValueError(
            f"{folder} ({name}) holds no picture: expected a folder for each class, named after "
            f"it, with files ending in {', '.join(ENDINGS)}."
        )
    labels = [None if kind.lower() in UNLABELLED else kind for kind, _ in found] + [None] * len(
        loose
    )
    files = [file for _, file in found] + loose
    return files, [str(file.relative_to(folder)) for file in files], np.array(labels, dtype=object)


def _of_files(files: list[Path], name: str) -> tuple[list[Any], list[str], NDArray]:
    """Files, and what is in folders, without labels."""
    missing = [str(file) for file in files if not file.exists()]
    if missing:
        raise FileNotFoundError(f"There is no file {listed(missing, 3)}: check the path.")
    found = [one for file in files for one in (pictures_in(file) if file.is_dir() else [file])]
    if not found:
        raise ValueError(f"{listed(map(str, files), 3)} ({name}) holds no picture.")
    return found, [str(file) for file in found], np.full(len(found), None, dtype=object)


def _of_table(
    frame: pd.DataFrame, folder: Path, name: str, label: str, path: str
) -> tuple[list[Any], list[str], NDArray]:
    if path not in frame.columns:
        known = [str(column) for column in frame.columns]
        raise ValueError(
            f"The table of {name} has no column {path!r} with the paths of pictures: its columns "
            f"are {listed(nearest(path, known) or known)}. Name the column, or rename it."
        )
    given = frame[path]
    if given.isna().any() or not len(given):
        rows = np.flatnonzero(given.isna())[:5].tolist()
        raise ValueError(
            f"Column {path!r} of {name} must hold a path in every row: "
            + (f"rows {rows} have none." if rows else "it has no rows.")
        )
    names = [str(value) for value in given]
    files = [folder / value for value in names]
    blank = np.full(len(names), None, dtype=object)
    return files, names, as_labels(frame[label], len(names)) if label in frame.columns else blank


def _as_names(labels: NDArray) -> NDArray:
    """Labels of a file as text: the names of classes, as those of folders are."""
    known = is_labelled(labels)
    names = np.full(len(labels), None, dtype=object)
    names[known] = [
        str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)
        for label in labels[known].tolist()
    ]
    return names


def _of_arrays(source: Any, name: str) -> tuple[list[Any], list[str], NDArray]:
    try:
        pictures = list(source)
    except TypeError as error:
        raise TypeError(
            f"{name} must be a folder, a table of paths, arrays, or a pair of arrays and labels: "
            f"found {type(source).__name__}."
        ) from error
    if not pictures:
        raise ValueError(f"{name} holds no picture: found an empty {type(source).__name__}.")
    # All are measured by one rule: one of fractions in a stack of fractions may be black.
    arrays = [np.asarray(picture) for picture in pictures]
    items = [_as_pixels(array, f"picture {k} of {name}") for k, array in enumerate(arrays)]
    return items, [f"{k}" for k in range(len(items))], np.full(len(items), None, dtype=object)


def _as_pixels(array: NDArray, what: str) -> NDArray[np.uint8]:
    """One picture as (height, width) or (height, width, channels) of bytes."""
    if array.ndim == 3 and array.shape[0] in (1, 3, 4) and array.shape[2] not in (1, 3, 4):
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if (
        array.ndim not in (2, 3)
        or 0 in array.shape
        or (array.ndim == 3 and array.shape[2] not in (3, 4))
    ):
        raise ValueError(
            f"{what} must be (height, width), (height, width, channels) or (channels, height, "
            f"width), with 1, 3 or 4 channels: found shape {array.shape}."
        )
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool:
        return array.astype(np.uint8) * 255
    if not np.issubdtype(array.dtype, np.number) or not np.isfinite(array).all():
        raise ValueError(f"{what} must hold numbers: found {array.dtype} with others among them.")
    most = 1.0 if np.issubdtype(array.dtype, np.floating) else 255
    if array.min() < 0 or array.max() > most + 1e-6:
        raise ValueError(
            f"{what} must have pixels of 0 to {most:g} ({array.dtype}): found {array.min():.4g} to "
            f"{array.max():.4g}. Divide by the largest value there can be."
        )
    return np.rint(array * (255 / most)).astype(np.uint8)


def _looked_at(
    items: list[Any],
    names: list[str],
    labels: NDArray,
    name: str,
    where: str | None,
    progress: Progress | None,
) -> Pictures:
    """Every picture decoded once: what cannot be is passed over."""
    known = np.array(labels, dtype=object)
    known[~is_labelled(known)] = None
    unreadable: dict[str, str] = {}
    keys, nine, small, kept = [], [], [], []
    for k, item in enumerate(items):
        if progress is not None and k % 64 == 0:
            progress(f"Looking at the pictures of the {name}", k, len(items))
        try:
            content = item.read_bytes() if isinstance(item, Path) else item
            picture = opened(content)
        except Exception as error:  # Pillow's readers raise whatever a damaged file leads them to
            unreadable[names[k]] = _why(error)
            continue
        grey = picture.convert("L")
        nine.append(_reduced(grey, 9))
        small.append(_reduced(grey, SIDE))
        keys.append(_key(content))
        kept.append(k)
    if not kept:
        shown = "; ".join(f"{file} ({why})" for file, why in list(unreadable.items())[:SHOWN_FEW])
        more = f"; and {len(items) - SHOWN_FEW} more" if len(items) > SHOWN_FEW else ""
        where = "" if name == "pictures" else f" of {name}"
        raise ValueError(
            f"None of the {len(items)} pictures{where} can be read: {shown}{more}. Give files "
            f"ending in {', '.join(ENDINGS[:3])} or the like; paths in a table are seen from its "
            "folder."
        )
    notes = []
    if unreadable:
        more = f" and {len(unreadable) - SHOWN} more" if len(unreadable) > SHOWN else ""
        notes.append(
            f"{len(unreadable)} of {len(items)} pictures cannot be read and are passed over: "
            f"{', '.join(list(unreadable)[:SHOWN])}{more}."
        )
    return Pictures(
        name,
        where,
        [items[k] for k in kept],
        [names[k] for k in kept],
        known[kept],
        keys,
        difference_hashes(np.stack(nine)),
        np.stack(small),
        unreadable,
        notes,
    )


def _why(error: Exception) -> str:
    """Why a picture cannot be read, in words that do not change from run to run."""
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "no picture in a known format"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return " ".join(str(error).split())[:200] or type(error).__name__


def opened(item: Any) -> Any:
    """A file, its content or an array as a picture of Pillow's, in RGB."""
    from PIL import Image

    if isinstance(item, bytes):
        return open_picture(io.BytesIO(item))
    if not isinstance(item, np.ndarray):
        return open_picture(item)
    picture = Image.fromarray(item)
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")


def _reduced(grey: Any, side: int) -> NDArray[np.uint8]:
    from PIL import Image

    return np.asarray(grey.resize((side, side), Image.Resampling.BOX))


def _key(content: Any) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    told = f"{content.shape}".encode() + np.ascontiguousarray(content).tobytes()
    return hashlib.sha256(told).hexdigest()


def _with_labels(pictures: Pictures) -> Pictures:
    known = pictures.is_labelled
    if not known.any():
        raise ValueError(
            f"No picture of the {pictures.name} has a label: put the pictures of each class into "
            "a folder of its own, named after the class, or say which column of the table has "
            "the labels."
        )
    if known.all():
        return pictures
    note = f"{int((~known).sum())} of {len(known)} pictures have no label: left out."
    return replace(pictures.take(known), notes=[*pictures.notes, note])


def check_classes(pictures: Pictures) -> None:
    """Refuse labelled pictures that are all of one class.

    Raises
    ------
    ValueError
        If there are not two classes.
    """
    classes = class_names(pictures.labels)
    if len(classes) == 1:
        raise ValueError(
            f"The pictures of the {pictures.name} have one class only, {classes.tolist()[0]!r}: "
            "two are needed at least. Give each class a folder of its own, named after it."
        )
