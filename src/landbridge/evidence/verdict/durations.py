"""Spans of time as people write them."""

import re
from typing import Any

UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def as_seconds(name: str, value: Any) -> float | None:
    """Seconds of a number, or of text such as ``"90s"``, ``"5m"`` and ``"1.5h"``.

    Parameters
    ----------
    name : str
        The argument's name in messages.
    value : float, str or None
        ``None``, for no limit, stays ``None``.

    Raises
    ------
    ValueError
        If it is no span of time, or not above zero.

    Examples
    --------
    >>> from landbridge.evidence.verdict.durations import as_seconds
    >>> as_seconds("budget", "5m"), as_seconds("budget", 90), as_seconds("budget", "0.5h")
    (300.0, 90.0, 1800.0)
    """
    if value is None:
        return None
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*([smh]?)\s*", str(value))
    seconds = float(found[1]) * UNITS[found[2]] if found and not isinstance(value, bool) else 0.0
    if seconds <= 0:
        raise ValueError(
            f"{name} must be a span of time above zero: found {value!r}, expected seconds such as "
            'a number, or text such as "90s", "5m" or "1h".'
        )
    return seconds


def in_seconds(seconds: float) -> str:
    """A span of time to three digits, as people write it.

    Examples
    --------
    >>> from landbridge.evidence.verdict.durations import in_seconds
    >>> in_seconds(17.0832), in_seconds(3600)
    ('17.1 s', '3600 s')
    """
    return f"{float(f'{seconds:.3g}'):g} s"
