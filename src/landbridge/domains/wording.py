"""Words for messages and notes."""

from collections.abc import Iterable
from difflib import get_close_matches


def listed(words: Iterable[object], most: int = 8) -> str:
    """The words in quotes, the first few of them where there are many."""
    quoted = [repr(word) for word in words]
    more = f" and {len(quoted) - most} more" if len(quoted) > most else ""
    return ", ".join(quoted[:most]) + more


def nearest(word: str, words: Iterable[str]) -> list[str]:
    """Up to three of the words that are most like ``word``, upper and lower case alike."""
    spelled = {other.lower(): other for other in words}
    return [spelled[match] for match in get_close_matches(word.lower(), spelled, cutoff=0.5)]
