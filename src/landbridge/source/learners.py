"""Learners by name, ready for either domain: scaled where they need it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from landbridge.source.svm import ProbabilisticSVC

TASKS = ("classification", "regression")


class LearnerKind(NamedTuple):
    """How to make one kind of learner from a seed, for each task that it can do."""

    classification: Callable[[int | None], Any] | None
    regression: Callable[[int | None], Any] | None
    is_scaled: bool = True


LEARNERS: dict[str, LearnerKind] = {
    "logistic": LearnerKind(lambda seed: LogisticRegression(max_iter=1000), None),
    "ridge": LearnerKind(None, lambda seed: RidgeCV(alphas=np.logspace(-3, 3, 13))),
    "tree": LearnerKind(
        lambda seed: DecisionTreeClassifier(random_state=seed),
        lambda seed: DecisionTreeRegressor(random_state=seed),
        is_scaled=False,
    ),
    "forest": LearnerKind(
        lambda seed: RandomForestClassifier(random_state=seed),
        lambda seed: RandomForestRegressor(random_state=seed),
        is_scaled=False,
    ),
    "svm": LearnerKind(lambda seed: ProbabilisticSVC(), lambda seed: SVR()),
    "boosting": LearnerKind(
        lambda seed: HistGradientBoostingClassifier(random_state=seed),
        lambda seed: HistGradientBoostingRegressor(random_state=seed),
        is_scaled=False,
    ),
    "mlp": LearnerKind(
        lambda seed: MLPClassifier(max_iter=1000, random_state=seed),
        lambda seed: MLPRegressor(max_iter=1000, random_state=seed),
    ),
    "knn": LearnerKind(lambda seed: KNeighborsClassifier(), lambda seed: KNeighborsRegressor()),
}


def learner_names(task: str) -> list[str]:
    """The names of the learners for ``task``, "classification" or "regression"."""
    if task not in TASKS:
        raise ValueError(f'task must be "classification" or "regression": found {task!r}.')
    return [name for name, kind in LEARNERS.items() if getattr(kind, task) is not None]


def make_learner(
    name: str, task: str, random_state: int | None = None, *, sparse: bool = False
) -> Any:
    """An unfitted scikit-learn learner by its name.

    Parameters
    ----------
    name : str
        One of ``learner_names(task)``.
    task : {"classification", "regression"}
        What the labels are.
    random_state : int, optional
        The seed of those learners that draw at random.
    sparse : bool, default=False
        Whether the rows are sparse: features are then scaled but not centred.

    Raises
    ------
    ValueError
        If the task is unknown, or no learner of that name does it.

    Examples
    --------
    >>> from landbridge.source import make_learner
    >>> make_learner("tree", "classification", random_state=0)
    DecisionTreeClassifier(random_state=0)
    """
    known = learner_names(task)
    if name not in known:
        raise ValueError(f"No learner {name!r} for {task}: choose one of {', '.join(known)}.")
    kind = LEARNERS[name]
    learner = getattr(kind, task)(random_state)
    if not kind.is_scaled:
        return learner
    return make_pipeline(StandardScaler(with_mean=not sparse), learner)
