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

from landbridge.source.unlabelled import diversity, information_maximisation, mean_entropy

__all__ = [
    "classifier_weights",
    "diversity",
    "effective_sample_size",
    "importance_weighted_score",
    "information_maximisation",
    "mean_entropy",
]


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


def _positive(weights: NDArray) -> NDArray:
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise ValueError("weights must be finite, not negative, and above zero somewhere.")
    return weights
