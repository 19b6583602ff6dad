"""What can be said of a model on target rows without their labels.

None of these figures is an accuracy. Entropy and information speak of how the model sees its own
predictions; the importance-weighted score is the source's, on rows that look like the target's.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def mean_entropy(probabilities: ArrayLike) -> float:
    """Mean entropy of the rows (n, n_classes) in nats: 0 is certain, log(n_classes) is clueless.

    Examples
    --------
    >>> mean_entropy([[0.5, 0.5], [1.0, 0.0]])
    0.3466
    """
    return float(_entropy(_table(probabilities)).mean())


def diversity(probabilities: ArrayLike) -> float:
    """Entropy of the mean prediction in nats: 0 where all rows are given one class."""
    return float(_entropy(_table(probabilities).mean(axis=0)))


def information_maximisation(probabilities: ArrayLike) -> float:
    """Diversity less mean entropy: high where predictions are certain and of many classes.

    The mutual information of rows and predicted classes (Krause, Perona & Gomes 2010, eq. 3).

    Examples
    --------
    >>> information_maximisation([[0.0, 1.0], [1.0, 0.0]])
    0.6931
    """
    return diversity(probabilities) - mean_entropy(probabilities)


def importance_weighted_score(losses: ArrayLike, weights: ArrayLike) -> float:
    r"""Mean of the source rows' losses or scores, weighted towards the target.

    :math:`\sum_i w_i \ell_i / \sum_i w_i` (Sugiyama, Krauledat & Müller 2007, self-normalised),
    with :math:`w = p_t(x) / p_s(x)`. It is the target's mean loss only if labels depend on the
    features in the same way in both domains.

    Raises
    ------
    ValueError
        If there is not one weight a loss, or the weights are negative or all zero.

    Examples
    --------
    >>> importance_weighted_score([1.0, 0.0], [3.0, 1.0])
    0.75
    """
    values, w = np.asarray(losses, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if values.shape != w.shape or values.ndim != 1:
        raise ValueError(
            f"losses and weights must have one value a row: found {values.shape} and {w.shape}."
        )
    return float(values @ _positive(w) / w.sum())


def effective_sample_size(weights: ArrayLike) -> float:
    """How many rows of equal weight are worth as much: (Σw)² / Σw² (Kish 1965).

    Examples
    --------
    >>> effective_sample_size([1.0, 1.0, 0.0])
    2.0
    """
    w = _positive(np.asarray(weights, dtype=np.float64))
    return float(w.sum() ** 2 / (w @ w))


def classifier_weights(Xs: NDArray, Xt: NDArray, *, random_state: int = 0) -> NDArray[np.float64]:
    """Density ratios target over source of the source rows, (n_s,), from a domain classifier.

    A logistic regression's odds out of fold, times n_s / n_t (Bickel, Brückner & Scheffer 2009),
    cut off at the square root of n_s (Ionides 2008). Both domains need at least two rows.
    """
    domain = np.repeat([0, 1], [len(Xs), len(Xt)])
    folds = StratifiedKFold(min(5, len(Xs), len(Xt)), shuffle=True, random_state=random_state)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    found = cross_val_predict(model, np.vstack([Xs, Xt]), domain, cv=folds, method="predict_proba")
    target = np.clip(found[: len(Xs), 1], 1e-9, 1 - 1e-9)
    return np.minimum(len(Xs) / len(Xt) * target / (1 - target), np.sqrt(len(Xs)))


def _entropy(shares: NDArray) -> NDArray:
    return -np.sum(shares * np.log(np.where(shares > 0, shares, 1.0)), axis=-1)


def _table(probabilities: ArrayLike) -> NDArray[np.float64]:
    table = np.asarray(probabilities, dtype=np.float64)
    if table.ndim != 2 or not len(table) or not np.allclose(table.sum(axis=1), 1.0, atol=1e-3):
        raise ValueError(
            f"probabilities must be rows that sum to one: found shape {table.shape}. "
            "Give predict_proba's output."
        )
    return table


def _positive(weights: NDArray) -> NDArray:
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise ValueError("weights must be finite, not negative, and above zero somewhere.")
    return weights
