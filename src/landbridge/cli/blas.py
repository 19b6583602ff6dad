"""How many threads matrix products take."""

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Matrix products on one thread: on small tables several of them wait for one another.

    On two cores the comparison of the heart-disease tables took four times as long with two.
    """
    with threadpool_limits(1, user_api="blas"):
        yield
