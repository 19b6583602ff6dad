"""What is minimised over labels, with class imbalance in mind; see ``landbridge.training.losses``.

This module imports Keras; estimators import it when they are fitted.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.keras.framework import tf

Loss = Callable[[Any, Any, Any], Any]
"""From outputs (b, k), labels (b,) or (b, k) and weights (b,), ``None`` of 1 each, to a number."""


FAR_BELOW = -1e9
"""A logit of no probability."""


def weighted_mean(each: Any, weight: Any) -> Any:
    r""":math:`\frac1b \sum_i w_i \ell_i`."""
    return tf.reduce_mean(each if weight is None else weight * each)


def log_likelihood(logits: Any, y: Any) -> Any:
    """The logarithm of each row's probability of its class (b,)."""
    return -tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)


def cross_entropy(logits: Any, y: Any, weight: Any) -> Any:
    r""":math:`-\frac1b \sum_i w_i \log p_i(y_i)`."""
    return weighted_mean(-log_likelihood(logits, y), weight)


def focal(logits: Any, y: Any, weight: Any, gamma: float = 2.0) -> Any:
    r""":math:`-\frac1b \sum_i w_i (1 - p_i(y_i))^\gamma \log p_i(y_i)` (Lin et al. 2017, eq. 4)."""
    log_p = log_likelihood(logits, y)
    return weighted_mean(-((1 - tf.exp(log_p)) ** gamma) * log_p, weight)


def logit_adjusted(logits: Any, y: Any, weight: Any, shares: NDArray, tau: float = 1.0) -> Any:
    r"""Cross-entropy of :math:`f(x) + \tau \log \pi` (Menon et al. 2021, eq. 10)."""
    return cross_entropy(logits + tau * np.log(np.maximum(shares, 1e-12)), y, weight)


def ldam(logits: Any, y: Any, weight: Any, shares: NDArray, largest: float = 0.5) -> Any:
    r"""Cross-entropy with margins :math:`\Delta_c \propto n_c^{-1/4}` (Cao et al. 2019, eq. 13)."""
    margins = np.maximum(shares, 1e-12) ** -0.25
    margins *= largest / margins.max()
    return cross_entropy(logits - tf.one_hot(y, logits.shape[1]) * margins, y, weight)


def squared_error(outputs: Any, y: Any, weight: Any) -> Any:
    r""":math:`\frac{1}{bk} \sum_i w_i \lVert f(x_i) - y_i \rVert^2`."""
    each = tf.reduce_mean((outputs - tf.reshape(y, tf.shape(outputs))) ** 2, axis=1)
    return weighted_mean(each, weight)


def among(loss: Loss, present: NDArray[np.bool_]) -> Loss:
    """The loss over classes that are present (k,) only: the others' outputs are not pushed down."""
    return lambda logits, y, weight: loss(tf.where(present, logits, FAR_BELOW), y, weight)


def make_loss(name: str, shares: NDArray[np.float32] | None) -> Loss:
    """A loss by name; ``shares`` (k,) of the classes in training, ``None`` in regression."""
    if shares is None:
        return squared_error
    losses: dict[str, Loss] = {
        "cross-entropy": cross_entropy,
        "focal": focal,
        "logit-adjusted": partial(logit_adjusted, shares=shares),
        "ldam": partial(ldam, shares=shares),
    }
    return losses[name]
