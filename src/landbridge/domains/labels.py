"""Labels, some of them missing: the only rule is that a blank is a missing label.

``None``, ``NaN`` and ``pd.NA`` mark an unlabelled row. Every other value is a label: ``-1``,
``False`` and ``""`` are classes like any other.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray


def as_labels(y: ArrayLike, n_rows: int | None = None, name: str = "y") -> NDArray:
    """Labels as a one-dimensional array, a missing one as ``NaN`` or ``None``.

    Parameters
    ----------
    y : array-like of shape (n,)
        Numbers, strings, booleans or a pandas column of any type.
    n_rows : int, optional
        The number of rows that ``y`` has to match.
    name : str
        The argument's name in messages.

    Raises
    ------
    ValueError
        If ``y`` is ``None`` or not one-dimensional, its length is not ``n_rows``, or a label is
        infinite.

    Examples
    --------
    >>> import pandas as pd
    >>> from landbridge.domains import as_labels
    >>> as_labels(pd.Series([1, None, -1], dtype="Int64"))
    array([1, None, -1], dtype=object)
    """
    if y is None:
        rows = "row" if n_rows is None else f"of {n_rows} rows"
        raise ValueError(f"{name} is None: give a label for each {rows}, blank where unknown.")
    if isinstance(y, (list, tuple)):
        y = _untouched(y)
    if isinstance(y, (pd.Series, pd.Index, pd.api.extensions.ExtensionArray)):
        y = _plain(pd.Series(y))
    array = np.asarray(y)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array.ravel()
    if array.ndim != 1:
        raise ValueError(f"{name} must have one label a row: found shape {array.shape}.")
    if n_rows is not None and len(array) != n_rows:
        raise ValueError(f"{name} must have a label for each of {n_rows} rows: found {len(array)}.")
    if array.dtype.kind == "f" and np.isinf(array).any():
        raise ValueError(
            f"{name} contains {int(np.isinf(array).sum())} infinite labels: give finite numbers, "
            "or a blank where a label is unknown."
        )
    if array.dtype == object:
        array = array.copy()
        array[pd.isna(array)] = None
    return array


def check_all_labelled(y: ArrayLike, n_rows: int | None = None, name: str = "y") -> NDArray:
    """Labels as ``as_labels`` gives them, of which none may be missing, so as to score by them.

    Raises
    ------
    ValueError
        If a label is missing, or ``y`` is not as ``as_labels`` wants it.
    """
    labels = as_labels(y, n_rows, name)
    n_blank = int((~is_labelled(labels)).sum())
    if n_blank:
        raise ValueError(
            f"{name} has no label in {n_blank} of {len(labels)} rows, and predictions are scored "
            f"by labels: leave those rows out of X and {name}."
        )
    return labels


def _untouched(values: list | tuple) -> NDArray | pd.Series:
    """Python values as an array; on its own, NumPy would make the text "nan" of a NaN."""
    array = np.asarray(values, dtype=object)
    return pd.Series(array).infer_objects() if array.ndim == 1 else array


def _plain(column: pd.Series) -> NDArray:
    """A pandas column without its extension type: numbers stay numbers, blanks are blank."""
    kind = column.dtype.kind
    if kind in "iufb" and isinstance(column.dtype, np.dtype):
        return column.to_numpy()
    if kind == "f":
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    if kind in "iub" and not column.isna().any():
        return column.to_numpy(dtype=bool if kind == "b" else f"{kind}8")
    return column.astype(object).to_numpy()


BLANK = -1
"""The code of a row without a label; labels themselves never have this code."""


def is_labelled(y: NDArray) -> NDArray[np.bool_]:
    """Which rows have a label, as a boolean array of shape (n,)."""
    return ~pd.isna(np.asarray(y))


def class_names(*ys: NDArray) -> NDArray:
    """The classes that occur in any of ``ys``, sorted; unlabelled rows are passed over.

    Raises
    ------
    TypeError
        If the labels cannot be ordered together, such as numbers in one and text in the other.
    """
    found = [y[is_labelled(y)] for y in ys]
    kinds = [{type(v) for v in part.tolist()} for part in found if len(part)]
    values = {v for part in found for v in part.tolist()}
    try:
        ordered = sorted(values)
    except TypeError:
        shown = " and ".join(sorted({k.__name__ for kind in kinds for k in kind}))
        raise TypeError(
            f"The labels mix types that cannot be compared: {shown}. "
            "Give source and target labels of one type."
        ) from None
    if _are_integers_on_one_side(kinds) and all(float(v).is_integer() for v in ordered):
        ordered = [int(v) for v in ordered]
    return np.array(ordered) if ordered else np.array([], dtype=float)


def _are_integers_on_one_side(kinds: list[set[type]]) -> bool:
    """Whether a blank turned integers into floats on one side only."""
    return set().union(*kinds) == {int, float}


def encode(y: NDArray, classes: NDArray) -> NDArray[np.float64]:
    """Each label's position in ``classes``, ``NaN`` where there is no label.

    Raises
    ------
    ValueError
        If a label is not in ``classes``.
    """
    codes = np.full(len(y), np.nan)
    known = {value: k for k, value in enumerate(classes.tolist())}
    mask = is_labelled(y)
    try:
        codes[mask] = [known[value] for value in y[mask].tolist()]
    except KeyError as error:
        raise ValueError(
            f"Label {error.args[0]!r} is not one of the classes {classes.tolist()}."
        ) from None
    return codes


def labelled_rows(X: Any, y: NDArray) -> tuple[Any, NDArray]:
    """The rows that have a label, and their labels in a plain type (numbers, text, booleans)."""
    mask = is_labelled(y)
    return X[mask], np.array(y[mask].tolist(), dtype=None if mask.any() else float)


def common_labels(ys: NDArray, yt: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Class labels of both domains in one type, and the classes found in either.

    Returns ``ys``, ``yt`` (an object array with ``None`` for a blank) and ``classes``: 1 and 1.0,
    which a blank made of it, are one class.
    """
    classes = class_names(ys, yt)
    values = np.array([*classes.tolist(), None], dtype=object)
    codes = [encode(y, classes) for y in (ys, yt)]
    source, target = (values[np.where(np.isnan(c), len(classes), c).astype(int)] for c in codes)
    return (
        labelled_rows(source, source)[1] if is_labelled(source).all() else source,
        target,
        classes,
    )


def codes_of(y: NDArray, classes: NDArray) -> NDArray[np.intp]:
    """Each label's position in ``classes`` as a whole number, ``BLANK`` where there is none."""
    codes = encode(y, classes)
    return np.where(np.isnan(codes), BLANK, codes).astype(np.intp)
