"""What methods have in common that label target rows by what a learner predicts for them."""

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import has_fit_parameter

from landbridge.domains import class_names, encode
from landbridge.domains.folds import content_key
from landbridge.mapping.relabelling.base import Relabelling

BLANK = -1
"""The code of a row without a label; labels themselves never have this code."""


def fit_weighted(learner: Any, X: Any, y: NDArray, weights: NDArray) -> Any:
    """A clone of a learner, fitted to weighted rows; equal weights are passed to none.

    Raises
    ------
    ValueError
        If the weights differ and the learner takes none.
    """
    if np.ptp(weights) == 0:
        return clone(learner).fit(X, y)
    last, prefix = learner, ""
    if isinstance(learner, Pipeline):
        prefix, last = f"{learner.steps[-1][0]}__", learner.steps[-1][1]
    if not has_fit_parameter(last, "sample_weight"):
        raise ValueError(
            f"{type(last).__name__} takes no sample weights, but the rows weigh differently. "
            "Choose a learner that takes them, such as LogisticRegression or a forest."
        )
    return clone(learner).fit(X, y, **{f"{prefix}sample_weight": weights / weights.mean()})


def class_probabilities(model: Any, X: Any, n_classes: int) -> NDArray[np.float64]:
    """Probabilities (n, n_classes) by a model of class codes; zero for classes it has not seen."""
    spread = np.zeros((X.shape[0], n_classes))
    spread[:, model.classes_] = model.predict_proba(X)
    return spread


class SelfTraining(Relabelling):
    """A learner labels target rows, and learns from its own labels.

    A method of this form implements ``_guess``. Rows reach it in an order that depends on what is
    in them alone.
    """

    needs_classes: ClassVar[bool] = True

    learner: Any

    def _relabel(
        self, Xs: Any, ys: NDArray, Xt: Any, yt: NDArray | None, sample_weight: NDArray | None
    ) -> tuple[NDArray, NDArray]:
        given = np.full(Xt.shape[0], None) if yt is None else yt
        classes = class_names(ys, given)
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs rows of two classes: found only {classes.tolist()}."
            )
        codes = encode(ys, classes).astype(int)
        known = np.nan_to_num(encode(given, classes), nan=BLANK).astype(int)
        weights = np.ones(len(ys)) if sample_weight is None else sample_weight
        s, t = np.lexsort((codes, content_key(Xs))), np.lexsort((known, content_key(Xt)))
        found, confidence = self._guess(
            Xs[s], codes[s], weights[s] / weights.mean(), Xt[t], known[t], len(classes)
        )
        back = np.argsort(t)
        return classes[found][back], confidence[back]

    def _learner(self, X: Any) -> Any:
        if self.learner is not None:
            self._check_learner()
            return self.learner
        scaler = StandardScaler(with_mean=not issparse(X))
        return make_pipeline(scaler, LogisticRegression(max_iter=1000))

    def _check_learner(self) -> None:
        if not hasattr(self.learner, "predict_proba"):
            raise ValueError(
                f"{type(self).__name__} picks rows by their probabilities: "
                f"{type(self.learner).__name__} has no predict_proba. Use LogisticRegression or "
                "a forest."
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @abstractmethod
    def _guess(
        self, Xs: Any, cs: NDArray, weights: NDArray, Xt: Any, known: NDArray, n_classes: int
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Class codes (n_t,) of target rows and confidence, from class codes ``cs`` of source rows.

        ``known`` holds the given codes of target rows, -1 where there is none; the weights of
        source rows are 1 on average.
        """


def check_fraction(value: float, name: str) -> None:
    """Refuse shares of rows that are not above zero and at most one."""
    if not 0 < value <= 1:
        raise ValueError(f"{name} must be a share above 0 and at most 1: found {value!r}.")


def check_rounds(value: int, name: str) -> None:
    """Refuse fewer than one round."""
    if value < 1:
        raise ValueError(f"{name} must be at least 1: found {value!r}.")
