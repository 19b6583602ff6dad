"""Fit one model on some folds and score it, whatever happens on the way."""

import pickle
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, CancelledError
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed, parallel_config
from joblib.parallel import get_active_backend
from numpy.typing import NDArray
from sklearn.base import is_classifier
from threadpoolctl import threadpool_limits

from landbridge.domains import class_names, encode, is_labelled
from landbridge.evidence.verdict.folds import Data, held_out, thinned, truth_of
from landbridge.evidence.verdict.memory import fitted_apart, forget, memory_of
from landbridge.source import has_probabilities

NEVER_TRIED = "not tried: the time was over before its turn"
KILLED = "the process that fitted it was killed (out of memory, or a crash in compiled code)"
DASK_TRIES = 3
"""How often a job is begun alone under Dask before it is said to kill its worker."""
NEW_WORKER = 60.0
"""Seconds that Dask has to start a worker where there is none, or all were lost."""
GLANCE = 0.02
"""Seconds between two looks at what Dask has done."""


class OutOfTime(BaseException):
    """The time that a candidate had is over; nothing that catches errors should catch this."""


class Tried(NamedTuple):
    """What came of one model on one fold: ``predicted`` for the rows that were held out.

    ``chances`` are the probabilities of the classes, in classification, or the numbers predicted
    as a column.
    """

    score: float
    predicted: NDArray
    chances: NDArray
    seconds: float


@dataclass
class Attempt:
    """One model on several folds: what it did on those done, and why it stopped before the last."""

    model: int
    done: list[tuple[int, Tried]] = field(default_factory=list)
    error: str | None = None
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Job(NamedTuple):
    """A model and the folds to try it on, by their numbers.

    ``limit`` are the seconds that it may take; after ``until``, a time of the clock, it is not
    begun, and is stopped.
    """

    model: int
    folds: list[int]
    limit: float | None = None
    until: float | None = None


@dataclass(frozen=True)
class Ground:
    """What every model is tried on.

    Attributes
    ----------
    data : Data
        Both domains.
    folds : list of ndarray
        Positions, among labelled target rows, of those held out.
    classes : ndarray
        All classes, in classification.
    scorer : callable
        ``scorer(model, X, y)``; larger is better.
    keeps_rows : bool
        Whether held-out rows stay as unlabelled rows.
    token : str
        A name of its own.
    """

    data: Data
    folds: list[NDArray]
    classes: NDArray
    scorer: Any
    keeps_rows: bool
    token: str

    def thinned(self, most: int) -> "Ground":
        """The same with fewer rows, for a first look."""
        data = thinned(self.data, most)
        if len(data.ys) == len(self.data.ys) and len(data.yt) == len(self.data.yt):
            return self
        token = f"{self.token}/{most}"
        return Ground(data, self.folds, self.classes, self.scorer, self.keeps_rows, token)


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise ``OutOfTime`` in the body after so many seconds.

    Only the main thread of a process can be interrupted, and not on Windows; elsewhere the time
    is looked at between two folds.
    """
    can = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if seconds is None or not can:
        yield
        return

    def ring(*_: Any) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-3))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def attempt(ground: Ground, model: Any, job: Job) -> Attempt:
    """Try a model on folds, one after the other, until one fails or its time is over.

    A model that calls ``sys.exit`` has failed like any other; only Ctrl-C ends all.
    """
    made, start = Attempt(job.model), time.time()
    ends = [end for end in (job.until, job.limit and start + job.limit) if end is not None]
    end = min(ends, default=None)
    if job.until is not None and start >= job.until:
        return Attempt(job.model, error=NEVER_TRIED)
    with threadpool_limits(limits=1), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            with time_limit(None if end is None else end - start):
                for fold in job.folds:
                    if end is not None and time.time() >= end:
                        raise OutOfTime
                    made.done.append((fold, _try(ground, model, fold)))
        except OutOfTime:
            made.error = f"stopped after {time.time() - start:.3g} s: {_which(job, end)}"
        except (Exception, SystemExit) as problem:  # whatever a candidate does, the others go on
            made.error = reason_of(problem)
    made.warnings = sorted({str(w.message) for w in said})
    made.seconds = time.time() - start
    return made


def _which(job: Job, end: float | None) -> str:
    return "the budget was used up" if end == job.until else "the time that one candidate has"


def attempts(
    ground: Ground, models: list[Any], jobs: list[Job], n_jobs: int | None
) -> Iterator[Attempt]:
    """Every job in parallel, in the order in which they end.

    When a worker is lost, others' jobs are lost with it. What is left is then tried one at a
    time, so that the candidate that kills its process is known, and no other suffers.
    """
    left = {job.model: job for job in jobs}
    try:
        for made in _in_parallel(ground, models, jobs, n_jobs):
            left.pop(made.model)
            yield made
    except BrokenExecutor:
        for job in left.values():
            yield _alone(ground, models, job, n_jobs)
    finally:
        forget()


def _alone(ground: Ground, models: list[Any], job: Job, n_jobs: int | None) -> Attempt:
    # A job that Dask has given up may still run, and take along the one that comes after it.
    for _ in range(DASK_TRIES if _is_dask_active() else 1):
        try:
            return next(iter(_in_parallel(ground, models, [job], n_jobs)))
        except BrokenExecutor as problem:
            error = _how_lost(problem)
    return Attempt(job.model, error=error)


def _how_lost(problem: Exception) -> str:
    if "un-serialize" not in str(problem):
        return KILLED
    account = str(problem.__cause__ or problem).strip('\n"').splitlines()
    return _not_handed(account[-1])


def _not_handed(why: str) -> str:
    return (
        f"it could not be handed to another process ({why}): define it in a module that can be "
        "imported there, or give n_jobs=1"
    )


def _in_parallel(
    ground: Ground, models: list[Any], jobs: list[Job], n_jobs: int | None
) -> Iterator[Attempt]:
    """Every job, where joblib's active backend runs it; ``BrokenExecutor`` if a worker is lost."""
    if _is_dask_active():
        return _under_dask(get_active_backend()[0], ground, models, jobs)
    calls = (delayed(attempt)(ground, models[job.model], job) for job in jobs)
    made: Iterator[Attempt] = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(calls)
    return made


def _is_dask_active() -> bool:
    return type(get_active_backend()[0]).__name__ == "DaskDistributedBackend"


def _under_dask(
    backend: Any, ground: Ground, models: list[Any], jobs: list[Job]
) -> Iterator[Attempt]:
    """Every job as a future of Dask's own, which tells by its state when its worker was lost.

    Joblib's way to Dask waits for ever for a job that does not come back.
    """
    import cloudpickle  # comes with Dask

    client, is_whole = backend.client, True
    shared = _scattered(client, ground)
    waiting = {
        client.submit(
            partial(_unpack_and_try, job=job, packed=cloudpickle.dumps(models[job.model])),
            shared,
            pure=False,
            **backend.submit_kwargs,
        )
        for job in jobs
    }
    try:
        with backend.retrieval_context():
            while waiting:
                for future in [future for future in waiting if future.status != "pending"]:
                    waiting.remove(future)
                    made = _come_of(future)
                    is_whole = is_whole and made is not None
                    if made is not None:
                        yield made
                time.sleep(GLANCE)
    finally:
        client.cancel(list(waiting))
    if not is_whole:
        raise BrokenExecutor("a worker of Dask's was lost")


def _scattered(client: Any, ground: Ground) -> Any:
    try:
        return client.scatter(ground, hash=False, timeout=NEW_WORKER)
    except TimeoutError as problem:
        raise TimeoutError(
            f"Dask has had no worker for {NEW_WORKER:.0f} s. Start some first."
        ) from problem
    except OSError as problem:
        raise BrokenExecutor("the worker that got the rows was lost") from problem


def _come_of(future: Any) -> Attempt | None:
    """What came of a job that has ended; ``None`` if it, or its result, was lost with a worker."""
    if future.status == "lost":
        return None
    try:
        made: Attempt = future.result()
    except CancelledError:  # by Dask: the rows that it needs were on the worker that was lost
        return None
    except Exception as problem:
        if type(problem).__name__ != "KilledWorker":
            raise
        return None
    return made


def _unpack_and_try(ground: Ground, job: Job, packed: bytes) -> Attempt:
    """A job in a worker of Dask's, which a model that cannot be unpacked would take down."""
    try:
        model = pickle.loads(packed)
    except Exception as problem:  # whatever the import of the model's module raises
        return Attempt(job.model, error=_not_handed(f"{type(problem).__name__}: {problem}"))
    with parallel_config("sequential"):
        return attempt(ground, model, job)


def _try(ground: Ground, model: Any, fold: int) -> Tried:
    known = np.flatnonzero(is_labelled(ground.data.yt))
    rows = known[ground.folds[fold]]
    X, y = truth_of(ground.data, rows)
    start = time.perf_counter()
    seen = held_out(ground.data, rows, ground.keeps_rows)
    parts = ("all" if ground.keeps_rows else fold), fold
    fitted = memory_of(ground.token).fit(model, seen, *parts)
    seconds = time.perf_counter() - start
    score = float(ground.scorer(fitted, X.copy(), y))
    if not np.isfinite(score):
        raise ValueError(f"the metric is not defined on every fold: {_what_is_there(fitted, y)}")
    predicted = fitted.predict(X.copy())
    return Tried(score, predicted, chances_of(fitted, X, ground.classes), seconds)


def _what_is_there(model: Any, y: NDArray) -> str:
    if not is_classifier(model):
        return f"one held {len(y)} rows"
    return f"one held {len(y)} rows of the classes {class_names(y).tolist()}"


def chances_of(model: Any, X: Any, classes: NDArray) -> NDArray[np.float64]:
    """Probabilities (n, C) of all ``classes``; of a regressor its numbers (n, 1).

    Where a classifier has no probabilities the class that it predicts has all.
    """
    if not is_classifier(model):
        return np.asarray(model.predict(X), dtype=np.float64)[:, None]
    spread = np.zeros((X.shape[0], len(classes)))
    if has_probabilities(model):
        spread[:, encode(model.classes_, classes).astype(int)] = model.predict_proba(X)
        return spread
    spread[np.arange(X.shape[0]), encode(model.predict(X), classes).astype(int)] = 1.0
    return spread


def reason_of(problem: BaseException) -> str:
    """What a model failed of, in words."""
    said = str(problem).strip() or "no message"
    return said if type(problem) is ValueError else f"{type(problem).__name__}: {said}"


def score_apart(model: Any, data: Data, scorer: Any, X: Any, y: NDArray) -> float:
    """The score on rows ``X`` of a model that is fitted to ``data`` for this alone.

    Raises
    ------
    ValueError
        If the metric is not defined there.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        score = float(scorer(fitted_apart(model, data), X, y))
    if not np.isfinite(score):
        raise ValueError("the metric is not defined on every fold")
    return score
