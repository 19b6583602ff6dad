"""What several methods make of the same rows, made once where somebody keeps it for them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import joblib

Keep = Callable[[str, Callable[[], Any]], Any]
"""From a name of what is wanted, and what makes it, to what was made under that name."""
_keep: ContextVar[Keep | None] = ContextVar("keep", default=None)


@contextmanager
def shared_by(keep: Keep) -> Iterator[None]:
    """In the body, whatever is made by ``once`` is kept by ``keep``."""
    token = _keep.set(keep)
    try:
        yield
    finally:
        _keep.reset(token)


def once(made_of: Any, make: Callable[[], Any]) -> Any:
    """What ``make()`` gives, or gave for the same parts: rows, parameters, the name of a step.

    Examples
    --------
    >>> from landbridge.moments.sharing import once, shared_by
    >>> kept = {}
    >>> def keep(name, make):
    ...     return kept.setdefault(name, make())
    >>> with shared_by(keep):
    ...     once(("sum", [1, 2]), lambda: 3), once(("sum", [1, 2]), lambda: "made anew")
    (3, 3)
    """
    keep = _keep.get()
    return make() if keep is None else keep(joblib.hash(made_of), make)
