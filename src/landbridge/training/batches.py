"""Batches: what a step sees of one domain or of two, dealt out anew in every epoch."""

import math
import zlib
from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from landbridge.training.engine import need_torch


class Batch(NamedTuple):
    """Some rows of one domain, as tensors; ``None`` for what they have not."""

    X: Any
    """Rows (b, ...)."""
    y: Any = None
    """Class numbers (b,), or numbers (b, k)."""
    weight: Any = None
    """Weights (b,) with mean 1 over all rows."""
    rows: Any = None
    """Row numbers (b,), for a method that keeps something of each row."""


class TwoBatches(NamedTuple):
    """A batch of each domain."""

    source: Batch
    target: Batch


class Batches(Protocol):
    """What deals out the batches of an epoch."""

    own_order: bool
    """Whether torch's random numbers have no part in them: then they can be made ahead."""

    def __len__(self) -> int:
        """Batches an epoch."""

    def epoch(self, seed: int) -> Iterator[Any]:
        """The batches of one epoch, in an order that depends on nothing but the seed."""

    def fingerprint(self) -> int:
        """A number that changes with the rows, so that a checkpoint knows its own."""


class ArrayBatches:
    """Batches of rows that lie in an array: in memory, or mapped from a file and never all read.

    Parameters
    ----------
    X : ndarray or tensor of shape (n, ...)
        A memory-mapped array is read a batch at a time, in the order of the file within a batch.
    y, weight : ndarray or tensor of shape (n, ...) and (n,), optional
    batch_size : int
        Rows a batch at most; an epoch's batches differ by one row at most, so that none is so
        small that its own mean says nothing.
    is_balanced : bool, default=False
        Whether every class makes up the same share of an epoch: rows are drawn with replacement
        in inverse proportion to how common their class is.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.training import ArrayBatches
    >>> batches = ArrayBatches(np.arange(10.0)[:, None], batch_size=4)
    >>> [len(batch.X) for batch in batches.epoch(seed=0)]
    [4, 3, 3]
    """

    own_order = True

    def __init__(
        self,
        X: Any,
        y: Any = None,
        weight: Any = None,
        *,
        batch_size: int,
        is_balanced: bool = False,
    ):
        if not len(X):
            raise ValueError("There are no rows to learn from: found 0, expected 1 at least.")
        self.X, self.y, self.weight = (self.ready(values) for values in (X, y, weight))
        self.batch_size = batch_size
        self.shares = class_shares(y) if is_balanced else None

    def __len__(self) -> int:
        return math.ceil(len(self.X) / self.batch_size)

    def epoch(self, seed: int) -> Iterator[Batch]:
        """The batches of one epoch."""
        order = drawn_order(len(self.X), seed, self.shares)
        for rows in np.array_split(order, len(self)):
            yield self.batch(rows)

    def batch(self, rows: NDArray[np.intp]) -> Batch:
        """The rows of these numbers."""
        if is_mapped(self.X):
            rows = np.sort(rows)
        X, y, weight = (self.take(values, rows) for values in (self.X, self.y, self.weight))
        return Batch(X, y, weight, self.tensor(rows))

    def in_order(self) -> Iterator[Batch]:
        """All rows once, in their order."""
        for start in range(0, len(self.X), self.batch_size):
            yield self.batch(np.arange(start, min(start + self.batch_size, len(self.X))))

    def fingerprint(self) -> int:
        """A checksum of some of the rows and of their number."""
        some = np.linspace(0, len(self.X) - 1, min(len(self.X), 256)).astype(int)
        parts = [np.asarray(len(self.X))]
        for values in (self.X, self.y, self.weight):
            if values is not None:
                taken = values[some] if isinstance(values, np.ndarray) else values[some].cpu()
                parts.append(np.asarray(taken))
        return zlib.crc32(b"".join(np.ascontiguousarray(part).tobytes() for part in parts))

    def ready(self, values: Any) -> Any:
        """Rows to take from: those in memory as a tensor on the same memory, others as they are."""
        if not isinstance(values, np.ndarray) or is_mapped(values):
            return values
        # A tensor on memory that is read-only, or runs backwards, cannot be had.
        has_plain_memory = values.flags.writeable and values.flags.c_contiguous
        return need_torch().from_numpy(values) if has_plain_memory else values

    def take(self, values: Any, rows: NDArray[np.intp]) -> Any:
        """The rows of these numbers as a tensor; ``None`` of nothing."""
        if values is None:
            return None
        if isinstance(values, np.ndarray):
            return self.tensor(values[rows])
        torch = need_torch()
        numbers = torch.from_numpy(rows).to(values.device)
        if values.is_cuda or not torch.cuda.is_initialized():
            return values.index_select(0, numbers)
        # Straight into memory that a GPU copies from: there it is used again batch after batch.
        taken = torch.empty((len(rows), *values.shape[1:]), dtype=values.dtype, pin_memory=True)
        return torch.index_select(values, 0, numbers, out=taken)

    def tensor(self, values: NDArray) -> Any:
        """An array as a tensor."""
        return need_torch().from_numpy(np.ascontiguousarray(values))


class LoaderBatches:
    """The batches of a PyTorch ``DataLoader``, whatever its data set, sampler and workers.

    Each item must be rows, or rows and labels. Its order is drawn from torch's own random
    numbers, which are seeded anew in every epoch.
    """

    own_order = False

    def __init__(self, loader: Any):
        if not len(loader):
            raise ValueError(
                "The loader has no batches. Give it rows, and with drop_last=True at least "
                "batch_size of them."
            )
        self.loader = loader

    def __len__(self) -> int:
        return len(self.loader)

    def epoch(self, seed: int) -> Iterator[Batch]:
        """The batches of one epoch."""
        need_torch().default_generator.manual_seed(seed)
        return self.in_order()

    def in_order(self) -> Iterator[Batch]:
        """The batches as the loader deals them."""
        for item in self.loader:
            yield Batch(*item[:2]) if isinstance(item, (tuple, list)) else Batch(item)

    def fingerprint(self) -> int:
        """The number of batches: all that is known without reading them."""
        return len(self.loader)


class TwoDomains:
    """A batch of each domain at every step; the domain with fewer batches begins anew."""

    def __init__(self, source: Batches, target: Batches):
        self.source, self.target = source, target
        self.own_order = source.own_order and target.own_order

    def __len__(self) -> int:
        return max(len(self.source), len(self.target))

    def epoch(self, seed: int) -> Iterator[TwoBatches]:
        """As many pairs of batches as the larger domain has."""
        both = (
            _again_and_again(batches, seed + k)
            for k, batches in enumerate((self.source, self.target))
        )
        for _, source, target in zip(range(len(self)), *both):
            yield TwoBatches(source, target)

    def fingerprint(self) -> int:
        """Of both domains together."""
        parts = (self.source.fingerprint(), self.target.fingerprint())
        return zlib.crc32(np.array(parts, dtype=np.int64).tobytes())


ROUND = 7919
"""How far apart the seeds of a small domain's rounds within an epoch are."""


def _again_and_again(batches: Batches, seed: int) -> Iterator[Batch]:
    rounds = (batches.epoch(seed + ROUND * k) for k in range(2**30))
    return chain.from_iterable(rounds)


def drawn_order(
    n_rows: int, seed: int, shares: NDArray[np.float64] | None = None
) -> NDArray[np.intp]:
    """Row numbers (n_rows,) in a new order, or drawn with these shares, with replacement.

    NumPy draws them, so that networks of all frameworks see the same batches for the same seed.
    """
    rng = np.random.default_rng(seed)
    return rng.permutation(n_rows) if shares is None else rng.choice(n_rows, n_rows, p=shares)


def class_shares(y: Any) -> NDArray[np.float64]:
    """How likely each row is to be drawn (n,), so that all classes are drawn alike."""
    codes = np.asarray(y)
    each = (1.0 / np.maximum(np.bincount(codes), 1))[codes]
    return each / each.sum()


def unless_all_one(weights: NDArray) -> NDArray | None:
    """Weights (n,), or ``None`` where they change nothing, which spares every step the product."""
    return None if (weights == 1).all() else weights


def is_mapped(values: Any) -> bool:
    """Whether an array, or the one that it is a view of, is mapped from a file."""
    while values is not None and not isinstance(values, np.memmap):
        values = getattr(values, "base", None)
    return values is not None
