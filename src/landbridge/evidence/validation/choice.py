"""One transfer out of many where no target row has a label.

Without labels, no score of the predictions tells a transfer that aligns the domains rightly from
one that aligns them wrongly: both can be run in a circle back to the source without loss. What
can be seen is which change of the source would make the target's rows likely. So the simplest
change that the rows do not contradict is believed, and only where all are contradicted do the
predictions speak for themselves.
"""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.base import clone, is_classifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from landbridge.domains import as_labels, check_rows, is_labelled
from landbridge.evidence.validation.explained import gap, log_likelihood
from landbridge.evidence.validation.label_free import information_maximisation
from landbridge.mapping import MAPPINGS
from landbridge.moments.feature_map import draw_rows
from landbridge.source import has_probabilities
from landbridge.target import Refit
from landbridge.transfer import Transfer

NOTHING, ALIKE, DIRECTIONS = "nothing changed", "all rows or classes alike", "some directions"
EXPLANATIONS: dict[str, tuple[str, ...]] = {
    NOTHING: ("identity",),
    ALIKE: ("mmd-target-shift", "recentre", "standardise", "coral", "monge"),
    DIRECTIONS: (
        "transfer-subspace",
        "subspace-alignment",
        "geodesic-flow",
        "fmmd",
        "tca",
        "semi-supervised-tca",
        "jda",
        "bda",
        "tjm",
    ),
    "each class by itself": ("mmd-scale-shift",),
    "how frequent each row is": (
        "kmm",
        "kliep",
        "ulsif",
        "rulsif",
        "classifier-ratio",
        "entropy-balancing",
        "gaussian-ratio",
        "kernel-density-ratio",
        "nearest-neighbour-ratio",
    ),
}
"""What a mapping supposes to have changed, from the fewest numbers that say how to the most.

Transport, which moves each row by itself, lands on the target whatever has changed: that it does
is no evidence, so it explains nothing here.
"""
OTHER_SPACES = ("multi-monge", "per-source", "jcpot", "riemannian", "gromov-wasserstein")
"""Mappings of several sources, of covariance matrices, and of two feature spaces."""
FEWEST_ROWS = 10
"""Fewer carried rows of equal weight than these explain nothing."""
SKILL_TO_KEEP = 0.5
"""How much of the source's skill above chance must be left where directions are given up."""
N_FOLDS = 3


@dataclass(frozen=True)
class Choice:
    """The transfer chosen, why, and what was seen of each.

    Attributes
    ----------
    name : str
        The candidate.
    model : Transfer
        It, fitted.
    reason : str
        What decided.
    table : DataFrame
        A row for each candidate, from the simplest change to the freest: the ``change`` that it
        supposes, ``z`` and ``p_value`` of what is left between carried rows and the target,
        ``log_likelihood`` of target rows, ``skill`` left in the source (shared spaces alone), the
        ``information`` of its predictions, and the ``error`` of one that could not be fitted.
    """

    name: str
    model: Transfer
    reason: str
    table: pd.DataFrame

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


def catalogue_candidates(learner: Any, leave_out: Iterable[str] = ()) -> dict[str, Transfer]:
    """Every mapping that wants neither pairs nor target labels, by name, with its defaults.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> from landbridge.evidence import catalogue_candidates
    >>> list(catalogue_candidates(SVC()))[:3]
    ['identity', 'recentre', 'standardise']
    """
    skipped = {*OTHER_SPACES, *leave_out}
    return {
        name: Transfer(clone(learner), name, Refit(clone(learner)))
        for name, kind in MAPPINGS.items()
        if not kind.is_paired and kind.needs_labels in ("", "source") and name not in skipped
    }


def choose_without_labels(
    candidates: Mapping[str, Transfer],
    Xs: ArrayLike,
    ys: ArrayLike,
    Xt: ArrayLike,
    *,
    level: float = 0.05,
    max_rows: int = 1000,
    random_state: int = 0,
) -> Choice:
    r"""Choose a transfer of classes from labelled source rows and bare target rows.

    1. Every candidate is fitted, and its carried, weighted source rows are tested against the
       target's by a kernel two-sample test at three scales. One whose rows cannot be told from
       the target's explains the shift.
    2. Of the explanations, the kind that supposes least counts: nothing changed; classes became
       more or less frequent, or all rows moved and stretched alike; some directions changed
       (if the others keep at least half of the source's skill); each class moved by itself; each
       row became more or less frequent. Within a kind, the one under which the target's rows are
       likeliest; where directions are given up, the one that keeps most skill.
    3. If all are contradicted, the candidate whose predictions on the target hold the most
       information: certain and of many classes (Krause, Perona & Gomes 2010; in adaptation
       Shi & Sha 2012). Relabelling, which carries nothing over that could be tested,
       and transport, which lands on the target whatever has changed, take part here only.

    The first two steps are likelihood and parsimony, as in any choice among models; the bound of
    Ben-David et al. (2010) asks for the same, that domains be alike after carrying and the source
    be learnt there. Where two explanations fit equally (a shift of place or of frequency, on two
    overlapping classes) no rule without labels can be sure.

    Parameters
    ----------
    candidates : dict of name to Transfer
        Such as ``catalogue_candidates(learner)``. They are cloned. One whose mapping is of a
        kind unknown to the second step takes part in the third.
    Xs, ys : array-like of shape (n_s, d) and (n_s,)
        Source rows and their classes.
    Xt : array-like of shape (n_t, d)
        Target rows.
    level : float
        A p-value below this contradicts.
    max_rows : int
        Rows a domain, drawn at random, that are tested; time and memory grow with the square.
    random_state : int
        Seed of that draw.

    Returns
    -------
    Choice
        ``name``, fitted ``model``, ``reason`` and ``table``.

    Raises
    ------
    ValueError
        If there is no candidate, one does not classify, source labels are blank, or none can be
        fitted.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from landbridge.evidence import choose_without_labels, make_candidate
    >>> rng = np.random.default_rng(0)
    >>> Xs, ys = rng.normal(size=(200, 2)), np.repeat([0, 1], 100)
    >>> Xs[ys == 1] += 4.0
    >>> Xt = 3.0 * rng.normal(size=(200, 2)) + 20.0
    >>> Xt[:100] += 12.0
    >>> tried = {n: make_candidate(n, LogisticRegression()) for n in ("recentre", "standardise")}
    >>> print(choose_without_labels(tried, Xs, ys, Xt))
    standardise: the simplest change that explains the target: all rows or classes alike
    """
    rows, labels, target = _checked(candidates, Xs, ys, Xt)
    options = {"max_rows": max_rows, "random_state": random_state}
    fitted: dict[str, Transfer] = {}
    seen: dict[str, dict[str, Any]] = {}
    for name, candidate in candidates.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fitted[name] = clone(candidate).fit(rows, labels, target)
                seen[name] = look_at(fitted[name], rows, labels, target, **options)
        except (ValueError, MemoryError, np.linalg.LinAlgError) as error:
            fitted.pop(name, None)
            seen[name] = {"error": f"{type(error).__name__}: {error}"}
    table = as_table(seen)
    if not fitted:
        raise ValueError(f"No candidate could be fitted: {table['error'].to_dict()}.")
    name, reason = decide(table, level)
    return Choice(name, fitted[name], reason, table)


def as_table(seen: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """What was seen of each candidate, as a row each, in the order of ``EXPLANATIONS``."""
    columns = ["change", "z", "p_value", "log_likelihood", "skill", "information", "error"]
    table = pd.DataFrame.from_dict(seen, orient="index").reindex(columns=columns)
    table["change"] = table["change"].astype(pd.CategoricalDtype(list(EXPLANATIONS)))
    numbers = columns[1:-1]
    table[numbers] = table[numbers].astype(float)
    return table.sort_values("change", kind="stable")


def decide(table: pd.DataFrame, level: float = 0.05) -> tuple[str, str]:
    """The candidate that the rule takes, and why, from what was seen of all (``Choice.table``)."""
    fitted = table[table["error"].isna()]
    for change, kind in fitted.groupby("change", sort=False):
        explains = kind[kind["p_value"] >= level]
        if change == DIRECTIONS:
            explains = explains[explains["skill"] >= SKILL_TO_KEEP]
        if len(explains):
            best = explains["skill" if change == DIRECTIONS else "log_likelihood"].idxmax()
            return str(best), f"the simplest change that explains the target: {change}"
    if fitted["information"].notna().any():
        best = fitted["information"].idxmax()
        return str(best), "nothing explains the target; its predictions tell most"
    best = "identity" if "identity" in fitted.index else fitted["z"].fillna(np.inf).idxmin()
    return str(best), "nothing explains the target, and no candidate has probabilities"


def change_of(mapping: Any) -> str | None:
    """What a mapping supposes to have changed; ``None`` if that is not known.

    Examples
    --------
    >>> from landbridge import CORAL
    >>> change_of(CORAL())
    'all rows or classes alike'
    """
    kinds = (
        change
        for change, names in EXPLANATIONS.items()
        if any(type(mapping) is MAPPINGS[name] for name in names)
    )
    return next(kinds, None)


def _checked(candidates: Any, Xs: Any, ys: Any, Xt: Any) -> tuple[Any, NDArray, Any]:
    if not candidates:
        raise ValueError(
            "There is no candidate: give a dict of them, such as catalogue_candidates(learner)."
        )
    others = [name for name, candidate in candidates.items() if not is_classifier(candidate)]
    if others:
        raise ValueError(
            f"Candidates must classify: {', '.join(others)} does not. For numbers use compare, "
            "which needs some target labels."
        )
    rows, target = check_rows(Xs, "Xs", sparse=True), check_rows(Xt, "Xt", sparse=True)
    labels = as_labels(ys, rows.shape[0], "ys")
    if not is_labelled(labels).all():
        raise ValueError(
            f"ys has {int((~is_labelled(labels)).sum())} blank labels: leave those rows out."
        )
    return rows, labels, target


def look_at(
    model: Transfer, Xs: Any, ys: NDArray, Xt: Any, *, max_rows: int = 1000, random_state: int = 0
) -> dict[str, Any]:
    """What is seen of a candidate fitted to these rows: a row of ``Choice.table``."""
    facts: dict[str, Any] = {"change": change_of(model.mapping_)}
    if has_probabilities(model):
        facts["information"] = information_maximisation(model.predict_proba(Xt))
    if facts["change"] is None:
        return facts
    rng = np.random.default_rng(random_state)
    rows_s, rows_t = (draw_rows(X.shape[0], max_rows, rng) for X in (Xs, Xt))
    carried = model.mapping_.carry(Xs, ys, None, Xt)
    weights = np.ones(len(ys)) if carried.sample_weight is None else carried.sample_weight
    T = _dense(model.mapping_.transform_target(Xt)[rows_t])
    Z, w = _dense(carried.X[rows_s]), np.asarray(weights[rows_s], dtype=np.float64)
    if w.sum() ** 2 < FEWEST_ROWS * (w @ w):
        return facts | {"z": np.inf, "p_value": 0.0}
    facts |= gap(Z, w, T)._asdict()
    if facts["change"] == DIRECTIONS:
        return facts | {"skill": _skill_left(model, Xs, Z, carried.y, rows_s)}
    return facts | {"log_likelihood": log_likelihood(Z, w, T)}


def _skill_left(model: Transfer, Xs: Any, Z: NDArray, y: NDArray, drawn: NDArray) -> float:
    """Balanced accuracy above chance on carried rows, out of fold, as a share of that before."""
    labels = np.asarray(y[drawn].tolist())
    chance = 1 / len(np.unique(labels))
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=0)
    before, after = (
        balanced_accuracy_score(labels, cross_val_predict(clone(model.source), X, labels, cv=folds))
        for X in (_dense(Xs[drawn]), Z)
    )
    return float((after - chance) / max(before - chance, 0.05))


def _dense(rows: Any) -> NDArray[np.float64]:
    return np.asarray(rows.toarray() if issparse(rows) else rows, dtype=np.float64)
