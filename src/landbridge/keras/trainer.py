"""The rungs of the one trainer that know TensorFlow.

This module imports Keras; estimators import it when they are fitted.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.keras.framework import tf
from landbridge.keras.optimisers import Optimiser, make_optimiser
from landbridge.training import trainer
from landbridge.training.checkpoint import read_checkpoint, write_checkpoint
from landbridge.training.trainer import Player


@dataclass
class Trainer(trainer.Trainer):
    """The one trainer, for a ``landbridge.keras.modules.Module``: each player's move is a graph.

    Whatever a method remembers from step to step, besides weights, must be a variable of the
    module.
    """

    moves: list[Callable[[Any, Any, Any], dict[str, Any]]] = field(default_factory=list)

    def prepare(self) -> None:
        """Give every player an optimiser, and a graph of its move."""
        self.optimisers = [make_optimiser(self.options, p.groups) for p in self.players]
        self.moves = [self.compiled(p, o) for p, o in zip(self.players, self.optimisers)]

    def compiled(self, player: Player, optimiser: Optimiser) -> Callable[..., dict[str, Any]]:
        """A player's move as a function of a batch, the share done and the step sizes."""

        @tf.function
        def move(batch: Any, done: Any, sizes: Any) -> dict[str, Any]:
            with tf.GradientTape() as tape:
                terms = player.terms(batch, done)
                loss = sum(terms.values())
            gradients = tape.gradient(loss, [v.value for v in optimiser.variables])
            optimiser.apply(gradients, sizes)
            return terms

        graphs: list[Any] = []

        def of_any_length(batch: Any, done: Any, sizes: Any) -> dict[str, Any]:
            if not graphs:  # one graph for batches of all lengths, drawn at the first
                graphs.append(move.get_concrete_function(described(batch), done, sizes))
            return graphs[0](batch, done, sizes)

        return of_any_length

    def reseed(self, seed: int) -> None:
        """Seed every dropout."""
        for k, state in enumerate(self.module.seeds()):
            state.assign(np.array([seed + k, 0], np.uint32))

    def dealt(self, seed: int) -> Iterator[Any]:
        """The batches of an epoch as tensors."""
        return map(as_tensors, self.batches.epoch(seed))

    def step(self, batch: Any, done: float) -> dict[str, Any]:
        """Every player's move; the terms that each minimised, before its last."""
        terms: dict[str, Any] = {}
        with advice_on_memory(self.options.batch_size):
            for player, optimiser, move in zip(self.players, self.optimisers, self.moves):
                arguments = batch, tf.constant(done, tf.float32), optimiser.sizes()
                for _ in range(player.times):
                    found = move(*arguments)
                terms |= found
        return terms

    def numbers(self, seen: list[dict[str, Any]]) -> dict[str, NDArray[np.float64]]:
        """What each term was at every step (n_steps,), brought home once an epoch."""
        return {
            name: tf.stack([terms[name] for terms in seen]).numpy().astype(np.float64)
            for name in seen[0]
        }

    def snapshot(self) -> dict[str, NDArray]:
        """The module's state as it is now."""
        return self.module.state_dict()

    def undisturbed(self, judge: Callable[[], float]) -> float:
        """What the judge says; outside a tape there are no gradients."""
        return float(judge())

    def read(self, folder: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The tensors and facts of the folder's checkpoint, ``None`` where it has none."""
        return read_checkpoint(folder, framework="np")

    def write(self, folder: Path, tensors: dict[str, Any], facts: dict[str, Any]) -> None:
        """Put tensors and facts into the folder's checkpoint."""
        write_checkpoint(folder, tensors, facts, array_bytes)


def as_tensors(batch: Any) -> Any:
    """The arrays of a batch, or of a tuple of batches, as tensors; ``None`` stays."""
    if batch is None:
        return None
    if isinstance(batch, tuple):
        return type(batch)(*(as_tensors(part) for part in batch))
    return tf.convert_to_tensor(batch)


def described(batch: Any) -> Any:
    """The shapes and types of a batch's tensors, for any number of rows; ``None`` stays."""
    if batch is None:
        return None
    if isinstance(batch, tuple):
        return type(batch)(*(described(part) for part in batch))
    return tf.TensorSpec([None, *batch.shape[1:]], batch.dtype)


def array_bytes(tensors: dict[str, NDArray], metadata: dict[str, str]) -> bytes:
    """Arrays and text as a file in safetensors' format."""
    from safetensors.numpy import save

    plain = {name: np.array(value, order="C") for name, value in tensors.items()}
    return save(plain, metadata=metadata)


@contextmanager
def advice_on_memory(batch_size: int) -> Any:
    """Say what to do where the device's memory does not hold a step."""
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise MemoryError(trainer.memory_advice(batch_size)) from error
