"""One column of a table: what kind it is, and its values in plain form."""

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landbridge.domains.sniffing import MISSING

Kind = Literal["number", "category", "boolean", "date", "empty"]

_TRUTH = {"true": 1.0, "false": 0.0}
_DAY = pd.Timedelta(days=1)
_CIRCLES = {"year": 365.25, "week": 7.0, "day": 1.0}

MISSING_CATEGORY = "missing"


def kind_of(column: pd.Series) -> Kind:
    """What a column holds: numbers, categories, booleans, dates, or nothing at all.

    Text is a column of numbers, booleans or ISO dates where every value reads as one.
    """
    dtype = column.dtype
    if column.isna().all():
        return "empty"
    if isinstance(dtype, pd.CategoricalDtype):
        return "category"
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    if pd.api.types.is_numeric_dtype(dtype) and dtype.kind != "c":
        return "number"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "date"
    return _kind_of_text(as_text(column))


def _kind_of_text(text: pd.Series) -> Kind:
    values = pd.Series(text.dropna().unique(), dtype=object)
    if values.empty:
        return "empty"
    if values.str.lower().isin(list(_TRUTH)).all():
        return "boolean"
    if pd.to_numeric(values, errors="coerce").notna().all():
        return "number"
    return "date" if _as_times(values).notna().all() else "category"


def common_kind(kinds: set[Kind]) -> Kind:
    """The kind of a column over both domains, given its kind in each.

    Booleans beside numbers are numbers; whatever else does not agree is compared as text.
    """
    if len(kinds) == 1:
        return next(iter(kinds))
    if "empty" in kinds:
        return "empty"
    return "number" if kinds == {"number", "boolean"} else "category"


def as_text(column: pd.Series) -> pd.Series:
    """The values as text, a whole number without its point, a missing value as ``None``."""
    text = column.astype(object).map(str).astype(object)
    if pd.api.types.is_float_dtype(column.dtype):
        text = text.str.removesuffix(".0").astype(object)
    return text.mask(column.isna() | text.isin(MISSING), None)


def as_numbers(column: pd.Series) -> NDArray[np.float64]:
    """The values as float64, ``NaN`` for what is missing, infinite or no number."""
    if not pd.api.types.is_numeric_dtype(column.dtype):
        text = as_text(column)
        truth = text.str.lower().map(_TRUTH)
        column = pd.to_numeric(text, errors="coerce").fillna(truth)
    numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def as_times(column: pd.Series) -> pd.Series:
    """The values as points in time (UTC), ``NaT`` for what is missing or no ISO date."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return pd.to_datetime(column, utc=True)
    return _as_times(as_text(column))


def _as_times(text: pd.Series) -> pd.Series:
    return pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True)


def date_parts(column: pd.Series) -> dict[str, NDArray]:
    """A date as days since 1970, and its place in the year, the week and the day on circles."""
    since_1970 = as_times(column) - pd.Timestamp(0, tz="UTC")
    days = (since_1970 / _DAY).to_numpy(dtype=np.float64)
    parts: dict[str, NDArray] = {"days": days}
    for circle, length in _CIRCLES.items():
        angle = 2 * np.pi * (days % length) / length
        parts |= {f"{circle} sine": np.sin(angle), f"{circle} cosine": np.cos(angle)}
    return parts


def part_names(name: str, kind: Kind) -> list[str]:
    """What ``plain_columns`` calls the parts of a column: by its own name if it has one part."""
    if kind != "date":
        return [name]
    circles = [f"{name}: {circle} {f}" for circle in _CIRCLES for f in ("sine", "cosine")]
    return [f"{name}: days", *circles]


def plain_columns(column: pd.Series, name: str, kind: Kind) -> dict[str, NDArray]:
    """A column of a known kind as plain arrays by name: text, numbers, or the parts of a date."""
    if kind == "category":
        return {name: as_text(column).fillna(MISSING_CATEGORY).to_numpy(dtype=object)}
    if kind == "date":
        return dict(zip(part_names(name, kind), date_parts(column).values()))
    return {name: as_numbers(column)}


def missing_share(column: pd.Series) -> float:
    """The share of rows without a value, from 0 to 1; marks such as ``?`` in text are gaps."""
    is_typed = pd.api.types.is_numeric_dtype(column.dtype)
    return float((column if is_typed else as_text(column)).isna().mean())
