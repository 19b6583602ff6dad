"""Which encoder's features suit the target's labels, before any head is trained."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landbridge.domains import as_labels, class_names, encode, is_labelled
from landbridge.domains.problem import Task, infer_task
from landbridge.evidence.transferability.gbc import measure_gbc
from landbridge.evidence.transferability.h_score import measure_h_score
from landbridge.evidence.transferability.intrinsic_dimension import intrinsic_dimension
from landbridge.evidence.transferability.leep import measure_leep
from landbridge.evidence.transferability.log_me import measure_log_me
from landbridge.evidence.transferability.measured import (
    Measured,
    bootstrap_weights,
    check_classes,
    feature_rows,
    number_rows,
    one_hot,
    probability_rows,
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
from landbridge.evidence.transferability.trans_rate import measure_trans_rate
from landbridge.moments.feature_map import draw_rows

Measure = Callable[[NDArray, NDArray], Measured]
OF_CLASSES: dict[str, Measure] = {
    "log_me": lambda F, y: measure_log_me(F, one_hot(y)),
    "h_score": measure_h_score,
    "trans_rate": measure_trans_rate,
    "gbc": measure_gbc,
}
OF_NUMBERS: dict[str, Measure] = {"log_me": lambda F, y: measure_log_me(F, y[:, None])}
OF_PROBABILITIES: dict[str, Measure] = {
    "leep": measure_leep,
    "nce": lambda P, y: measure_nce(P.argmax(axis=1), y),
}
N_SHUFFLES = 19
SHUFFLED_ROWS = 1000
DIMENSION_ROWS = 1000


def rank_backbones(
    representations: Mapping[str, Any],
    y: ArrayLike,
    X: Any = None,
    *,
    probabilities: Mapping[str, ArrayLike] | None = None,
    task: Task | None = None,
    by: str | None = None,
    n_draws: int = 200,
    max_rows: int = 5000,
    random_state: int = 0,
) -> Ranking:
    """Encoders by how well their features of the target's rows carry its labels.

    Every measure sees the same labelled rows, and the bootstrap draws the same rows for every
    candidate, so that their differences are judged and not their scores alone. Each draw's score
    is that of the full sample moved along the drawn rows' influence.

    Parameters
    ----------
    representations : dict of str to array-like or DataFrame (n, d), fitted transformer, or callable
        Each candidate's features of the target's rows, or what makes them of ``X``. The numbers
        of features may differ.
    y : array-like of shape (n,)
        Target labels; rows without one are passed over.
    X : array-like, optional
        The target's rows, for transformers and callables.
    probabilities : dict of str to array-like (n, n_source_classes), optional
        What the candidates' own source classifiers say of the rows, for LEEP and NCE.
    task : "classification" or "regression", optional
        Read off the labels by default. For numbers LogME alone can rank.
    by : str, optional
        The measure that ranks, a column of the table: ``log_me`` by default.
    n_draws : int
        Bootstrap draws.
    max_rows : int
        More labelled rows are thinned to so many, at least 20.
    random_state : int
        Seed of the draws and the thinning.

    Returns
    -------
    Ranking
        With columns ``log_me``, ``h_score`` (regularised), ``trans_rate``, ``gbc``, where given
        ``leep`` and ``nce``, and ``intrinsic_dimension``, which does not rank.

    Raises
    ------
    TypeError, ValueError
        If candidates, labels or settings do not fit; the candidate is named.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge import rank_backbones
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 3, 200)
    >>> clear = np.eye(3)[y] + 0.4 * rng.normal(size=(200, 3))
    >>> candidates = {"clear": clear, "dim": clear + rng.normal(size=(200, 3))}
    >>> found = rank_backbones(candidates, y)
    >>> found.best, found.is_sure
    ('clear', True)
    """
    check_candidates(representations, "representations")
    check_settings(task, n_draws, max_rows, random_state)
    labels = as_labels(y, None, "y")
    known = np.flatnonzero(is_labelled(labels))
    if len(known) < 2:
        raise ValueError(f"y must have at least two labelled rows: found {len(known)}.")
    rng = np.random.default_rng(random_state)
    kept = known[draw_rows(len(known), max_rows, rng)]
    features = {
        name: _rows(name, candidate, X, len(labels))[kept]
        for name, candidate in representations.items()
    }
    is_numbers = (task or infer_task(labels[known])) == "regression"
    measures = OF_NUMBERS if is_numbers else OF_CLASSES
    answers = {} if is_numbers else _answers(probabilities, representations, len(labels), kept)
    of_all = OF_PROBABILITIES if len(answers) == len(representations) else {}
    check_measure(by, [*measures, *of_all])
    target = _numbers(labels[kept]) if is_numbers else _codes(labels, kept)
    found = {
        name: _measured(F, answers.get(name), target, measures) for name, F in features.items()
    }
    ranks_by = by or "log_me"
    weights = bootstrap_weights(len(kept), n_draws, rng)
    drawn = {name: Draws.of(one[ranks_by], weights) for name, one in found.items()}
    values = {
        name: {key: one.score for key, one in measured.items()}
        | {"intrinsic_dimension": _dimension(features[name], random_state)}
        for name, measured in found.items()
    }
    best = max(drawn, key=lambda name: drawn[name].value)
    rows = answers[best] if ranks_by in OF_PROBABILITIES else features[best]
    notes = _on_chance(best, {**measures, **of_all}[ranks_by], rows, target, rng)
    remedy = " Take the cheapest of these, or label more target rows."
    return ranking(values, drawn, ranks_by, notes, remedy)


def _numbers(labels: NDArray) -> NDArray[np.float64]:
    return number_rows(np.zeros((len(labels), 1)), labels)[1]


def _measured(
    F: NDArray, P: NDArray | None, codes: NDArray, measures: dict[str, Measure]
) -> dict[str, Measured]:
    found = {key: measure(F, codes) for key, measure in measures.items()}
    if P is not None:
        found |= {key: measure(P, codes) for key, measure in OF_PROBABILITIES.items()}
    return found


def _on_chance(
    name: str, measure: Measure, rows: NDArray, codes: NDArray, rng: np.random.Generator
) -> tuple[str, ...]:
    """Says so where shuffled labels would have done as well, on at most 1,000 rows."""
    few = draw_rows(len(codes), SHUFFLED_ROWS, rng)
    _, labels = np.unique(codes[few], return_inverse=True)
    labels = labels if codes.dtype.kind == "i" else codes[few]
    score = measure(rows[few], labels).score
    shuffled = [measure(rows[few], rng.permutation(labels)).score for _ in range(N_SHUFFLES)]
    p_value = (1 + sum(one >= score for one in shuffled)) / (1 + N_SHUFFLES)
    if p_value <= 0.05:
        return ()
    return (
        f"Even {name} tells no more of these labels than of shuffled ones (p = {p_value:.2g}): "
        f"{len(few)} labelled rows show no candidate to be of use.",
    )


def _rows(name: str, candidate: Any, X: Any, n_rows: int) -> NDArray[np.float64]:
    """The candidate's features of all rows, checked."""
    is_rows = hasattr(candidate, "__array__")  # a table's own ``transform`` is something else
    maker = getattr(candidate, "transform", candidate if callable(candidate) else None)
    make = None if is_rows else maker
    what = f"representations[{name!r}]"
    if make is not None:
        if X is None:
            raise ValueError(f"{what} makes features of rows: give the target's rows as X.")
        candidate = make(X)
    rows = feature_rows(candidate, what)
    if len(rows) != n_rows:
        raise ValueError(f"{what} must have a row for each of {n_rows} labels: found {len(rows)}.")
    return rows


def _answers(
    probabilities: Mapping[str, ArrayLike] | None,
    representations: Mapping[str, Any],
    n_rows: int,
    kept: NDArray,
) -> dict[str, NDArray]:
    strange = [name for name in probabilities or {} if name not in representations]
    if strange:
        raise ValueError(f"probabilities has {strange[0]!r}, which representations has not.")
    return {
        name: probability_rows(table, n_rows)[kept] for name, table in (probabilities or {}).items()
    }


def _codes(labels: NDArray, kept: NDArray) -> NDArray[np.intp]:
    check_classes(labels, "y")
    classes = class_names(labels)
    if len(classes) >= 2 > len(class_names(labels[kept])):
        raise ValueError(f"max_rows={len(kept)} draws rows of one class alone: give more.")
    classes = class_names(labels[kept])
    if len(classes) < 2:
        raise ValueError(
            f"y must have at least two classes among its labelled rows: found {classes.tolist()}. "
            "Label rows of another class."
        )
    return encode(labels[kept], classes).astype(np.intp)


def _dimension(F: NDArray, random_state: int) -> float:
    few = F[draw_rows(len(F), DIMENSION_ROWS, np.random.default_rng(random_state))]
    try:
        return intrinsic_dimension(few)
    except ValueError:  # too few different rows, or a grid, which have none to tell
        return float("nan")
