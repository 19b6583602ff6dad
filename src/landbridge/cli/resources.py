"""How much of the machine a command uses."""

from collections.abc import Iterator
from contextlib import contextmanager

import joblib
from threadpoolctl import threadpool_limits

MOST_WORKERS = 4


def n_workers(jobs: int | None) -> int:
    """Processes for the comparison: as asked, or one a core but not more than start quickly."""
    return jobs or min(MOST_WORKERS, joblib.cpu_count())


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Matrix products on one thread: on small tables several of them wait for one another.

    With two threads on two busy cores a comparison of the heart-disease tables took four times
    as long.
    """
    with threadpool_limits(1, user_api="blas"):
        yield
