"""The main job on digits that come with scikit-learn, judged on rows that no model saw."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landbridge.domains import Problem, Table, digits_by_writer, make_problem
from landbridge.evidence.verdict.candidates import baselines, make_candidates
from landbridge.job import Outcome, Progress, run
from landbridge.results import recall_interval
from landbridge.source import make_learner

LABEL, LEARNER = "digit", "logistic"
LABELS_A_CLASS = 5
UNSEEN_SHARE = 0.5


class DemoTables(NamedTuple):
    """What the job is given, and the target rows that are kept from it, labels and all."""

    source: Table
    target: Table
    unseen: pd.DataFrame


def demo_tables(seed: int) -> DemoTables:
    """The first writers' digits, and the others': five labels a class, half the rest unseen."""
    source, target = digits_by_writer()
    rows = np.random.default_rng(seed).permutation(len(target))
    digits = target[LABEL].to_numpy()[rows]
    labelled = np.concatenate([rows[digits == d][:LABELS_A_CLASS] for d in range(10)])
    rest = rows[~np.isin(rows, labelled)]
    unseen = rest[: int(UNSEEN_SHARE * len(rest))]
    hidden = target.assign(digit=target[LABEL].where(target.index.isin(labelled)))
    return DemoTables(
        Table(source, "digits: first writers"),
        Table(hidden[~hidden.index.isin(unseen)], "digits: other writers"),
        target.loc[unseen],
    )


def run_demo(seed: int, n_jobs: int, command: str, progress: Progress) -> Outcome:
    """The outcome of the job, with ``held_out`` in its results: each model on the unseen rows."""
    tables = demo_tables(seed)
    outcome = run(
        tables.source,
        tables.target,
        label=LABEL,
        learner=LEARNER,
        seed=seed,
        n_jobs=n_jobs,
        command=command,
        progress=progress,
    )
    progress("Trying unseen rows", 0, 0)
    problem = make_problem(tables.source, tables.target, label=LABEL)
    names = outcome.results["settings"]["candidates"]
    held_out = held_out_scores(problem, tables.unseen, names, seed)
    return Outcome(outcome.results | {"held_out": held_out}, outcome.model)


def held_out_scores(
    problem: Problem, unseen: pd.DataFrame, candidates: list[str], seed: int
) -> dict[str, Any]:
    """The accuracy, with a 95 % interval, of every model on rows that it never saw."""
    learner = make_learner(LEARNER, problem.task, seed)
    models = baselines(learner, True) | make_candidates(candidates, learner)
    rows = problem.features.transform(unseen.drop(columns=LABEL))
    y = unseen[LABEL].to_numpy()
    return {
        "n": len(y),
        "metric": "accuracy",
        "models": {name: _accuracy(m, problem, rows, y) for name, m in models.items()},
    }


def _accuracy(model: Any, problem: Problem, rows: NDArray, y: NDArray) -> dict[str, float]:
    fitted = model.fit(problem.Xs, problem.ys, problem.Xt, problem.yt)
    right = int((fitted.predict(rows) == y).sum())
    low, high = recall_interval(right, len(y))
    return {"score": right / len(y), "low": low, "high": high}
