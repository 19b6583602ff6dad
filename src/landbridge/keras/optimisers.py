"""How weights move against their gradients: the same steps as PyTorch's optimisers.

This module imports Keras; estimators import it when they are fitted.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.keras.framework import tf
from landbridge.training.options import Training
from landbridge.training.trainer import MOMENTUM


class Optimiser:
    """Groups of variables, each with its own step size, and what is remembered of each variable.

    Parameters
    ----------
    groups : list of dict
        ``"params"`` the variables, ``"pace"`` a factor on the step size, and ``"weight_decay"``
        where it is not that of the options.
    options : Training
    """

    memories: tuple[str, ...] = ()
    """What is remembered in the shape of each variable."""

    def __init__(self, groups: list[dict[str, Any]], options: Training):
        self.param_groups = [{**group_defaults(options), **group} for group in groups]
        self.clip = options.clip
        self.variables = [v for group in self.param_groups for v in group["params"]]
        self.state = {k: self._fresh(v) for k, v in enumerate(self.variables)}

    def _fresh(self, variable: Any) -> dict[str, Any]:
        shaped = {
            name: tf.Variable(tf.zeros(variable.shape, variable.dtype)) for name in self.memories
        }
        return {"step": tf.Variable(0.0), **shaped}

    def sizes(self) -> Any:
        """The step size of every group, as a tensor."""
        return tf.constant([group["lr"] for group in self.param_groups], tf.float32)

    def apply(self, gradients: list[Any], sizes: Any) -> None:
        """Move every variable that has a gradient."""
        found = [None if g is None else tf.convert_to_tensor(g) for g in gradients]
        if self.clip is not None:
            found = shortened(found, self.clip)
        k = 0
        for group, size in zip(self.param_groups, tf.unstack(sizes)):
            for variable in group["params"]:
                if found[k] is not None:
                    self.state[k]["step"].assign_add(1.0)
                    self.move(variable.value, found[k], self.state[k], size, group["weight_decay"])
                k += 1

    def move(self, w: Any, g: Any, state: dict[str, Any], size: Any, decay: float) -> None:
        """Move one variable."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """What is remembered, as arrays."""
        return {
            "state": {
                k: {name: value.numpy() for name, value in state.items()}
                for k, state in self.state.items()
            }
        }

    def load_state_dict(self, values: dict[str, dict[int, dict[str, NDArray]]]) -> None:
        """Remember what was remembered."""
        for k, state in values["state"].items():
            for name, value in state.items():
                self.state[k][name].assign(np.asarray(value))


def group_defaults(options: Training) -> dict[str, float]:
    """What a group of variables has where it says nothing else."""
    return {"pace": 1.0, "lr": options.learning_rate, "weight_decay": options.weight_decay}


class Adam(Optimiser):
    r"""Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2).

    :math:`w \leftarrow w - \eta \lambda w - \eta\, \hat m / (\sqrt{\hat v} + \epsilon)` with
    means of g and g² whose start at zero is corrected. (Keras's own adds ε to the root before
    the correction, and so takes other first steps.)
    """

    memories = ("exp_avg", "exp_avg_sq")
    first, second, epsilon = 0.9, 0.999, 1e-8

    def move(self, w: Any, g: Any, state: dict[str, Any], size: Any, decay: float) -> None:
        """Move one variable."""
        m, v, step = state["exp_avg"], state["exp_avg_sq"], state["step"]
        m.assign_add((1 - self.first) * (g - m))
        v.assign(self.second * v + (1 - self.second) * g * g)
        root = tf.sqrt(v) / tf.sqrt(1 - self.second**step) + self.epsilon
        w.assign(w * (1 - size * decay) - size / (1 - self.first**step) * m / root)


class Nesterov(Optimiser):
    r"""Stochastic gradient descent with Nesterov momentum (Sutskever et al. 2013).

    :math:`g' = g + \lambda w,\; b \leftarrow \mu b + g',\; w \leftarrow w - \eta (g' + \mu b)`.
    """

    memories = ("momentum_buffer",)

    def move(self, w: Any, g: Any, state: dict[str, Any], size: Any, decay: float) -> None:
        """Move one variable."""
        g = g + decay * w
        state["momentum_buffer"].assign(MOMENTUM * state["momentum_buffer"] + g)
        w.assign_sub(size * (g + MOMENTUM * state["momentum_buffer"]))


def shortened(gradients: list[Any], longest: float) -> list[Any]:
    """Gradients that together are no longer than ``longest``, as PyTorch shortens them."""
    norm = tf.linalg.global_norm([g for g in gradients if g is not None])
    factor = tf.minimum(longest / (norm + 1e-6), 1.0)
    return [None if g is None else g * factor for g in gradients]


def make_optimiser(options: Training, groups: list[dict[str, Any]]) -> Optimiser:
    """Adam with decoupled weight decay, or stochastic gradient descent with Nesterov momentum."""
    kind = Adam if options.optimiser == "adam" else Nesterov
    return kind([group for group in groups if group["params"]], options)
