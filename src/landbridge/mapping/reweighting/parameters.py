"""One way to check a parameter, so that every message says the same things."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np


def check_number(
    name: str,
    value: Any,
    *,
    words: Sequence[Any] = (),
    least: float = 0.0,
    above: bool = False,
    below: float = np.inf,
    whole: bool = False,
) -> None:
    """Refuse what is neither one of ``words`` nor a number from ``least`` up and under ``below``.

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
    below : float
        What the number must be less than.
    whole : bool
        Whether the number must be whole.

    Raises
    ------
    ValueError
        If the value is neither.

    Examples
    --------
    >>> from landbridge.mapping.reweighting.parameters import check_number
    >>> check_number("gamma", -1.0, words=("cv",), above=True)
    Traceback (most recent call last):
    ValueError: gamma must be "cv" or a number above 0: found -1.0.
    """
    if any(value is word or (isinstance(value, str) and value == word) for word in words):
        return
    number = isinstance(value, Integral if whole else Real) and not isinstance(value, bool)
    if number and least <= value < below and not (above and value == least):
        return
    kind = f"a {'whole ' if whole else ''}number {'above' if above else 'from'} {least:g}"
    bound = f" and below {below:g}" if np.isfinite(below) else "" if above else " up"
    choices = [f'"{word}"' if isinstance(word, str) else str(word) for word in words]
    wanted = " or ".join([*([", ".join(choices)] if choices else []), kind + bound])
    raise ValueError(f"{name} must be {wanted}: found {value!r}.")
