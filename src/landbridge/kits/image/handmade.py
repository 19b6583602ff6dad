"""Features of pictures by NumPy alone: gradients of brightness, colours, and bare pixels."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from landbridge.domains.parameters import check_choice, check_number
from landbridge.kits.image.encoder import PictureEncoder, as_bytes

N_BINS = 9
CLIP = 0.2
TINY = 1e-5
KINDS = ("hog", "colour", "pixels")


def gradients(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Size and direction, from 0 to π, of the steepest channel's gradient at each pixel.

    Central differences over edge-padded pixels from 0 to 1: (n, height, width) each.
    """
    padded = np.pad(pixels, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge").astype(np.int32)
    across = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    steepest = (across**2 + down**2).argmax(axis=3)[..., None]  # the first of equal ones
    gx, gy = (
        np.take_along_axis(g, steepest, axis=3)[..., 0].astype(np.float32) / 255
        for g in (across, down)
    )
    return np.hypot(gx, gy), (np.arctan2(gy, gx) % np.pi).astype(np.float32)


def cell_histograms(size: NDArray, angle: NDArray, cell: int) -> NDArray[np.float32]:
    """Directions in each cell of pixels, weighed by size: (n, rows, columns, 9).

    A pixel votes for the two directions next to its own, in proportion to its nearness. Pixels
    beyond the last whole cell do not count.
    """
    n, rows, columns = len(size), size.shape[1] // cell, size.shape[2] // cell
    size, angle = (a[:, : rows * cell, : columns * cell] for a in (size, angle))
    place = angle * (N_BINS / np.pi) - 0.5
    low = np.floor(place)
    share = (place - low).astype(np.float32)
    at = np.arange(n)[:, None, None] * rows + (np.arange(rows * cell) // cell)[:, None]
    at = (at * columns + np.arange(columns * cell) // cell) * N_BINS
    found = np.zeros(n * rows * columns * N_BINS)
    for k, weight in ((low, 1 - share), (low + 1, share)):
        bins = (at + k.astype(np.intp) % N_BINS).ravel()
        found += np.bincount(bins, (size * weight).ravel(), minlength=len(found))
    return found.reshape(n, rows, columns, N_BINS).astype(np.float32)


def hog(pixels: NDArray[np.uint8], cell: int = 8) -> NDArray[np.float32]:
    r"""Histograms of oriented gradients, (n, (r − 1)(c − 1) · 36) for r × c cells.

    Blocks :math:`v` of 2 × 2 cells overlap, and each is normalised to
    :math:`v / \sqrt{\lVert v \rVert^2 + \epsilon^2}`, cut at 0.2, and normalised again
    (L2-Hys; Dalal & Triggs 2005, section 6). Votes are shared between directions, not cells.

    Parameters
    ----------
    pixels : ndarray of shape (n, height, width, channels)
    cell : int, default=8
        Pixels a side of a cell.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.kits.image.handmade import hog
    >>> hog(np.zeros((5, 32, 32, 3), dtype=np.uint8)).shape
    (5, 324)
    """
    cells = cell_histograms(*gradients(pixels), cell)
    blocks = np.concatenate(
        [cells[:, :-1, :-1], cells[:, :-1, 1:], cells[:, 1:, :-1], cells[:, 1:, 1:]], axis=3
    )
    blocks = np.minimum(_unit(blocks), CLIP)
    return _unit(blocks).reshape(len(pixels), -1)


def _unit(blocks: NDArray) -> NDArray:
    return blocks / np.sqrt((blocks**2).sum(axis=3, keepdims=True) + TINY**2)


def colour_histogram(pixels: NDArray[np.uint8], levels: int = 4) -> NDArray[np.float32]:
    """Square roots of the shares of ``levels``³ colours, (n, levels³).

    The dot product of two such rows is the Bhattacharyya coefficient of their histograms.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.kits.image.handmade import colour_histogram
    >>> colour_histogram(np.zeros((1, 2, 2, 3), dtype=np.uint8), 2)
    array([[1., 0., 0., 0., 0., 0., 0., 0.]], dtype=float32)
    """
    n, n_colours = len(pixels), levels**3
    steps = pixels.reshape(n, -1, 3).astype(np.intp) * levels // 256
    codes = (steps[:, :, 0] * levels + steps[:, :, 1]) * levels + steps[:, :, 2]
    codes += np.arange(n)[:, None] * n_colours
    counts = np.bincount(codes.ravel(), minlength=n * n_colours).reshape(n, n_colours)
    return np.sqrt(counts / codes.shape[1]).astype(np.float32)


class HandmadeFeatures(PictureEncoder, BaseEstimator):
    """Rows of pictures without a network: oriented gradients, colours or pixels.

    Parameters
    ----------
    kinds : str, default="hog+colour"
        ``"hog"`` (shapes; see :func:`hog`), ``"colour"`` (:func:`colour_histogram`), ``"pixels"``
        (from 0 to 1, channels first), or several of them with a plus between.
    size : int, default=64
        Pixels a side that each picture is squeezed to; larger sees finer shapes.
    cell : int, default=8
        Of ``"hog"``, pixels a side of a cell.
    levels : int, default=4
        Of ``"colour"``, levels of each channel.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.kits.image import HandmadeFeatures
    >>> pixels = np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), dtype=np.uint8)
    >>> HandmadeFeatures().fit(pixels).transform(pixels).shape
    (5, 1828)
    """

    def __init__(
        self, kinds: str = "hog+colour", size: int = 64, *, cell: int = 8, levels: int = 4
    ):
        self.kinds = kinds
        self.size = size
        self.cell = cell
        self.levels = levels

    def fit(self, X: Any = None, y: Any = None) -> Self:
        """Check the parameters; nothing is learned."""
        for kind in self.kinds.split("+"):
            check_choice("kinds", kind, KINDS, "Join several with a plus: hog+colour.")
        check_number("cell", self.cell, least=2, whole=True)
        check_number("levels", self.levels, least=2, most=16, whole=True)
        least = 2 * self.cell if "hog" in self.kinds else 1
        check_number("size", self.size, least=least, whole=True)
        self.notes_: list[str] = []
        return self

    def transform(self, X: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Rows (n, d) of pixels (n, size, size, 3)."""
        X = as_bytes(X, self.size)
        makers: dict[str, Any] = {
            "hog": lambda: hog(X, self.cell),
            "colour": lambda: colour_histogram(X, self.levels),
            "pixels": lambda: X.transpose(0, 3, 1, 2).reshape(len(X), -1) / np.float32(255),
        }
        return np.concatenate([makers[kind]() for kind in self.kinds.split("+")], axis=1)

    def __sklearn_is_fitted__(self) -> bool:
        return "notes_" in vars(self)
