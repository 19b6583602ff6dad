"""LEEP: how well a source model's probabilities, summed up by class, foretell target labels."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landbridge.domains import as_labels, class_names, encode, is_labelled
from landbridge.evidence.transferability.measured import (
    Measured,
    check_classes,
    one_hot,
    probability_rows,
)


def leep(probabilities: ArrayLike, y: ArrayLike) -> float:
    r"""Log expected empirical prediction: the mean log likelihood of the labels, at most zero.

    With :math:`\theta(x)_z` the source model's probability of its class z and the joint table
    :math:`\hat P(y, z) = \tfrac1n \sum_{i: y_i = y} \theta(x_i)_z`,

    .. math:: \tfrac1n \sum_i \log \sum_z \hat P(y_i | z)\, \theta(x_i)_z

    (Nguyen, Hassner, Seeger & Archambeau 2020, eq. 2). Source and target classes may differ.

    Parameters
    ----------
    probabilities : array-like of shape (n, n_source_classes)
        What the source model says of the target's rows.
    y : array-like of shape (n,)
        Their labels; rows without one are passed over.

    Raises
    ------
    ValueError
        If the rows do not sum to one, there is not one a label, or numbers are no classes.

    Examples
    --------
    >>> from landbridge.evidence.transferability import leep
    >>> round(leep([[0.9, 0.1], [0.2, 0.8]], ["cat", "dog"]), 3)
    -0.291
    """
    labels = as_labels(y, None, "y")
    P = probability_rows(probabilities, len(labels))
    check_classes(labels, "y")
    known = is_labelled(labels)
    if not known.any():
        raise ValueError("y must have at least one labelled row: found none.")
    codes = encode(labels[known], class_names(labels)).astype(np.intp)
    return measure_leep(P[known], codes).score


def measure_leep(P: NDArray, codes: NDArray) -> Measured:
    """LEEP of probabilities (n, Z) and classes (n,), and each row's influence on it."""
    n = len(P)
    totals = P.sum(axis=0)
    used = totals > 0
    P, totals = P[:, used], totals[used]
    members = one_hot(codes)
    given = (members.T @ P) / totals  # P(y | z): (C, Z)
    likelihood = np.maximum((P * given[codes]).sum(axis=1), np.finfo(float).tiny)
    logs = np.log(likelihood)
    # A row also moves the table that the other rows are read from.
    pull = (members.T @ (P / likelihood[:, None])) / n  # (C, Z)
    through = P / (totals / n) * (pull[codes] - (given * pull).sum(axis=0))
    influence = logs + through.sum(axis=1)
    return Measured(float(logs.mean()), influence - influence.mean(), (-np.inf, 0.0))
