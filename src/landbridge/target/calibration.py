"""Calibrated probabilities: a temperature or a slope a class, and a bias a class."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from landbridge.moments.minimise import minimise
from landbridge.target.softmax import cross_entropy

FLOOR = 1e-6
KINDS = ("bias-corrected", "vector", "temperature", None)


def log_probabilities(probabilities: NDArray) -> NDArray[np.float64]:
    """Logarithms of probabilities (n, k), none below that of 1e-6."""
    return np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), FLOOR))


def fit_calibration(
    probabilities: NDArray,
    codes: NDArray,
    weights: NDArray | None = None,
    kind: str | None = "bias-corrected",
) -> NDArray[np.float64]:
    r"""Slopes and biases of ``softmax(a log p + b)``, by maximum likelihood.

    Of the kinds in Alexandari, Kundaje & Shrikumar (2020, section 3). With a bias a class the mean
    calibrated probability of a class is its share among the rows, so that nothing is left for a
    change of priors to explain; they recommend one of the two kinds that have it.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k)
        Out-of-fold probabilities.
    codes : ndarray of int, shape (n,)
        The column of each row's class.
    weights : ndarray of shape (n,), optional
        Row weights.
    kind : {"bias-corrected", "vector", "temperature", None}
        ``"bias-corrected"``: one slope (an inverse temperature) and a bias a class;
        ``"vector"``: a slope and a bias a class; ``"temperature"``: one slope alone; ``None``:
        probabilities as they are.

    Returns
    -------
    ndarray of shape (1 + k,) or, for "vector", (2 k,)
        Slopes, then biases.
    """
    logs = log_probabilities(probabilities)
    k = logs.shape[1]
    n_slopes = k if kind == "vector" else 1
    start = np.concatenate([np.ones(n_slopes), np.zeros(k)])
    if kind is None:
        return start

    def objective(theta: NDArray) -> tuple[float, NDArray]:
        value, slope = cross_entropy(theta[:n_slopes] * logs + theta[n_slopes:], codes, weights)
        by_class = (slope * logs).sum(axis=0)
        slopes = by_class if n_slopes == k else by_class.sum(keepdims=True)
        biases = slope.sum(axis=0) * (kind != "temperature")
        return value, np.concatenate([slopes, biases])

    return minimise(
        objective, start, 1000, "The calibration", instead="Give more rows of each class."
    )


def calibrate(probabilities: NDArray, calibration: NDArray) -> NDArray[np.float64]:
    """Probabilities (n, k) by the slopes and biases of ``fit_calibration``."""
    slopes, biases = np.split(calibration, [len(calibration) - probabilities.shape[1]])
    return softmax(slopes * log_probabilities(probabilities) + biases, axis=1)
