"""Which part of the source helps, and which hurts: the target's score without it."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone, is_classifier
from sklearn.cluster import KMeans
from sklearn.metrics import get_scorer

from landbridge.domains import as_labels, check_rows, is_labelled, labelled_rows
from landbridge.evidence.verdict.comparison import FEWEST_LABELS, default_metric
from landbridge.evidence.verdict.corrected_test import corrected_interval
from landbridge.evidence.verdict.folds import Data, held_out, keeps_rows, repeated_folds, truth_of

COLUMNS = ["rows", "effect", "low", "high", "verdict", "error"]


def group_influence(
    transfer: Any,
    Xs: ArrayLike,
    ys: ArrayLike,
    Xt: ArrayLike,
    yt: ArrayLike,
    *,
    groups: Any = "classes",
    n_clusters: int = 5,
    metric: str | None = None,
    n_folds: int = 5,
    n_repeats: int = 2,
    level: float = 0.95,
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
    groups : "classes", "clusters" or array-like of shape (n_s,)
        Source rows by their label (in regression by fifths of it), by k-means on their features,
        or by a column of one's own, such as the hospital or the year.
    n_clusters : int
        Of ``"clusters"``.
    metric, n_folds, n_repeats, random_state
        As in :func:`landbridge.compare`.
    level : float
        Of the intervals, which allow for folds that overlap (Nadeau & Bengio 2003) and for the
        number of groups (Bonferroni).

    Returns
    -------
    DataFrame
        A row for each group, the most harmful first: ``rows``, the ``effect`` on the score with
        its interval ``low`` to ``high``, the ``verdict`` (``"helps"``, ``"hurts"`` or
        ``"no evidence"``), and the ``error`` where it cannot be left out.

    Raises
    ------
    ValueError
        If there are too few target labels, or fewer than two groups.

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
    names = group_names(groups, data, classifies, n_clusters, random_state)
    found = sorted(set(names.tolist()), key=str)
    if len(found) < 2:
        raise ValueError(f"Two groups or more are needed: groups names only {found}.")
    scorer = get_scorer(metric or default_metric(transfer))
    folds = repeated_folds(observed, classifies, n_folds, n_repeats, random_state)
    n_folds = len(folds) // n_repeats
    stays = keeps_rows(data, len(known), n_folds)

    def scores(source: NDArray) -> NDArray[np.float64]:
        part = data._replace(Xs=data.Xs[source], ys=data.ys[source])
        return np.array([_score(transfer, part, known[test], stays, scorer) for _, test in folds])

    everything = scores(np.arange(len(names)))
    share, wide = 1 / (n_folds - 1), 1 - (1 - level) / len(found)
    rows = {}
    for name in found:
        kept = np.flatnonzero(names != name)
        try:
            interval = corrected_interval(everything - scores(kept), share, wide)
            said = "helps" if interval.low > 0 else "hurts" if interval.high < 0 else "no evidence"
            rows[name] = [len(names) - len(kept), *interval, said, None]
        except (ValueError, ArithmeticError) as problem:
            rows[name] = [len(names) - len(kept), *[np.nan] * 3, None, str(problem)]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS)
    return table.rename_axis("group").sort_values("effect", kind="stable")


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


def _score(transfer: Any, data: Data, rows: NDArray, stays: bool, scorer: Any) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = clone(transfer).fit(*held_out(data, rows, stays))
        return float(scorer(fitted, *truth_of(data, rows)))
