"""What every estimator with a network inside does: build it, keep it, and predict by it."""

import warnings
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import ClassifierTags, RegressorTags, check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from landbridge.domains import as_labels, check_weights
from landbridge.domains.class_weight import ClassWeight, class_weights
from landbridge.domains.folds import content_key
from landbridge.domains.parameters import check_choice, check_number
from landbridge.training.batches import ArrayBatches, unless_all_one
from landbridge.training.engine import need_torch, own_chance, usable_device
from landbridge.training.loading import rows_of
from landbridge.training.options import Training
from landbridge.training.rows import flat, n_axes, network_rows, outputs, parts_of
from landbridge.training.trainer import Trainer, parameters_of

TASKS = ("classification", "regression")
LOSSES = ("cross-entropy", "focal", "logit-adjusted", "ldam")
AUTO = "auto"
FEWEST_HELD_OUT = 10
"""With fewer rows held out none are."""
USUAL_SHARE, USUAL_FEWEST = 0.1, 50
"""What ``"auto"`` holds out: fewer say less of the best epoch than they would have taught."""


def softmax(logits: NDArray) -> NDArray[np.float64]:
    """Probabilities (n, k) of logits, in double precision."""
    grown = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return grown / grown.sum(axis=1, keepdims=True)


class NetworkModel:
    """An estimator around a network that is cut into body and head.

    To be mixed into a scikit-learn estimator that has the parameters named here. What it learned
    lies in ``weights_``, as plain arrays; ``network_`` is built from them when it is needed.
    """

    network: Any
    task: str
    head: str | None
    input_shape: Any
    loss: str
    class_weight: ClassWeight
    balanced_batches: bool
    validation_share: float | str
    training: Training | None
    random_state: Any

    weights_: dict[str, NDArray]
    classes_: NDArray
    input_shape_: tuple[int, ...]
    n_outputs_: int

    def predict(self, X: ArrayLike) -> NDArray:
        """The labels (n,) expected for rows (n, ...)."""
        found = self._outputs(X)
        return self.classes_[found.argmax(axis=1)] if self._classifies else found[:, 0]

    @available_if(lambda self: self.task == "classification")
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probabilities (n, n_classes), in the order of ``classes_``."""
        return softmax(self._outputs(X))

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Accuracy, or R² in regression."""
        measure = accuracy_score if self._classifies else r2_score
        return float(measure(as_labels(y), self.predict(X), sample_weight=sample_weight))

    @property
    def network_(self) -> Any:
        """The trained network, ``body`` and ``head``, in evaluation mode."""
        check_is_fitted(self)
        if "_network" not in vars(self):
            self._network = self._rebuilt().eval()
        return self._network

    @property
    def _classifies(self) -> bool:
        return self.task == "classification"

    def _options(self) -> Training:
        return Training() if self.training is None else self.training

    def _seed(self) -> int:
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _check_parameters(self) -> None:
        self._need_framework()
        check_choice("task", self.task, TASKS)
        check_choice("loss", self.loss, LOSSES)
        check_number("validation_share", self.validation_share, words=(AUTO,), below=1.0)
        self._options().check()

    def _first_rows(self, X: Any, name: str = "X") -> NDArray:
        """Rows in the network's shape, which is set by them."""
        rows = network_rows(X, name, self.input_shape)
        validate_data(self, flat(X), skip_check_array=True)
        self.input_shape_ = rows.shape[1:]
        return rows

    def _rows(self, X: Any) -> NDArray:
        """Rows to predict for, in the network's shape."""
        X = rows_of(X)
        rows = network_rows(X, "X")
        validate_data(self, flat(X), reset=False, skip_check_array=True)
        return rows.reshape(-1, *self.input_shape_)

    def _check_targets(
        self, y: Any, n_rows: int, sample_weight: Any, name: str = "y"
    ) -> tuple[NDArray, NDArray[np.float32]]:
        """Class numbers or values, and weights of mean 1; the classes are set by them."""
        if n_axes(y) == 2:
            warnings.warn(
                "A column-vector y was passed when a 1d array was expected: give y.ravel().",
                DataConversionWarning,
                stacklevel=3,
            )
        labels = as_labels(y, n_rows, name)
        weights = check_weights(sample_weight, n_rows, "sample_weight")
        if self._classifies:
            check_classification_targets(labels)
            weights = class_weights(labels, self.class_weight, weights)
            self.classes_, codes = np.unique(labels, return_inverse=True)
            if len(self.classes_) < 2:
                raise ValueError(
                    f"{name} has one class only, {self.classes_[0]!r}: give two classes at least."
                )
        else:
            codes = labels.astype(np.float32)
        weights = np.ones(n_rows) if weights is None else weights
        return codes, (weights / weights.mean()).astype(np.float32)

    def _held_out(
        self, X: NDArray, y: NDArray, weights: NDArray, seed: int
    ) -> tuple[NDArray, NDArray]:
        """Rows to learn from and rows to hold out, drawn from their order by content."""
        order = np.argsort(content_key(X.reshape(len(X), -1)), kind="stable")
        order = order[weights[order] > 0]
        share, fewest = self.validation_share, FEWEST_HELD_OUT
        if share == AUTO:
            share, fewest = USUAL_SHARE, USUAL_FEWEST
        n_out = int(share * len(order))
        if n_out < fewest:
            return order, order[:0]
        drawn = np.random.default_rng(seed).permutation(order)
        if self._classifies:  # no class is held out as a whole
            first = np.unique(y[drawn], return_index=True)[1]
            drawn = np.concatenate([np.delete(drawn, first), drawn[first]])
        return drawn[n_out:], drawn[:n_out]

    def _batches(self, X: NDArray, y: NDArray, weights: NDArray) -> ArrayBatches:
        return self._batches_type(
            X,
            y,
            unless_all_one(weights),
            batch_size=self._options().batch_size,
            is_balanced=self.balanced_batches and self._classifies,
        )

    def _keep(self, trainer: Trainer, network: Any) -> None:
        """What was learned, as plain arrays."""
        self._network = network.eval()
        self.n_outputs_ = network.head.out_features
        self.weights_ = self._arrays(network.state_dict())
        self.history_ = trainer.history
        self.n_epochs_, self.best_epoch_ = trainer.n_epochs, trainer.best_epoch

    def _outputs(self, X: Any) -> NDArray:
        check_is_fitted(self)
        return self._run(self.network_, self._rows(X))

    def _needed(self, network: Any, n_outputs: int) -> Any:
        """A network that gives as many numbers as are needed."""
        found = network.head.out_features
        if found != n_outputs:
            raise ValueError(
                f"The network gives {found} numbers a row, and {n_outputs} are needed: one for "
                "each class, or one in regression. Change its last layer."
            )
        return network

    def _shares(self, y: NDArray) -> NDArray[np.float32]:
        """How common each class is among these class numbers."""
        counts = np.bincount(y, minlength=len(self.classes_))
        return (counts / counts.sum()).astype(np.float32)

    def __sklearn_is_fitted__(self) -> bool:
        return "weights_" in vars(self)

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_network"}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.target_tags.required = True
        if self._classifies:
            tags.estimator_type, tags.classifier_tags = "classifier", ClassifierTags()
        else:
            tags.estimator_type, tags.regressor_tags = "regressor", RegressorTags()
        tags.non_deterministic = self.random_state is None
        return tags

    # What follows is all that knows PyTorch; the twins in Keras give their own.

    _trainer_type = Trainer
    _batches_type = ArrayBatches
    _parameters_of = staticmethod(parameters_of)

    def _need_framework(self) -> None:
        need_torch()

    def _device(self) -> Any:
        return usable_device(self._options().device)

    def _chance(self, seed: int) -> AbstractContextManager:
        """Where all that is drawn depends on the seed."""
        return own_chance(seed, self._device())

    def _built(self, input_shape: tuple[int, ...], n_outputs: int) -> Any:
        """A fresh network, cut into body and head."""
        from landbridge.training.networks import cut, make_network

        module = make_network(self.network, input_shape, n_outputs)
        network = cut(module, need_torch().zeros(2, *input_shape), self.head)
        return self._needed(network, n_outputs)

    def _rebuilt(self) -> Any:
        """The network with the weights that were learned."""
        torch = need_torch()
        from landbridge.training.networks import known_weights

        with own_chance(0, torch.device("cpu")), known_weights():
            network = self._built(self.input_shape_, self.n_outputs_)
        network.load_state_dict({k: torch.as_tensor(v) for k, v in self.weights_.items()})
        return network

    def _arrays(self, state: dict[str, Any]) -> dict[str, NDArray]:
        """Weights and statistics as arrays."""
        return {name: value.detach().cpu().numpy() for name, value in state.items()}

    def _run(self, module: Any, rows: NDArray) -> NDArray:
        """What a network, or a part of one, makes of rows in evaluation mode."""
        return outputs(module, rows, self._device())

    def _parts(self, rows: NDArray) -> Any:
        """Rows as tensors, so many at once."""
        return parts_of(rows, self._device())

    def _loss(self, y: NDArray, device: Any, name: str | None = None) -> Any:
        """The loss over class numbers or values such as these."""
        from landbridge.training.losses import make_loss

        if not self._classifies:
            return make_loss("squared error", None)
        shares = need_torch().from_numpy(self._shares(y)).to(device)
        return make_loss(name or self.loss, shares)

    def _mean_loss(self, loss: Any, network: Any, X: NDArray, *labelled: NDArray) -> float:
        """A loss over rows, their labels and weights, the network in evaluation mode."""
        device = self._device()
        tensors = [need_torch().from_numpy(values).to(device) for values in labelled]
        found = need_torch().from_numpy(self._run(network, X)).to(device)
        return float(loss(found, *tensors))
