"""The whole way: two tables in; a model, and an account of whether transfer helped, out."""

import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.base import BaseEstimator

from landbridge.domains import TableFeatures, make_problem
from landbridge.evidence import compare
from landbridge.evidence.verdict.comparison import check_metric
from landbridge.evidence.verdict.durations import as_seconds
from landbridge.evidence.verdict.guard import BLEND
from landbridge.report import write_report
from landbridge.results import (
    frame_of_results,
    influence_block,
    leaderboard_block,
    learning_block,
    mapping_blocks,
    plain,
    quality_block,
    shift_block,
    verdict_block,
)
from landbridge.saving import save
from landbridge.source import has_probabilities, make_learner

Progress = Callable[[str, int, int], None]
COMPARING = 0.75
"""The share of the budget in which models are compared; what is left explains the result."""
DESCRIBING = 0.05
"""The share of the budget that is kept for describing the tables and writing the report."""


class TableModel(BaseEstimator):
    """A fitted transfer together with the preprocessing of its tables.

    Parameters
    ----------
    features : TableFeatures
        Fitted on both domains.
    model : fitted classifier or regressor
        What predicts from the features.
    label : str
        The column that it predicts.
    """

    def __init__(self, features: TableFeatures, model: Any, label: str):
        self.features = features
        self.model = model
        self.label = label

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A column with the label expected for each row, and one with each class's probability.

        The columns are found by name; a missing one counts as missing on all rows, with a
        warning, and others are ignored.
        """
        rows = self.features.transform(frame.drop(columns=self.label, errors="ignore"))
        columns = {self.label: self.model.predict(rows)}
        if has_probabilities(self.model):
            probabilities = self.model.predict_proba(rows)
            names = [f"probability of {name}" for name in self.model.classes_]
            columns |= dict(zip(names, probabilities.T))
        return pd.DataFrame(columns, index=frame.index)


@dataclass(frozen=True)
class Outcome:
    """What a job found: every number as plain data, and the model to use (none from a check)."""

    results: dict[str, Any]
    model: Any = None

    def save(self, folder: str | os.PathLike) -> dict[str, Path]:
        """Write ``results.json``, ``report.html`` and ``model.landbridge`` to a folder.

        All files are written beside their places and renamed when the last is complete: on an
        error an earlier result stays as it was, and a folder that was not there is not made.

        Raises
        ------
        OSError
            If the folder or a file in it cannot be written.
        TypeError
            If the model cannot be written as plain data.
        """
        folder = Path(folder)
        standing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        with tempfile.TemporaryDirectory(dir=standing, prefix=".landbridge.") as beside:
            written = self._write(Path(beside))
            folder.mkdir(parents=True, exist_ok=True)
            return {what: path.replace(folder / path.name) for what, path in written.items()}

    def _write(self, folder: Path) -> dict[str, Path]:
        written = {"results": folder / "results.json", "report": folder / "report.html"}
        written["results"].write_text(json.dumps(self.results, indent=1, allow_nan=False))
        write_report(self.results, written["report"])
        if self.model is not None:
            written["model"] = save(self.model, folder / "model.landbridge")
        return written


def check(
    source: Any, target: Any, *, label: str, task: Any = None, seed: int = 0, command: str = ""
) -> Outcome:
    """How a source and a target differ, before anything is carried over.

    Parameters
    ----------
    source, target : Table, or what ``read_table`` takes
        The labelled table, and the one with few labels or none.
    label : str
        The column to predict.
    task : "classification" or "regression", optional
        Read off the labels by default.
    seed : int
        Of all that is drawn.
    command : str
        How to do it again, for the report.
    """
    start = time.perf_counter()
    problem = make_problem(source, target, label=label, task=task)
    settings = {"label": label, "task": problem.task, "seed": seed}
    results = frame_of_results(problem, settings, command, seed)
    results["shift"] = shift_block(problem, seed)
    results["seconds"] = time.perf_counter() - start
    return Outcome(plain(results))


def run(
    source: Any,
    target: Any,
    *,
    label: str,
    task: Any = None,
    learner: str | None = None,
    candidates: list[str] | str | None = None,
    metric: str | None = None,
    n_folds: int = 5,
    n_repeats: int = 4,
    level: float = 0.05,
    budget: float | str | None = None,
    seed: int = 0,
    n_jobs: int | None = None,
    command: str = "",
    progress: Progress | None = None,
) -> Outcome:
    """The three steps on two tables, with the evidence and the model that the guard chose.

    Parameters
    ----------
    source, target, label, task, seed, command
        As in :func:`check`.
    learner : str, optional
        A name of ``landbridge.LEARNERS``; ``"logistic"`` or ``"ridge"`` by default.
    candidates, metric, n_folds, n_repeats, level, n_jobs
        As in :func:`landbridge.compare`.
    budget : float or str, optional
        Time to spend, as seconds or text such as ``"5m"``: then the whole catalogue is tried,
        and in the time that is left a learning curve and the influence of groups of source rows
        are added, or what of them was finished.
    progress : callable, optional
        Called with what is being done, the steps done and their number (0 where not known).

    Raises
    ------
    ValueError
        If the tables do not fit together, or a learner, candidate or metric is unknown.

    Examples
    --------
    >>> from landbridge import digits_by_writer, run
    >>> source, target = digits_by_writer()
    >>> outcome = run(source[::2], target[::4], label="digit", candidates=["coral"], n_repeats=1)
    >>> outcome.results["data"]["task"], outcome.results["data"]["target"]["labelled"]
    ('classification', 223)
    """
    start = time.perf_counter()
    say = progress or _silent
    check_metric(metric)
    seconds = as_seconds("budget", budget)
    problem = make_problem(source, target, label=label, task=task)
    learner = learner or ("logistic" if problem.task == "classification" else "ridge")
    made = make_learner(learner, problem.task, seed)
    comparison = compare(
        problem.Xs,
        problem.ys,
        problem.Xt,
        problem.yt,
        learner=made,
        candidates=candidates,
        metric=metric,
        n_folds=n_folds,
        n_repeats=n_repeats,
        level=level,
        budget=None if seconds is None else COMPARING * seconds,
        time_limit=None if seconds is None else COMPARING * seconds / 2,
        blend=seconds is not None,
        random_state=seed,
        n_jobs=n_jobs,
        progress=lambda done, total: say("Comparing models", done, total),
    )
    settings = {
        "label": label,
        "task": problem.task,
        "learner": learner,
        "candidates": [
            t.name for t in comparison.trials if t.role == "candidate" and t.name != BLEND
        ],
        "metric": comparison.metric,
        "folds": n_folds,
        "repeats": n_repeats,
        "level": level,
        "budget": seconds,
        "seed": seed,
    }
    worth: dict[str, Any] = {"learning_curve": None, "influence": None}
    if seconds is not None and comparison.n_folds:
        say("Weighing labels and source rows", 0, 0)
        end = start + (1 - DESCRIBING) * seconds
        half = (end - time.perf_counter()) / 2
        curve = _within(half, partial(learning_block, problem, comparison, made, seed))
        left = end - time.perf_counter()
        groups = _within(left, partial(influence_block, problem, comparison, seed))
        worth = {"learning_curve": curve, "influence": groups}
    say("Describing what was found", 0, 0)
    results = frame_of_results(problem, settings, command, seed)
    projection, mapping = mapping_blocks(problem, comparison, seed)
    results |= {
        "verdict": verdict_block(comparison),
        "leaderboard": leaderboard_block(comparison),
        **worth,
        "shift": shift_block(problem, seed),
        "projection": projection,
        "quality": quality_block(problem, comparison),
        "mapping": mapping,
        "warnings": comparison.warnings,
        "seconds": time.perf_counter() - start,
    }
    return Outcome(plain(results), TableModel(problem.features, comparison.best_, label))


def _within(seconds: float, make: Callable[[float], dict[str, Any]]) -> dict[str, Any]:
    """A block of the results, or the reason why there is none: whatever fails, the rest stands."""
    if seconds <= 0:
        return {"rows": [], "reason": "the budget was used up"}
    try:
        return make(seconds)
    except ValueError as problem:
        return {"rows": [], "reason": str(problem).rstrip(".")}
    except Exception as problem:
        return {"rows": [], "reason": f"{type(problem).__name__}: {problem}".rstrip(".")}


def _silent(what: str, done: int, total: int) -> None:
    """No news of the progress."""
