"""Pseudo-labels, the surest of each class first."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.domains.labels import BLANK
from landbridge.domains.parameters import check_number
from landbridge.mapping.relabelling.self_training import (
    SelfTraining,
    class_probabilities,
)
from landbridge.moments.feature_map import stack
from landbridge.source import fit_learner


def surest_of_each_class(codes: NDArray, confidence: NDArray, share: float) -> NDArray[np.bool_]:
    """Which rows are among the surest ``share`` of those with the same code, at least one each.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.relabelling.pseudo_labels import surest_of_each_class
    >>> codes, sure = np.array([0, 0, 0, 0, 1, 1]), np.array([0.9, 0.8, 0.7, 0.99, 0.6, 0.55])
    >>> surest_of_each_class(codes, sure, 0.5)
    array([ True, False, False,  True,  True, False])
    """
    chosen = np.zeros(len(codes), dtype=bool)
    for code in np.unique(codes):
        rows = np.flatnonzero(codes == code)
        n_kept = int(np.ceil(share * len(rows)))
        chosen[rows[np.argsort(-confidence[rows], kind="stable")[:n_kept]]] = True
    return chosen


class PseudoLabels(SelfTraining):
    r"""Label target rows by a learner that has learned from its surest labels, class by class.

    In each of R rounds the learner is trained on the source rows, the labelled target rows and
    the target rows picked before; then, of the target rows that it gives to a class, the surest
    share :math:`r p / R` are picked for the next round. Picking within each class keeps easy
    classes from crowding out the others (Zou, Yu, Kumar & Wang 2018, class-balanced
    self-training).

    Parameters
    ----------
    learner : scikit-learn classifier with ``predict_proba``, optional
        It is cloned, never changed; logistic regression on scaled features by default. Sparse
        rows reach it sparse.
    max_iter : int, default=5
        The number of rounds R; more take the steps smaller.
    share : float, default=1.0
        The share p of each class's target rows that the last round learns from; less leaves out
        the doubtful.

    Attributes
    ----------
    labels_ : ndarray of shape (n_t,)
    confidence_ : ndarray of shape (n_t,)
        The probability of the label.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.relabelling.pseudo_labels import PseudoLabels
    >>> rng = np.random.default_rng(0)
    >>> ys = np.repeat(["no", "yes"], 100)
    >>> Xs = rng.normal(size=(200, 2)) + 4.0 * (ys == "yes")[:, None]
    >>> mapping = PseudoLabels().fit(Xs, Xs + 1.0, ys=ys)
    >>> float((mapping.labels_ == ys).mean()) > 0.97
    True
    """

    cost = "R fits and predictions of the learner"
    when = "the source model is mostly right on the target, and surest where it is right"

    def __init__(self, learner: Any = None, max_iter: int = 5, share: float = 1.0):
        self.learner = learner
        self.max_iter = max_iter
        self.share = share

    def _guess(
        self, Xs: Any, cs: NDArray, weights: NDArray, Xt: Any, known: NDArray, n_classes: int
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        check_number("max_iter", self.max_iter, least=1, whole=True)
        check_number("share", self.share, above=True, most=1)
        learner, codes = self._learner(Xs), known
        for number in range(self.max_iter + 1):
            picked = codes != BLANK
            w = np.concatenate([weights, np.ones(picked.sum())])
            labels = np.concatenate([cs, codes[picked]])
            model = fit_learner(learner, stack((Xs, Xt[picked])), labels, w / w.mean())
            probabilities = class_probabilities(model, Xt, n_classes)
            found = probabilities.argmax(axis=1)
            sure = probabilities.max(axis=1)
            chosen = surest_of_each_class(found, sure, self.share * (number + 1) / self.max_iter)
            codes = np.where(known != BLANK, known, np.where(chosen, found, BLANK))
        return found, sure
