"""What every target learner does, and the form of those that wrap one scikit-learn learner."""

from abc import abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from landbridge.domains.class_weight import ClassWeight, class_weights
from landbridge.domains.labels import class_names, common_labels, is_labelled
from landbridge.mapping.base import Carried
from landbridge.source import fit_learner, has_probabilities, learner_name


def row_weights(carried: Carried) -> NDArray[np.float64]:
    """The weights of the carried rows, 1 each where they have none."""
    return np.ones(len(carried.y)) if carried.sample_weight is None else carried.sample_weight


class TargetLearner(BaseEstimator):
    """A learner that goes on learning in the target with what was carried over.

    Attributes
    ----------
    notes_ : list of str
        Decisions that ``fit`` took and its caller should know of; often empty.
    """

    notes_: list[str]
    uses_model = False
    """Whether ``fit`` looks at the source model; where not, none need be given."""

    def fit(self, carried: Carried, Xt: Any, yt: NDArray, model: Any = None) -> Self:
        """Learn from carried source rows and target rows.

        Parameters
        ----------
        carried : Carried
            Labelled source rows (n_s, d) where both domains meet, and their weights.
        Xt : array or CSR matrix of shape (n_t, d)
            All target rows, in the same space.
        yt : ndarray of shape (n_t,)
            Their labels, ``None`` or ``NaN`` where there is none.
        model : fitted learner, optional
            The source model as seen from the meeting space.

        Raises
        ------
        ValueError
            If the learner cannot do with what it is given; the message says what is missing.
        TypeError
            If the labels of both domains cannot be compared.
        """
        self.notes_ = []
        ys, yt = self._common_labels(carried.y, yt)
        self._fit(carried._replace(y=ys), Xt, yt, model)
        return self

    @abstractmethod
    def predict(self, X: Any) -> NDArray:
        """The labels (n,) expected for target rows (n, d) in the meeting space."""

    @abstractmethod
    def _fit(self, carried: Carried, Xt: Any, yt: NDArray, model: Any) -> None:
        """Set the fitted attributes; labels are of one type in both domains."""

    def _common_labels(self, ys: NDArray, yt: NDArray) -> tuple[NDArray, NDArray]:
        if is_classifier(self):
            return common_labels(ys, yt)[:2]
        return _as_numbers(ys, "the source labels"), _as_numbers(yt, "yt")

    def _check_labels(self, yt: NDArray) -> None:
        if not is_labelled(yt).any():
            raise ValueError(
                f"{type(self).__name__} needs labelled target rows: none of {len(yt)} has a "
                "label. Label some, or use Refit, which needs none."
            )


def _as_numbers(y: NDArray, name: str) -> NDArray[np.float64]:
    try:
        return np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError):
        text = next(value for value in y.tolist() if isinstance(value, str))
        raise ValueError(
            f"Regression needs numbers as labels: {name} hold {text!r}. Use a classifier, or "
            "turn the labels into numbers."
        ) from None


class WrappedLearner(TargetLearner):
    """A target learner that is one scikit-learn learner, trained on the rows it chooses.

    Attributes
    ----------
    learner_ : fitted classifier or regressor
    """

    learner: Any

    def predict(self, X: Any) -> NDArray:
        """The labels (n,) expected for target rows (n, d) in the meeting space."""
        check_is_fitted(self)
        return self.learner_.predict(self._view(X))

    @available_if(lambda self: has_probabilities(self.learner))
    def predict_proba(self, X: Any) -> NDArray:
        """The probability (n, n_classes) of each class for target rows (n, d)."""
        check_is_fitted(self)
        return self.learner_.predict_proba(self._view(X))

    @property
    def classes_(self) -> NDArray:
        """The classes that the learner was trained with, in the order of the probabilities."""
        return self.learner_.classes_

    def _view(self, X: Any) -> Any:
        """Target rows as the wrapped learner sees them."""
        return X

    def _train(
        self,
        X: Any,
        y: NDArray,
        sample_weight: NDArray | None = None,
        class_weight: ClassWeight = None,
    ) -> None:
        self._check_enough(y)
        if class_weight is not None and not is_classifier(self):
            raise ValueError(
                f"class_weight is for classification: found {class_weight!r} with the regressor "
                f"{learner_name(self.learner)}. Leave it None."
            )
        weights = class_weights(y, class_weight, sample_weight)
        self.learner_ = fit_learner(self.learner, X, y, weights)

    def _check_enough(self, y: NDArray) -> None:
        if is_classifier(self) and len(classes := class_names(y)) < 2:
            raise ValueError(
                f"{type(self).__name__} needs rows of two classes to learn from: found only "
                f"{classes.tolist()}. Give it labelled rows of another class."
            )
        if len(y) < 2:
            raise ValueError(
                f"{type(self).__name__} needs two labelled rows to learn from: found {len(y)}. "
                "Label more rows."
            )

    def __sklearn_tags__(self) -> Any:
        tags, own = super().__sklearn_tags__(), get_tags(self.learner)
        tags.estimator_type = own.estimator_type
        tags.classifier_tags, tags.regressor_tags = own.classifier_tags, own.regressor_tags
        tags.input_tags.sparse = own.input_tags.sparse
        return tags
