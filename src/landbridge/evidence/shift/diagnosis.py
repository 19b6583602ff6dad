"""How source and target differ, before anything is carried over: the whole diagnosis."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse

from landbridge.domains import (
    TableFeatures,
    as_labels,
    check_no_column_twice,
    check_rows,
    check_same_columns,
    class_names,
    column_names,
    encode,
    is_labelled,
)
from landbridge.domains.parameters import check_number
from landbridge.domains.problem import Task, infer_task
from landbridge.evidence.shift.advice import advise
from landbridge.evidence.shift.concept_shift import class_concept, number_concept
from landbridge.evidence.shift.explanations import explanations
from landbridge.evidence.shift.feature_shift import feature_shift
from landbridge.evidence.shift.kinds import MAIN_KINDS, kinds, main_kind
from landbridge.evidence.shift.label_shift import class_shift, number_shift
from landbridge.evidence.shift.order import distinct_rows, in_order
from landbridge.evidence.shift.probe import MAX_ROWS, Probe, probe_classes, probe_numbers
from landbridge.evidence.shift.statements import on_repeats, statements
from landbridge.evidence.shift.support import support_gap
from landbridge.evidence.shift.two_sample import (
    check_same_features,
    classifier_two_sample_test,
    mmd_test,
)
from landbridge.evidence.validation.label_free import (
    classifier_weights,
    diversity,
    effective_sample_size,
    importance_weighted_score,
    information_maximisation,
    mean_entropy,
)
from landbridge.moments.feature_map import draw_rows

N_FEATURES_SHOWN = 8
LARGEST = 1e100


@dataclass(frozen=True)
class Diagnosis:
    """How two domains differ, in which ways, and what to try: all figures, and in words.

    Attributes
    ----------
    n_source, n_target : int
        Rows of both domains.
    c2st, mmd : dict or None
        Tests of the features as a whole (``two_sample``); None with fewer than two rows.
    proxy_a_distance : float or None
        0 where no classifier tells the domains apart, 2 where one always does.
    support : dict or None
        The share of target rows where the source has none (``support``); None below ten source
        rows.
    explanations : list of dict
        How much of the difference a simple change would take away (``explanations``).
    features : list of dict
        One row a feature, the most shifted first (``feature_shift``).
    label : dict or None
        Class shares or quantiles (``label_shift``); None without source labels.
    concept : dict or None
        Whether labels depend on features alike (``concept_shift``); None below 20 target labels.
    label_free : dict or None
        The source model's figures that need no target labels (``label_free``).
    kinds : list of dict
        Covariate shift, missing support, label shift and concept shift told apart: which were
        found, which cannot be known, with sizes, intervals and p-values (``kinds``).
    main_kind : str
        What the findings come to: ``"label"``, ``"covariate"``, ``"concept"``, ``"covariate or
        concept"``, ``"none"``, ``"none seen"`` or ``"unknown"`` (``kinds.main_kind``).
    advice : list of dict
        What to try and why, most fitting first (``advice``).
    statements : list of str
        The findings in sentences.
    """

    n_source: int
    n_target: int
    c2st: dict[str, Any] | None
    mmd: dict[str, Any] | None
    proxy_a_distance: float | None
    support: dict[str, Any] | None
    explanations: list[dict[str, Any]]
    features: list[dict[str, Any]]
    label: dict[str, Any] | None
    concept: dict[str, Any] | None
    label_free: dict[str, Any] | None
    kinds: list[dict[str, Any]]
    main_kind: str
    advice: list[dict[str, Any]]
    statements: list[str]

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain lists, dicts, numbers and text, ready for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        """The statements, the advice and the most shifted features, in at most 28 lines."""
        rows = f"{self.n_source} source and {self.n_target} target rows"
        head = f"Diagnosis of {rows}: {MAIN_KINDS[self.main_kind]}"
        table = [_FEATURE_LINE.format("feature", "effect", "adj. p", "PSI", "missing s/t")]
        table += [_feature_line(row) for row in self.features[:N_FEATURES_SHOWN]]
        more = len(self.features) - N_FEATURES_SHOWN
        if more > 0:
            table.append(f"  … and {more} more")
        said = [f"- {line}" for line in self.statements]
        advised = [f"{k}. {one['sentence']}" for k, one in enumerate(self.advice, 1)]
        return "\n".join([head, *said, "What to try:", *advised, *table])


def diagnose(
    Xs: ArrayLike,
    ys: ArrayLike | None,
    Xt: ArrayLike,
    yt: ArrayLike | None = None,
    *,
    task: Task | None = None,
    random_state: int = 0,
    raw_source: pd.DataFrame | None = None,
    raw_target: pd.DataFrame | None = None,
) -> Diagnosis:
    """Compare a source and a target before anything is carried over.

    Large domains are thinned, by ``random_state``: to 5,000 rows each for the classifier test,
    20,000 each for MMD, 10,000 each for the source model (2,000 with kernel features) and the
    importance weights, and 2,000 to 4,000 for support and explanations. The table of features
    always counts every row. Rows are drawn by what is in them: their order changes nothing.

    Parameters
    ----------
    Xs, Xt : array-like or DataFrame of shape (n_s, d) and (n_t, d)
        Features of both domains: finite numbers, in the same order. Two tables with gaps,
        categories or dates go through ``TableFeatures``, and their columns are what the table of
        features shows.
    ys : array-like of shape (n_s,) or None
        Source labels; blank where unknown.
    yt : array-like of shape (n_t,), optional
        Target labels; blank where unknown.
    task : "classification" or "regression", optional
        Where not given: classification for text, booleans and at most 20 different whole
        numbers, otherwise regression.
    random_state : int
        Seed of all that is drawn.
    raw_source, raw_target : DataFrame, optional
        The original columns, without the label, for the table of features; ``Xs`` and ``Xt``
        stand in for them.

    Raises
    ------
    ValueError
        If the domains differ in their features, a value is not finite or beyond 1e100, labels or
        raw tables do not match their rows, the task or ``random_state`` is none of those listed,
        or only one raw table is given.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.evidence.shift.diagnosis import diagnose
    >>> rng = np.random.default_rng(0)
    >>> Xs, Xt = rng.normal(size=(200, 2)), rng.normal(size=(100, 2)) + [1.5, 0]
    >>> diagnosis = diagnose(Xs, Xs[:, 1] > 0, Xt)
    >>> diagnosis.main_kind, diagnosis.features[0]["name"]
    ('covariate or concept', 'x0')
    >>> for advice in diagnosis.advice:
    ...     print(advice["family"], advice["try"])
    alignment of moments ['recentre', 'standardise']
    reweighting ['kmm', 'ulsif', 'classifier-ratio']
    label some target rows []
    """
    _check_one_source(Xs)
    _check_arguments(Xs, Xt, task, random_state, raw_source, raw_target)
    given = Xs, Xt
    if raw_source is None and raw_target is None and _need_features(Xs, Xt):
        features = TableFeatures().fit(Xs, Xt)
        Xs, Xt = features.transform(Xs), features.transform(Xt)
    rows_s, rows_t = _dense_rows(Xs, "Xs"), _dense_rows(Xt, "Xt")
    check_same_features(rows_s, rows_t)
    rows_s, labels_s = in_order(rows_s, _labels_or_blank(ys, len(rows_s), "ys"))
    rows_t, labels_t = in_order(rows_t, _labels_or_blank(yt, len(rows_t), "yt"))
    _check_raw(raw_source, len(rows_s), "raw_source", "Xs")
    _check_raw(raw_target, len(rows_t), "raw_target", "Xt")
    tables = given if raw_source is None or raw_target is None else (raw_source, raw_target)
    on_labels = _labels(rows_s, labels_s, rows_t, labels_t, task, random_state)
    facts = {
        "n_source": len(rows_s),
        "n_target": len(rows_t),
        **_whole(rows_s, rows_t, random_state),
        "support": support_gap(rows_s, rows_t, random_state=random_state),
        "explanations": explanations(
            rows_s, rows_t, *_shares_to_try(labels_s, on_labels["label"]), random_state=random_state
        ),
        "features": feature_shift(*tables),
        **on_labels,
    }
    facts["kinds"] = kinds(facts)
    facts["main_kind"] = main_kind(facts)
    facts["advice"] = advise(facts)
    told = [*on_repeats(distinct_rows(rows_s), distinct_rows(rows_t), facts), *statements(facts)]
    return Diagnosis(**facts, statements=told)


def _shares_to_try(
    labels_s: NDArray, label: dict[str, Any] | None
) -> tuple[NDArray | None, NDArray | None]:
    """Each source row's class, and the classes' shares in the target, observed or estimated."""
    if label is None or label["kind"] == "regression":
        return None, None
    shares = label["target_observed"] or label["target_estimated"]
    if shares is None:
        return None, None
    return encode(labels_s, np.array(label["classes"])), np.array(shares)


def _whole(rows_s: NDArray, rows_t: NDArray, random_state: int) -> dict[str, Any]:
    if min(len(rows_s), len(rows_t)) < 2:
        return {"c2st": None, "mmd": None, "proxy_a_distance": None}
    c2st = asdict(classifier_two_sample_test(rows_s, rows_t, random_state=random_state))
    mmd = asdict(mmd_test(rows_s, rows_t, random_state=random_state))
    return {
        "c2st": {key: value for key, value in c2st.items() if key != "proxy_a_distance"},
        "mmd": {key: value for key, value in mmd.items() if key != "n_permutations"},
        "proxy_a_distance": c2st["proxy_a_distance"],
    }


def _labels(
    rows_s: NDArray,
    labels_s: NDArray,
    rows_t: NDArray,
    labels_t: NDArray,
    task: Task | None,
    random_state: int,
) -> dict[str, Any]:
    known = labels_s[is_labelled(labels_s)]
    if not len(known):
        return {"label": None, "concept": None, "label_free": None}
    if (task or infer_task(known)) == "regression":
        return _number_labels(rows_s, labels_s, rows_t, labels_t, random_state)
    return _class_labels(rows_s, labels_s, rows_t, labels_t, random_state)


def _class_labels(
    rows_s: NDArray, labels_s: NDArray, rows_t: NDArray, labels_t: NDArray, random_state: int
) -> dict[str, Any]:
    classes = class_names(labels_s, labels_t)
    source, target = encode(labels_s, classes), encode(labels_t, classes)
    present = np.unique(source[~np.isnan(source)])
    probe = probe_classes(rows_s, _position(source, present), rows_t, random_state=random_state)
    blocks = {"label": class_shift(classes, source, target, probe)}
    if probe is None:
        return {**blocks, "concept": None, "label_free": None}
    known = _known_to(probe, target, present)
    right = (probe.source.argmax(axis=1) == probe.y).astype(float)
    return {
        **blocks,
        "concept": class_concept(probe, known, random_state=random_state),
        "label_free": {
            "mean_entropy": mean_entropy(probe.target),
            "diversity": diversity(probe.target),
            "information_maximisation": information_maximisation(probe.target),
            **_weighted("accuracy", right, rows_s[probe.rows], rows_t, random_state),
        },
    }


def _number_labels(
    rows_s: NDArray, labels_s: NDArray, rows_t: NDArray, labels_t: NDArray, random_state: int
) -> dict[str, Any]:
    source, target = _as_values(labels_s, "ys"), _as_values(labels_t, "yt")
    probe = probe_numbers(rows_s, source, rows_t, random_state=random_state)
    block = {"label": number_shift(source, target)}
    if probe is None:
        return {**block, "concept": None, "label_free": None}
    wrong = np.abs(probe.y - probe.source)
    return {
        **block,
        "concept": number_concept(probe, target, random_state=random_state),
        "label_free": _weighted("absolute_error", wrong, rows_s[probe.rows], rows_t, random_state),
    }


def _weighted(
    metric: str, scores: NDArray, rows_s: NDArray, rows_t: NDArray, random_state: int
) -> dict[str, Any]:
    """The source model's mean score out of fold, plain and weighted towards the target."""
    block: dict[str, Any] = {f"source_{metric}": float(scores.mean())}
    if len(rows_t) < 2:
        return block
    few = rows_t[draw_rows(len(rows_t), MAX_ROWS, np.random.default_rng(random_state))]
    weights = classifier_weights(rows_s, few, random_state=random_state)
    block[f"importance_weighted_{metric}"] = importance_weighted_score(scores, weights)
    block["effective_sample_size"] = effective_sample_size(weights)
    block["rows_weighted"] = len(weights)
    return block


def _position(codes: NDArray, present: NDArray) -> NDArray[np.float64]:
    """Positions among the classes ``present``: -1 for others, ``NaN`` where unlabelled."""
    at = np.searchsorted(present, codes).clip(max=len(present) - 1)
    found = np.where(present[at] == codes, at, -1.0)
    return np.where(np.isnan(codes), np.nan, found)


def _known_to(probe: Probe, target: NDArray, present: NDArray) -> NDArray[np.float64]:
    """Positions of target labels among the probe's classes.

    A class that the source lacks is -1, and ``NaN`` one that it has too few rows of to be learned.
    """
    if probe.classes is None:
        return _position(target, present)
    found = _position(target, present[probe.classes])
    unlearned = np.delete(present, probe.classes)
    return np.where(np.isin(target, unlearned), np.nan, found)


def _as_values(y: NDArray, name: str) -> NDArray[np.float64]:
    try:
        return np.array([np.nan if v is None else v for v in y.tolist()], dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name} must hold numbers for regression: found {y[is_labelled(y)].tolist()[0]!r}. "
            "Give task='classification' for classes."
        ) from None


def _labels_or_blank(y: ArrayLike | None, n_rows: int, name: str) -> NDArray:
    return np.full(n_rows, np.nan) if y is None else as_labels(y, n_rows, name)


def _check_one_source(Xs: Any) -> None:
    if isinstance(Xs, dict):
        raise TypeError(
            "Xs must be the rows of one source: found a dict of several. Diagnose each by itself, "
            "or call rank_sources to see which suits the target."
        )


def _need_features(Xs: Any, Xt: Any) -> bool:
    """Whether both are tables, and one has gaps or columns that are no numbers."""
    if not (isinstance(Xs, pd.DataFrame) and isinstance(Xt, pd.DataFrame)):
        return False
    return any(
        frame.isna().any(axis=None) or not all(map(pd.api.types.is_numeric_dtype, frame.dtypes))
        for frame in (Xs, Xt)
    )


def _dense_rows(X: Any, name: str) -> NDArray:
    if issparse(X):
        raise TypeError(
            f"{name} is sparse, which a diagnosis cannot take: reduce both domains with one fitted "
            f"TruncatedSVD first, or give {name}.toarray() if the features are few."
        )
    rows = check_rows(X, name)
    if float(np.abs(rows).max(initial=0.0)) > LARGEST:
        raise ValueError(
            f"{name} has values beyond {LARGEST:.0e}, whose squares pass what a number can hold: "
            "give the column in another unit, or leave it out."
        )
    return rows


def _check_arguments(
    Xs: Any, Xt: Any, task: str | None, random_state: Any, raw_source: Any, raw_target: Any
) -> None:
    if task not in (None, "classification", "regression"):
        raise ValueError(f"task must be 'classification', 'regression' or None: found {task!r}.")
    check_number("random_state", random_state, whole=True)
    if (raw_source is None) != (raw_target is None):
        raise ValueError("Give both raw_source and raw_target, or neither: one is missing.")
    for table, name in ((Xs, "Xs"), (Xt, "Xt")):
        check_no_column_twice(table, name)
    check_same_columns(column_names(Xs), column_names(Xt))


def _check_raw(raw: Any, n_rows: int, name: str, of: str) -> None:
    if raw is not None and len(raw) != n_rows:
        raise ValueError(
            f"{name} must have the rows of {of}: found {len(raw)} for {n_rows}. Give the table "
            f"that {of} was made from."
        )


_FEATURE_LINE = "  {:<32}{:>8}{:>10}{:>8}{:>14}"


def _feature_line(row: dict[str, Any]) -> str:
    psi = "" if row["psi"] is None else f"{row['psi']:.2f}"
    missing = f"{row['missing_source']:.0%} / {row['missing_target']:.0%}"
    figures = (f"{row['effect']:.2f}", f"{row['p_adjusted']:.2g}", psi, missing)
    return _FEATURE_LINE.format(row["name"][:31], *figures)
