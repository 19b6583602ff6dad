"""What a recipe works with in Keras; see ``landbridge.target.fine_tune.tuning``.

This module imports Keras; the estimator imports it when it is fitted.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from landbridge.keras.batches import ArrayBatches
from landbridge.keras.framework import keras, tf
from landbridge.keras.losses import Loss
from landbridge.keras.modules import Cut, Head, Module, parameters_of
from landbridge.keras.networks import dense
from landbridge.keras.trainer import Trainer
from landbridge.target.fine_tune.labelled import Labelled
from landbridge.target.fine_tune.stages import Stages
from landbridge.training.batches import Batch

Run = Callable[[Module, NDArray], NDArray]
"""What a module in evaluation mode makes of rows."""


class View(NamedTuple):
    """What the network makes of a batch."""

    features: Any
    """The body's representation (b, d)."""
    logits: Any
    """The head's outputs (b, k)."""
    batch: Batch


Penalty = Callable[[View], dict[str, Any]]
"""From a view of a batch to terms by name."""


class Tuned(Module):
    """A network that is being tuned; its body in evaluation mode where it is frozen."""

    def __init__(self, network: Cut, loss: Loss, penalty: Penalty | None, freezes_body: bool):
        self.network, self.loss, self.penalty = network, loss, penalty
        self.freezes_body = freezes_body

    def terms(self, batch: Batch, done: Any) -> dict[str, Any]:
        """The loss over labels, and what the recipe adds."""
        features = self.network.body(batch.X)
        logits = self.network.head(features)
        found = {"loss": self.loss(logits, batch.y, batch.weight)}
        return (
            found if self.penalty is None else found | self.penalty(View(features, logits, batch))
        )

    def train(self, mode: bool = True) -> "Tuned":
        """Put all that is not frozen into training mode, or all into evaluation mode."""
        super().train(mode)
        if self.freezes_body:
            self.network.body.eval()
        return self


@dataclass(kw_only=True)
class Tuning(Stages):
    """A network on its way from the source to the target, and what a recipe may do with it."""

    run: Run

    batches_type = ArrayBatches
    trainer_type = Trainer

    def probe(self, strength: float = 0.0) -> None:
        """Train the head alone, on the representation as it is: computed once, in evaluation mode.

        ``strength`` draws the outputs of the head that the source knows to where they were.
        """
        rows, held_out = (self.seen(part) for part in (self.rows, self.held_out))
        pull = pull_to_start([], self.network.head, self.is_new, strength)
        head = Cut(keras.layers.Identity(), self.network.head.layer)
        tuned = Tuned(head, self.loss, pull if strength else None, False)
        groups = parameters_of(self.network.head, pace=self.pace)
        self.stage("probe", tuned, rows, held_out, groups)
        self.is_new = np.zeros_like(self.is_new)

    def train(
        self,
        penalty: Penalty | None = None,
        *,
        groups: list[dict[str, Any]] | None = None,
        freezes_body: bool = False,
        decay: bool = True,
    ) -> None:
        """Train body and head.

        Parameters
        ----------
        penalty : callable, optional
            Gives terms to add to the loss.
        groups : list of dict, optional
            Variables of the body and their pace; by default all of them, at pace 1.
        freezes_body : bool
            Whether the body stays in evaluation mode.
        decay : bool
            Whether weights are drawn to zero, as the options say.
        """
        tuned = Tuned(self.network, self.loss, penalty, freezes_body)
        of_body = parameters_of(self.network.body) if groups is None else groups
        groups = [*of_body, *parameters_of(self.network.head, pace=self.pace)]
        if not decay:
            groups = [{**group, "weight_decay": 0.0} for group in groups]
        self.stage("tune", tuned, self.rows, self.held_out, groups)

    def seen(self, rows: Labelled) -> Labelled:
        """The same rows as the body in evaluation mode represents them."""
        return rows._replace(X=self.run(self.network.body.eval(), rows.X)) if len(rows.y) else rows

    def losses(self, rows: Labelled) -> NDArray[np.float64]:
        """The plain loss of each row (n,), as the network is now, all weights 1."""
        found, one = self.run(self.network.eval(), rows.X), np.ones(1, np.float32)
        each = [
            self.plain_loss(found[i : i + 1], rows.y[i : i + 1], one) for i in range(len(found))
        ]
        return np.array(each, dtype=np.float64)

    def _mean_loss(self, network: Cut, rows: Labelled) -> float:
        return float(self.plain_loss(self.run(network, rows.X), rows.y, rows.weight))


def l2_sp(weights: list[Any], starts: list[Any]) -> Any:
    r""":math:`\frac12 \sum_j \lVert w_j - w_j^0 \rVert^2` (Li, Grandvalet & Davoine 2018)."""
    return sum(tf.reduce_sum((w - w0) ** 2) for w, w0 in zip(weights, starts)) / 2


def pull_to_start(
    body: list[Any],
    head: Head,
    is_new: NDArray[np.bool_],
    strength: float,
    head_strength: float = 0.0,
) -> Penalty:
    """L2-SP: body and known outputs of the head are drawn to their start, new outputs to zero."""
    starts = [w.value.numpy() for w in body]
    head_starts = [w.value.numpy() for w in head.layer.weights]
    known = np.flatnonzero(~is_new), np.flatnonzero(is_new)

    def of_head(k: int) -> list[Any]:
        return [tf.gather(w.value, known[k], axis=-1) for w in head.layer.weights]

    def penalty(_: View) -> dict[str, Any]:
        old = [*(w.value for w in body), *of_head(0)]
        old_starts = [*starts, *(w[..., known[0]] for w in head_starts)]
        new = of_head(1)
        pull = strength * l2_sp(old, old_starts)
        return {"pull": pull + head_strength * l2_sp(new, [0.0] * len(new))}

    return penalty


def with_head(network: Cut, outputs: NDArray[np.intp]) -> Cut:
    """A copy with these outputs of the head, a new one where the number is -1."""
    old = network.head.layer
    head = dense(network.n_features, len(outputs), use_bias=old.use_bias)
    head.build((None, network.n_features))
    kept = outputs >= 0
    for new, before in zip(head.weights, old.weights):
        values = new.value.numpy().copy()
        values[..., kept] = before.value.numpy()[..., outputs[kept]]
        new.assign(values)
    return Cut(copy.deepcopy(network.body.layer), head)


def head_alone(weight: NDArray, bias: NDArray) -> Cut:
    """A network whose body changes nothing, with a head of these weights (k, d)."""
    n_outputs, n_inputs = weight.shape
    head = dense(n_inputs, n_outputs)
    head.build((None, n_inputs))
    head.set_weights([weight.T, bias])
    return Cut(keras.Sequential([keras.Input((n_inputs,)), keras.layers.Identity()]), head)
