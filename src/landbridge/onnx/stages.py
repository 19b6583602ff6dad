"""A target predictor as a chain of stages, from the rows of the target to outputs.

This module imports PyTorch; ``export`` imports it when it is called.
"""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline
from torch import nn

from landbridge.domains.memory import check_memory
from landbridge.mapping import DeepTransfer
from landbridge.source import has_probabilities, learner_name, linear_parameters
from landbridge.target import Pooled, Refit, TargetLearner, TargetOnly, WrappedLearner
from landbridge.target.fine_tune.start import FromNetwork, rows_seen
from landbridge.training.model import NetworkModel, softmax
from landbridge.training.networks import Cut
from landbridge.transfer import Transfer

PLAIN = (Pooled, Refit, TargetOnly)
"""The target learners that predict as the learner within does."""
SCALES = (1.0, 1e3, 1e6)
"""How large rows are that a map is tried with: a curved map is curved at one of these sizes."""
N_PROBES = 5


class Affine(nn.Module):
    """``x A + b`` in double precision, so that large means take nothing from small differences."""

    matrix: torch.Tensor
    offset: torch.Tensor

    def __init__(self, matrix: NDArray, offset: NDArray):
        super().__init__()
        self.register_buffer("matrix", torch.from_numpy(matrix.astype(np.float64)))
        self.register_buffer("offset", torch.from_numpy(offset.astype(np.float64)))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Rows (n, k) of rows (n, d), in single precision."""
        return (X.double() @ self.matrix + self.offset).float()


class Chain(NamedTuple):
    """Stages one after the other, what a row is to the first, and the classes of the last."""

    stages: list[nn.Module]
    input_shape: tuple[int, ...]
    classes: NDArray | None
    """``None`` in regression."""


class Predictor(nn.Module):
    """The whole chain: logits and probabilities, or the values (n,) of a regression."""

    def __init__(self, chain: Chain):
        super().__init__()
        self.stages, self.classifies = nn.Sequential(*chain.stages), chain.classes is not None

    def forward(self, X: torch.Tensor) -> Any:
        """The outputs for rows (n, ...)."""
        found = self.stages(X)
        return (found, found.softmax(dim=1)) if self.classifies else found[:, 0]


def chain_of(model: Any) -> Chain:
    """The chain of stages that predicts as a fitted model does.

    Raises
    ------
    TypeError
        If something in it is neither a network in PyTorch nor linear.
    """
    if isinstance(model, Transfer):
        return _of_transfer(model)
    if not isinstance(model, NetworkModel):
        return _of_learner(model)
    return _of_network(model, is_flat=model.input_shape is not None)


def _of_transfer(model: Transfer) -> Chain:
    """The mapping of target rows before what the target learner is."""
    if not hasattr(model, "target_"):  # it was fitted without a target
        return _of_learner(model.source_)
    mapping, last = model.mapping_, _of_learner(model.target_)
    if isinstance(mapping, DeepTransfer):
        body = _network_of(mapping).body
        return _before([body], _of_network(mapping, is_flat=True), last)
    name = f"the mapping {type(mapping).__name__}"
    front = _affine(mapping.transform_target, mapping.n_features_target_, name)
    return Chain(front + last.stages, (mapping.n_features_target_,), last.classes)


def _before(stages: list[nn.Module], first: Chain, last: Chain) -> Chain:
    """The start of one chain, these stages, and another chain."""
    return Chain([*first.stages[:-1], *stages, *last.stages], first.input_shape, last.classes)


def _of_learner(model: Any) -> Chain:
    """The chain of a learner in the meeting space, of flat rows."""
    if isinstance(model, FrozenEstimator):
        return _of_learner(model.estimator)
    if isinstance(model, (GridSearchCV, RandomizedSearchCV)):
        return _of_learner(model.best_estimator_)
    if isinstance(model, WrappedLearner) and type(model) in PLAIN:
        return _of_learner(model.learner_)
    if isinstance(model, Pipeline):
        return _of_pipeline(model)
    if isinstance(model, NetworkModel):
        return _of_network(model, is_flat=True)
    return _of_linear(model)


def _of_pipeline(model: Pipeline) -> Chain:
    last = _of_learner(model.steps[-1][1])
    if len(model.steps) == 1:
        return last
    names = ", ".join(type(step).__name__ for _, step in model.steps[:-1])
    n_features = model.n_features_in_
    front = _affine(model[:-1].transform, n_features, f"what stands before the learner ({names})")
    return Chain(front + last.stages, (n_features,), last.classes)


def _of_network(model: Any, is_flat: bool) -> Chain:
    """Body and head, and what a tuned network had before them; flat rows are brought to shape."""
    front: list[nn.Module] = []
    shape = model.input_shape_
    if isinstance(model, FromNetwork):
        start = model.start_
        front = _affine(
            lambda X: rows_seen(start, X),
            model.n_features_in_,
            "what stands before the network that was tuned",
        )
    if (front or is_flat) and len(shape) > 1:
        front = [*front, nn.Unflatten(1, shape)]
    if front:
        shape = (model.n_features_in_,)
    classes = model.classes_ if model.task == "classification" else None
    return Chain([*front, _network_of(model)], shape, classes)


def _network_of(model: Any) -> Cut:
    """A copy of the target's network, on the CPU and in evaluation mode."""
    network = model.network_
    if not isinstance(network, nn.Module):
        raise TypeError(
            f"{type(model).__module__}.{type(model).__name__} holds a network that is not "
            "PyTorch's: export it with Keras's own model.export(path, format='onnx'), as "
            "network_.body.layer and network_.head.layer."
        )
    own: Any = copy.deepcopy(network)
    return Cut(own.body, own.head).cpu().float().eval()


def _of_linear(model: Any) -> Chain:
    """A linear layer, of a learner whose probabilities are a softmax where it has some."""
    parameters = linear_parameters(model)
    classifies = is_classifier(model)
    if parameters is None or (classifies and not has_probabilities(model)):
        raise _not_exported(model)
    coef, intercept = parameters
    if classifies and len(coef) == 1:  # of two classes the first has the logit 0
        coef = np.concatenate([np.zeros_like(coef), coef])
        intercept = np.concatenate([np.zeros(1), intercept])
    if classifies and not _is_softmax(model, coef, intercept):
        raise _not_exported(model)
    return Chain(
        [Affine(coef.T, intercept)], (coef.shape[1],), model.classes_ if classifies else None
    )


def _is_softmax(model: Any, coef: NDArray, intercept: NDArray) -> bool:
    rows = np.random.default_rng(0).standard_normal((N_PROBES, coef.shape[1]))
    return np.allclose(softmax(rows @ coef.T + intercept), model.predict_proba(rows), atol=1e-6)


def _not_exported(model: Any) -> TypeError:
    kind = "target learner" if isinstance(model, TargetLearner) else "learner"
    return TypeError(
        f"The {kind} {learner_name(model)} cannot be exported: it is neither a network in PyTorch "
        "nor linear with softmax probabilities. Choose NetworkSource, FineTune, a logistic or a "
        "linear regression as what predicts in the target, trained by Pooled, Refit or TargetOnly."
    )


def _affine(function: Callable[[NDArray], Any], n_features: int, what: str) -> list[nn.Module]:
    """The stage that a map of rows (n, d) is; none where it leaves rows as they are.

    The map is tried with rows of several sizes, and believed to be affine where all of them are
    carried as the origin and the axes say.

    Raises
    ------
    TypeError
        If it is not affine.
    """
    draw = np.random.default_rng(0).standard_normal
    probes = np.concatenate([size * draw((N_PROBES, n_features)) for size in SCALES])
    try:
        carried = np.asarray(function(probes))
        if carried.shape == probes.shape and (carried == probes).all():
            return []
        check_memory(
            8.0 * n_features**2, f"The matrix of {what}", "Map fewer features, or export without."
        )
        offset = np.asarray(function(np.zeros((1, n_features))))
        matrix = np.asarray(function(np.eye(n_features))) - offset
        size = np.abs(carried).max(axis=1, keepdims=True) + np.abs(offset).max()
        is_affine = (np.abs(probes @ matrix + offset - carried) <= 1e-6 * size).all()
    except ValueError:  # a map of matrices, say, that does not take such rows
        is_affine = False
    if not is_affine:
        raise TypeError(
            f"What is exported may have only affine maps before the network: {what} is not "
            "affine. Export the network by itself, and map rows before it."
        )
    return [Affine(matrix, offset[0])]
