"""Rows and labels out of PyTorch's ``Dataset`` and ``DataLoader``: all in memory, or as a stream.

An item of a data set is a row with its label, or a row alone; an item of a loader is a batch of
those. A data set is read into memory as a whole, item by item, and refused where that is beyond
the bound; a loader is read so by all but ``NetworkSource``, which trains on its batches as they
come. Torch is looked for among what is loaded: who has a data set has loaded it.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from landbridge.domains.memory import check_memory
from landbridge.training.batches import Batch, LoaderBatches
from landbridge.training.engine import need_torch


def is_loader(data: Any) -> bool:
    """Whether data is a PyTorch ``DataLoader``."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(data, torch.utils.data.DataLoader)


def is_dataset(data: Any) -> bool:
    """Whether data is a PyTorch ``Dataset``."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(data, torch.utils.data.Dataset)


class Chunk(NamedTuple):
    """Some rows (b, ...) and their labels (b,), ``None`` of rows alone."""

    X: NDArray
    y: NDArray | None


def rows_and_labels(data: Any, y: Any = None, name: str = "X") -> tuple[Any, Any]:
    """Rows (n, ...) and labels (n,) of a data set or loader; anything else is passed through.

    Parameters
    ----------
    data : Dataset, DataLoader or array-like
        A loader deals its batches once, in its own order.
    y : array-like of shape (n,), optional
        Labels that are already there: a data set brings its own, so none may be given.
    name : str
        The argument's name in messages.

    Raises
    ------
    ValueError
        If there are labels twice, there are no items, or they differ in shape.
    MemoryError
        If all rows together are beyond the bound.

    Examples
    --------
    >>> import torch
    >>> from torch.utils.data import DataLoader, TensorDataset
    >>> from landbridge.training.loading import rows_and_labels
    >>> data = TensorDataset(torch.zeros(5, 2), torch.arange(5))
    >>> X, y = rows_and_labels(DataLoader(data, batch_size=2))
    >>> X.shape, y
    ((5, 2), array([0, 1, 2, 3, 4]))
    """
    if not is_loader(data) and not is_dataset(data):
        return data, y
    if y is not None:
        raise ValueError(
            f"{name} is a {type(data).__name__}, whose items bring their labels: leave the labels "
            "out, or give rows as an array."
        )
    chunks = list(_bounded(chunks_of(data, name), n_items(data, name), name))
    labels = [chunk.y for chunk in chunks]
    X = np.concatenate([chunk.X for chunk in chunks])
    return X, None if labels[0] is None else np.concatenate(labels)  # type: ignore[arg-type]


def rows_of(data: Any, name: str = "X") -> Any:
    """Rows of a data set, whatever labels are with them; anything else is passed through.

    Raises
    ------
    ValueError
        If it is a loader that may deal its rows in another order than they have.
    """
    if is_loader(data):
        raise ValueError(
            f"{name} is a DataLoader, which may shuffle: give its data set, {name}.dataset, so "
            "that predictions are in the order of its items."
        )
    return rows_and_labels(data, None, name)[0]


def n_items(data: Any, name: str) -> int:
    """The number of items of a data set, or of batches of a loader.

    Raises
    ------
    ValueError
        If it has none, or does not say.
    """
    try:
        n = len(data)
    except (TypeError, NotImplementedError) as error:
        raise ValueError(
            f"{name} must say how many items it has: this {type(data).__name__} has no length "
            f"({error}). Give a data set with __len__ and __getitem__, or an array."
        ) from error
    if not n:
        raise ValueError(
            f"{name} is empty: this {type(data).__name__} has 0 items, expected 1 at least (a "
            "loader with drop_last=True needs batch_size rows)."
        )
    return n


def chunks_of(data: Any, name: str) -> Iterator[Chunk]:
    """The batches of a loader, or the items of a data set as batches of one, checked.

    Raises
    ------
    ValueError
        If an item is no pair of a row and a label, or differs in shape from the first.
    """
    first: Chunk | None = None
    items = data if is_loader(data) else (data[k] for k in range(len(data)))
    for k, item in enumerate(items):
        chunk = _chunk(item, is_loader(data), f"item {k} of {name}")
        first = first or chunk
        if chunk.X.shape[1:] != first.X.shape[1:] or (chunk.y is None) != (first.y is None):
            raise ValueError(
                f"The items of {name} must be alike: item {k} has rows of shape "
                f"{chunk.X.shape[1:]} {_with_labels(chunk)}, the first {first.X.shape[1:]} "
                f"{_with_labels(first)}. Bring them to one shape in the data set."
            )
        yield chunk


def _with_labels(chunk: Chunk) -> str:
    return "without labels" if chunk.y is None else "with labels"


def _chunk(item: Any, is_batch: bool, name: str) -> Chunk:
    pair = item if isinstance(item, (tuple, list)) else (item,)
    if not 1 <= len(pair) <= 2:
        raise ValueError(f"{name} must be a row and its label: found {len(pair)} values.")
    try:
        X = _array(pair[0]).astype(np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must have a row of numbers: found {type(pair[0]).__name__} ({error}). Give "
            "the data set a transform that makes numbers of it, such as torchvision's ToTensor."
        ) from error
    y = None if len(pair) == 1 else _array(pair[1])
    if not is_batch:
        X, y = X[None], None if y is None else y[None]
    if X.ndim < 2:
        raise ValueError(f"{name} must have a row of one axis or more: found a single number.")
    if y is not None and y.shape != X.shape[:1]:
        raise ValueError(
            f"{name} must have one label a row: found labels of shape {y.shape} for {len(X)} rows."
        )
    return Chunk(X, y)


def _array(values: Any) -> NDArray:
    return values.detach().cpu().numpy() if hasattr(values, "detach") else np.asarray(values)


def _bounded(chunks: Iterator[Chunk], n_chunks: int, name: str) -> Iterator[Chunk]:
    """The same chunks, refused at the first where all of them together would be too large."""
    for k, chunk in enumerate(chunks):
        if k == 0:
            check_memory(
                2.0 * chunk.X.nbytes * n_chunks,  # the parts, and the whole made of them
                f"{name} of {n_chunks} × {len(chunk.X)} rows of shape {chunk.X.shape[1:]}",
                "Train NetworkSource on a DataLoader, which it streams, or give fewer rows.",
            )
        yield chunk


class Survey(NamedTuple):
    """What one pass over a loader tells: some rows, to know their shape, and all labels."""

    X: NDArray
    y: NDArray


def survey(loader: Any, name: str = "X") -> Survey:
    """Read a loader once, and keep the first batch's rows and every batch's labels.

    Raises
    ------
    ValueError
        If it is empty, a batch has no labels, or a row holds something that is no finite number.
    """
    n_items(loader, name)
    some, labels = None, []
    for k, chunk in enumerate(chunks_of(loader, name)):
        if chunk.y is None:
            raise ValueError(f"{name} brings no labels: each batch must be rows and labels.")
        if not np.isfinite(chunk.X).all():
            raise ValueError(
                f"Batch {k} of {name} has values that are no finite numbers, such as NaN or inf: "
                "fill or drop them in the data set."
            )
        some = chunk.X if some is None else some
        labels.append(chunk.y)
    assert some is not None
    return Survey(some, np.concatenate(labels))


class LabelledLoader(LoaderBatches):
    """The batches of a loader as they come: rows in shape, labels as numbers, weights.

    Parameters
    ----------
    loader : DataLoader
    input_shape : tuple of int
        What each row is to the network.
    encode : callable
        From labels (b,) to class numbers or values (b,) and weights (b,).
    """

    def __init__(
        self,
        loader: Any,
        input_shape: tuple[int, ...],
        encode: Callable[[NDArray], tuple[NDArray, NDArray]],
    ):
        super().__init__(loader)
        self.input_shape, self.encode = input_shape, encode

    def in_order(self) -> Iterator[Batch]:
        """The batches as the loader deals them."""
        from_numpy = need_torch().from_numpy
        for X, y in chunks_of(self.loader, "X"):
            assert y is not None  # the survey saw to it
            codes, weights = self.encode(y)
            yield Batch(
                from_numpy(X.reshape(-1, *self.input_shape)),
                from_numpy(codes),
                from_numpy(weights),
            )
