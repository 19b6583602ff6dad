"""Which part of the source helps, and which hurts: the target's score without it."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import is_classifier
from sklearn.cluster import KMeans
from sklearn.metrics import get_scorer

from landbridge.domains import as_labels, check_rows, class_names, is_labelled, labelled_rows
from landbridge.domains.parameters import check_number
from landbridge.evidence.verdict.candidates import check_model
from landbridge.evidence.verdict.comparison import FEWEST_LABELS, check_scoring, default_metric
from landbridge.evidence.verdict.corrected_test import corrected_interval
from landbridge.evidence.verdict.durations import as_seconds, in_seconds
from landbridge.evidence.verdict.folds import Data, held_out, keeps_rows, repeated_folds, truth_of
from landbridge.evidence.verdict.trying import OutOfTime, reason_of, score_apart, time_limit

COLUMNS = ["rows", "effect", "low", "high", "verdict", "error", "dropped"]
FEWEST_FOLDS = 2
"""Fewer have no spread, and give no interval."""


def group_influence(
    transfer: Any,
    Xs: ArrayLike,
    ys: ArrayLike,
    Xt: ArrayLike,
    yt: ArrayLike,
    *,
    groups: Any = None,
    n_clusters: int = 5,
    metric: str | None = None,
    n_folds: int = 5,
    n_repeats: int = 2,
    level: float = 0.95,
    budget: float | str | None = None,
    random_state: int = 0,
) -> pd.DataFrame:
    """What each group of source rows is worth in the target, by leaving it out.

    The transfer is fitted with all source rows and with all but one group, on equal folds of
    the labelled target rows. The difference is the group's effect: above zero, it helps.

    Parameters
    ----------
    transfer : Transfer
        What to fit; it is cloned.
    Xs, ys, Xt, yt : array-like
        As in :func:`landbridge.compare`.
    groups : "classes", "clusters" or array-like of shape (n_s,), optional
        Source rows by their label (in regression by fifths of it), by k-means on their features,
        or by a column of one's own, such as the hospital or the year. By default classes, and
        clusters where the source has but two classes: without one of them nothing can be learned.
    n_clusters : int
        Of ``"clusters"``.
    metric, n_folds, n_repeats, random_state
        As in :func:`landbridge.compare`.
    level : float
        Of the intervals, which allow for folds that overlap (Nadeau & Bengio 2003) and for the
        number of groups (Bonferroni).
    budget : float or str, optional
        Time to spend: seconds, or text such as ``"5m"``. When it is over, the folds done decide.

    Returns
    -------
    DataFrame
        A row for each group, the most harmful first: ``rows``, the ``effect`` on the score with
        its interval ``low`` to ``high``, the ``verdict`` (``"helps"``, ``"hurts"`` or
        ``"no evidence"``), the ``error`` where it cannot be left out, and why not all folds were
        tried, in ``dropped``.

    Raises
    ------
    ValueError
        If a parameter does not fit, there are too few target labels or fewer than two groups, or
        the transfer cannot be fitted with all source rows.
    TypeError
        If ``transfer`` does not learn from two domains.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from landbridge import Refit, Transfer, group_influence
    >>> rng = np.random.default_rng(0)
    >>> Xs, Xt = rng.normal(size=(200, 3)), rng.normal(size=(100, 3))
    >>> ys, yt, ward = Xs[:, 0] > 0, Xt[:, 0] > 0, np.repeat(["north", "south"], 100)
    >>> ys[100:] = Xs[100:, 1] > 0               # in one ward the label means something else
    >>> transfer = Transfer(LogisticRegression(), "coral", Refit(LogisticRegression()))
    >>> found = group_influence(transfer, Xs, ys, Xt, yt, groups=ward)
    >>> found["verdict"].to_dict()
    {'south': 'hurts', 'north': 'helps'}
    """
    check_model("transfer", transfer)
    check_scoring(metric, level, n_folds, n_repeats)
    check_number("n_clusters", n_clusters, least=2, whole=True)
    seconds = as_seconds("budget", budget)
    end = None if seconds is None else time.time() + seconds
    rows_s, rows_t = check_rows(Xs, "Xs", sparse=True), check_rows(Xt, "Xt", sparse=True)
    labels_t = as_labels(yt, rows_t.shape[0], "yt")
    data = Data(rows_s, as_labels(ys, rows_s.shape[0], "ys"), rows_t, labels_t)
    known, observed = np.flatnonzero(is_labelled(labels_t)), labelled_rows(rows_t, labels_t)[1]
    if len(known) < FEWEST_LABELS:
        raise ValueError(
            f"The effect of a group is seen on labelled target rows: yt has {len(known)}, and "
            f"{FEWEST_LABELS} are the least."
        )
    classifies = is_classifier(transfer)
    groups = usual_groups(data.ys, classifies) if groups is None else groups
    names = group_names(groups, data, classifies, n_clusters, random_state)
    found = sorted(set(names.tolist()), key=str)
    if len(found) < 2:
        raise ValueError(f"Two groups or more are needed: groups names only {found}.")
    scorer = get_scorer(metric or default_metric(transfer))
    folds = repeated_folds(observed, classifies, n_folds, n_repeats, random_state)
    n_folds = len(folds) // n_repeats
    stays = keeps_rows(data, len(known), n_folds)

    def score(fold: int, source: NDArray) -> float:
        if end is not None and time.time() >= end:
            raise OutOfTime
        part = data._replace(Xs=data.Xs[source], ys=data.ys[source])
        rows = known[folds[fold][1]]
        return score_apart(transfer, held_out(part, rows, stays), scorer, *truth_of(part, rows))

    with time_limit(None if end is None else end - time.time()):
        effects, errors = _effects(score, len(folds), names, found)
    dropped = None
    if seconds and len(effects) < len(folds):
        over = f"the {in_seconds(seconds)} for it were over"
        dropped = f"{over} after {len(effects)} of {len(folds)} folds"
    share, wide = 1 / (n_folds - 1), 1 - (1 - level) / len(found)
    rows = {}
    for column, name in enumerate(found):
        told: list[Any] = [*[np.nan] * 3, None]
        if name not in errors and len(effects) >= FEWEST_FOLDS:
            interval = corrected_interval([fold[column] for fold in effects], share, wide)
            said = "helps" if interval.low > 0 else "hurts" if interval.high < 0 else "no evidence"
            told = [*interval, said]
        rows[name] = [int((names == name).sum()), *told, errors.get(name), dropped]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS)
    return table.rename_axis("group").sort_values("effect", kind="stable")


def _effects(
    score: Callable[[int, NDArray], float], n_folds: int, names: NDArray, found: list
) -> tuple[list[list[float]], dict[Any, str]]:
    """What each group adds to the score of each fold that time allows, and why it has none.

    A group that cannot be left out on one fold is not tried on the next.
    """
    effects: list[list[float]] = []
    errors: dict[Any, str] = {}

    def without(fold: int, group: Any) -> float:
        if group in errors:
            return np.nan
        try:
            return score(fold, np.flatnonzero(names != group))
        except (Exception, SystemExit) as problem:  # whatever one group does, the others go on
            errors[group] = reason_of(problem)
            return np.nan

    with suppress(OutOfTime):
        for fold in range(n_folds):
            everything = _with_all(score, fold, np.arange(len(names)))
            effects.append([everything - without(fold, group) for group in found])
    return effects, errors


def _with_all(score: Callable[[int, NDArray], float], fold: int, rows: NDArray) -> float:
    try:
        return score(fold, rows)
    except (Exception, SystemExit) as problem:
        raise ValueError(
            f"transfer cannot be fitted and scored with all source rows: {reason_of(problem)}"
        ) from problem


def usual_groups(ys: NDArray, classifies: bool) -> str:
    """What source rows are grouped by where nothing is said: classes, unless there are but two."""
    return "clusters" if classifies and len(class_names(ys)) < 3 else "classes"


def group_names(
    groups: Any, data: Data, classifies: bool, n_clusters: int, random_state: int
) -> NDArray:
    """The group (n_s,) of each source row."""
    if isinstance(groups, str) and groups == "classes":
        if classifies:
            return np.array(data.ys.tolist())
        cuts = pd.qcut(pd.Series(data.ys.astype(float)), 5, duplicates="drop")
        return cuts.astype(str).to_numpy()
    if isinstance(groups, str) and groups == "clusters":
        means = KMeans(n_clusters, n_init=3, random_state=random_state)
        return np.array([f"cluster {k}" for k in means.fit_predict(data.Xs)])
    if isinstance(groups, str):
        raise ValueError(
            f'groups must be "classes", "clusters" or a column of names: found {groups!r}.'
        )
    names = as_labels(groups, len(data.ys), "groups")
    if not is_labelled(names).all():
        raise ValueError("groups has blanks: give every source row a group.")
    return names
