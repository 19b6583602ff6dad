"""What a job found as plain data: the blocks of ``results.json`` that the report shows."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.metrics import confusion_matrix, mean_absolute_error, mean_squared_error, r2_score

from landbridge.domains import Problem, Table, class_names, encode, is_labelled
from landbridge.evidence import (
    Comparison,
    LearningCurve,
    Trial,
    diagnose,
    group_influence,
    learning_curve,
)
from landbridge.evidence.verdict.candidates import TARGET_ONLY
from landbridge.evidence.verdict.influence import usual_groups
from landbridge.mapping import Identity, Mapping, make_mapping
from landbridge.saving import versions

SCHEMA = "landbridge.results/1"
"""What ``results.schema.json``, beside this file, describes."""
N_POINTS = 300
N_WEIGHTS = 40


def results_schema() -> dict[str, Any]:
    """The JSON schema of ``results.json``, with a line on each figure.

    Examples
    --------
    >>> from landbridge.results import results_schema
    >>> results_schema()["$id"]
    'landbridge.results/1'
    """
    text = files("landbridge").joinpath("results.schema.json").read_text(encoding="utf-8")
    return json.loads(text)


def frame(
    data: dict[str, Any], settings: dict[str, Any], command: str, seed: int
) -> dict[str, Any]:
    """What every job says: when and how it was done, on what data, with what versions."""
    return {
        "schema": SCHEMA,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "seed": seed,
        "versions": versions(),
        "data": data,
        "settings": settings,
        "warnings": [],
    }


def frame_of_results(
    problem: Problem, settings: dict[str, Any], command: str, seed: int
) -> dict[str, Any]:
    """The frame of a job on tables."""
    labels_t = problem.yt if problem.yt is not None else np.full(len(problem.Xt), None)
    data = {
        "source": table_block(problem.source, len(problem.ys)),
        "target": table_block(problem.target, int(is_labelled(labels_t).sum())),
        "label": problem.label,
        "task": problem.task,
        "classes": [] if problem.classes is None else [str(c) for c in problem.classes],
        "features": {
            "used": sum(column["n_out"] > 0 for column in problem.features.columns_),
            "made": problem.Xs.shape[1],
            "columns": [dict(column) for column in problem.features.columns_],
        },
        "notes": list(problem.notes),
    }
    return frame(data, settings, command, seed)


def shift_block(problem: Problem, seed: int) -> dict[str, Any]:
    """The diagnosis, with the original columns feature by feature."""
    used = [column["name"] for column in problem.features.columns_ if column["n_out"]]
    tables = [table.frame.reindex(columns=used) for table in (problem.source, problem.target)]
    return diagnose(
        problem.Xs,
        problem.ys,
        problem.Xt,
        problem.yt,
        task=problem.task,
        random_state=seed,
        raw_source=tables[0],
        raw_target=tables[1],
    ).to_dict()


def verdict_block(comparison: Comparison) -> dict[str, Any]:
    """The guard's decision."""
    verdict = asdict(comparison.verdict)
    gain = comparison.verdict.gain
    return verdict | {"gain": None if gain is None else gain._asdict()}


def leaderboard_block(comparison: Comparison) -> dict[str, Any]:
    """Every model's score and gain with intervals, best first."""
    return {
        "metric": comparison.metric,
        "greater_is_better": True,
        "folds": comparison.n_folds,
        "repeats": comparison.n_repeats,
        "n_labelled": len(comparison.observed),
        "rows": comparison.leaderboard(),
    }


def learning_block(
    problem: Problem, comparison: Comparison, learner: Any, seed: int, seconds: float | None = None
) -> dict[str, Any]:
    """Scores of baseline and chosen model at growing numbers of labels, and what more would add.

    In so many seconds: where they are too few, what was finished, and the reason.
    """
    verdict = comparison.verdict
    names = dict.fromkeys([verdict.baseline, verdict.chosen])
    models = {name: comparison[name].model for name in names}
    yt = np.full(len(problem.Xt), None) if problem.yt is None else problem.yt
    curve = learning_curve(
        problem.Xs,
        problem.ys,
        problem.Xt,
        yt,
        learner=learner,
        models=models,
        metric=comparison.metric,
        n_repeats=1,
        budget=seconds,
        random_state=seed,
    )
    known = [name for name in names if curve.scores[name].shape[1]]
    worth = [
        {"model": name, "more": more} | curve.worth(name, more)._asdict()
        for name in known
        for more in (len(comparison.observed), 4 * len(comparison.observed))
    ]
    rows = curve.table[curve.table["model"].isin(known)].drop(columns="error").to_dict("records")
    return {"metric": curve.metric, "rows": rows, "worth": worth, "reason": _why_not_whole(curve)}


def _why_not_whole(curve: LearningCurve) -> str | None:
    """Why a curve, or a part of it, is not there."""
    failed = [
        f"{name} has no score at {size} labels ({reason.rstrip('.')})"
        for name, errors in curve.errors.items()
        for size, reason in errors.items()
    ]
    late = [f"{reason} of {name}" for name, reason in curve.dropped.items()]
    return "; ".join([*late, *failed]) or None


def influence_block(
    problem: Problem, comparison: Comparison, seed: int, seconds: float | None = None
) -> dict[str, Any]:
    """What each class of the source (in regression each fifth) is worth to the best transfer.

    Where there are two classes alone, each cluster; in so many seconds.
    """
    scored = [t for t in comparison.trials if len(t.scores) and t.name != TARGET_ONLY]
    chosen = [trial for trial in scored if trial.name == comparison.verdict.chosen]
    trial = chosen[0] if chosen else max(scored, key=lambda trial: trial.scores.mean())
    yt = np.full(len(problem.Xt), None) if problem.yt is None else problem.yt
    by = usual_groups(problem.ys, problem.classes is not None)
    table = group_influence(
        trial.model,
        problem.Xs,
        problem.ys,
        problem.Xt,
        yt,
        groups=by,
        metric=comparison.metric,
        n_repeats=1,
        budget=seconds,
        random_state=seed,
    )
    dropped = table["dropped"].dropna().tolist()
    is_known = table["effect"].notna().any() or not dropped
    table = table.drop(columns="dropped")
    rows = table.rename_axis("group").reset_index().to_dict("records")
    rows = [row | {"group": str(row["group"])} for row in rows if is_known]
    return {"model": trial.name, "by": by, "rows": rows, "reason": next(iter(dropped), None)}


def moving_model(comparison: Comparison) -> tuple[str, Mapping] | None:
    """The name and unfitted mapping of the best model that moves rows, the chosen one first."""
    trials = sorted(
        (trial for trial in comparison.trials if trial.error is None),
        key=lambda t: (t.name != comparison.verdict.chosen, -t.scores.sum()),
    )
    for trial in trials:
        mapping = getattr(trial.model, "mapping", Identity())  # a blend has several
        mapping = make_mapping(mapping) if isinstance(mapping, str) else clone(mapping)
        if not isinstance(mapping, Identity) and not mapping.is_paired:
            return trial.name, mapping
    return None


def mapping_blocks(
    problem: Problem, comparison: Comparison, seed: int
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Both domains in a plane before and after the mapping, and what the mapping is made of."""
    found = moving_model(comparison)
    if found is None:
        return None, None
    name, mapping = found
    mapping.fit(problem.Xs, problem.Xt, ys=problem.ys, yt=problem.yt)
    moved = mapping.transform(problem.Xs), mapping.transform_target(problem.Xt)
    rng = np.random.default_rng(seed)
    shown = [rng.permutation(len(X))[:N_POINTS] for X in (problem.Xs, problem.Xt)]
    original = [X[some] for X, some in zip((problem.Xs, problem.Xt), shown)]
    carried = [X[some] for X, some in zip(moved, shown)]
    plane = _plane(original)
    # A shared space has axes of its own; all else is seen from where it was seen before.
    is_same = not mapping.meets_between
    after = plane if is_same else _plane(carried)
    codes = _class_codes(problem, shown)
    names = problem.features.get_feature_names_out().tolist()
    table = mapping.explain(top=3, source_names=names, target_names=names)
    projection = {
        "axes": "first two principal components of both domains",
        "mapping": name,
        "same_axes": is_same,
        "explained": plane.explained_variance_ratio_.tolist(),
        "classes": [] if problem.classes is None else [str(c) for c in problem.classes],
        "before": _points([_flat(plane, X) for X in original], codes),
        "after": _points([_flat(after, X) for X in carried], codes),
    }
    explanation = {
        "name": name,
        "summary": (type(mapping).__doc__ or "").split("\n")[0],
        "rows": table.head(N_WEIGHTS).to_dict("records"),
    }
    return projection, explanation


def quality_block(problem: Problem, comparison: Comparison) -> dict[str, Any] | None:
    """What baseline, chosen and best models predicted out of fold, against what was observed."""
    scored = [trial for trial in comparison.trials if len(trial.scores)]
    if not scored:
        return None
    best = max(scored, key=lambda trial: trial.scores.mean()).name
    names = dict.fromkeys([comparison.verdict.baseline, comparison.verdict.chosen, best])
    measure = _numbers if problem.classes is None else _classes
    return {"models": [measure(comparison[name], comparison.observed) for name in names]}


def recall_interval(right: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    interval = stats.binomtest(right, n).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def plain(value: Any) -> Any:
    """The same in types that JSON knows; numbers that are not finite become ``None``."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def table_block(table: Table, n_labelled: int) -> dict[str, Any]:
    """A table: its name, where it lies, its rows and what was noted of it."""
    return {
        "name": table.name,
        "path": table.path,
        "rows": len(table.frame),
        "labelled": n_labelled,
        "sha256": table.sha256,
        "notes": list(table.notes),
    }


def _plane(domains: list[NDArray]) -> PCA:
    """The two directions in which the rows of both domains, taken together, spread most."""
    stacked = np.vstack(domains)
    return PCA(min(2, *stacked.shape), random_state=0).fit(stacked)


def _flat(plane: PCA, X: NDArray) -> NDArray:
    """Rows in the plane (n, 2); the second coordinate is 0 where there is one feature."""
    placed = plane.transform(X)
    return np.column_stack([placed, np.zeros((len(placed), 2 - placed.shape[1]))])


def _class_codes(problem: Problem, shown: list[NDArray]) -> list[list[int | None]]:
    labels = [problem.ys, problem.yt]
    codes: list[list[int | None]] = []
    for y, some in zip(labels, shown):
        if y is None or problem.classes is None:
            codes.append([None] * len(some))
        else:
            known = encode(y[some], problem.classes)
            codes.append([None if np.isnan(c) else int(c) for c in known])
    return codes


def _points(plane: list[NDArray], codes: list[list[int | None]]) -> dict[str, list]:
    return {
        domain: [[round(x, 4), round(y, 4), code] for (x, y), code in zip(flat.tolist(), some)]
        for domain, flat, some in zip(("source", "target"), plane, codes)
    }


def _classes(trial: Trial, observed: NDArray) -> dict[str, Any]:
    predicted = trial.predicted[0]
    names = class_names(observed, predicted)
    positions = [encode(y, names).astype(int) for y in (observed, predicted)]
    counts = confusion_matrix(*positions, labels=range(len(names)))
    recall = []
    for k, name in enumerate(names):
        n = int(counts[k].sum())
        if n:
            low, high = recall_interval(int(counts[k, k]), n)
            recall.append(
                {"class": str(name), "recall": counts[k, k] / n, "low": low, "high": high, "n": n}
            )
    return {
        "name": trial.name,
        "classes": [str(name) for name in names],
        "confusion": counts.tolist(),
        "recall": recall,
    }


def _numbers(trial: Trial, observed: NDArray) -> dict[str, Any]:
    predicted = trial.predicted[0]
    return {
        "name": trial.name,
        "observed": observed.tolist(),
        "predicted": predicted.tolist(),
        "residuals": (observed - predicted).tolist(),
        "rmse": float(np.sqrt(mean_squared_error(observed, predicted))),
        "mae": mean_absolute_error(observed, predicted),
        "r2": r2_score(observed, predicted),
    }
