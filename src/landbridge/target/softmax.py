"""The softmax likelihood and its gradient."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax


def cross_entropy(
    scores: NDArray, codes: NDArray, weights: NDArray | None = None
) -> tuple[float, NDArray[np.float64]]:
    r"""``-Σᵢ wᵢ log softmax(scoresᵢ)[codesᵢ]`` and its gradient (n, k) in the scores."""
    log_p = log_softmax(scores, axis=1)
    w = np.ones(len(codes)) if weights is None else weights
    rows = np.arange(len(codes))
    slope = np.exp(log_p)
    slope[rows, codes] -= 1.0
    return float(-w @ log_p[rows, codes]), w[:, None] * slope
