"""Which of several labelled sources suits a target, before anything is carried over."""

from collections.abc import Mapping
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from landbridge.domains import (
    TableFeatures,
    as_labels,
    check_no_column_twice,
    check_same_columns,
    class_names,
    column_names,
    common_labels,
    encode,
    is_labelled,
    labelled_rows,
)
from landbridge.domains.problem import Task, infer_task
from landbridge.evidence.shift.order import in_order
from landbridge.evidence.shift.probe import PENALTIES
from landbridge.evidence.shift.two_sample import N_FOLDS, check_same_features, domain_scores
from landbridge.evidence.transferability.leep import measure_leep
from landbridge.evidence.transferability.measured import (
    Measured,
    bootstrap_weights,
    check_classes,
    feature_rows,
)
from landbridge.evidence.transferability.nce import measure_nce
from landbridge.evidence.transferability.ranking import (
    Draws,
    Ranking,
    check_candidates,
    check_measure,
    check_settings,
    ranking,
)
from landbridge.moments.feature_map import (
    MEDIAN_ROWS,
    cosines_and_sines,
    draw_frequencies,
    draw_rows,
    median_distance,
)

LEAST_LABELS = 10
SQUARED_FEATURES = 128
N_FREQUENCIES = 256
DISTANCES = ("proxy_a_distance", "mmd2")


class Source(NamedTuple):
    """One source: its name, rows, labels and bootstrap weights."""

    name: str
    X: NDArray[np.float64]
    y: NDArray
    weights: NDArray[np.float32]


def rank_sources(
    sources: Mapping[str, tuple[ArrayLike, ArrayLike]],
    Xt: ArrayLike,
    yt: ArrayLike | None = None,
    *,
    task: Task | None = None,
    by: str | None = None,
    n_draws: int = 200,
    max_rows: int = 2000,
    random_state: int = 0,
) -> Ranking:
    r"""Labelled sources by how well they suit the target.

    With target labels a plain linear model of each source is tried on the labelled target rows.
    Without, all there is to see is how far the features lie apart: the proxy A-distance
    :math:`2 (1 - 2 \epsilon)`, ε a domain classifier's error (Ben-David et al. 2007), below zero
    only by chance, and the unbiased MMD² with one kernel for all. A source may lie near and
    still follow other rules: ranks without labels are a guess.

    The bootstrap draws the same target rows for every source, and each source's rows where
    distances are measured. The models are not trained anew; that domain classifiers of another
    sample would be others widens their draws: the variance of k folds' mean error is
    :math:`1 + k / (k - 1)` times that of independent rows (Nadeau & Bengio 2003). The order of
    rows changes nothing.

    Parameters
    ----------
    sources : dict of str to (Xs, ys)
        Rows (n_s, d) and labels (n_s,) of each source.
    Xt : array-like or DataFrame of shape (n_t, d)
        The target's rows. Tables must have the same columns in the same order; where all are
        DataFrames and one has gaps, categories or dates, they go through ``TableFeatures``,
        fitted on all of them.
    yt : array-like of shape (n_t,), optional
        Target labels, blank where unknown; below ten they are too few to rank by.
    task : "classification" or "regression", optional
        Read off the sources' labels by default.
    by : str, optional
        The measure that ranks: with target labels by default ``accuracy`` or
        ``absolute_skill``, without ``proxy_a_distance``.
    n_draws : int
        Bootstrap draws.
    max_rows : int
        Larger domains are thinned to so many rows, at least 20.
    random_state : int
        Seed of the draws, the folds and the thinning.

    Returns
    -------
    Ranking
        Columns ``proxy_a_distance``, ``mmd2``, ``missing_classes`` (classes that the target's
        labels or another source have, and this one lacks) and, with target labels, ``accuracy``,
        ``leep`` and ``nce`` of the source's model on them, or ``absolute_skill`` for numbers:
        one less its mean absolute error over that of the target's median.

    Raises
    ------
    TypeError, ValueError
        If a source, the target or a setting does not fit; the source is named.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge import rank_sources
    >>> rng = np.random.default_rng(0)
    >>> def domain(shift):
    ...     X = rng.normal(size=(200, 3)) + shift
    ...     return X, X[:, 0] > shift
    >>> found = rank_sources({"far": domain(2), "near": domain(0.3)}, domain(0)[0])
    >>> found.best, found.by, found.is_sure
    ('near', 'proxy_a_distance', True)
    """
    check_candidates(sources, "sources")
    check_settings(task, n_draws, max_rows, random_state)
    rng = np.random.default_rng(random_state)
    sources, Xt = _as_features({name: _pair(name, one) for name, one in sources.items()}, Xt)
    rows_t = feature_rows(Xt, "Xt", min_rows=2)
    labels_t = np.full(len(rows_t), None) if yt is None else as_labels(yt, len(rows_t), "yt")
    rows_t, labels_t = in_order(rows_t, labels_t)
    checked = {name: _checked(name, source, rows_t) for name, source in sources.items()}
    labels = {f"sources[{name!r}] labels": y for name, (_, y) in checked.items()}
    is_numbers = (task or _task_of(labels)) == "regression"
    for name, y in (labels | {"yt": labels_t}).items():
        (_check_numbers if is_numbers else check_classes)(y, name)
    thinned = [_thinned(name, *one, max_rows, n_draws, rng) for name, one in checked.items()]
    known = np.flatnonzero(is_labelled(labels_t))
    if len(known) >= LEAST_LABELS and not is_numbers:
        _check_rows_of_classes(thinned)
    found = _distances(thinned, rows_t, max_rows, n_draws, rng)
    default, notes = "proxy_a_distance", _too_few(len(known))
    if len(known) >= LEAST_LABELS:
        judged = known[draw_rows(len(known), max_rows, rng)]
        weights = bootstrap_weights(len(judged), n_draws, rng)
        measure = _number_measures if is_numbers else _class_measures
        for source in thinned:
            on_labels = measure(source, rows_t[judged], labels_t[judged])
            found[source.name] |= {k: Draws.of(one, weights) for k, one in on_labels.items()}
        default = "absolute_skill" if is_numbers else "accuracy"
    check_measure(by, list(found[thinned[0].name]))
    missing = {} if is_numbers else _missing_classes(checked, labels_t)
    values = {
        name: {key: one.value for key, one in measures.items()}
        | ({"missing_classes": len(missing[name])} if missing else {})
        for name, measures in found.items()
    }
    ranks_by = by or default
    drawn = {name: measures[ranks_by] for name, measures in found.items()}
    return ranking(values, drawn, ranks_by, (*notes, *_gaps(missing)), _remedy(ranks_by))


def _task_of(labels: Mapping[str, NDArray]) -> Task:
    """What the labels of all sources are; those of each must be of one kind."""
    every = np.concatenate([y.astype(object) for y in labels.values()])
    plain = labelled_rows(every, every)[1]
    tasks = {name: infer_task(y) for name, y in labels.items()}
    found: dict[str, str] = {task: name for name, task in tasks.items()}
    counts = plain.dtype.kind in "iuf" and bool((plain == np.round(plain)).all())
    if len(found) > 1 and not counts:
        raise ValueError(
            f"All sources must be labelled alike: {found['classification']} are classes, "
            f"{found['regression']} numbers. Leave one kind out, or say task='regression' if all "
            "are numbers."
        )
    return infer_task(plain)


def _check_numbers(y: NDArray, name: str) -> None:
    odd = [v for v in y[is_labelled(y)].tolist() if not isinstance(v, Real)]
    if odd:
        raise ValueError(
            f"{name} must hold numbers for regression: found {odd[0]!r}. Give "
            "task='classification' for classes."
        )


def _check_rows_of_classes(sources: list[Source]) -> None:
    for one in sources:
        n_classes = len(class_names(one.y))
        if len(one.y) <= n_classes:
            raise ValueError(
                f"sources[{one.name!r}] must have more labelled rows than classes for a model of "
                f"it to be tried: found {len(one.y)} rows of {n_classes}. Leave it out, or "
                "leave out yt to rank by distance."
            )


def _too_few(n_known: int) -> tuple[str, ...]:
    if not 0 < n_known < LEAST_LABELS:
        return ()
    return (
        f"{n_known} target labels are too few to rank by ({LEAST_LABELS} would do): the "
        "distance of the features ranks instead.",
    )


def _gaps(missing: dict[str, list[Any]]) -> list[str]:
    return [
        f"{name} has no rows of {', '.join(map(str, lacks))}: no model of it alone can predict it."
        for name, lacks in missing.items()
        if lacks
    ]


def _remedy(by: str) -> str:
    if by in DISTANCES:
        return " Label target rows to rank by what counts, or use these sources together."
    return " Label more target rows, or use these sources together."


def _pair(name: str, source: Any) -> tuple[Any, Any]:
    try:
        X, y = source
    except (TypeError, ValueError):
        raise ValueError(f"sources[{name!r}] must be a pair of rows and labels (Xs, ys).") from None
    return X, y


def _as_features(
    sources: dict[str, tuple[Any, Any]], Xt: Any
) -> tuple[dict[str, tuple[Any, Any]], Any]:
    """Tables that are not all numbers as features, made alike; all else as it is."""
    tables = {f"sources[{name!r}]": X for name, (X, _) in sources.items()} | {"Xt": Xt}
    for name, table in tables.items():
        _check_columns(name, table, Xt)
    if not all(isinstance(one, pd.DataFrame) for one in tables.values()):
        return sources, Xt
    if all(_is_numbers(one) for one in tables.values()):
        return sources, Xt
    together = pd.concat([X for X, _ in sources.values()], ignore_index=True)
    made = TableFeatures().fit(together, Xt)
    return {name: (made.transform(X), y) for name, (X, y) in sources.items()}, made.transform(Xt)


def _is_numbers(frame: pd.DataFrame) -> bool:
    typed = all(map(pd.api.types.is_numeric_dtype, frame.dtypes))
    return typed and not frame.isna().any(axis=None)


def _check_columns(name: str, table: Any, Xt: Any) -> None:
    check_no_column_twice(table, name)
    own, wanted = column_names(table), column_names(Xt)
    if own is not None and wanted is not None and len(own) != len(wanted):
        alone = [one for one in (*own, *wanted) if (one in own) != (one in wanted)]
        raise ValueError(
            f"{name} and Xt must have the same columns: {name} has {len(own)}, Xt has "
            f"{len(wanted)}, and one alone has {alone[0]!r}. Give the columns that both have."
        )
    check_same_columns(wanted, own, ("Xt", name))


def _checked(name: str, source: tuple[Any, Any], rows_t: NDArray) -> tuple[NDArray, NDArray]:
    """A source's labelled rows and their labels."""
    what, (X, y) = f"sources[{name!r}]", source
    rows = feature_rows(X, f"{what} rows", min_rows=2)
    try:
        check_same_features(rows, rows_t)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from None
    rows, labels = labelled_rows(rows, as_labels(y, len(rows), f"{what} labels"))
    if len(rows) < 2:
        raise ValueError(f"{what} must have at least two labelled rows: found {len(rows)}.")
    return in_order(rows, labels)


def _thinned(
    name: str, X: NDArray, y: NDArray, max_rows: int, n_draws: int, rng: np.random.Generator
) -> Source:
    few = draw_rows(len(X), max_rows, rng)
    return Source(
        name, X[few].astype(np.float64), y[few], bootstrap_weights(len(few), n_draws, rng)
    )


def _distances(
    sources: list[Source], rows_t: NDArray, max_rows: int, n_draws: int, rng: np.random.Generator
) -> dict[str, dict[str, Draws]]:
    """Both distances of each source to the target."""
    target = rows_t[draw_rows(len(rows_t), max_rows, rng)].astype(np.float64)
    weights = bootstrap_weights(len(target), n_draws, rng)
    discrepancies = _discrepancies(sources, target, weights, rng)
    return {
        source.name: {
            "proxy_a_distance": _proxy(source, target, weights),
            "mmd2": discrepancies[source.name],
        }
        for source in sources
    }


def _proxy(source: Source, Xt: NDArray, weights_t: NDArray) -> Draws:
    """The proxy A-distance, and its draws over the rows of both domains."""
    squares = Xt.shape[1] <= SQUARED_FEATURES
    scores = domain_scores(source.X, Xt, squares=squares)
    wrong_s, wrong_t = scores[: len(source.X)] > 0, scores[len(source.X) :] <= 0
    value = 2.0 - 2.0 * (wrong_s.mean() + wrong_t.mean())
    n_folds = min(N_FOLDS, len(source.X), len(Xt))
    wider = np.sqrt(1 + n_folds / (n_folds - 1))
    moved = wider * sum(
        weights @ wrong.astype(np.float32) / len(wrong)
        for weights, wrong in ((source.weights, wrong_s), (weights_t, wrong_t))
    )
    return Draws(float(value), value - 2.0 * np.asarray(moved, dtype=np.float64))


def _discrepancies(
    sources: list[Source], Xt: NDArray, weights_t: NDArray, rng: np.random.Generator
) -> dict[str, Draws]:
    """Unbiased MMD² of each source to the target by random features of one Gaussian kernel."""
    scaler = StandardScaler().fit(np.vstack([Xt, *(source.X for source in sources)]))
    rows_t = scaler.transform(Xt)
    width = median_distance(rows_t[draw_rows(len(rows_t), MEDIAN_ROWS, rng)])
    frequencies = draw_frequencies(Xt.shape[1], width, N_FREQUENCIES, rng)
    phi_t = cosines_and_sines(rows_t, frequencies)
    found = {}
    for source in sources:
        phi_s = cosines_and_sines(scaler.transform(source.X), frequencies)
        found[source.name] = _discrepancy(phi_s, phi_t, source.weights, weights_t)
    return found


def _discrepancy(phi_s: NDArray, phi_t: NDArray, weights_s: NDArray, weights_t: NDArray) -> Draws:
    apart = phi_t.mean(axis=0) - phi_s.mean(axis=0)
    pulls = [2.0 * (phi @ apart) * sign for phi, sign in ((phi_s, -1.0), (phi_t, 1.0))]
    # Rows agree with themselves, k(x, x) = 1: what that adds to ‖mean‖² is taken off.
    own = sum((1 - float(m @ m)) / (len(p) - 1) for p in (phi_s, phi_t) for m in [p.mean(axis=0)])
    moved = sum(
        weights @ (pull - pull.mean()).astype(np.float32) / len(pull)
        for weights, pull in zip((weights_s, weights_t), pulls, strict=True)
    )
    value = float(apart @ apart) - own
    return Draws(value, value + np.asarray(moved, dtype=np.float64))


def _class_measures(source: Source, X: NDArray, y: NDArray) -> dict[str, Measured]:
    labels_s, labels_t, classes = common_labels(source.y, y)
    own = class_names(labels_s)
    P = np.ones((len(X), 1))
    if len(own) > 1:
        model = make_pipeline(
            StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        )
        P = model.fit(source.X, encode(labels_s, own).astype(int)).predict_proba(X)
    codes = encode(labels_t, classes).astype(np.intp)
    answers = P.argmax(axis=1)
    right = (encode(own, classes)[answers] == codes).astype(float)
    _, codes = np.unique(codes, return_inverse=True)  # the classes that occur in the target
    return {
        "accuracy": Measured(float(right.mean()), right - right.mean(), (0.0, 1.0)),
        "leep": measure_leep(P, codes),
        "nce": measure_nce(answers, codes),
    }


def _number_measures(source: Source, X: NDArray, y: NDArray) -> dict[str, Measured]:
    target = np.array(y.tolist(), dtype=np.float64)
    model = make_pipeline(StandardScaler(), RidgeCV(PENALTIES))
    off = np.abs(target - model.fit(source.X, source.y.astype(np.float64)).predict(X))
    least = np.abs(target - np.median(target))
    whole = max(float(least.mean()), np.finfo(float).tiny)
    skill = 1.0 - off.mean() / whole
    influence = (1.0 - skill) * least / whole - off / whole
    return {"absolute_skill": Measured(float(skill), influence - influence.mean(), (-np.inf, 1.0))}


def _missing_classes(
    sources: Mapping[str, tuple[NDArray, NDArray]], labels_t: NDArray
) -> dict[str, list[Any]]:
    """The classes of the target, or of any source where its labels are unknown, that each lacks."""
    asked = class_names(labels_t).tolist()
    wanted = asked or class_names(*(y for _, y in sources.values())).tolist()
    return {
        name: [c for c in wanted if c not in set(class_names(y).tolist())]
        for name, (_, y) in sources.items()
    }
