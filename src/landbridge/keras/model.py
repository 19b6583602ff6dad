"""What every estimator with a Keras network inside does: the part that knows Keras."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.keras.batches import ArrayBatches
from landbridge.keras.engine import need_keras, own_chance, usable_device
from landbridge.training.model import NetworkModel
from landbridge.training.rows import rows_at_once


class KerasModel(NetworkModel):
    """The estimators' common part with Keras in the place of PyTorch."""

    _batches_type = ArrayBatches

    @property
    def _trainer_type(self) -> Any:  # type: ignore[override]
        from landbridge.keras.trainer import Trainer

        return Trainer

    @staticmethod
    def _parameters_of(*modules: Any, pace: float = 1.0) -> list[dict[str, Any]]:
        from landbridge.keras.modules import parameters_of

        return parameters_of(*modules, pace=pace)

    def _need_framework(self) -> None:
        need_keras()
        if self._options().precision != "float32":
            raise ValueError(
                'precision must be "float32" for these networks: found '
                f"{self._options().precision!r}. Give a Keras model with a dtype policy of its "
                "own, or train with PyTorch."
            )

    def _device(self) -> str:
        return usable_device(self._options().device)

    def _chance(self, seed: int) -> AbstractContextManager:
        return own_chance(seed, self._device())

    def _built(self, input_shape: tuple[int, ...], n_outputs: int) -> Any:
        from landbridge.keras.networks import cut, make_network

        model = make_network(self.network, input_shape, n_outputs)
        return self._needed(cut(model, tuple(input_shape), self.head), n_outputs)

    def _rebuilt(self) -> Any:
        with self._chance(0):
            network = self._built(self.input_shape_, self.n_outputs_)
        network.load_state_dict(self.weights_)
        return network

    def _arrays(self, state: dict[str, Any]) -> dict[str, NDArray]:
        return dict(state)

    def _run(self, module: Any, rows: NDArray) -> NDArray:
        _, tf = need_keras()
        with tf.device(self._device()):
            return np.concatenate([module(part).numpy() for part in self._parts(rows)])

    def _parts(self, rows: NDArray) -> Iterator[Any]:
        return parts_of(rows)

    def _loss(self, y: NDArray, device: Any, name: str | None = None) -> Any:
        from landbridge.keras.losses import make_loss

        if not self._classifies:
            return make_loss("squared error", None)
        return make_loss(name or self.loss, self._shares(y))

    def _mean_loss(self, loss: Any, network: Any, X: NDArray, *labelled: NDArray) -> float:
        return float(loss(self._run(network.eval(), X), *labelled))


def parts_of(X: NDArray) -> Iterator[Any]:
    """Rows as tensors, so many at once."""
    _, tf = need_keras()
    n_rows = rows_at_once(X)
    for start in range(0, len(X), n_rows):
        yield tf.convert_to_tensor(np.ascontiguousarray(X[start : start + n_rows]))
