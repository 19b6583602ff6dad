"""Batch normalisation between domains, in Keras: whose means and variances it uses.

This module imports Keras; estimators import it when they are fitted.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.keras.framework import keras, tf
from landbridge.keras.modules import Module

STATISTICS = ("moving_mean", "moving_variance")


@keras.saving.register_keras_serializable("landbridge")
class BatchNormalisation(keras.layers.BatchNormalization):
    r"""Batch normalisation as PyTorch does it, over the last axis.

    What is kept of the variance is unbiased, :math:`\frac{n}{n-1}` times the batch's own; a batch
    counts for a tenth; and ε is 1e-5. Keras's own keeps the biased one.
    """

    def __init__(self, momentum: float = 0.9, epsilon: float = 1e-5, **options: Any):
        super().__init__(momentum=momentum, epsilon=epsilon, **options)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise by the batch in training, else by the statistics."""
        if not (training and self.trainable):
            return super().call(inputs, training=False, mask=mask)
        axes = list(range(len(inputs.shape) - 1))
        mean, variance = tf.nn.moments(inputs, axes)
        n = tf.cast(tf.size(inputs) / tf.size(mean), inputs.dtype)
        keep = self.momentum
        self.moving_mean.assign(keep * self.moving_mean + (1 - keep) * mean)
        unbiased = variance * n / tf.maximum(n - 1, 1)
        self.moving_variance.assign(keep * self.moving_variance + (1 - keep) * unbiased)
        return tf.nn.batch_normalization(
            inputs, mean, variance, self.beta, self.gamma, self.epsilon
        )


def normalising_layers(module: Module) -> list[Any]:
    """The batch-normalising layers that are not frozen."""
    kind = keras.layers.BatchNormalization
    return [layer for layer in module.layers() if isinstance(layer, kind) and layer.trainable]


def statistics(module: Module) -> dict[str, NDArray]:
    """The running means and variances, as the module's state names them."""
    return {
        name: np.array(v.value.numpy())
        for name, v in module.variables().items()
        if name.endswith(STATISTICS)
    }


def set_statistics(module: Module, values: dict[str, Any]) -> None:
    """Put running means and variances in place."""
    for name, variable in module.variables().items():
        if name.endswith(STATISTICS):
            variable.assign(values[name])


def recalibrate(module: Any, batches: Iterable[Any]) -> None:
    """Replace the running statistics by those of these rows, as AdaBN does (Li et al. 2018).

    Every layer gets the mean over the batches of what it sees, each batch normalised by its own
    statistics, as in training; all else stays in evaluation mode.
    """
    layers = normalising_layers(module)
    if not layers:
        return
    module.eval()
    with by_the_batch(layers):
        for k, rows in enumerate(batches):
            for layer in layers:
                layer.momentum = k / (k + 1)  # a plain mean over the batches
            module(rows)


@contextmanager
def by_the_batch(layers: list[Any]) -> Iterator[None]:
    """Where these layers normalise by the batch, whatever mode their network is in."""
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.call = _in_training(layer.call)
    try:
        yield
    finally:
        for layer, momentum in zip(layers, momenta):
            del layer.call
            layer.momentum = momentum


def _in_training(call: Any) -> Any:
    return lambda inputs, training=None, mask=None: call(inputs, training=True, mask=mask)
