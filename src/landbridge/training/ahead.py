"""Batches made ready for a GPU while it works on those before."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from landbridge.training.engine import each_tensor, move, need_torch


def made_ahead(items: Iterator[Any]) -> Iterator[Any]:
    """The same items in the same order, each made in another thread while the last is used.

    Examples
    --------
    >>> from landbridge.training.ahead import made_ahead
    >>> list(made_ahead(iter("abc")))
    ['a', 'b', 'c']
    """
    nothing = object()
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, items, nothing)
        while (item := coming.result()) is not nothing:
            coming = thread.submit(next, items, nothing)
            yield item


def carried_ahead(batches: Iterator[Any], device: Any) -> Iterator[Any]:
    """Batches on a GPU, the next one copied there while it computes, on a stream of its own."""
    cuda = need_torch().cuda
    stream = cuda.Stream(device)

    def carried(batch: Any) -> tuple[Any, Any]:
        with cuda.stream(stream):
            arrived = move(each_tensor(batch, pinned), device)
            return arrived, stream.record_event()

    for batch, arrival in made_ahead(map(carried, batches)):
        now = cuda.current_stream(device)
        now.wait_event(arrival)
        # So that its memory is not given to the next batch while it is still in use.
        each_tensor(batch, lambda tensor: tensor.record_stream(now))  # noqa: B023
        yield batch


def pinned(tensor: Any) -> Any:
    """A tensor in memory that a GPU can copy from by itself, where it is not there already."""
    return tensor if tensor.is_cuda else tensor.pin_memory()
