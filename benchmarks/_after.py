"""After: how often the guarded answer harms, what it gains, false claims, and what it costs.

Each function takes the parsed options, prints its table and goals, and returns plain figures.
"""

import json
import time
import warnings
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from _machine import show_goals, show_table
from _regressions import regressions
from _tasks import Task, coil, googlenet, heart_disease, mnist_usps, mushrooms
from _tasks import office_caltech_surf as surf
from _texts import amazon_reviews, mini_newsgroups, newsgroup_subgroups, sentences, spam
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from landbridge import AutoTransfer, make_learner
from landbridge.evidence.verdict.candidates import baselines, make_candidates

LABELS = (0, 1, 3, 10)
"""Target labels a class; in regression five times as many rows."""
PER_CLASS_IN_REGRESSION = 5
MOST_ROWS, MOST_TESTED, MOST_FEATURES = 400, 1000, 50
WITHOUT_LABELS = (
    "recentre",
    "coral",
    "subspace-alignment",
    "geodesic-flow",
    "tca",
    "kmm",
    "classifier-ratio",
    "label-shift",
    "mmd-target-shift",
    "easy-transfer",
    "label-propagation",
    "sinkhorn",
)
OF_NUMBERS = WITHOUT_LABELS[:7]
WITH_LABELS = ("stacking", "augmentation", "regular", "interpolation")
JOINED = ("coral+regular", "tca+interpolation", "coral+augmentation")


def both_mushrooms() -> list[Task]:
    tasks = []
    for name, (X, y, domain) in zip("et", mushrooms()):
        s, t = domain > 0, domain < 0
        tasks.append(Task(f"mushrooms {name}", X[s], y[s], X[t], X[t], y[t]))
    return tasks


SETS: dict[str, Callable[[], list[Task]]] = {
    "SURF": surf,
    "GoogLeNet": googlenet,
    "digits": mnist_usps,
    "COIL": coil,
    "heart": heart_disease,
    "mushrooms": both_mushrooms,
    "Amazon": amazon_reviews,
    "spam": spam,
    "newsgroups": newsgroup_subgroups,
    "mini": mini_newsgroups,
    "sentences": sentences,
    "regression": regressions,
}


class Case(NamedTuple):
    """A task with few target labels; test rows never show theirs to a model."""

    Xs: np.ndarray
    ys: np.ndarray
    Xt: np.ndarray
    yt: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def dense(X: Any) -> np.ndarray:
    return np.asarray(X.toarray() if hasattr(X, "toarray") else X, dtype=float)


def case(task: Task, n_labels: int, seed: int, is_regression: bool) -> Case:
    """Rows drawn for one run: source, target rows with and without labels, and those that score.

    All features beyond fifty are put into as many principal components of both domains' rows.
    """
    rng = np.random.default_rng(seed)
    Xs, X_test = dense(task.Xs), dense(task.X_test)
    source = rng.permutation(len(task.ys))[:MOST_ROWS]
    order = rng.permutation(len(task.y_test))
    labelled = some_labels(task.y_test, order, n_labels, is_regression)
    rest = order[~np.isin(order, labelled)][:MOST_TESTED]
    if task.X_test is task.Xt:
        unlabelled = X_test[rest[:MOST_ROWS]]
    else:
        unlabelled = dense(task.Xt)
        unlabelled = unlabelled[rng.permutation(len(unlabelled))[:MOST_ROWS]]
    parts = [Xs[source], np.vstack([X_test[labelled], unlabelled]), X_test[rest]]
    yt = np.full(len(parts[1]), None, dtype=object)
    yt[: len(labelled)] = task.y_test[labelled]
    Xs, Xt, X_test = fewer_features(parts)
    return Case(Xs, task.ys[source], Xt, yt, X_test, task.y_test[rest])


def some_labels(y: np.ndarray, order: np.ndarray, n_labels: int, is_regression: bool) -> np.ndarray:
    if is_regression:
        return order[: PER_CLASS_IN_REGRESSION * n_labels]
    rows = [order[y[order] == name] for name in np.unique(y)]
    return np.concatenate([some[: min(n_labels, len(some) // 2)] for some in rows])


def fewer_features(parts: list[np.ndarray]) -> list[np.ndarray]:
    if parts[0].shape[1] <= MOST_FEATURES:
        return parts
    seen = np.vstack(parts[:2])
    plane = PCA(MOST_FEATURES, random_state=0).fit(seen)
    scale = np.sqrt(plane.explained_variance_.mean())
    return [plane.transform(part) / scale for part in parts]


def learner_for(is_regression: bool) -> Any:
    if is_regression:
        return make_learner("ridge", "regression", 0)
    return LogisticRegression(max_iter=1000)


def names_for(is_regression: bool, has_labels: bool) -> list[str]:
    plain = OF_NUMBERS if is_regression else WITHOUT_LABELS
    joined = (*WITH_LABELS, *JOINED) if has_labels else ()
    return [*plain, *joined]


def score_and_error(predicted: np.ndarray, y: np.ndarray, is_regression: bool) -> tuple:
    """Balanced accuracy, or minus the RMSE, on test rows, and its standard error."""
    if is_regression:
        squared = (predicted - y) ** 2
        root = np.sqrt(squared.mean())
        return -root, squared.std(ddof=1) / np.sqrt(len(y)) / (2 * root)
    names = np.unique(y)
    shares = np.array([np.mean(predicted[y == name] == name) for name in names])
    counts = np.array([np.sum(y == name) for name in names])
    return shares.mean(), np.sqrt((shares * (1 - shares) / counts).sum()) / len(names)


def one_run(task: Task, n_labels: int, seed: int, is_regression: bool) -> dict[str, Any]:
    """Test scores of every candidate, fitted to all rows, and of the guarded answer."""
    drawn = case(task, n_labels, seed, is_regression)
    learner = learner_for(is_regression)
    names = names_for(is_regression, n_labels > 0)
    models = baselines(learner, n_labels > 0) | make_candidates(names, learner)
    scores, errors = {}, {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, model in models.items():
            try:
                predicted = clone(model).fit(*drawn[:4]).predict(drawn.X_test)
            except (ValueError, ArithmeticError):
                continue
            found = score_and_error(predicted, drawn.y_test, is_regression)
            scores[name], errors[name] = map(float, found)
        guarded = AutoTransfer(learner, names, n_repeats=2).fit(*drawn[:4])
        predicted = guarded.predict(drawn.X_test)
    alone = [name for name in ("source only", "target only") if name in scores]
    better = max(alone, key=scores.__getitem__)
    return {
        "guarded": float(score_and_error(predicted, drawn.y_test, is_regression)[0]),
        "baseline": scores[better],
        "error": errors[better],
        "usual": scores[guarded.verdict_.baseline],
        "oracle": max(scores.values()),
        "best": max(scores, key=scores.__getitem__),
        "chosen": guarded.verdict_.chosen,
        "outcome": guarded.verdict_.outcome,
        "scores": scores,
    }


def runs(given: Namespace) -> Iterator[tuple[str, Task, int, int, int]]:
    """Set, task, half, labels and seed; the rules were settled on the tasks of half 0.

    They come in a random order, so that what has been done when it is stopped is a fair sample.
    """
    found = list(in_order(given))
    for k in np.random.default_rng(0).permutation(len(found)):
        yield found[k]


def in_order(given: Namespace) -> Iterator[tuple[str, Task, int, int, int]]:
    for name, make in SETS.items():
        try:
            tasks = make()
        except (FileNotFoundError, ImportError) as reason:
            print(f"left out: {reason}")
            continue
        for k, task in enumerate(tasks[:2] if given.quick else tasks):
            for n_labels in LABELS:
                for seed in range(given.seed, given.seed + (1 if given.quick else given.seeds)):
                    yield name, task, k % 2, n_labels, seed


def negative_transfer(given: Namespace) -> dict[str, Any]:
    """Every task, labels and seed: harm, and gain beside that of the oracle."""
    kept = Path(given.resume) if given.resume else None
    done = json.loads(kept.read_text()) if kept is not None and kept.exists() else {}
    wanted = list(runs(given))
    start = time.process_time()
    for name, task, half, n_labels, seed in wanted:
        if given.minutes and time.process_time() - start > 60 * given.minutes:
            break
        key = f"{name}/{task.name}/{n_labels}/{seed}"
        if key not in done:
            found = one_run(task, n_labels, seed, name == "regression")
            done[key] = found | {"half": half, "labels": n_labels, "set": name, "task": task.name}
            if kept is not None:
                beside = kept.with_suffix(".part")
                beside.write_text(json.dumps(done))
                beside.replace(kept)
    found = list(done.values())
    print(f"{len(found)} of {len(wanted)} runs: tasks, labels a class and {given.seeds} seeds")
    show_tasks(found)
    return {"runs": found, "summary": show_summary(found)}


def gain_of(run: dict[str, Any], what: str) -> float:
    """Gain over the better baseline: of balanced accuracy, or in regression of its error's size."""
    gain = run[what] - run["baseline"]
    return gain / abs(run["baseline"]) if run["set"] == "regression" else gain


def show_tasks(found: list[dict[str, Any]]) -> None:
    """A row a task: what the answer and the oracle gain, in points, for each number of labels."""
    rows = []
    names = list(SETS)
    keys = {(one["set"], one["task"], one["half"]) for one in found}
    for key in sorted(keys, key=lambda key: (names.index(key[0]), key[1])):
        cells = []
        for n_labels in LABELS:
            some = [r for r in found if (r["set"], r["task"], r["half"]) == key]
            some = [r for r in some if r["labels"] == n_labels]
            gains = (
                [100 * np.mean([gain_of(r, what) for r in some]) for what in ("guarded", "oracle")]
                if some
                else [np.nan, np.nan]
            )
            cells.append(f"{gains[0]:+.1f} of {gains[1]:+.1f}")
        rows.append(
            [
                f"{key[0]} {key[1].removeprefix('mushrooms ')}",
                "settled on" if key[2] == 0 else "held out",
                *cells,
            ]
        )
    labels = [f"{n} a class" for n in LABELS]
    show_table(("gain over the better baseline, points", "half", *labels), rows)


def show_summary(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Harm and share of the oracle's gain, by half and number of labels."""
    rows, figures, goals = [], [], []
    for half, title in ((0, "settled on"), (1, "held out")):
        for n_labels in (*LABELS, None):
            some = [r for r in found if r["half"] == half and n_labels in (None, r["labels"])]
            if not some:
                continue
            figure = summary_of(some)
            figures.append({"half": title, "labels": n_labels, "runs": len(some), **figure})
            labels = "all" if n_labels is None else str(n_labels)
            harms = [f"{100 * figure[key]:.1f} %" for key in ("harm", "usual", "choice")]
            gains = [f"{100 * figure[key]:+.1f}" for key in ("choice gain", "gain", "oracle")]
            rows.append([title, labels, str(len(some)), *harms, *gains, f"{figure['share']:.0%}"])
            if n_labels is None:
                goals += [
                    (f"{title}: harm, per cent", 100 * figure["harm"], 2.0),
                    (f"{title}: oracle's gain not had, per cent", 100 - 100 * figure["share"], 20),
                ]
    print("harm: worse than the better baseline, taken with hindsight, beyond a standard error;")
    print("usual: worse than the baseline that the same few labels choose; choice: harm, and gain,")
    print(
        "of that baseline itself. Gains over the better baseline, in points of balanced accuracy,"
    )
    print("in regression in per cent of its error")
    header = ("harm", "usual", "choice", "its gain", "gain", "oracle", "share")
    show_table(("tasks", "labels", "runs", *header), rows)
    outcomes = [one["outcome"] for one in found]
    print("verdicts:", {name: outcomes.count(name) for name in sorted(set(outcomes))})
    show_goals(goals)
    return figures


def summary_of(some: list[dict[str, Any]]) -> dict[str, float]:
    """Shares of runs that harm, mean gains, and the share of the oracle's gain."""
    gain, oracle = (
        float(np.mean([gain_of(r, key) for r in some])) for key in ("guarded", "oracle")
    )
    return {
        "harm": float(np.mean([r["guarded"] < r["baseline"] - r["error"] for r in some])),
        "usual": float(np.mean([r["guarded"] < r["usual"] - r["error"] for r in some])),
        "choice": float(np.mean([r["usual"] < r["baseline"] - r["error"] for r in some])),
        "choice gain": float(np.mean([gain_of(r, "usual") for r in some])),
        "gain": gain,
        "oracle": oracle,
        "share": gain / oracle if oracle > 0 else float("nan"),
    }


def verdicts_without_shift(given: Namespace) -> dict[str, Any]:
    """Both domains are one table split at random: the verdict should be "no evidence"."""
    counts: dict[str, int] = {}
    hospitals = heart_disease()[::3]
    n_runs = 12 if given.quick else 100
    for run in range(n_runs):
        task = hospitals[run % len(hospitals)]
        rows = np.random.default_rng(run).permutation(len(task.ys))
        source, target = np.array_split(rows, 2)
        yt = task.ys[target].astype(object)
        yt[40:] = None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            names = names_for(False, True)
            model = AutoTransfer(LogisticRegression(max_iter=1000), names, n_repeats=2)
            model.fit(task.Xs[source], task.ys[source], task.Xs[target], yt)
        outcome = model.verdict_.outcome
        counts[outcome] = counts.get(outcome, 0) + 1
    share = counts.get("no evidence", 0) / n_runs
    print(f"verdicts without shift, {n_runs} runs: {counts}")
    print(f"{'reached' if share >= 0.95 else 'MISSED'}: no evidence in {share:.1%} (goal: 95 %)")
    return {"runs": n_runs, "outcomes": counts, "share": share}


def auto_speed(given: Namespace) -> dict[str, Any]:
    """Twenty candidates on heart disease, in processor time on one core, beside one candidate.

    One is the mean over the twenty of a comparison with that candidate alone. Either all target
    rows have labels, or ten a class do: then mappings that look at no label share a fit over the
    folds, whose rows stay where they are.
    """
    task = heart_disease()[0]
    names = list(dict.fromkeys([*names_for(False, True), "standardise", "entropy-balancing"]))[:20]

    def took(some: list[str], yt: np.ndarray) -> float:
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = AutoTransfer(LogisticRegression(max_iter=1000), some, budget="10m")
            model.fit(task.Xs, task.ys, task.Xt, yt)
        return time.process_time() - start

    order = np.random.default_rng(given.seed).permutation(len(task.y_test))
    few = np.full(len(task.y_test), None, dtype=object)
    ten = some_labels(task.y_test, order, 10, is_regression=False)
    few[ten] = task.y_test[ten]
    took(["sinkhorn", "label-propagation"], few)  # whatever is imported when first used
    found = {}
    for what, yt in (("all labels", task.y_test.astype(object)), ("ten a class", few)):
        alone = {name: took([name], yt) for name in (names[:3] if given.quick else names)}
        seconds, one = took(names, yt), float(np.mean(list(alone.values())))
        print(f"{what}: one {one:.2f} s on average, {min(alone.values()):.2f} s at least")
        goals = (("seconds for twenty", seconds, 60), ("times one", seconds / one, 8))
        for goal, figure, most in goals:
            print(
                f"{'reached' if figure <= most else 'MISSED'}: {goal} {figure:.1f} (goal: {most})"
            )
        found[what] = {"twenty": seconds, "one": one, "alone": alone, "ratio": seconds / one}
    return found


PARTS: dict[str, Callable[[Namespace], dict[str, Any]]] = {
    "negative_transfer": negative_transfer,
    "verdicts_without_shift": verdicts_without_shift,
    "auto_speed": auto_speed,
}
