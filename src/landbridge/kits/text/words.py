"""Texts into words, and what counts as a text."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

WORD = r"(?u)[^\W_]+(?:['’][^\W_]+)*"
"""A word: letters and digits, with apostrophes within, so that *don't* is one."""
_WORD = re.compile(WORD)


def words_of(text: str) -> list[str]:
    """The words of a text in lower case.

    Examples
    --------
    >>> from landbridge.kits.text import words_of
    >>> words_of("I don't like it: 0/10!")
    ['i', "don't", 'like', 'it', '0', '10']
    """
    return _WORD.findall(text.lower())


def as_texts(texts: Any, name: str = "texts", *, may_be_empty: bool = False) -> list[str]:
    """Texts as a list of strings; a missing one (``None``, ``NaN``) is empty.

    Parameters
    ----------
    texts : iterable of str
    name : str
        The argument's name in messages.
    may_be_empty : bool
        Whether all may be empty, as where a fitted model is asked about them.

    Raises
    ------
    TypeError
        If it is a single text, or one of them is no text.
    ValueError
        If there is none, or all are empty.
    """
    if isinstance(texts, (str, bytes)) or not isinstance(texts, Iterable):
        raise TypeError(f"{name} must be a list of texts: found {type(texts).__name__}.")
    found = ["" if _is_missing(text) else text for text in texts]
    odd = next((text for text in found if not isinstance(text, str)), None)
    if odd is not None:
        raise TypeError(
            f"{name} must hold texts: found {type(odd).__name__}, {odd!r}. Decode bytes, and turn "
            "numbers into text with str, if they are meant."
        )
    if not found:
        raise ValueError(f"{name} is empty: give at least one text.")
    if not may_be_empty and not any(text.strip() for text in found):
        raise ValueError(f"All {len(found)} of {name} are empty: expected words.")
    return found


def _is_missing(text: Any) -> bool:
    return text is None or text is pd.NA or (isinstance(text, float) and text != text)


def tokens_of(texts: Sequence[str]) -> list[list[str]]:
    """The words of each text."""
    return [words_of(text) for text in texts]
