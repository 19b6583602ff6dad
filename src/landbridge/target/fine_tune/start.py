"""Where a learner starts that goes on from a network: the one inside a source model.

A source model may be wrapped: seen through a mapping, at the end of a pipeline, or frozen; then
rows are taken to where the network sees them.
"""

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import validate_data

from landbridge.domains import check_rows
from landbridge.source import CarriedModel, LinearHead, learner_name
from landbridge.target.base import TargetLearner
from landbridge.training import need_torch
from landbridge.training.model import NetworkModel
from landbridge.training.rows import flat, network_rows


class FromNetwork(NetworkModel, TargetLearner):
    """A target learner that goes on from the network of a source model.

    That is the parameter ``network`` where one is given, else the source model of ``Transfer``;
    ``start_`` keeps it, and rows go through whatever is wrapped around it.
    """

    uses_model = True

    def _set_start(self, model: Any) -> None:
        """The model to start from: the network given, else the source model; ``None`` of a module.

        Raises
        ------
        ValueError
            If neither has a network, or the one given is not fitted.
        """
        name = type(self).__name__
        given = self.network if self.network is not None else model
        inner = network_model(given)
        if inner is None and self.network is None:
            found = "no source model" if model is None else learner_name(unwrapped(model))
            raise ValueError(
                f"{name} goes on from a network: found {found}. Give NetworkSource as the "
                f"source of Transfer, or a network to {name} itself."
            )
        if isinstance(inner, NetworkModel) and not inner.__sklearn_is_fitted__():
            raise ValueError(
                f"network is a {type(inner).__name__} that is not fitted. Fit it first; where a "
                "search or Transfer clones it, give FrozenEstimator(network) of sklearn.frozen."
            )
        if isinstance(inner, NetworkModel) and inner._trainer_type is not self._trainer_type:
            raise ValueError(
                f"{name} goes on from a network of its own framework: found "
                f"{type(inner).__module__}.{type(inner).__name__}. Train the source by "
                "landbridge.NetworkSource for PyTorch, landbridge.keras.NetworkSource for Keras."
            )
        self.start_ = None if inner is None else given

    def _first_rows(self, X: Any, name: str = "X") -> NDArray:
        inner = network_model(self.start_)
        if inner is None:
            return super()._first_rows(X, name)
        checked = check_rows(flat(X), name)
        validate_data(self, flat(X), skip_check_array=True)
        shape = inner.input_shape_ if isinstance(inner, NetworkModel) else None
        rows = network_rows(rows_seen(self.start_, checked), name, shape)
        self.input_shape_ = rows.shape[1:]
        return rows

    def _rows(self, X: Any) -> NDArray:
        checked = check_rows(flat(X), "X")
        validate_data(self, flat(X), reset=False, skip_check_array=True)
        rows = network_rows(rows_seen(self.start_, checked), "X")
        return rows.reshape(-1, *self.input_shape_)


def network_model(model: Any) -> NetworkModel | LinearHead | None:
    """The estimator with a network inside a source model; ``None`` where there is none.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.source import LinearHead
    >>> from landbridge.target.fine_tune.start import network_model
    >>> head = LinearHead(np.eye(2), np.zeros(2), np.array(["a", "b"]))
    >>> network_model(head) is head, network_model("no model")
    (True, None)
    """
    found = unwrapped(model)
    return found if isinstance(found, (NetworkModel, LinearHead)) else None


def unwrapped(model: Any) -> Any:
    """The model that is seen through a mapping, is the last of a pipeline, or is frozen."""
    if isinstance(model, CarriedModel):
        return unwrapped(model.model)
    if isinstance(model, FrozenEstimator):
        return unwrapped(model.estimator)
    return unwrapped(model.steps[-1][1]) if isinstance(model, Pipeline) else model


def rows_seen(model: Any, X: Any) -> Any:
    """Rows (n, d) as they reach the network inside: carried back to the source, and scaled."""
    if isinstance(model, CarriedModel):
        return rows_seen(model.model, model.mapping.inverse_transform(X))
    if isinstance(model, FrozenEstimator):
        return rows_seen(model.estimator, X)
    if isinstance(model, Pipeline) and len(model.steps) > 1:
        return model[:-1].transform(X)
    return X


def classes_in(model: NetworkModel | LinearHead) -> NDArray | None:
    """The classes of the model's head, in order; ``None`` in regression."""
    if isinstance(model, LinearHead):
        return model.classes
    return model.classes_ if model.task == "classification" else None


def cut_in(model: NetworkModel | LinearHead) -> Any:
    """A copy of the model's network, body and head; of a head alone the body changes nothing."""
    from landbridge.training.networks import Cut

    if isinstance(model, NetworkModel):
        network = copy.deepcopy(model.network_)
        return Cut(network.body, network.head)
    torch = need_torch()
    head = torch.nn.Linear(model.weight.shape[1], len(model.weight))
    values = {"weight": model.weight, "bias": model.bias}
    head.load_state_dict({name: torch.from_numpy(value) for name, value in values.items()})
    return Cut(torch.nn.Flatten(), head)


def rows_of_head(known: NDArray | None, classes: NDArray | None) -> NDArray[np.intp]:
    """For each class (k,) its row in a head of ``known`` classes, -1 where it has none.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.target.fine_tune.start import rows_of_head
    >>> rows_of_head(np.array(["cat", "dog"]), np.array(["bee", "dog"]))
    array([-1,  1])
    """
    if known is None or classes is None:
        same = known is None and classes is None
        return np.array([0 if same else -1] * (1 if classes is None else len(classes)))
    places = {value: k for k, value in enumerate(known.tolist())}
    return np.array([places.get(value, -1) for value in classes.tolist()])


def with_head(network: Any, rows: NDArray[np.intp]) -> Any:
    """The network with a head of these rows of its own; a new one where the number is -1."""
    torch = need_torch()
    old = network.head
    head = torch.nn.Linear(old.in_features, len(rows), bias=old.bias is not None)
    kept = torch.from_numpy(rows >= 0)
    with torch.no_grad():
        for name, values in head.named_parameters():
            values[kept] = getattr(old, name)[torch.from_numpy(rows[rows >= 0])].to(values)
    network.head = head
    return network
