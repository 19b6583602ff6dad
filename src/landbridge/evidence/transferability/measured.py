"""What every measure is given and gives: checked rows, labels; a score and the pull of each row.

A score is a function of the empirical distribution of the rows. Its derivative with respect to
one row's weight is that row's *influence* (Hampel 1974); the mean influence times a bootstrap
draw's weights is how that draw moves the score, to first order (the infinitesimal jackknife, Efron
1982). So hundreds of draws cost one product, and the same draw moves every candidate.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landbridge.domains import (
    as_labels,
    check_no_column_twice,
    check_rows,
    class_names,
    encode,
    is_labelled,
    labelled_rows,
)

LARGEST = 1e60
"""The fourth powers of values beyond it, summed over rows, pass what a number can hold."""
FEW_NUMBERS = 20


class Measured(NamedTuple):
    """A score, larger is better, and each row's influence on it (n,), zero on average.

    No draw leaves ``bounds``. Where the score is held at one of them, ``free`` is what it would
    be otherwise: draws start from there.
    """

    score: float
    influence: NDArray[np.float64]
    bounds: tuple[float, float] = (-np.inf, np.inf)
    free: float | None = None


def feature_rows(features: Any, name: str, *, min_rows: int = 1) -> NDArray[np.float64]:
    """Rows (n, d) in float64.

    Raises
    ------
    ValueError
        If they are not finite, or so large that sums of their powers are not, or two columns go
        by one name.
    """
    check_no_column_twice(features, name)
    F = check_rows(features, name, min_rows=min_rows).astype(np.float64, copy=False)
    if F.size and max(float(F.max()), -float(F.min())) > LARGEST:
        raise ValueError(
            f"{name} has values beyond {LARGEST:.0e}, too large to be summed up: give the column "
            "in another unit, or leave it out."
        )
    return F


def check_classes(labels: NDArray, name: str) -> None:
    """Refuse numbers that are no classes: broken ones of many kinds, or all different.

    Raises
    ------
    ValueError
        If more than 20 different numbers occur, or half as many as rows, and one is not whole; or
        no two of more than 20 rows have the same.
    """
    values = labelled_rows(labels, labels)[1]
    if values.dtype.kind not in "iuf":
        return
    n_values = len(np.unique(values))
    broken = values[values != np.round(values)]
    many = n_values > min(FEW_NUMBERS, max(2, len(values) / 2))
    if (len(broken) and many) or (n_values == len(values) > FEW_NUMBERS):
        shown = broken[0] if len(broken) else values[0]
        raise ValueError(
            f"{name} must hold classes: found {n_values} different numbers on {len(values)} rows, "
            f"such as {shown:.4g}. For numbers use log_me or a ranking with task='regression', or "
            "cut them into classes."
        )


def class_rows(features: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """The labelled rows (n, d) in float64, and the position of each one's class (n,).

    Raises
    ------
    ValueError
        If rows are not finite, labels do not match them or are no classes, or there are fewer
        than two.
    """
    F = feature_rows(features, "features")
    labels = as_labels(y, len(F), "y")
    check_classes(labels, "y")
    known = is_labelled(labels)
    classes = class_names(labels)
    if len(classes) < 2:
        raise ValueError(
            f"y must have at least two classes among its labelled rows: found {classes.tolist()} "
            f"on {int(known.sum())}. Label rows of another class."
        )
    codes = encode(labels[known], classes).astype(np.intp)
    return (F if known.all() else F[known]), codes


def number_rows(
    features: ArrayLike, y: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The labelled rows (n, d) in float64, and their numbers (n,).

    Raises
    ------
    ValueError
        If rows are not finite, labels do not match them or are no numbers, or fewer than two that
        differ are known.
    """
    F = feature_rows(features, "features")
    labels = as_labels(y, len(F), "y")
    known = is_labelled(labels)
    if known.sum() < 2:
        raise ValueError(f"y must have at least two labelled rows: found {int(known.sum())}.")
    try:
        values = np.array(labels[known].tolist(), dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f"y must hold numbers for regression: found {labels[known].tolist()[0]!r}. "
            "Give task='classification' for classes."
        ) from None
    if values.min() == values.max():
        raise ValueError(
            f"y must hold at least two different numbers: all {len(values)} are {values[0]:g}. "
            "Label rows that differ."
        )
    return (F if known.all() else F[known]), values


def one_hot(codes: NDArray) -> NDArray[np.float64]:
    """A column of zeros and ones for each class (n, C)."""
    return np.eye(int(codes.max()) + 1)[codes]


def class_means(F: NDArray, codes: NDArray) -> tuple[NDArray, NDArray]:
    """Share of each class (C,), and the mean of its rows (C, d); every class has a row."""
    members = one_hot(codes)
    counts = members.sum(axis=0)
    return counts / len(codes), (members.T @ F) / counts[:, None]


def bootstrap_weights(n_rows: int, n_draws: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """How often each row is drawn, less once: (n_draws, n_rows)."""
    draws = rng.multinomial(n_rows, np.full(n_rows, 1 / n_rows), size=n_draws)
    return draws.astype(np.float32) - 1


def drawn_scores(measured: Measured, weights: NDArray) -> NDArray[np.float64]:
    """The score in each bootstrap draw (n_draws,), to first order."""
    shift = weights @ measured.influence.astype(np.float32)
    start = measured.score if measured.free is None else measured.free
    return np.clip(start + shift.astype(np.float64) / len(measured.influence), *measured.bounds)


def probability_rows(probabilities: Any, n_rows: int) -> NDArray[np.float64]:
    """A source model's probabilities (n, Z), checked.

    Raises
    ------
    ValueError
        If they are not one row of shares, which sum to one, for each row of labels.
    """
    P = check_rows(probabilities, "probabilities").astype(np.float64, copy=False)
    if len(P) != n_rows:
        raise ValueError(f"probabilities must have a row for each of {n_rows} labels: {len(P)}.")
    if (P < 0).any() or not np.allclose(P.sum(axis=1), 1.0, atol=1e-3):
        raise ValueError(
            "probabilities must not be negative and each row must sum to one: lowest is "
            f"{P.min():.3g}, row sums reach from {P.sum(axis=1).min():.4g} to "
            f"{P.sum(axis=1).max():.4g}. Give predict_proba's output."
        )
    return P
