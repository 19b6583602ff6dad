"""Rows in an order that only their content decides, and whether they repeat each other."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MOST_REPEATED = 0.1


def in_order(rows: NDArray, labels: NDArray) -> tuple[NDArray, NDArray]:
    """Rows (n, d) and their labels (n,) by a hash of the row, equal rows by their labels.

    Whatever is drawn of them by number afterwards does not depend on the order they came in.
    """
    order = np.lexsort((labels.astype(str), _hashes(rows)))
    return rows[order], labels[order]


def distinct_rows(rows: NDArray) -> int:
    """How many rows are distinct, where more than a tenth repeat others; else how many there are.

    Rows of few different values are alike by chance: they count as distinct unless a column has
    nearly as many values as there are distinct rows.
    """
    distinct, first = np.unique(_hashes(rows), return_index=True)
    if len(distinct) >= (1 - MOST_REPEATED) * len(rows):
        return len(rows)
    values = max(len(np.unique(column)) for column in rows[first].T)
    return len(distinct) if values >= (1 - MOST_REPEATED) * len(distinct) else len(rows)


def _hashes(rows: NDArray) -> NDArray[np.uint64]:
    # Adding zero turns -0.0, which is equal to it, into 0.0.
    hashes = pd.util.hash_pandas_object(pd.DataFrame(rows + 0.0), index=False)
    return np.asarray(hashes, dtype=np.uint64)
