"""Where fine-tuning starts: the network inside a source model, and rows as that network sees them.

A source model may be wrapped: seen through a mapping, at the end of a pipeline, or frozen.
"""

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from landbridge.source import CarriedModel, LinearHead
from landbridge.training import need_torch
from landbridge.training.model import NetworkModel


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
