"""Batches for Keras: the same rows in the same order as for PyTorch, as arrays."""

from typing import Any

from numpy.typing import NDArray

from landbridge.training import batches


class ArrayBatches(batches.ArrayBatches):
    """Batches of rows that lie in an array, in memory or mapped from a file."""

    def ready(self, values: Any) -> Any:
        """Rows as they are."""
        return values

    def tensor(self, values: NDArray) -> Any:
        """An array as it is: the trainer makes tensors of a batch."""
        return values
