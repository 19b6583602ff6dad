"""Networks in Keras that go by name, and the cut through any network: body, then head.

The named ones are built and start as their twins in ``landbridge.training.networks``. This module
imports Keras; estimators import it when they are fitted.
"""

import copy
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from landbridge.keras.framework import keras, tf
from landbridge.keras.modules import Cut
from landbridge.keras.normalisation import BatchNormalisation

NAMED = ("mlp", "residual-mlp", "cnn", "gru")
HIDDEN, DEPTH = 128, 2
APPLICATIONS = "applications:"


def make_network(
    network: Any, input_shape: Sequence[int], n_outputs: int, what: str = "network"
) -> Any:
    """A fresh Keras model from rows of ``input_shape`` to ``n_outputs`` numbers.

    Parameters
    ----------
    network : str, None, tuple of int, keras.Model or callable
        ``"mlp"`` (two hidden layers of 128), ``"residual-mlp"``, ``"cnn"`` (pictures, channels
        first as for PyTorch), ``"gru"`` (sequences of steps with features); or
        ``"applications:NAME"``, a backbone of ``keras.applications``. ``None`` is linear, a tuple
        gives the widths of hidden layers; a model is copied; a callable without arguments makes
        one.
    input_shape : sequence of int
        Of one row: (d,), (channels, height, width) or (steps, d).
    n_outputs : int
    what : str
        The argument's name in messages.

    Raises
    ------
    ValueError
        If there is no such name, or the rows have not the shape that it wants.
    TypeError
        If it neither is nor makes a Keras model.
    """
    shape = tuple(input_shape)
    if isinstance(network, keras.Model):
        return copy.deepcopy(network)
    if network is None or isinstance(network, (tuple, list)):
        return multilayer(shape, [*(network or ()), n_outputs])
    if isinstance(network, str):
        return _named(network, shape, n_outputs, what)
    made = network() if callable(network) else network
    if not isinstance(made, keras.Model):
        raise TypeError(
            f"{what} must be None, a tuple of hidden widths, a name, a Keras model or a function "
            f"without arguments that makes one: found {made!r}."
        )
    return copy.deepcopy(made)


def _named(name: str, input_shape: tuple[int, ...], n_outputs: int, what: str) -> Any:
    if name.startswith(APPLICATIONS):
        return application(name.removeprefix(APPLICATIONS), input_shape, n_outputs)
    if name not in NAMED:
        raise ValueError(
            f'Unknown {what} {name!r}: the names are {", ".join(NAMED)} and "applications:NAME".'
        )
    if name == "mlp":
        return multilayer(input_shape, [*[HIDDEN] * DEPTH, n_outputs])
    if name == "residual-mlp":
        return residual_multilayer(input_shape, n_outputs)
    makers: dict[str, tuple[int, str, Callable]] = {
        "cnn": (3, "(channels, height, width)", convolutional),
        "gru": (2, "(steps, features)", recurrent),
    }
    n_axes, wanted, make = makers[name]
    if len(input_shape) != n_axes:
        raise ValueError(
            f'{what}="{name}" takes rows of shape {wanted}: found rows of shape {input_shape}. '
            "Set input_shape."
        )
    return make(input_shape, n_outputs)


def uniform(n_inputs: int) -> Any:
    r"""First weights from :math:`\pm 1/\sqrt{n}`, as PyTorch draws them."""
    bound = 1 / math.sqrt(n_inputs)
    return keras.initializers.RandomUniform(-bound, bound)


def dense(n_inputs: int, n_outputs: int, **options: Any) -> Any:
    """A linear layer."""
    return keras.layers.Dense(
        n_outputs,
        kernel_initializer=uniform(n_inputs),
        bias_initializer=uniform(n_inputs),
        **options,
    )


def multilayer(input_shape: tuple[int, ...], widths: Sequence[int]) -> Any:
    """Linear layers of these widths, with GELU between."""
    layers: list[Any] = [keras.Input(input_shape), keras.layers.Flatten()]
    n_inputs = math.prod(input_shape)
    for width in widths:
        layers += [dense(n_inputs, width), keras.layers.Activation("gelu")]
        n_inputs = width
    return keras.Sequential(layers[:-1])


def residual_multilayer(input_shape: tuple[int, ...], n_outputs: int, width: int = HIDDEN) -> Any:
    """A linear layer, residual ones that start near the identity, and a linear one."""
    rows = keras.Input(input_shape)
    Z = dense(math.prod(input_shape), width)(keras.layers.Flatten()(rows))
    for _ in range(DEPTH):
        inner = keras.layers.LayerNormalization(epsilon=1e-5)(Z)
        inner = dense(width, 2 * width, activation="gelu")(inner)
        Z = keras.layers.Add()([Z, dense(2 * width, width)(inner)])
    return keras.Model(rows, dense(width, n_outputs)(Z))


def convolutional(
    input_shape: tuple[int, ...], n_outputs: int, widths: Sequence[int] = (32, 64, 128)
) -> Any:
    """Convolutions of 3 × 3, each normalised and halving the picture, then two linear layers."""
    rows = keras.Input(input_shape)
    Z = keras.layers.Permute((2, 3, 1))(rows)  # TensorFlow has channels last on a CPU
    n_inputs = input_shape[0]
    for width in widths:
        Z = keras.layers.Conv2D(
            width, 3, padding="same", use_bias=False, kernel_initializer=uniform(9 * n_inputs)
        )(Z)
        Z = keras.layers.ReLU()(BatchNormalisation()(Z))
        Z = keras.layers.MaxPooling2D(2, padding="same")(Z)
        n_inputs = width
    Z = keras.layers.Flatten()(keras.layers.Permute((3, 1, 2))(Z))
    Z = dense(Z.shape[1], HIDDEN)(Z)
    Z = keras.layers.ReLU()(BatchNormalisation()(Z))
    return keras.Model(rows, dense(HIDDEN, n_outputs)(Z))


def recurrent(input_shape: tuple[int, ...], n_outputs: int, width: int = HIDDEN) -> Any:
    """A gated recurrent unit over the steps, and a linear layer on its last state."""
    rows = keras.Input(input_shape)
    state = keras.layers.GRU(
        width,
        kernel_initializer=uniform(width),
        recurrent_initializer=uniform(width),
        bias_initializer=uniform(width),
    )(rows)
    return keras.Model(rows, dense(width, n_outputs)(state))


def application(name: str, input_shape: tuple[int, ...], n_outputs: int) -> Any:
    """A backbone of ``keras.applications``, pretrained where its weights can be fetched.

    Pictures come channels first, as everywhere here; a warning says where weights are random.

    Raises
    ------
    ValueError
        If there is no such model, or it does not take pictures of this shape.
    """
    makers = {k: v for k, v in vars(keras.applications).items() if k[0].isupper() and callable(v)}
    if name not in makers:
        raise ValueError(
            f"keras.applications has no model {name!r}: it has {', '.join(sorted(makers))}."
        )
    channels, height, width = input_shape
    options = {"include_top": False, "pooling": "avg", "input_shape": (height, width, channels)}
    try:
        backbone = makers[name](weights="imagenet", **options)
    except Exception as error:  # whatever fetching raises without a network
        warnings.warn(
            f"The weights of {name} could not be loaded ({type(error).__name__}): it starts from "
            "random ones.",
            stacklevel=5,
        )
        backbone = makers[name](weights=None, **options)
    rows = keras.Input(input_shape)
    features = backbone(keras.layers.Permute((2, 3, 1))(rows))
    return keras.Model(rows, dense(features.shape[1], n_outputs)(features))


def cut(model: Any, input_shape: tuple[int, ...], head: str | None = None) -> Cut:
    """Cut a model before its head, a dense layer without activation that comes last.

    Parameters
    ----------
    model : keras.Model
        A sequential or functional one; its layers go on in the parts: give a copy.
    input_shape : tuple of int
        Of a row.
    head : str, optional
        The name of the head among the model's layers; the last dense layer by default.

    Raises
    ------
    ValueError
        If there is no dense layer of that name, the model does not take the rows, or goes on
        after its head.
    """
    rows = np.zeros((2, *input_shape), np.float32)
    before = run_once(model, rows)
    layer = _dense_layer(model, head)
    try:
        body = keras.Model(model.inputs, layer.input)
    except (AttributeError, ValueError) as error:
        raise ValueError(
            "network must be a sequential or functional Keras model whose last dense layer is used "
            f"once: found {type(model).__name__} ({str(error).splitlines()[0]})."
        ) from error
    parted = Cut(body, layer)
    if not _gives(parted, rows, before):
        raise ValueError(
            f"The network goes on after its layer {layer.name!r}: a head must come last, without "
            "softmax behind it. Leave that out, or name another layer as head."
        )
    return parted


def _dense_layer(model: Any, name: str | None) -> Any:
    found = {la.name: la for la in model.layers if isinstance(la, keras.layers.Dense)}
    name = name if name is not None else next(reversed(found), None)
    if name not in found:
        raise ValueError(
            f"head must be the name of the network's last dense layer: found {name!r}; its dense "
            f"layers are {', '.join(found) or 'none'}."
        )
    layer = found[name]
    if layer.activation is not keras.activations.linear:
        raise ValueError(
            f"The network's head {name!r} must give logits or values as they are: found the "
            f"activation {layer.activation.__name__}. Leave that out."
        )
    return layer


def _gives(parted: Cut, rows: Any, expected: Any) -> bool:
    found = run_once(parted, rows)
    return found.shape == expected.shape and np.allclose(found, expected, atol=1e-4, rtol=1e-4)


def run_once(model: Any, rows: Any) -> Any:
    """A network's outputs for a few rows.

    Raises
    ------
    ValueError
        If it does not take rows of this shape.
    """
    try:
        if isinstance(model, keras.Sequential):
            model.build((None, *rows.shape[1:]))
        return np.asarray(model(tf.convert_to_tensor(rows)))
    except (ValueError, tf.errors.InvalidArgumentError) as error:
        raise ValueError(
            f"The network does not take rows of shape {rows.shape[1:]}: "
            f"{str(error).splitlines()[0]}. Set input_shape, or change the network."
        ) from error


def upto(body: Any, layer: str) -> Any:
    """The body, a Keras model, as far as the layer of that name; its output is made flat.

    Raises
    ------
    ValueError
        If it has no such layer.
    """
    layers = {part.name: part for part in body.layers}
    if layer not in layers:
        raise ValueError(f"The network has no layer {layer!r}: its layers are {', '.join(layers)}.")
    flat = keras.layers.Flatten()(layers[layer].output)
    return keras.Model(body.inputs, flat)
