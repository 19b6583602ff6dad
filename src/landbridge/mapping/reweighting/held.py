"""Features of many rows for several passes over them."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from landbridge.domains.memory import memory_bound
from landbridge.mapping.reweighting.basis import row_blocks

SMALL = 2**24
"""Up to so many numbers keep the precision of the rows; beyond, they are held in float32."""


class HeldFeatures:
    """Features (n, m) of rows, block by block: held where they fit, else made at every pass.

    Up to 16 million numbers (128 MB) are held as they come, more in float32, and none where
    float32 would take more than half of the bound on memory.
    """

    def __init__(self, make: Callable[[Any], Any], X: Any, n_features: int):
        self._make = make
        self._rows = X
        self.slices = row_blocks(X.shape[0])
        self.n_rows, self.n_features = X.shape[0], n_features
        size = self.n_rows * n_features
        self._dtype = None if size <= SMALL else np.float32
        self._is_held = 4 * size <= memory_bound() // 2
        self._held = [self._block(part) for part in self.slices] if self._is_held else []

    def __iter__(self) -> Iterator[tuple[slice, NDArray]]:
        """Each block's slice of the rows and its features."""
        if self._is_held:
            return zip(self.slices, self._held)
        return ((part, self._block(part)) for part in self.slices)

    def dot(self, v: NDArray) -> NDArray[np.float64]:
        """``Φ v`` (n,) for v (m,)."""
        return np.concatenate([F @ v.astype(F.dtype) for _, F in self]).astype(np.float64)

    def transposed_dot(self, w: NDArray) -> NDArray[np.float64]:
        """``Φᵀ w`` (m,) for w (n,), summed over blocks in float64."""
        total = np.zeros(self.n_features)
        for part, F in self:
            total += w[part].astype(F.dtype) @ F
        return total

    def _block(self, part: slice) -> NDArray:
        F = self._make(self._rows[part])
        F = F.toarray() if issparse(F) else F
        return F if self._dtype is None else F.astype(self._dtype, copy=False)
