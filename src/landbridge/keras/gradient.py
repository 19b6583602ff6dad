"""Any Keras network as the map between pairs, learned by gradient descent."""

from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.keras.engine import need_keras, own_chance, usable_device
from landbridge.mapping.paired import gradient
from landbridge.training.trainer import Player


class GradientMapping(gradient.GradientMapping):
    r"""Learn any Keras network f as the map between pairs, by mini-batch gradient descent.

    The twin of ``landbridge.GradientMapping``: the same parameters, and from the same first
    weights the same results, in single precision. Needs ``pip install 'landbridge[tensorflow]'``.

    Parameters
    ----------
    module : None, tuple of int, str, keras.Model or callable, default=None
        The network f, rows (n, d_s) to rows (n, d_t). ``None`` is linear; a tuple gives the
        widths of hidden layers, with GELU between; ``"mlp"``, ``"residual-mlp"``, ``"cnn"`` and
        ``"gru"`` are made to fit; a model is copied and its weights are where training starts; a
        callable without arguments makes one.
    device : str, default="auto"
        ``"auto"``, ``"cpu"``, ``"cuda"`` or another device that TensorFlow sees.
    input_shape, optimiser, learning_rate, batch_size, max_epochs, schedule, weight_decay
        As in ``landbridge.GradientMapping``.
    validation_share, patience, standardise, random_state, progress
        As in ``landbridge.GradientMapping``.

    Attributes
    ----------
    weights_ : dict of str to ndarray
        The best weights, numbered in Keras's order.
    matrix_, slopes_, is_affine_, n_epochs_, best_epoch_, loss_curve_, validation_curve_
        As in ``landbridge.GradientMapping``.

    Raises
    ------
    ImportError
        If Keras or TensorFlow is not installed, or Keras runs on another backend.
    ValueError
        If a parameter is out of its range, the model does not fit the rows, or training diverges.
    TypeError
        If ``module`` neither is nor makes a Keras model.

    Warns
    -----
    ConvergenceWarning
        If ``max_epochs`` is reached while the loss still falls.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.keras import GradientMapping
    >>> X = np.random.default_rng(0).normal(size=(400, 2))
    >>> Y = X @ [[1.0, 0.0], [2.0, -1.0]] + 5.0
    >>> map_ = GradientMapping(random_state=0).fit(X, Y)
    >>> map_.transform([[1.0, 1.0]]).round(2)
    array([[8., 4.]])
    """

    @property
    def _trainer_type(self) -> Any:  # type: ignore[override]
        from landbridge.keras.trainer import Trainer

        return Trainer

    @property
    def _pairs_type(self) -> Any:  # type: ignore[override]
        from landbridge.keras.maps import Pairs

        return Pairs

    def _usable_device(self) -> str:
        return usable_device(self.device)

    def _chance(self, seed: int, device: str) -> AbstractContextManager:
        return own_chance(seed, device)

    def _built(self, X: NDArray, Y: NDArray, device: str) -> Any:
        from landbridge.keras.maps import build_map

        return build_map(self.module, X.shape[1], Y.shape[1], self.input_shape)

    def _check_module(self, module: Any, Z: Any, n_outputs: int, device: str) -> None:
        from landbridge.keras.maps import check_map

        check_map(module, Z, n_outputs)

    def _player(self, module: Any) -> Player:
        from landbridge.keras.maps import player

        return player(module)

    def _error(self, module: Any, held_out: Any, device: str) -> float:
        from landbridge.keras.maps import held_out_error

        return held_out_error(module, held_out)

    def _arrays(self, state: dict[str, Any]) -> dict[str, NDArray]:
        return dict(state)

    def _linear(self, module: Any) -> tuple[NDArray, NDArray] | None:
        from landbridge.keras.maps import linear_layer

        layer = linear_layer(module)
        if layer is None:
            return None
        kernel, *bias = self.weights_.values()
        return kernel, bias[0] if bias else np.zeros(self.n_features_target_)

    def _slopes(self, module: Any, Z: Any, device: str) -> NDArray[np.float64]:
        from landbridge.keras.maps import mean_absolute_slopes

        return mean_absolute_slopes(module, Z)

    def _outputs(self, Z: NDArray) -> NDArray:
        from landbridge.keras.model import parts_of

        _, tf = need_keras()
        device = self._usable_device()
        module = self._rebuilt(device)
        with tf.device(device):
            return np.concatenate([module(part).numpy() for part in parts_of(Z.astype(np.float32))])

    def _rebuilt(self, device: str) -> Any:
        from landbridge.keras.maps import build_map

        with self._chance(0, device):
            module = build_map(
                self.module, self.n_features_in_, self.n_features_target_, self.input_shape
            )
        module.load_state_dict(self.weights_)
        return module
