"""One way to check a parameter, so that every message says the same things."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np


def check_choice(name: str, value: Any, choices: Sequence[Any], instead: str = "") -> None:
    """Refuse what is none of ``choices``, which are words or ``None``.

    Parameters
    ----------
    name : str
        The parameter's name in the message.
    value : object
        What was given.
    choices : sequence
        What may be given.
    instead : str
        What to do about it, a sentence to end the message.

    Raises
    ------
    ValueError
        If the value is no choice.

    Examples
    --------
    >>> from landbridge.domains.parameters import check_choice
    >>> check_choice("solver", "magic", ("exact", "sinkhorn"))
    Traceback (most recent call last):
    ValueError: solver must be "exact" or "sinkhorn": found 'magic'.
    """
    if not _is_one_of(value, choices):
        _refuse(name, value, [_shown(choice) for choice in choices], instead)


def check_number(
    name: str,
    value: Any,
    *,
    words: Sequence[Any] = (),
    least: float = 0.0,
    above: bool = False,
    most: float = np.inf,
    below: float = np.inf,
    whole: bool = False,
    instead: str = "",
) -> None:
    """Refuse what is neither one of ``words`` nor a finite number within bounds.

    Parameters
    ----------
    name : str
        The parameter's name in the message.
    value : object
        What was given.
    words : sequence
        What may stand for a number, such as ``"cv"`` or ``None``.
    least : float
        The smallest number.
    above : bool
        Whether the number must be larger than ``least``.
    most : float
        The largest number.
    below : float
        What the number must be less than.
    whole : bool
        Whether the number must be whole.
    instead : str
        What to do about it, a sentence to end the message.

    Raises
    ------
    ValueError
        If the value is neither.

    Examples
    --------
    >>> from landbridge.domains.parameters import check_number
    >>> check_number("gamma", -1.0, words=("cv",), above=True)
    Traceback (most recent call last):
    ValueError: gamma must be "cv" or a number above 0: found -1.0.
    """
    if _is_one_of(value, words):
        return
    number = isinstance(value, Integral if whole else Real) and not isinstance(value, bool)
    if number and least <= value <= most and value < below and not (above and value == least):
        return
    kind = f"a {'whole ' if whole else ''}number {'above' if above else 'from'} {least:g}"
    _refuse(name, value, [*map(_shown, words), kind + _upper_bound(above, most, below)], instead)


def _is_one_of(value: Any, words: Sequence[Any]) -> bool:
    return any(value is word or (isinstance(value, str) and value == word) for word in words)


def _upper_bound(above: bool, most: float, below: float) -> str:
    if np.isfinite(most):
        return f" to {most:g}"
    if np.isfinite(below):
        return f" and below {below:g}"
    return "" if above else " up"


def _shown(word: Any) -> str:
    return f'"{word}"' if isinstance(word, str) else str(word)


def _refuse(name: str, value: Any, wanted: list[str], instead: str) -> None:
    *others, last = wanted
    expected = f"{', '.join(others)} or {last}" if others else last
    raise ValueError(f"{name} must be {expected}: found {value!r}. {instead}".rstrip())
