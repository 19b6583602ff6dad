"""A folder of pictures, a folder within for each class, as rows and labels."""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.domains.memory import check_memory
from landbridge.domains.parameters import check_number

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
DEEP = {"I", "I;16", "I;16B", "I;16L"}
"""Pillow's modes for pictures of 16 bits."""
SHOWN = 10


def picture_folder(
    path: str | os.PathLike, size: int | tuple[int, int], *, colour: bool = True
) -> tuple[NDArray[np.float32], NDArray[np.str_]]:
    """Read pictures that lie in a folder for each class, such as ``path/cat/1.png``.

    Each is turned as its camera says, squeezed to ``size`` whatever its sides, and read into
    memory: n × channels × height × width × 4 bytes, refused where that is beyond the bound.
    A file that is no picture, or is damaged, is passed over and named in a warning. Needs
    ``pip install 'landbridge[image]'``.

    Parameters
    ----------
    path : path
        The folder of folders. Files in folders further down count too; hidden ones and those
        with other endings do not.
    size : int or (int, int)
        Height and width to bring all pictures to, in pixels.
    colour : bool, default=True
        Three channels (red, green, blue), or one of grey.

    Returns
    -------
    rows : ndarray of shape (n, channels, height, width)
        From 0 (black) to 1, sorted by class and name.
    labels : ndarray of shape (n,)
        The names of the folders.

    Raises
    ------
    ImportError
        If Pillow is not installed.
    NotADirectoryError
        If there is no such folder.
    ValueError
        If it holds no folders, or no picture that can be read.
    MemoryError
        If the pictures would take too much memory.

    Examples
    --------
    >>> import os, tempfile
    >>> from landbridge.domains import picture_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name, value in {"dark": 0, "light": 255}.items():
    ...         os.mkdir(os.path.join(folder, name))
    ...         with open(os.path.join(folder, name, "1.pgm"), "wb") as file:
    ...             _ = file.write(b"P5 2 2 255 " + bytes([value] * 4))
    ...     rows, labels = picture_folder(folder, 8)
    >>> rows.shape, rows.mean(axis=(1, 2, 3)), labels
    ((2, 3, 8, 8), array([0., 1.], dtype=float32), array(['dark', 'light'], dtype='<U5'))
    """
    need_pillow()
    height, width = _checked(size)
    folder = Path(path)
    files = _files_by_class(folder)
    shape = (len(files), 3 if colour else 1, height, width)
    check_memory(
        4.0 * np.prod(shape, dtype=float),
        f"Pictures of shape {shape}",
        "Take a smaller size, or fewer pictures.",
    )
    rows, unreadable = np.empty(shape, dtype=np.float32), {}
    for k, (_, file) in enumerate(files):
        try:
            rows[k] = _picture(file, shape[1:])
        except Exception as error:  # Pillow's readers raise whatever a damaged file leads them to
            unreadable[k] = f"{file.relative_to(folder)} ({error})"
    _tell(folder, list(unreadable.values()), len(files))
    read = [k for k in range(len(files)) if k not in unreadable]
    labels = np.array([files[k][0] for k in read])
    return (rows[read] if unreadable else rows), labels


def need_pillow() -> None:
    """Say what to install where Pillow is not.

    Raises
    ------
    ImportError
        If Pillow is not installed.
    """
    try:
        import PIL  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "Pictures are read by Pillow: pip install 'landbridge[image]'."
        ) from error


def _checked(size: Any) -> tuple[int, int]:
    sides = size if isinstance(size, (tuple, list)) else (size, size)
    if len(sides) != 2:
        raise ValueError(f"size must be a number of pixels, or height and width: found {size!r}.")
    for side in sides:
        check_number("size", side, least=1, whole=True)
    return int(sides[0]), int(sides[1])


def _files_by_class(folder: Path) -> list[tuple[str, Path]]:
    """The class and the path of every file that may be a picture, sorted."""
    if not folder.is_dir():
        raise NotADirectoryError(f"path must be a folder of pictures: there is none at {folder}.")
    classes = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not classes:
        raise ValueError(
            f"{folder} has no folders within: put the pictures of each class into a folder of its "
            "own, named after the class."
        )
    found = [(kind.name, file) for kind in classes for file in pictures_in(kind)]
    if not found:
        raise ValueError(
            f"{folder} has {len(classes)} folders and no picture in them: expected files ending "
            f"in {', '.join(ENDINGS)}."
        )
    return found


def pictures_in(folder: Path) -> list[Path]:
    """The files of a folder, and of folders in it, that may be pictures, sorted; no hidden ones."""
    files = (file for file in folder.rglob("*") if file.suffix.lower() in ENDINGS)
    seen = (file for file in files if file.is_file())
    return sorted(
        file for file in seen if not any(p.startswith(".") for p in file.relative_to(folder).parts)
    )


def _picture(file: Path, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """One picture (channels, height, width) from 0 to 1."""
    from PIL import Image

    channels, height, width = shape
    picture = open_picture(file, colour=channels == 3)
    pixels = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))
    return (pixels.reshape(height, width, channels).transpose(2, 0, 1) / 255).astype(np.float32)


def open_picture(file: Any, *, colour: bool = True) -> Any:
    """A picture as Pillow has it, in RGB or in grey: upright, what is see-through laid on white.

    Parameters
    ----------
    file : path or binary file
    colour : bool
        RGB, or one channel of grey.

    Raises
    ------
    ValueError
        If its pixels have no largest value; of a damaged file, whatever Pillow's readers raise.
    """
    from PIL import Image, ImageOps

    with Image.open(file) as opened:
        picture = ImageOps.exif_transpose(opened)
    if picture.mode == "F":
        raise ValueError("its pixels are fractions without a largest value")
    if picture.mode in DEEP:
        picture = Image.fromarray((np.asarray(picture) / 257).astype(np.uint8))
    if picture.has_transparency_data:
        layer = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return picture.convert("RGB" if colour else "L")


def _tell(folder: Path, unreadable: list[str], n_files: int) -> None:
    """Name the files that are passed over; refuse to go on where all are."""
    if not unreadable:
        return
    more = f" and {len(unreadable) - SHOWN} more" if len(unreadable) > SHOWN else ""
    shown = f"{'; '.join(unreadable[:SHOWN])}{more}"
    if len(unreadable) == n_files:
        raise ValueError(f"None of the {n_files} pictures in {folder} can be read: {shown}.")
    warnings.warn(
        f"{len(unreadable)} of {n_files} pictures in {folder} cannot be read and are passed over: "
        f"{shown}.",
        stacklevel=3,
    )
