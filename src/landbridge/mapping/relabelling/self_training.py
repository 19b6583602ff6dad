"""What methods have in common that label target rows by what a learner predicts for them."""

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from landbridge.domains import class_names
from landbridge.domains.folds import content_key
from landbridge.domains.labels import codes_of
from landbridge.mapping.relabelling.base import Relabelling
from landbridge.source import has_probabilities, learner_name, make_learner


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
    takes_sparse: ClassVar[bool] = True

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
        codes, known = codes_of(ys, classes), codes_of(given, classes)
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
        return make_learner("logistic", "classification", sparse=issparse(X))

    def _check_learner(self) -> None:
        if not has_probabilities(self.learner):
            raise ValueError(
                f"{type(self).__name__} picks rows by their probabilities: "
                f"{learner_name(self.learner)} has no predict_proba. Use LogisticRegression or "
                "a forest."
            )

    @abstractmethod
    def _guess(
        self, Xs: Any, cs: NDArray, weights: NDArray, Xt: Any, known: NDArray, n_classes: int
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Class codes (n_t,) of target rows and confidence, from class codes ``cs`` of source rows.

        ``known`` holds the given codes of target rows, -1 where there is none; the weights of
        source rows are 1 on average.
        """
