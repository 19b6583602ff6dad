"""Rows on their way into a network and out of it."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.domains import check_rows
from landbridge.training.engine import need_torch

ROWS_AT_ONCE = 1024
NUMBERS_AT_ONCE = 2**23
"""The most numbers of rows that are given to a network at once: 55 pictures of 224 × 224."""


def network_rows(X: Any, name: str, input_shape: Any = None) -> NDArray:
    """Rows for a network, in single precision: (n, *input_shape).

    Parameters
    ----------
    X : array-like of shape (n, ...)
        Flat rows, pictures or sequences.
    name : str
        The argument's name in messages.
    input_shape : sequence of int, optional
        What each row is brought to; its own shape by default.

    Raises
    ------
    ValueError
        If a value is not finite, or a row has not as many numbers as the shape.
    """
    own_shape = np.asarray(X).shape[1:] if n_axes(X) > 2 else None
    rows = check_rows(flat(X), name)
    wanted = tuple(input_shape or own_shape or (rows.shape[1],))
    if math.prod(wanted) != rows.shape[1]:
        raise ValueError(
            f"input_shape={wanted} takes {math.prod(wanted)} numbers a row: {name} has "
            f"{rows.shape[1]}."
        )
    return rows.reshape(-1, *wanted).astype(np.float32, copy=False)


def n_axes(X: Any) -> int:
    """The number of axes of anything that is like an array."""
    return X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim


def flat(X: Any) -> Any:
    """Pictures and sequences as flat rows; a table as it is."""
    return X if n_axes(X) <= 2 else np.asarray(X).reshape(len(X), -1)


def outputs(module: Any, X: NDArray, device: Any) -> NDArray:
    """What a network in evaluation mode makes of rows, so many at once."""
    torch = need_torch()
    module.to(device).eval()
    with torch.no_grad():
        parts = [module(part).float().cpu() for part in parts_of(X, device)]
    return torch.cat(parts).numpy()


def parts_of(X: NDArray, device: Any) -> Any:
    """Rows as tensors on the device, so many at once.

    The parts differ by one row at most: statistics of each count alike, and none is of one row.
    """
    torch = need_torch()
    for part in np.array_split(X, max(1, math.ceil(len(X) / rows_at_once(X)))):
        yield torch.from_numpy(np.ascontiguousarray(part)).to(device)


def rows_at_once(X: NDArray) -> int:
    """How many of such rows a network is given at once, so that memory holds its layers' outputs.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.training.rows import rows_at_once
    >>> rows_at_once(np.zeros((5000, 10))), rows_at_once(np.zeros((1, 3, 224, 224)))
    (1024, 55)
    """
    return min(ROWS_AT_ONCE, max(1, NUMBERS_AT_ONCE // max(1, math.prod(X.shape[1:]))))
