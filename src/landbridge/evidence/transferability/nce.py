"""NCE: how much of the target labels stays open once the source model's answer is known."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landbridge.domains import as_labels, class_names, encode, is_labelled
from landbridge.evidence.transferability.measured import Measured, check_classes, one_hot


def nce(source_labels: ArrayLike, y: ArrayLike) -> float:
    r"""Negative conditional entropy, :math:`-H(Y|Z)` in nats: zero where Z tells Y, else below.

    With the empirical shares of pairs,
    :math:`\sum_{y,z} \hat P(y, z) \log \frac{\hat P(y, z)}{\hat P(z)}` (Tran, Nguyen & Hassner
    2019, eq. 6).

    Parameters
    ----------
    source_labels : array-like of shape (n,)
        The source model's answer on each target row, or its label in the source task.
    y : array-like of shape (n,)
        The target label of the same row; rows without either are passed over.

    Raises
    ------
    ValueError
        If the lengths differ, no row has both, or numbers are no classes.

    Examples
    --------
    >>> from landbridge.evidence.transferability import nce
    >>> nce(["a", "a", "b", "b"], [1, 1, 0, 0]), round(nce(["a"] * 4, [1, 1, 0, 0]), 3)
    (0.0, -0.693)
    """
    labels = as_labels(y, None, "y")
    answers = as_labels(source_labels, len(labels), "source_labels")
    check_classes(labels, "y")
    check_classes(answers, "source_labels")
    known = is_labelled(labels) & is_labelled(answers)
    if not known.any():
        raise ValueError("source_labels and y must have at least one row in common: found none.")
    codes = [encode(v[known], class_names(v)).astype(np.intp) for v in (answers, labels)]
    return measure_nce(*codes).score


def measure_nce(answers: NDArray, codes: NDArray) -> Measured:
    """NCE of source answers and target classes (n,), and each row's influence on it."""
    table = one_hot(codes).T @ one_hot(answers)
    given = table / np.maximum(table.sum(axis=0), 1.0)
    logs = np.log(given[codes, answers])
    score = float(logs.mean())
    return Measured(score + 0.0, logs - score, (-np.inf, 0.0))
