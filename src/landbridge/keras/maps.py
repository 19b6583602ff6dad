"""What a map between pairs is to Keras: its network, its error, its slopes.

This module imports Keras; ``GradientMapping`` imports it when it is fitted.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.keras.framework import keras, tf
from landbridge.keras.modules import Part, leaves, parameters_of
from landbridge.keras.networks import make_network, run_once
from landbridge.keras.trainer import as_tensors
from landbridge.mapping.paired import gradient
from landbridge.training.batches import Batch
from landbridge.training.trainer import Player


class Pairs(gradient.Pairs):
    """Standardised pairs as arrays in single precision."""

    def batch(self, rows: NDArray[np.intp]) -> Batch:
        """The standardised pairs at these places of the order."""
        if self.held is None:
            return self.pairs(self.X[rows])
        return Batch(*(values[rows] for values in self.held[:3]))

    def tensor(self, values: NDArray) -> Any:
        """An array in single precision: the trainer makes tensors of a batch."""
        return values.astype(np.float32, copy=False)


def build_map(
    module: Any, n_inputs: int, n_outputs: int, input_shape: Sequence[int] | None = None
) -> Part:
    """A fresh network from flat rows, as ``GradientMapping`` describes it.

    Raises
    ------
    TypeError
        If ``module`` neither is nor makes a Keras model.
    """
    shape = (n_inputs,) if input_shape is None else tuple(input_shape)
    if module is None:
        return Part(make_network(None, (n_inputs,), n_outputs))
    made = make_network(module, shape, n_outputs, what="module")
    if len(shape) > 1:
        made = keras.Sequential([keras.Input((n_inputs,)), keras.layers.Reshape(shape), made])
    return Part(made)


def check_map(module: Part, Z: NDArray, n_outputs: int) -> None:
    """Try the network on a few rows before any training.

    Raises
    ------
    ValueError
        If it does not take rows of this width, gives another width than the target's, or has
        nothing to learn.
    """
    try:
        found = run_once(module.layer, Z).shape
    except ValueError as error:
        raise ValueError(
            f"module must take rows of the source, here {Z.shape[1]} features each: {error}"
        ) from error
    gradient.check_shape(found, len(Z), n_outputs)
    if not module.trainable():
        raise ValueError("module must have weights to train: found none that is trainable.")


def squared_error(predicted: Any, Y: Any, weight: Any) -> Any:
    """``Σ wᵢ ‖f(xᵢ) − yᵢ‖²`` over the rows of a batch."""
    return tf.reduce_sum(weight * tf.reduce_sum((predicted - Y) ** 2, axis=1))


def player(module: Part) -> Player:
    """The network, that makes its weighted squared error for each row small."""

    def terms(batch: Batch, done: Any) -> dict[str, Any]:
        n_rows = tf.cast(tf.shape(batch.X)[0], tf.float32)
        return {"error": squared_error(module(batch.X), batch.y, batch.weight) / n_rows}

    return Player(terms, parameters_of(module))


def held_out_error(module: Part, held_out: Any) -> float:
    """The mean squared error of an output over the held-out pairs."""
    total = weight = 0.0
    for batch in map(as_tensors, held_out.in_order()):
        total += float(squared_error(module(batch.X), batch.y, batch.weight))
        weight += float(tf.reduce_sum(batch.weight))
    return total / weight / batch.y.shape[1]


def linear_layer(module: Part) -> Any:
    """The one dense layer of a linear map; ``None`` for any other."""
    shapes = (keras.layers.InputLayer, keras.layers.Flatten)
    layers = [layer for layer in leaves(module.layer) if not isinstance(layer, shapes)]
    if len(layers) != 1 or type(layers[0]) is not keras.layers.Dense:
        return None
    return layers[0] if layers[0].activation is keras.activations.linear else None


def mean_absolute_slopes(module: Part, Z: NDArray) -> NDArray[np.float64]:
    """The mean of ``|∂f_j/∂z_i|`` over the rows of Z, (d, e)."""
    rows = tf.convert_to_tensor(Z)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(rows)
        outputs = [tf.reduce_sum(column) for column in tf.unstack(module.eval()(rows), axis=1)]
    zero = tf.UnconnectedGradients.ZERO
    slopes = [tape.gradient(output, rows, unconnected_gradients=zero) for output in outputs]
    return np.stack([np.abs(slope.numpy()).mean(axis=0) for slope in slopes], axis=1).astype(float)
