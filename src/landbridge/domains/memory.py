"""Memory is asked for before it is taken."""

import os

MEMORY_VARIABLE = "LANDBRIDGE_MAX_MEMORY"
"""The environment variable that sets the bound, in bytes."""


def memory_bound() -> int:
    """The most bytes that one array may take: half of the machine's memory, unless set."""
    if os.environ.get(MEMORY_VARIABLE):
        return int(float(os.environ[MEMORY_VARIABLE]))
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, ValueError, OSError):
        return 4 * 2**30


def check_memory(n_bytes: float, what: str, instead: str) -> None:
    """Refuse an array beyond the bound before any of it is allocated.

    Parameters
    ----------
    n_bytes : float
        What it would take.
    what : str
        What needs it, with its shape, to begin the message.
    instead : str
        What to do instead, a sentence.

    Raises
    ------
    MemoryError
        If the array is too large.

    Examples
    --------
    >>> from landbridge.domains.memory import check_memory
    >>> check_memory(1e15, "A kernel of 10,000,000 rows", "Give fewer rows.")
    Traceback (most recent call last):
    MemoryError: A kernel of 10,000,000 rows needs 1,000,000.0 GB; the bound is ...
    """
    bound = memory_bound()
    if n_bytes > bound:
        raise MemoryError(
            f"{what} needs {n_bytes / 1e9:,.1f} GB; the bound is {bound / 1e9:,.1f} GB "
            f"({MEMORY_VARIABLE} sets it, in bytes). {instead}"
        )
