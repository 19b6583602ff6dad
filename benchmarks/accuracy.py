"""How well the catalogue carries over, on the data sets of the literature.

Two tables a data set. *By the papers*: methods with a published figure, with the parameters and
the learner that their papers set, no more. *All mappings*: every mapping that needs neither pairs
nor target labels, with its default parameters and one learner for all; a mean over the tasks, the
mean rank, and the first and last row say what source labels, or target labels, do by themselves
(five folds within the target). Target labels score, and choose nothing.

    python benchmarks/accuracy.py                      # an hour on two cores; needs the data
    python benchmarks/accuracy.py --sets heart --quick # two tasks of one set
"""

import warnings
from collections.abc import Callable
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from _machine import machine, options, show_machine, show_table, write
from _tasks import Task, amazon_reviews, coil, heart_disease, mnist_usps, office_caltech_surf
from joblib import Parallel, delayed
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, normalize
from sklearn.svm import LinearSVC

from landbridge import (
    CORAL,
    JDA,
    MAPPINGS,
    TCA,
    EasyTransfer,
    GeodesicFlow,
    Identity,
    ManifoldEmbedded,
    SubspaceAlignment,
    Transfer,
    make_mapping,
)
from landbridge.target import Refit

NEIGHBOUR = KNeighborsClassifier(1)
BY_ANGLE = make_pipeline(Normalizer(), NEIGHBOUR)
LINEAR = GridSearchCV(LinearSVC(), {"C": [1e-4, 1e-3, 1e-2]}, cv=3)
"""Its penalty is chosen on carried source rows."""
LOGISTIC = LogisticRegression(max_iter=1000, C=0.1)
LEFT_OUT = {
    "riemannian": "rows are no covariance matrices",
    "gromov-wasserstein": "for two feature spaces",
    "multi-monge": "with one source it is monge",
    "per-source": "with one source it is coral",
    "jcpot": "for several sources",
}
SEEDS = 5
BY_CHANCE = {"mmd-scale-shift", "transfer-subspace"}
"""Mappings whose default parameters leave something to chance at these sizes."""
FEW_FEATURES = 100
"""Beyond so many, one seed has to do."""


class Method(NamedTuple):
    """A method as its paper runs it, and the mean accuracy that was published (per cent)."""

    mapping: Any
    learner: Any
    unit_rows: bool
    published: float


def normalised_reg(task: Task) -> float:
    """Long's λ = 1 on an MMD matrix of Frobenius norm 1, as λ on the plain one."""
    return 1 / len(task.Xs) + 1 / task.Xt.shape[0]


SURF = {
    "1-NN": Method(Identity(), NEIGHBOUR, False, 31.4),
    "linear SVM": Method(Identity(), LINEAR, False, 41.1),
    "CORAL, SVM": Method(CORAL(reg=1.0), LINEAR, False, 48.8),
    "linear SVM, C = 1e-4": Method(Identity(), LinearSVC(C=1e-4), False, 41.1),
    "CORAL, C = 1e-4": Method(CORAL(reg=1.0), LinearSVC(C=1e-4), False, 48.8),
    "SA": Method(SubspaceAlignment(n_components=80), NEIGHBOUR, False, 41.5),
    "GFK": Method(GeodesicFlow(n_components=20), NEIGHBOUR, False, 43.1),
    "TCA": Method(TCA(20, kernel="linear"), BY_ANGLE, True, 46.2),
    "JDA": Method(JDA(20, kernel="linear", learner=BY_ANGLE), BY_ANGLE, True, 46.8),
    "EasyTL(c)": Method(EasyTransfer(align=False), NEIGHBOUR, False, 45.4),
    "EasyTL": Method(EasyTransfer(), NEIGHBOUR, False, 50.5),
    "MEDA": Method(ManifoldEmbedded(), NEIGHBOUR, False, 52.7),
}
MEASURED_BY = {"heart": balanced_accuracy_score}
LEARNERS = {
    "surf": BY_ANGLE,
    "digits": BY_ANGLE,
    "coil": BY_ANGLE,
    "amazon": LOGISTIC,
    "heart": LOGISTIC,
}
SETS: dict[str, Callable[[], list[Task]]] = {
    "surf": office_caltech_surf,
    "digits": mnist_usps,
    "coil": coil,
    "amazon": amazon_reviews,
    "heart": heart_disease,
}


def score(task: Task, predicted: np.ndarray, set_name: str) -> float:
    return float(MEASURED_BY.get(set_name, accuracy_score)(task.y_test, predicted))


def transferred(task: Task, mapping: Any, learner: Any, set_name: str) -> float:
    """The score of a learner on what a mapping carries over; NaN where it does not run.

    A mapping that labels the very rows that score is taken at its word.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if mapping.how == "relabel" and task.Xt is task.X_test:
                return score(task, mapping.fit(task.Xs, task.Xt, ys=task.ys).labels_, set_name)
            model = Transfer(learner, mapping, Refit(learner)).fit(task.Xs, task.ys, task.Xt)
        except (ValueError, MemoryError) as error:
            print(f"  {task.name}, {type(mapping).__name__}: {error}", flush=True)
            return float("nan")
        return score(task, model.predict(task.X_test), set_name)


def by_the_paper(task: Task, method: Method, set_name: str) -> float:
    """The score of a method as its paper runs it."""
    mapping = method.mapping
    if method.unit_rows:
        Xs, Xt = normalize(task.Xs), normalize(task.Xt)
        task = task._replace(Xs=Xs, Xt=Xt, X_test=normalize(task.X_test))
        mapping = type(mapping)(**{**mapping.get_params(False), "reg": normalised_reg(task)})
    return transferred(task, mapping, method.learner, set_name)


def within_target(task: Task, learner: Any, set_name: str) -> float:
    """The learner's score on the scored rows by five folds of them: with all target labels."""
    return score(task, cross_val_predict(learner, task.X_test, task.y_test, cv=5), set_name)


def trial(task: Task, name: str, learner: Any, set_name: str) -> tuple[float, float]:
    """Mean score over seeds where chance plays, and seconds."""
    start = perf_counter()
    if name == "target only":
        return within_target(task, learner, set_name), perf_counter() - start
    mapping = make_mapping("identity" if name == "source only" else name)
    several = name in BY_CHANCE and task.Xs.shape[1] <= FEW_FEATURES
    seeds = range(SEEDS if several else 1)
    scores = []
    for seed in seeds:
        if name in BY_CHANCE:
            mapping.set_params(random_state=seed)
        scores.append(transferred(task, mapping, learner, set_name))
    return float(np.mean(scores)), perf_counter() - start


def candidates(learner: Any) -> list[str]:
    """All mappings that need neither pairs nor target labels, and suit the learner."""
    weighs = learner is LOGISTIC
    names = [
        name
        for name, kind in MAPPINGS.items()
        if not kind.is_paired
        and kind.needs_labels in ("", "source")
        and name not in LEFT_OUT
        and name != "identity"
        and (weighs or kind.how != "reweigh")
    ]
    return ["source only", *names, "target only"]


def show_papers(tasks: list[Task], set_name: str) -> dict[str, list[float]]:
    rows, found = [], {}
    for name, method in SURF.items():
        scores = [100 * by_the_paper(task, method, set_name) for task in tasks]
        found[name] = scores
        mean = f"{np.mean(scores):.1f}"
        rows.append([name, mean, f"{method.published:.1f}", *(f"{s:.1f}" for s in scores)])
    print(f"\n{set_name}: by the papers")
    show_table(["", "mean", "published", *(task.name for task in tasks)], rows)
    return found


def show_all(tasks: list[Task], set_name: str, jobs: int) -> dict[str, list[float]]:
    learner = LEARNERS[set_name]
    names = candidates(learner)
    results = Parallel(n_jobs=jobs)(
        delayed(trial)(task, name, learner, set_name) for name in names for task in tasks
    )
    scores = 100 * np.array([s for s, _ in results]).reshape(len(names), len(tasks))
    seconds = np.array([t for _, t in results]).reshape(len(names), len(tasks)).mean(axis=1)
    ranks = np.mean([rankdata(-column, nan_policy="omit") for column in scores.T], axis=0)
    measure = MEASURED_BY.get(set_name, accuracy_score).__name__.removesuffix("_score")
    print(f"\n{set_name}: all mappings, {measure.replace('_', ' ')} in per cent, {learner}")
    rows = [
        [name, f"{row.mean():.1f}", f"{rank:.1f}", f"{time:.2f}", *(f"{s:.1f}" for s in row)]
        for name, row, rank, time in zip(names, scores, ranks, seconds)
    ]
    show_table(["", "mean", "rank", "s", *(task.name for task in tasks)], rows)
    return dict(zip(names, scores.tolist()))


def main() -> None:
    parser = options(__doc__, "the first two tasks of each set")
    parser.add_argument("--sets", nargs="*", default=[*SETS], choices=[*SETS])
    parser.add_argument("--jobs", type=int, default=2, help="tasks at once")
    chosen = parser.parse_args()
    facts = machine(["numpy", "scipy", "scikit-learn", "landbridge", "POT"])
    show_machine(facts)
    figures: dict[str, Any] = {}
    for set_name in chosen.sets:
        try:
            tasks = SETS[set_name]()[: 2 if chosen.quick else None]
        except (FileNotFoundError, ImportError) as error:
            print(f"{set_name} is left out: {error}")
            continue
        if set_name == "surf":
            figures["surf by the papers"] = show_papers(tasks, set_name)
        figures[set_name] = show_all(tasks, set_name, chosen.jobs)
    write(chosen.output, {"machine": facts, "figures": figures})


if __name__ == "__main__":
    main()
