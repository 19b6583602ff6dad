"""The door: what comes in is checked here once, and trusted after."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.utils import assert_all_finite, check_array


def check_rows(X: ArrayLike, name: str = "X", *, min_rows: int = 1, sparse: bool = False) -> Any:
    """Rows as a finite two-dimensional float array: float32 stays float32, all else is float64.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n, d)
        The rows; they are never changed, and copied only where their type does not fit.
    name : str
        The argument's name in messages.
    min_rows : int
        The fewest rows that will do.
    sparse : bool
        Whether sparse rows may stay sparse (CSR); otherwise they are refused.

    Raises
    ------
    ValueError
        If there are too few rows or columns, or a value is NaN or infinite.
    TypeError
        If sparse rows are given where only dense ones will do.
    """
    rows = check_array(
        X,
        accept_sparse="csr" if sparse else False,
        dtype=(np.float64, np.float32),
        input_name=name,
        ensure_min_samples=0,
        ensure_all_finite=False,
    )
    if rows.shape[0] < min_rows:
        raise ValueError(
            f"Found array with {rows.shape[0]} sample(s) (shape={rows.shape}) as {name}, while a "
            f"minimum of {min_rows} is required: give more rows."
        )
    try:
        with np.errstate(invalid="ignore"):  # inf - inf, on the way to the error below
            assert_all_finite(rows)
    except ValueError:
        raise ValueError(_not_finite(rows, name)) from None
    return rows


def column_names(X: Any) -> list | None:
    """What a table calls its columns; ``None`` of an array, which has no names for them."""
    columns = getattr(X, "columns", None)  # of pandas and polars alike
    if isinstance(columns, list):  # PyArrow's are the columns themselves
        columns = getattr(X, "column_names", columns)
    return None if columns is None else list(columns)


def check_same_columns(
    first: list | None, second: list | None, called: tuple[str, str] = ("Xs", "Xt")
) -> None:
    """Refuse tables that name their columns otherwise, or have them in another order.

    Where one has no names, or not as many columns, there is nothing to compare here.

    Raises
    ------
    ValueError
        If a column goes by another name in the second than in the first.

    Examples
    --------
    >>> from landbridge.domains.checks import check_same_columns
    >>> check_same_columns(["age", "height"], ["height", "age"])
    Traceback (most recent call last):
    ...
    ValueError: Xs and Xt must have the same columns in the same order: they part at 'age';
    number 0 is 'age' in Xs but 'height' in Xt. Put the columns of Xt in the order of those of Xs.
    """
    if first is None or second is None or len(first) != len(second) or first == second:
        return
    one, other = called
    said = f"{one[:1].upper()}{one[1:]} and {other} must have the same columns"
    alone = [[name for name in a if name not in b] for a, b in ((first, second), (second, first))]
    if all(alone):
        raise ValueError(
            f"{said}: {one} alone has {alone[0][0]!r}, {other} alone {alone[1][0]!r}. Name them "
            "alike, drop what one lacks, or give arrays if they are the same features by other "
            "names."
        )
    k = next(k for k, (a, b) in enumerate(zip(first, second)) if a != b)
    raise ValueError(
        f"{said} in the same order: they part at {first[k]!r}; number {k} is {first[k]!r} in {one} "
        f"but {second[k]!r} in {other}. Put the columns of {other} in the order of those of {one}."
    )


def check_no_column_twice(table: Any, name: str) -> None:
    """Refuse a table in which two columns go by one name.

    Raises
    ------
    ValueError
        If there are such columns.
    """
    names = column_names(table) or []
    if len(set(names)) < len(names):
        twice = next(one for one in names if names.count(one) > 1)
        raise ValueError(f"{name} has more than one column called {twice!r}: rename one.")


def _not_finite(rows: Any, name: str) -> str:
    values = rows.data if issparse(rows) else rows
    n_nan, n_inf = int(np.isnan(values).sum()), int(np.isinf(values).sum())
    found = " and ".join(
        text for text, n in ((f"{n_nan} NaN", n_nan), (f"{n_inf} inf", n_inf)) if n
    )
    return (
        f"Input {name} contains {found}; every value must be a finite number. Drop those rows, "
        "or fill the gaps first: TableFeatures does so for tables, SimpleImputer for arrays."
    )


def check_weights(sample_weight: ArrayLike | None, n_rows: int, name: str) -> NDArray | None:
    """Row weights as a float64 array of shape (n,), or ``None`` where all weigh the same.

    Raises
    ------
    ValueError
        If there is not one weight a row, one is negative or not finite, or all are zero.
    """
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.ndim == 0:
        weights = np.full(n_rows, float(weights))
    if weights.shape != (n_rows,):
        raise ValueError(
            f"{name} must have one weight a row: found shape {weights.shape}, expected ({n_rows},)."
        )
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"{name} must be finite and not negative: lowest is {weights.min()}.")
    if not weights.any():
        raise ValueError(f"{name} is zero on every row: at least one row must count.")
    return weights
