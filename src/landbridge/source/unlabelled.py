"""What a classifier's predictions say of themselves, on rows without labels.

Each figure is a function of the probabilities (n, n_classes) alone, so it suits any learner, and
a network after every epoch. None is an accuracy: a model that is wrong and sure, or gives all
rows one class, deceives most of them.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr, softmax

TEMPERATURE = 0.05
"""Of soft neighbourhoods (Saito et al. 2021)."""
BLOCK = 1024
"""Rows whose similarities to all others are held at once."""


def mean_entropy(probabilities: ArrayLike) -> float:
    """Mean entropy of the rows (n, n_classes) in nats: 0 is certain, log(n_classes) is clueless.

    Examples
    --------
    >>> round(mean_entropy([[0.5, 0.5], [1.0, 0.0]]), 4)
    0.3466
    """
    return float(entr(as_probabilities(probabilities)).sum(axis=1).mean())


def diversity(probabilities: ArrayLike) -> float:
    """Entropy of the mean prediction in nats: 0 where all rows are given one class."""
    return float(entr(as_probabilities(probabilities).mean(axis=0)).sum())


def information_maximisation(probabilities: ArrayLike) -> float:
    """Diversity less mean entropy: high where predictions are certain and of many classes.

    The mutual information of rows and predicted classes (Krause, Perona & Gomes 2010, eq. 3; to
    choose a model by it, Musgrave, Belongie & Lim 2022).

    Examples
    --------
    >>> round(information_maximisation([[0.0, 1.0], [1.0, 0.0]]), 4)
    0.6931
    """
    return diversity(probabilities) - mean_entropy(probabilities)


def nuclear_norm(probabilities: ArrayLike) -> float:
    r"""Sum of the singular values of the probabilities P (n, k), as a share of the most there is.

    :math:`\|P\|_* / \sqrt{n \min(n, k)}` is 1 where predictions are certain and all classes
    equally common (Cui et al. 2020, eq. 8–9): it asks for both, certainty and many classes.

    Examples
    --------
    >>> round(nuclear_norm([[0.0, 1.0], [1.0, 0.0]]), 6)
    1.0
    """
    P = as_probabilities(probabilities)
    return float(np.linalg.svd(P, compute_uv=False).sum() / np.sqrt(len(P) * min(P.shape)))


def neighbourhood_density(probabilities: ArrayLike, temperature: float = TEMPERATURE) -> float:
    r"""Soft neighbourhood density: how many rows each row is predicted alike with.

    With rows of P scaled to length one and :math:`s_{ij} = p_i \cdot p_j`, the mean entropy of
    :math:`q_{ij} \propto \exp(s_{ij} / \tau),\ j \ne i` (Saito et al. 2021, eq. 1–3); τ is the
    ``temperature``. It is highest, log(n - 1), where all rows are predicted alike, so a model
    that gives all rows one class deceives it.

    Examples
    --------
    >>> round(neighbourhood_density([[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]]), 4)
    0.6931
    """
    P = as_probabilities(probabilities)
    if len(P) < 2:
        raise ValueError("The density of neighbourhoods needs at least 2 rows: found 1.")
    P = P / np.linalg.norm(P, axis=1, keepdims=True)
    total = 0.0
    for start in range(0, len(P), BLOCK):
        similarities = P[start : start + BLOCK] @ P.T / temperature
        own = np.arange(len(similarities))
        similarities[own, start + own] = -np.inf
        total += float(entr(softmax(similarities, axis=1)).sum())
    return total / len(P)


def matrix_norm(probabilities: ArrayLike, p: float = 4.0) -> float:
    r"""Mean p-norm of the probabilities: :math:`(\frac{1}{nk} \sum_{ij} P_{ij}^p)^{1/p}`.

    MaNo (Xie et al. 2024, eq. 2) where the predictions are already probabilities. It is highest
    where they are certain, of whatever class.

    Examples
    --------
    >>> matrix_norm([[0.0, 1.0]], p=1)
    0.5
    """
    return float((as_probabilities(probabilities) ** p).mean() ** (1 / p))


def as_probabilities(probabilities: ArrayLike) -> NDArray[np.float64]:
    """Probabilities (n, n_classes) in double precision.

    Raises
    ------
    ValueError
        If they are no table, not finite, or do not sum to one row by row.
    """
    table = np.asarray(probabilities, dtype=np.float64)
    if table.ndim != 2 or not len(table):
        raise ValueError(
            f"probabilities must be rows that sum to one: found shape {table.shape}. "
            "Give predict_proba's output."
        )
    if not np.isfinite(table).all():
        bad = int((~np.isfinite(table).all(axis=1)).sum())
        raise ValueError(
            f"probabilities must be finite: {bad} of {len(table)} rows are not. The model has "
            "come to nothing there; leave it out."
        )
    if (table < -1e-6).any() or not np.allclose(table.sum(axis=1), 1.0, atol=1e-3):
        raise ValueError(
            "probabilities must be rows that sum to one, none below zero: found sums from "
            f"{table.sum(axis=1).min():.3g} to {table.sum(axis=1).max():.3g}. "
            "Give predict_proba's output."
        )
    return table.clip(min=0.0)


PREDICTION_SCORES: dict[str, Callable[[NDArray], float]] = {
    "entropy": lambda P: -mean_entropy(P),
    "diversity": diversity,
    "information": information_maximisation,
    "bnm": nuclear_norm,
    "snd": neighbourhood_density,
    "mano": matrix_norm,
}
"""Scores of predictions by name, larger is better."""
