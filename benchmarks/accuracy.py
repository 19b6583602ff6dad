"""How well the catalogue carries over, on the data sets of the literature.

Three kinds of table. *By the papers*: methods with a published figure, with the parameters and
the learner that their papers set, no more. *All mappings*: every mapping that needs neither pairs
nor target labels, with its default parameters and one learner for all; a mean over the tasks, the
mean rank, and the first and last row say what source labels, or target labels, do by themselves
(five folds within the target). *Pairs*: spectra of two instruments, and cells measured twice.
Target labels score, and choose nothing. Where chance plays, five seeds are averaged.

    python benchmarks/accuracy.py --jobs 1             # an hour on one core; needs the data
    python benchmarks/accuracy.py --sets heart --quick # two tasks of one set
"""

import warnings
from collections.abc import Callable
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from _machine import machine, options, show_machine, show_table, write
from _paired import show_cells, show_corn
from _published import BY_ANGLE, DRAWS, PAPERS, carried, show_papers
from _regressions import regressions
from _tasks import Task, coil, googlenet, heart_disease, mnist_usps, office_caltech_surf
from _texts import amazon_reviews, mini_newsgroups, newsgroup_subgroups, sentences, spam
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict

from landbridge import MAPPINGS, make_mapping

LEFT_OUT = {
    "riemannian": "rows are no covariance matrices",
    "gromov-wasserstein": "for two feature spaces",
    "multi-monge": "with one source it is monge",
    "per-source": "with one source it is coral",
    "jcpot": "for several sources",
}
SLOW = ("transfer-subspace", "kernel-transport", "class-transport", "jdot", "dasvm")
"""They take half a minute and more a task where rows, or features, are many."""
MANY_ROWS, MANY_FEATURES = 1500, 100
"""Rows of both domains together. Beyond either the slow are left out, and one seed has to do."""
SEEDS = 5
LOGISTIC = LogisticRegression(max_iter=1000, C=0.1)
RIDGE = Ridge(alpha=1.0)


def relative_error(y: NDArray, predicted: NDArray) -> float:
    """RMSE in standard deviations of the target's labels: 1 for who says their mean."""
    return float(np.sqrt(np.mean((y - predicted) ** 2)) / np.std(y))


class Measure(NamedTuple):
    """What is printed, in per cent."""

    name: str
    of: Callable[[NDArray, NDArray], float]
    sign: int = 1


ACCURACY = Measure("accuracy", accuracy_score)
BALANCED = Measure("balanced accuracy", balanced_accuracy_score)
ERROR = Measure("RMSE by the target labels' standard deviation", relative_error, -1)


class DataSet(NamedTuple):
    """Its tasks, what learns on carried rows, and what scores."""

    tasks: Callable[[], list[Task]]
    learner: Any
    measure: Measure = ACCURACY


SETS = {
    "surf": DataSet(office_caltech_surf, BY_ANGLE),
    "googlenet": DataSet(googlenet, BY_ANGLE),
    "digits": DataSet(mnist_usps, BY_ANGLE),
    "coil": DataSet(coil, BY_ANGLE),
    "heart": DataSet(heart_disease, LOGISTIC, BALANCED),
    "amazon": DataSet(amazon_reviews, LOGISTIC),
    "sentences": DataSet(sentences, LOGISTIC),
    "spam": DataSet(spam, LOGISTIC, BALANCED),
    "newsgroups": DataSet(mini_newsgroups, LOGISTIC),
    "subgroups": DataSet(newsgroup_subgroups, LOGISTIC),
    "regression": DataSet(regressions, RIDGE, ERROR),
}
PAIRS = {"corn": show_corn, "cells": show_cells}


def score_of(task: Task, mapping: Any, data: DataSet) -> float:
    """The score of a learner on what a mapping carries over; NaN where it does not run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            predicted = carried(mapping, data.learner)(task)
        except (ValueError, MemoryError) as error:
            print(f"  {task.name}, {type(mapping).__name__}: {error}", flush=True)
            return float("nan")
    return data.measure.of(task.y_test, predicted)


def within_target(task: Task, data: DataSet) -> float:
    """The learner's score on the scored rows by five folds of them: with all target labels."""
    kind = KFold if data.measure is ERROR else StratifiedKFold
    folds = kind(5, shuffle=True, random_state=0)
    predicted = cross_val_predict(data.learner, task.X_test, task.y_test, cv=folds)
    return data.measure.of(task.y_test, predicted)


def is_big(task: Task) -> bool:
    return len(task.Xs) + len(task.Xt) > MANY_ROWS or task.Xs.shape[1] > MANY_FEATURES


def seeded(task: Task, mapping: Any, data: DataSet) -> float:
    """The mean score over seeds, or that of the first where the second says that chance is out."""
    chance = "random_state" in mapping.get_params(deep=False) and not is_big(task)
    scores: list[float] = []
    for seed in range(SEEDS if chance else 1):
        if chance:
            mapping.set_params(random_state=seed)
        scores.append(score_of(task, mapping, data))
        if seed == 1 and scores[0] == scores[1]:
            break
    return float(np.mean(scores))


def trial(task: Task, name: str, data: DataSet) -> tuple[float, float]:
    """Score and seconds."""
    start = perf_counter()
    if name == "target only":
        found = within_target(task, data)
    else:
        mapping = make_mapping("identity" if name == "source only" else name)
        found = seeded(task, mapping, data)
    return found, perf_counter() - start


def suits(name: str, data: DataSet) -> bool:
    """Whether a mapping needs neither pairs nor target labels, and suits learner and labels."""
    kind = MAPPINGS[name]
    return (
        not kind.is_paired
        and kind.needs_labels in ("", "source")
        and name not in LEFT_OUT
        and name != "identity"
        and (data.learner is not BY_ANGLE or kind.how != "reweigh")
        and (data.measure is not ERROR or not kind.needs_classes)
    )


def candidates(data: DataSet, tasks: list[Task]) -> list[str]:
    names = [name for name in MAPPINGS if suits(name, data)]
    slow = [name for name in names if name in SLOW]
    if slow and any(is_big(task) for task in tasks):
        print(f"left out, since they are slow on so many rows or features: {', '.join(slow)}")
        names = [name for name in names if name not in slow]
    return ["source only", *names, "target only"]


def show_all(set_name: str, tasks: list[Task], jobs: int) -> dict[str, list[float]]:
    data = SETS[set_name]
    print(f"\n{set_name}: all mappings, {data.measure.name} in per cent, {data.learner}")
    names = candidates(data, tasks)
    results = Parallel(n_jobs=jobs)(
        delayed(trial)(task, name, data) for name in names for task in tasks
    )
    scores = 100 * np.array([s for s, _ in results]).reshape(len(names), len(tasks))
    seconds = np.array([t for _, t in results]).reshape(len(names), len(tasks)).mean(axis=1)
    order = [rankdata(-data.measure.sign * column, nan_policy="omit") for column in scores.T]
    rows = [
        [name, f"{row.mean():.1f}", f"{rank:.1f}", f"{time:.2f}", *(f"{s:.1f}" for s in row)]
        for name, row, rank, time in zip(names, scores, np.mean(order, axis=0), seconds)
    ]
    show_table(["", "mean", "rank", "s", *(task.name for task in tasks)], rows)
    return dict(zip(names, scores.tolist()))


def tables(name: str, quick: bool, jobs: int) -> dict[str, Any]:
    """The tables of one set."""
    if name in PAIRS:
        return {name: PAIRS[name]()}
    if name in PAPERS:
        return {f"{name} by the papers": show_papers(name, quick)}
    return {name: show_all(name, SETS[name].tasks()[: 2 if quick else None], jobs)}


def main() -> None:
    parser = options(__doc__, "the first two tasks of each set")
    names = [*PAPERS, *SETS, *PAIRS]
    parser.add_argument("--sets", nargs="*", default=names, choices=names, metavar="SET")
    parser.add_argument("--jobs", type=int, default=2, help="tasks at once")
    chosen = parser.parse_args()
    facts = machine(["numpy", "scipy", "scikit-learn", "landbridge", "POT"])
    show_machine(facts)
    print(
        f"seeds 0 to {SEEDS - 1} where chance plays, up to {MANY_ROWS} rows and "
        f"{MANY_FEATURES} features, else seed 0; draws 0 to {DRAWS - 1} of source rows"
    )
    print(f"left out: {'; '.join(f'{name}, {why}' for name, why in LEFT_OUT.items())}")
    figures: dict[str, Any] = {}
    for name in chosen.sets:
        start = perf_counter()
        try:
            figures |= tables(name, chosen.quick, chosen.jobs)
        except (FileNotFoundError, ImportError) as error:
            print(f"{name} is left out: {error}")
            continue
        print(f"{name}: {perf_counter() - start:.0f} s", flush=True)
    write(chosen.output, {"machine": facts, "figures": figures})


if __name__ == "__main__":
    main()
