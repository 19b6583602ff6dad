"""Blocks of columns put together, sparse where one of them is."""

from typing import Any

import numpy as np
from scipy import sparse


def zeros_like(X: Any) -> Any:
    """A block of zeros of the shape and kind of ``X``; nothing is stored where that is sparse."""
    return type(X)(X.shape, dtype=X.dtype) if sparse.issparse(X) else np.zeros_like(X)


def stack_columns(*blocks: Any) -> Any:
    """Columns of all blocks beside each other; CSR where any block is sparse."""
    if any(sparse.issparse(block) for block in blocks):
        return sparse.hstack(blocks, format="csr")
    return np.hstack(blocks)
