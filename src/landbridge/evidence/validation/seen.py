"""What may be seen of a fitted model where no target row has a label, each worked out once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from scipy.special import expit, softmax
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline

from landbridge.domains import (
    as_labels,
    check_rows,
    check_weights,
    class_names,
    is_labelled,
    labelled_rows,
)
from landbridge.domains.folds import content_key
from landbridge.evidence.validation.label_free import classifier_weights
from landbridge.source import has_probabilities
from landbridge.source.unlabelled import as_probabilities
from landbridge.transfer import Transfer

LARGEST_PROBABILITY_ERROR = 1e-15


@dataclass(frozen=True)
class Seen:
    """A fitted model, labelled source rows and bare target rows: all that a validator sees.

    Parameters
    ----------
    model : fitted Transfer, classifier or regressor
        Of a pipeline, the steps before the last are applied to both domains' rows first.
    Xs, ys : array-like of shape (n_s, d_s) and (n_s,)
        Labelled source rows; those that the model was not fitted to tell more.
    Xt : array-like of shape (n_t, d_t)
        Target rows.
    sample_weight : array-like of shape (n_s,), optional
        Weights of the source rows.
    others : sequence of fitted models
        The other candidates, for a validator that compares with them.
    max_rows : int, default=1000
        Rows of a domain that are looked at, drawn by their content.
    random_state : int, default=0

    Raises
    ------
    ValueError
        If rows, labels and weights do not fit together, or a domain has fewer than 2 rows.
    TypeError
        If labels are text and the model's classes numbers, or the other way round.
    """

    model: Any
    Xs: Any
    ys: Any
    Xt: Any
    sample_weight: Any = None
    others: Sequence[Any] = ()
    max_rows: int = 1000
    random_state: int = 0
    before: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        model = self.model
        if isinstance(model, Pipeline):
            self._set("before", model[:-1] if len(model.steps) > 1 else None)
            self._set("model", model[-1])
        Xs, Xt = (self._prepared(X, name) for X, name in ((self.Xs, "Xs"), (self.Xt, "Xt")))
        ys = as_labels(self.ys, Xs.shape[0], "ys")
        weights = check_weights(self.sample_weight, Xs.shape[0], "sample_weight")
        weights = np.ones(Xs.shape[0]) if weights is None else np.asarray(weights, np.float64)
        if self.classifies:
            class_names(ys, getattr(self.model, "classes_", ys))
        known = is_labelled(ys) & (weights > 0)
        if min(known.sum(), Xt.shape[0]) < 2:
            raise ValueError(
                "To judge a model without target labels takes 2 labelled source rows and 2 target "
                f"rows at least: found {int(known.sum())} of weight above zero, and {Xt.shape[0]}."
            )
        rows = np.flatnonzero(known)
        rows = rows[self._drawn(Xs[rows])]
        self._set("Xs", Xs[rows])
        self._set("ys", labelled_rows(Xs[rows], ys[rows])[1])
        self._set("sample_weight", weights[rows])
        self._set("Xt", Xt[self._drawn(Xt)])

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _prepared(self, X: ArrayLike, name: str) -> Any:
        return check_rows(X if self.before is None else self.before.transform(X), name, sparse=True)

    def _drawn(self, X: Any) -> NDArray[np.intp]:
        """Which rows are looked at: all in order, or some that their content decides."""
        if X.shape[0] <= self.max_rows:
            return np.arange(X.shape[0])
        order = np.argsort(content_key(X), kind="stable")
        rng = np.random.default_rng(self.random_state)
        return np.sort(rng.permutation(order)[: self.max_rows])

    @property
    def classifies(self) -> bool:
        """Whether labels are classes."""
        return is_classifier(self.model)

    @property
    def mapping(self) -> Any:
        """The fitted mapping; ``None`` of a model without one."""
        return getattr(self.model, "mapping_", None) if isinstance(self.model, Transfer) else None

    @cached_property
    def predicted_target(self) -> NDArray:
        """The label of each target row (n_t,)."""
        return self.model.predict(self.Xt)

    @cached_property
    def predicted_source(self) -> NDArray:
        """The label of each source row (n_s,), carried over."""
        return self._of_source("predict")

    @property
    def gives_probabilities(self) -> bool:
        """Whether there are probabilities, or margins to make some of."""
        return has_probabilities(self.model) or hasattr(self._inner, "decision_function")

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """Of each class for each target row (n_t, n_classes); where there are none, by margins."""
        if has_probabilities(self.model):
            return as_probabilities(self.model.predict_proba(self.Xt))
        return self._by_margins(
            self.Xt if self.mapping is None else self.mapping.transform_target(self.Xt)
        )

    @cached_property
    def source_probabilities(self) -> NDArray[np.float64]:
        """Of each class for each source row (n_s, n_classes), carried over."""
        if has_probabilities(self.model):
            return as_probabilities(self._of_source("predict_proba"))
        return self._by_margins(
            self.Xs if self.mapping is None else self.mapping.transform(self.Xs)
        )

    @cached_property
    def met(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Source rows and target rows where both domains meet."""
        if self.mapping is None:
            return _dense(self.Xs), _dense(self.Xt)
        return tuple(
            _dense(found)
            for found in (self.mapping.transform(self.Xs), self.mapping.transform_target(self.Xt))
        )  # type: ignore[return-value]

    @cached_property
    def input_ratios(self) -> NDArray[np.float64]:
        """Density ratios, target over source, of the source rows as they came (n_s,)."""
        if self.Xs.shape[1] != self.Xt.shape[1]:
            raise ValueError(
                "Importance weights compare rows of the same features: Xs has "
                f"{self.Xs.shape[1]}, Xt has {self.Xt.shape[1]}. Use the validator "
                '"dev", which compares them where both meet.'
            )
        return self._ratios(_dense(self.Xs), _dense(self.Xt))

    @cached_property
    def met_ratios(self) -> NDArray[np.float64]:
        """Density ratios of the source rows where both domains meet (n_s,)."""
        return self._ratios(*self.met)

    @cached_property
    def carried_weights(self) -> NDArray[np.float64]:
        """How the model weighs the source rows: by its mapping, where that reweighs."""
        if self.mapping is None or self.mapping.how != "reweigh":
            return self.sample_weight
        return self.sample_weight * self.mapping.weights(self.Xs, self.ys)

    @cached_property
    def losses(self) -> NDArray[np.float64]:
        """Cross-entropy of each source row's label, or the squared error (n_s,)."""
        if not self.classifies:
            return (self.predicted_source - np.asarray(self.ys, dtype=np.float64)) ** 2
        classes = self.model.classes_
        own = np.zeros(len(self.ys))
        for k, label in enumerate(classes.tolist()):
            there = self.ys == label
            own[there] = self.source_probabilities[there, k]
        return -np.log(np.clip(own, LARGEST_PROBABILITY_ERROR, 1.0))

    def _ratios(self, Xs: NDArray, Xt: NDArray) -> NDArray[np.float64]:
        order_s, order_t = (np.argsort(content_key(X), kind="stable") for X in (Xs, Xt))
        found = np.empty(len(Xs))
        found[order_s] = classifier_weights(
            Xs[order_s], Xt[order_t], random_state=self.random_state
        )
        return found

    def _of_source(self, method: str) -> NDArray:
        ask = getattr(self.model, method)
        if self.mapping is None:
            return ask(self.Xs)
        return ask(self.Xs, sample_domain=np.ones(self.Xs.shape[0]))

    @property
    def _inner(self) -> Any:
        """The learner behind the mapping."""
        if self.mapping is None:
            return self.model
        return getattr(self.model.target_, "learner_", self.model.target_)

    def _by_margins(self, rows: Any) -> NDArray[np.float64]:
        """Margins as logits: of two classes through the logistic function, else by softmax."""
        if not hasattr(self._inner, "decision_function"):
            raise ValueError(
                f"{type(self._inner).__name__} has neither probabilities nor margins, so this "
                'validator cannot judge it. Use "source", "iwcv", "reverse" or "mixval", which '
                "need predictions alone."
            )
        margins = np.asarray(self._inner.decision_function(rows), dtype=np.float64)
        if margins.ndim == 1:
            return as_probabilities(np.column_stack([expit(-margins), expit(margins)]))
        return as_probabilities(softmax(margins, axis=1))


def _dense(rows: Any) -> NDArray[np.float64]:
    return np.asarray(rows.toarray() if issparse(rows) else rows, dtype=np.float64)
