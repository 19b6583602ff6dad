"""During: which scores without target labels rank fitted models as the target's labels would.

On every task some sixty-six models are fitted to seven tenths of the source rows and all target
rows: the catalogue, but for its slowest mappings, with a logistic regression, and some of it with
other parameters and learners. Every validator, and skada's scorers, see a fitted model, the
source rows held out and the target rows, the same for all. Their scores are set beside the
accuracy on the target: rank correlation over the models (Spearman; Vigna's weighted tau, which
counts the best models more), and what the model of the highest score has, less the best model
(regret) and less the source only (gain).

Which validators lend trust, and how sharply, was settled on the first two tasks of each of the
eight sets and a third of the hospitals; those are a table of their own. The other tasks are of
the same sets, and share domains with them. Many of the models are near copies of each other, which
agree with each other whether they are right or not.
"""

import json
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _machine import show_goals, show_table, write
from _tasks import Task, googlenet, heart_disease, mnist_usps, office_caltech_surf
from _texts import amazon_reviews, newsgroup_subgroups, sentences, spam
from scipy.sparse import issparse
from scipy.stats import spearmanr, weightedtau
from sklearn import config_context
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline

from landbridge import MAPPINGS, Transfer
from landbridge.evidence import VALIDATORS, Seen, catalogue_candidates, score_without_labels
from landbridge.evidence.validation.consensus import TRUSTED, consensus_of, trust_in
from landbridge.target import Refit

SETS: dict[str, Callable[[], list[Task]]] = {
    "heart": heart_disease,
    "surf": office_caltech_surf,
    "amazon": amazon_reviews,
    "sentences": sentences,
    "googlenet": googlenet,
    "subgroups": newsgroup_subgroups,
    "digits": mnist_usps,
    "spam": spam,
}
MOST_ROWS, COMPONENTS = 300, 50
"""Rows a domain, and joint principal components of wider rows: it is the models that are many."""
HELD = 0.3
"""Share of the source rows that no model is fitted to."""
LIMIT = 60
"""Seconds of processor time that a fit or a score may take."""
SLOW = (
    "transfer-subspace",
    "kernel-transport",
    "class-transport",
    "laplace-transport",
    "jdot",
    "dasvm",
)
LOGISTIC = LogisticRegression(C=0.1, max_iter=1000)
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "coral": [{"move_mean": False}, {"reg": 1.0}],
    "subspace-alignment": [{"n_components": 5}, {"n_components": 20}],
    "tca": [{"n_components": 20}],
    "jda": [{"n_components": 20}],
    "sinkhorn": [{"reg": 0.01}, {"reg": 0.5}],
    "kmm": [{"gamma": 0.1}],
}
FAMILIES = "identity recentre coral monge subspace-alignment geodesic-flow tca jda sinkhorn"
LEARNERS: dict[str, tuple[Any, str]] = {
    "neighbours": (KNeighborsClassifier(5), FAMILIES),
    "forest": (
        RandomForestClassifier(50, random_state=0),
        "identity standardise coral monge kliep",
    ),
    "bayes": (GaussianNB(), "identity coral sinkhorn nearest-neighbour-ratio"),
    "stiff": (LogisticRegression(C=0.001, max_iter=1000), "identity coral tca"),
    "loose": (LogisticRegression(C=10.0, max_iter=1000), "identity coral sinkhorn"),
}
SCORERS = (
    "ImportanceWeightedScorer",
    "PredictionEntropyScorer",
    "SoftNeighborhoodDensity",
    "DeepEmbeddedValidation",
    "CircularValidation",
    "MixValScorer",
    "MaNoScorer",
)
IN_PIPELINES, SEEDED = (
    ("DeepEmbeddedValidation", "MaNoScorer"),
    ("DeepEmbeddedValidation", "MixValScorer"),
)
OURS = "consensus"
N_SETTLED, ALSO_SETTLED = 2, "heart Cle-VA"
"""The tasks of every set, and one more, that the consensus was settled on."""
MEASURES = ("spearman", "tau", "regret", "gain")
Scores = dict[str, dict[str, float]]
"""Of each model its accuracy on the target, and what every validator says."""


def candidates() -> dict[str, Transfer]:
    """The models: the catalogue but its slow mappings, other parameters, other learners."""
    found = catalogue_candidates(LOGISTIC, leave_out=SLOW)
    for name, grid in SETTINGS.items():
        for own in grid:
            said = ", ".join(f"{key}={value}" for key, value in own.items())
            mapping = MAPPINGS[name](**own)
            found[f"{name} ({said})"] = Transfer(clone(LOGISTIC), mapping, Refit(clone(LOGISTIC)))
    for title, (learner, names) in LEARNERS.items():
        for name in names.split():
            found[f"{name}, {title}"] = Transfer(clone(learner), name, Refit(clone(learner)))
    return found


def tasks(quick: bool) -> Iterator[tuple[str, Task]]:
    """Set and task: the first of every set, then the second, and so on."""
    found = {}
    for name, make in SETS.items():
        with suppress(FileNotFoundError, ImportError):
            found[name] = make()
    for k in range(N_SETTLED if quick else max(map(len, found.values()), default=0)):
        yield from ((name, smaller(own[k])) for name, own in found.items() if k < len(own))


def smaller(task: Task) -> Task:
    """At most so many rows of either domain and so many components, labels as numbers from 0."""
    rng = np.random.default_rng(0)
    rows = [rng.permutation(X.shape[0])[:MOST_ROWS] for X in (task.Xs, task.X_test)]
    Xs, Xt = (dense(X[r]) for X, r in zip((task.Xs, task.X_test), rows))
    if Xs.shape[1] > COMPONENTS:
        pca = PCA(COMPONENTS, random_state=0).fit(np.vstack([Xs, Xt]))
        Xs, Xt = pca.transform(Xs), pca.transform(Xt)
    classes = np.unique(task.ys)
    ys, yt = (np.searchsorted(classes, y) for y in (task.ys[rows[0]], task.y_test[rows[1]]))
    return Task(task.name, Xs, ys, Xt, Xt, yt)


def dense(X: Any) -> np.ndarray:
    return np.asarray(X.toarray() if issparse(X) else X, dtype=float)


class TooSlow(Exception):
    """It took longer than the limit."""


def stop(*_: Any) -> None:
    raise TooSlow("over the time limit")


def within_limit(call: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """What a call gives, or the error that ended it."""
    signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return call(*given, **named)
    except (ValueError, MemoryError, TooSlow, np.linalg.LinAlgError) as error:
        return error
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def number(call: Callable[..., Any], *given: Any, **named: Any) -> float:
    """What a call gives; NaN where an error ended it, which ranks last."""
    found = within_limit(call, *given, **named)
    return float("nan") if isinstance(found, Exception) else float(found)


def scores_on(task: Task) -> Scores:
    """Every model's accuracy on the target, and its scores, which never see the target's labels."""
    parts = train_test_split(task.Xs, task.ys, test_size=HELD, random_state=0, stratify=task.ys)
    X, X_held, y, y_held = parts
    found: Scores = {}
    P = []
    ratios = None
    for name, model in candidates().items():
        # skada switches the routing of metadata on for everybody.
        with config_context(enable_metadata_routing=False):
            fitted = within_limit(model.fit, X, y, task.Xt)
            if isinstance(fitted, Exception):
                print(f"  {task.name}, {name}: {fitted}", flush=True)
                continue
            seen = Seen(fitted, X_held, y_held, task.Xt)
            if ratios is None:
                ratios = seen.input_ratios
            vars(seen)["input_ratios"] = ratios  # the same for all models
            found[name] = {
                own: number(score_without_labels, own, seen)
                for own in VALIDATORS
                if own not in ("agreement", "consensus")
            }
            P.append(seen.probabilities)
            found[name]["accuracy"] = float(np.mean(seen.predicted_target == task.y_test))
        found[name] |= skada_scores(fitted, X_held, y_held, task.Xt)
    add_votes(found, np.array(P))
    return found


def add_votes(found: Scores, P: np.ndarray) -> None:
    """What the models say of each other, to the scores of each."""
    table = pd.DataFrame.from_dict(found, orient="index")
    sure = np.eye(P.shape[2])[P.argmax(axis=2)]
    trust = trust_in(table[list(TRUSTED)].fillna(-np.inf))
    votes = {
        "agreement": consensus_of(sure, np.ones(len(P))),
        "trust": trust,
        OURS: consensus_of(P, trust),
    }
    for name, values in votes.items():
        for own, value in zip(found.values(), values):
            own[name] = float(value)


def skada_scores(model: Transfer, Xs: Any, ys: Any, Xt: Any) -> dict[str, float]:
    """What skada's scorers say of a fitted model; two of them ask for a pipeline."""
    try:
        from skada import metrics
    except ImportError:
        return {}
    domain = np.repeat([1, -2], [len(ys), len(Xt)])
    X, y = np.vstack([Xs, Xt]), np.append(ys, np.full(len(Xt), -1))
    found: dict[str, float] = {}
    with config_context(enable_metadata_routing=True):
        model = (
            model.set_fit_request(sample_domain=True)
            .set_predict_request(sample_domain=True)
            .set_predict_proba_request(sample_domain=True, allow_source=True)
            .set_score_request(sample_domain=True, sample_weight=True)
        )
        piped = Pipeline([("as they are", "passthrough"), ("model", model)])
        for name in SCORERS:
            scorer = getattr(metrics, name)(**({"random_state": 0} if name in SEEDED else {}))
            given = piped if name in IN_PIPELINES else model
            found[f"skada {name}"] = number(scorer, given, X, y, sample_domain=domain)
    return found


def figures_of(scores: Scores) -> dict[str, dict[str, float]]:
    """Of each validator: rank correlations with the accuracy, regret and gain of what it picks."""
    names = list(scores)
    accuracy = np.array([scores[name]["accuracy"] for name in names])
    alone = scores["identity"]["accuracy"]
    found = {}
    for validator in scores[names[0]]:
        if validator == "accuracy":
            continue
        said = np.array([scores[name][validator] for name in names], dtype=float)
        said = np.where(np.isnan(said), -np.inf, said)
        best = accuracy[said == said.max()].mean()
        flat = np.ptp(np.unique(said)) == 0 or np.ptp(accuracy) == 0
        order = np.unique(said, return_inverse=True)[1]
        found[validator] = {
            "spearman": 0.0 if flat else float(spearmanr(order, accuracy).statistic),
            "tau": 0.0 if flat else float(weightedtau(order, accuracy).statistic),
            "regret": float(accuracy.max() - best),
            "gain": float(best - alone),
        }
    return found


def rank_validators(chosen: Any) -> dict[str, Any]:
    """Scores of every model on every task, written as they come; then the tables."""
    path = None if chosen.output is None else beside(chosen.output)
    known: dict[str, Any] = json.loads(path.read_text()) if path and path.exists() else {}
    figures: dict[str, dict[str, Any]] = {}
    settled = []
    for set_name, task in tasks(chosen.quick):
        key = f"{set_name} {task.name}"
        n_before = sum(other.startswith(f"{set_name} ") for other in figures)
        if n_before < N_SETTLED or key == ALSO_SETTLED:
            settled.append(key)
        if key not in known:
            known[key] = scores_on(task)
            write(path, known)
        figures[key] = figures_of(known[key])
        print(f"  {key}: {len(known[key])} models, {OURS} {figures[key][OURS]}", flush=True)
    others = [key for key in figures if key not in settled]
    tables = {}
    for title, keys in (("the tasks that it was settled on", settled), ("all others", others)):
        if keys:
            tables[title] = mean_figures(figures, keys)
            show(title, tables[title], figures, keys)
    return {"tables": tables, "tasks": figures}


def beside(output: Path) -> Path:
    """The file of single scores that goes with a file of figures."""
    return output.with_name(f"{output.stem}_validators.json")


def mean_figures(figures: dict[str, Any], keys: list[str]) -> dict[str, dict[str, float]]:
    """The mean of every figure over tasks."""
    return {
        validator: {
            measure: float(np.mean([figures[key][validator][measure] for key in keys]))
            for measure in MEASURES
        }
        for validator in figures[keys[0]]
    }


def show(title: str, table: dict[str, Any], figures: dict[str, Any], keys: list[str]) -> None:
    """A row for each validator, the best rank correlation first, and by sets."""
    print(f"\nvalidators, {title} ({len(keys)}): means; regret and gain in points")
    sets = list(dict.fromkeys(key.split(" ")[0] for key in keys))
    rows = []
    for validator in sorted(table, key=lambda v: -table[v]["spearman"]):
        own = table[validator]
        by_set = [
            np.mean([figures[k][validator]["spearman"] for k in keys if k.startswith(f"{name} ")])
            for name in sets
        ]
        cells = [f"{own[m]:.2f}" for m in ("spearman", "tau")]
        cells += [f"{100 * own[m]:.1f}" for m in ("regret", "gain")]
        rows.append([validator, *cells, *(f"{value:.2f}" for value in by_set)])
    show_table(["", *MEASURES, *sets], rows)
    best = max(own["spearman"] for name, own in table.items() if name != OURS)
    lead = best - table[OURS]["spearman"]
    show_goals([(f"rank correlation of the best other validator, less that of {OURS}", lead, 0.0)])


PARTS: dict[str, Callable[[Any], dict[str, Any]]] = {"validators": rank_validators}
"""The parts of the benchmark by name."""
