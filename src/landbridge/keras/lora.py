"""Low-rank updates in Keras: each kernel W learns as W + A B, and is one plain kernel in the end.

This module imports Keras; recipes import it when they run.
"""

import copy
import math
from typing import Any

from landbridge.keras.framework import keras
from landbridge.keras.modules import leaves
from landbridge.keras.networks import uniform


def adapted_layers(body: Any) -> list[Any]:
    """The dense layers and two-dimensional convolutions of a body."""
    kinds = (keras.layers.Dense, keras.layers.Conv2D)
    return [layer for layer in leaves(body) if isinstance(layer, kinds)]


def add_updates(body: Any, rank: int, scale: float) -> tuple[Any, list[Any]]:
    r"""A copy of a body with updates :math:`\frac{\alpha}{r} A B` by Keras, and their variables.

    A convolution's kernel (h, w, i, o) is taken as the matrix (h w i, o). B starts at zero.
    """
    adapted = copy.deepcopy(body)
    updates = []
    for layer in adapted_layers(adapted):
        n_inputs = math.prod(layer.kernel.shape[:-1])
        layer.enable_lora(rank, lora_alpha=scale, a_initializer=uniform(n_inputs))
        updates += [layer.lora_kernel_a, layer.lora_kernel_b]
    return adapted, updates


def merged(adapted: Any, body: Any) -> Any:
    """The body the updates were added to, with kernels that hold them."""
    for after, layer in zip(adapted_layers(adapted), adapted_layers(body)):
        layer.kernel.assign(after.kernel)
    return body
