"""What a class of the target is in terms of the source's classes."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression


def category_relationship(
    p: NDArray[np.float64], codes: NDArray[np.intp], n_classes: int
) -> NDArray[np.float64]:
    r"""How a target class spreads over the source's classes: :math:`p(y_s | y_t)` (k_t, k_s).

    Parameters
    ----------
    p : ndarray of shape (n, k_s)
        The source network's probabilities for labelled target rows.
    codes : ndarray of shape (n,)
        Their target classes.
    n_classes : int
        k_t.

    Notes
    -----
    A logistic regression g from probabilities to target classes gives
    :math:`p(y_t | y_s = s) = g(e_s)`; with :math:`p(y_s)` the mean of ``p``, Bayes' rule turns it
    round (You et al. 2020). A target class without rows spreads evenly.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.target.fine_tune.relationship import category_relationship
    >>> p = np.repeat(np.eye(3), 20, axis=0)         # three source classes, and in the target
    >>> codes = np.repeat([0, 0, 1], 20)             # the first two are one
    >>> category_relationship(p, codes, 2).round(1)
    array([[0.5, 0.5, 0. ],
           [0. , 0. , 1. ]])
    """
    present, inverse = np.unique(codes, return_inverse=True)
    found = np.full((n_classes, p.shape[1]), 1 / p.shape[1])
    if len(present) == 1:
        found[present] = p.mean(axis=0)
        return found
    learned = LogisticRegression(max_iter=1000, C=10.0).fit(p, inverse)
    joint = learned.predict_proba(np.eye(p.shape[1])) * p.mean(axis=0)[:, None]
    found[present] = (joint / joint.sum(axis=0)).T
    return found
