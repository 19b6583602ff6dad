"""Parts of a network by name, as a trainer sees them: mode, weights, statistics, chance.

This module imports Keras; estimators import it when they are fitted.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from landbridge.keras.framework import keras


class Module:
    """What has parts: modules and variables, each an attribute."""

    training = False
    is_frozen = False

    def children(self) -> dict[str, "Module"]:
        """The parts that are modules, by name."""
        return {name: part for name, part in vars(self).items() if isinstance(part, Module)}

    def train(self, mode: bool = True) -> Self:
        """Normalise by the batch and drop out; what is frozen never does."""
        self.training = mode and not self.is_frozen
        for child in self.children().values():
            child.train(mode)
        return self

    def eval(self) -> Self:
        """Normalise by the statistics, and drop nothing out."""
        return self.train(False)

    def freeze(self) -> None:
        """Train neither weights nor statistics from here on."""
        self.is_frozen, self.training = True, False
        for child in self.children().values():
            child.freeze()

    def variables(self) -> dict[str, Any]:
        """Weights, statistics and what else is remembered, by name."""
        own = {name: v for name, v in vars(self).items() if isinstance(v, keras.Variable)}
        for part, child in self.children().items():
            own |= {f"{part}.{name}": v for name, v in child.variables().items()}
        return own

    def trainable(self) -> list[Any]:
        """The variables that are trained."""
        own = [v for v in vars(self).values() if isinstance(v, keras.Variable)]
        parts = [v for child in self.children().values() for v in child.trainable()]
        return [] if self.is_frozen else [v for v in own if v.trainable] + parts

    def seeds(self) -> list[Any]:
        """The states of what draws random numbers."""
        return [seed for child in self.children().values() for seed in child.seeds()]

    def layers(self) -> list[Any]:
        """Every Keras layer in the parts, models taken apart."""
        return [layer for child in self.children().values() for layer in child.layers()]

    def state_dict(self) -> dict[str, NDArray]:
        """A copy of all variables."""
        return {name: np.array(v.value.numpy()) for name, v in self.variables().items()}

    def load_state_dict(self, values: dict[str, NDArray]) -> None:
        """Put all variables back."""
        for name, variable in self.variables().items():
            variable.assign(values[name])


class Part(Module):
    """A Keras layer or model, in the mode of what it is a part of."""

    def __init__(self, layer: Any):
        self.layer = layer

    def __call__(self, X: Any) -> Any:
        """What the layer makes of rows."""
        return self.layer(X, training=self.training)

    def freeze(self) -> None:
        """Train neither weights nor statistics from here on."""
        super().freeze()
        self.layer.trainable = False

    def variables(self) -> dict[str, Any]:
        """The layer's weights and statistics, numbered in its order."""
        return {f"{k}.{v.name}": v for k, v in enumerate(self.layer.weights)}

    def trainable(self) -> list[Any]:
        """The layer's trainable weights."""
        return list(self.layer.trainable_weights)

    def layers(self) -> list[Any]:
        """The layer, or those of a model."""
        return leaves(self.layer)

    def seeds(self) -> list[Any]:
        """The states of the layer's dropout."""
        return [v for v in self.layer.variables if v.name == "seed_generator_state"]


class Head(Part):
    """A dense layer that predicts from a representation."""

    @property
    def in_features(self) -> int:
        """Width of the representation."""
        return int(self.layer.kernel.shape[0])

    @property
    def out_features(self) -> int:
        """Numbers that it gives for a row."""
        return int(self.layer.kernel.shape[1])

    def variables(self) -> dict[str, Any]:
        """Kernel and bias."""
        return {v.name: v for v in self.layer.weights}


class Cut(Module):
    """A network cut in two: the body makes a representation, the head predicts from it."""

    def __init__(self, body: Any, head: Any):
        self.body, self.head = Part(body), Head(head)

    def __call__(self, X: Any) -> Any:
        """What the head makes of the body's representation."""
        return self.head(self.body(X))

    @property
    def n_features(self) -> int:
        """Width of the representation."""
        return self.head.in_features

    @property
    def of_source(self) -> "Cut":
        """The network as rows of the source go through it."""
        return self


def leaves(layer: Any) -> list[Any]:
    """A layer, or the layers of a model and of the models within."""
    if not isinstance(layer, keras.Model):
        return [layer]
    return [leaf for part in layer.layers for leaf in leaves(part)]


def parameters_of(*modules: Module, pace: float = 1.0) -> list[dict[str, Any]]:
    """One group of all trainable variables of the modules."""
    return [{"params": [v for module in modules for v in module.trainable()], "pace": pace}]
