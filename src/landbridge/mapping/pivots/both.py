"""Rows of both domains taken as one sample, and what is made of them beside them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack, issparse

from landbridge.moments.feature_map import stack


def rows_of_both(Xs: Any, Xt: Any) -> Any:
    """All rows (n_s + n_t, d) in float64."""
    return stack(tuple(X.astype(np.float64, copy=False) for X in (Xs, Xt)))


def beside(X: Any, made: NDArray) -> Any:
    """Rows and what was made of them, side by side, in the precision of X; sparse if X is."""
    made = made.astype(X.dtype, copy=False)
    return hstack([X, csr_matrix(made)], format="csr") if issparse(X) else np.hstack([X, made])


def scatter_of(X: Any, Y: Any) -> NDArray[np.float64]:
    """``X.T @ Y`` as a dense matrix."""
    product = X.T @ Y
    return product.toarray() if issparse(product) else product
