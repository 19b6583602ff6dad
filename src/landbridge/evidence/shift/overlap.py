"""Weights that bring both domains to the rows they have in common, so that like meets like."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import StandardScaler


def overlap_weights(
    Xs: NDArray, Xt: NDArray, *, random_state: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Weights of the source's rows and of the target's, all from 0 to 1.

    With :math:`e(x)` the chance that a row at x is the target's, were both domains equally large,
    a source row weighs e and a target row 1 - e (Li, Morgan & Zaslavsky 2018, section 3.1): both
    then have the density :math:`\propto p_s p_t / (p_s + p_t)`, and rows that only one domain has
    weigh nothing. The chance is that of a logistic regression on the features and their squares,
    out of fold.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.evidence.shift.overlap import overlap_weights
    >>> X = np.random.default_rng(0).normal(size=(400, 1))
    >>> Xs, Xt = X[:200], X[200:] + 1
    >>> w_s, w_t = overlap_weights(Xs, Xt)
    >>> float(np.average(Xs[:, 0], weights=w_s).round(1))
    0.5
    >>> float(np.average(Xt[:, 0], weights=w_t).round(1))
    0.5
    """
    if min(len(Xs), len(Xt)) < 2:
        return np.ones(len(Xs)), np.ones(len(Xt))
    domain = np.repeat([0, 1], [len(Xs), len(Xt)])
    Z = StandardScaler().fit_transform(np.vstack([Xs, Xt]).astype(np.float64))
    features = StandardScaler().fit_transform(np.hstack([Z, Z**2]))
    # As in the classifier test, the penalty is the number of features.
    model = LogisticRegression(C=1 / features.shape[1], class_weight="balanced", max_iter=1000)
    folds = StratifiedKFold(min(5, *np.bincount(domain)), shuffle=True, random_state=random_state)
    chance = cross_val_predict(model, features, domain, cv=folds, method="predict_proba")[:, 1]
    return chance[: len(Xs)], 1 - chance[len(Xs) :]


def rows_in_common(weights: NDArray) -> float:
    """How many rows these weights are worth: at most what Kish allows, and what overlaps.

    Kish's number is (Σw)²/Σw²; alike domains give every row a weight of about one half, so 2 Σw
    counts the rows that lie where the other domain lies too.
    """
    if not weights.any():
        return 0.0
    return float(min(weights.sum() ** 2 / (weights**2).sum(), 2 * weights.sum()))
