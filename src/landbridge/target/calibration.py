"""Calibrated probabilities: one temperature, one bias a class."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from landbridge.target.softmax import cross_entropy, minimise

FLOOR = 1e-6


def log_probabilities(probabilities: NDArray) -> NDArray[np.float64]:
    """Logarithms of probabilities (n, k), none below that of 1e-6."""
    return np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), FLOOR))


def fit_calibration(
    probabilities: NDArray, codes: NDArray, weights: NDArray | None = None
) -> NDArray[np.float64]:
    """Inverse temperature, then one bias a class, (1 + k,), by maximum likelihood.

    Bias-corrected temperature scaling (Alexandari, Kundaje & Shrikumar 2020, section 3). The
    mean calibrated probability of a class is then its share among the rows, so that nothing is
    left for a change of priors to explain.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k)
        Out-of-fold probabilities.
    codes : ndarray of int, shape (n,)
        The column of each row's class.
    weights : ndarray of shape (n,), optional
        Row weights.
    """
    logs = log_probabilities(probabilities)

    def objective(theta: NDArray) -> tuple[float, NDArray]:
        value, slope = cross_entropy(theta[0] * logs + theta[1:], codes, weights)
        return value, np.append((slope * logs).sum(), slope.sum(axis=0))

    start = np.append(1.0, np.zeros(logs.shape[1]))
    return minimise(objective, start, 1000, "The calibration")


def calibrate(probabilities: NDArray, calibration: NDArray) -> NDArray[np.float64]:
    """Probabilities (n, k) at the temperature and with the biases of ``fit_calibration``."""
    return softmax(calibration[0] * log_probabilities(probabilities) + calibration[1:], axis=1)
