"""Correct a classifier for class shares that differ in the target."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix
from sklearn.utils.validation import check_is_fitted

from landbridge.domains.folds import smallest_class, stratified_folds
from landbridge.domains.parameters import check_choice, check_number
from landbridge.mapping.base import Carried
from landbridge.moments.priors import bbse_priors, em_priors, rlls_priors
from landbridge.source import (
    fit_learner,
    has_probabilities,
    learner_name,
)
from landbridge.target.base import WrappedLearner, row_weights
from landbridge.target.calibration import KINDS, calibrate, fit_calibration

METHODS = ("em", "bbse", "rlls")
ILL_CONDITIONED = 100.0


def reweigh_posteriors(
    probabilities: NDArray, source_priors: NDArray, target_priors: NDArray
) -> NDArray[np.float64]:
    r"""Probabilities under other priors: :math:`q_{ik} \propto p_{ik}\, \pi^t_k / \pi^s_k`.

    (Saerens, Latinne & Decaestecker 2002, eq. 2.4.)

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.target import reweigh_posteriors
    >>> reweigh_posteriors(np.array([[0.5, 0.5]]), np.array([0.5, 0.5]), np.array([0.2, 0.8]))
    array([[0.2, 0.8]])
    """
    joint = probabilities * (target_priors / source_priors)
    total = joint.sum(axis=1, keepdims=True)
    return np.divide(joint, total, out=np.array(probabilities, dtype=float), where=total > 0)


class LabelShift(WrappedLearner):
    r"""A classifier trained on carried rows and corrected for the target's class shares.

    Where the classes look the same in both domains and only their shares differ, a source
    classifier's probabilities become right by :math:`\pi^t_k / \pi^s_k`. The shares
    :math:`\pi^t` are estimated from the features of all target rows. Target labels are not used:
    rows picked for labelling seldom have the target's shares.

    The probabilities are first calibrated on out-of-fold probabilities of the carried rows, by
    default by bias-corrected temperature scaling (Alexandari, Kundaje & Shrikumar 2020).

    Parameters
    ----------
    learner : scikit-learn classifier with ``predict_proba``
        It is cloned, never changed.
    method : {"em", "bbse", "rlls"}, default="em"
        How the shares are estimated: by expectation maximisation (Saerens, Latinne &
        Decaestecker 2002; with calibration the maximum likelihood of Alexandari et al. 2020), by
        solving for them with the confusions of the carried rows (Lipton, Wang & Smola 2018), or
        so with a penalty on their change (Azizzadenesheli et al. 2019), for few rows. All then
        reweigh the probabilities; the learner is not refitted.
    calibration : {"bias-corrected", "vector", "temperature", None}, default="bias-corrected"
        How the probabilities are calibrated, see ``fit_calibration``. ``"vector"`` has a slope
        for each class and wants many carried rows of each; ``None`` takes the learner at its word.
    cv : int, default=5
        Number of folds, at most the rows of the rarest class.

    Attributes
    ----------
    learner_ : fitted classifier
    source_priors_, priors_ : ndarray of shape (n_classes,)
        Class shares of the carried rows and of the target.
    calibration_ : ndarray of shape (1 + n_classes,) or (2 n_classes,)
        Slopes (inverse temperatures), then biases.
    condition_ : float
        The condition number of the confusions (methods "bbse" and "rlls"; 1 otherwise).
    notes_ : list of str
        Says so where the confusions tell too little, or a class is found to be absent.

    Raises
    ------
    ValueError
        If the learner is no classifier or has no probabilities, ``method`` or ``calibration`` is
        unknown, ``cv`` is below 2, or a class has a single carried row.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from landbridge.mapping import Carried
    >>> from landbridge.target import LabelShift
    >>> rng = np.random.default_rng(0)
    >>> ys, hidden = np.repeat([0, 1], [500, 500]), np.repeat([0, 1], [900, 100])
    >>> carried = Carried(2.0 * ys[:, None] + rng.normal(size=(1000, 1)), ys)
    >>> Xt = 2.0 * hidden[:, None] + rng.normal(size=(1000, 1))
    >>> shift = LabelShift(LogisticRegression()).fit(carried, Xt, np.full(1000, np.nan))
    >>> shift.priors_.round(1)
    array([0.9, 0.1])
    """

    def __init__(
        self,
        learner: Any,
        *,
        method: str = "em",
        calibration: str | None = "bias-corrected",
        cv: int = 5,
    ):
        self.learner = learner
        self.method = method
        self.calibration = calibration
        self.cv = cv

    def predict(self, X: Any) -> NDArray:
        """The most probable class (n,) of target rows (n, d), under the target's shares."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def predict_proba(self, X: Any) -> NDArray:
        """The probability (n, n_classes) of each class under the target's shares."""
        check_is_fitted(self)
        return reweigh_posteriors(self._calibrated(X), self.source_priors_, self.priors_)

    def _fit(self, carried: Carried, Xt: Any, yt: NDArray, model: Any) -> None:
        self._check(carried.y)
        self._train(carried.X, carried.y, carried.sample_weight)
        codes = np.searchsorted(self.classes_, carried.y)
        weights = row_weights(carried)
        held_out = self._out_of_fold(carried)
        self.calibration_ = fit_calibration(held_out, codes, weights, self.calibration)
        self.source_priors_ = np.bincount(codes, weights) / weights.sum()
        self.condition_ = 1.0
        if self.method == "em":
            self.priors_ = em_priors(self._calibrated(Xt), self.source_priors_)
        else:
            guesses = calibrate(held_out, self.calibration_).argmax(axis=1)
            self._solve(confusion_matrix(codes, guesses, sample_weight=weights), Xt)
        self._note_doubts()

    def _solve(self, confusion: NDArray, Xt: Any) -> None:
        predicted = self._calibrated(Xt).argmax(axis=1)
        share = np.bincount(predicted, minlength=len(confusion))
        solve = bbse_priors if self.method == "bbse" else rlls_priors
        self.priors_, self.condition_ = solve(confusion, share)

    def _note_doubts(self) -> None:
        if not self.priors_.all():
            absent = self.classes_[self.priors_ == 0].tolist()
            self.notes_.append(f"Found to be absent from the target, never predicted: {absent}.")
        if self.condition_ > ILL_CONDITIONED:
            self.notes_.append(
                f"The class shares rest on little: the confusions' condition number is "
                f"{self.condition_:.3g}, above {ILL_CONDITIONED:.0f}."
            )

    def _calibrated(self, X: Any) -> NDArray:
        return calibrate(self.learner_.predict_proba(X), self.calibration_)

    def _out_of_fold(self, carried: Carried) -> NDArray:
        held_out = np.empty((len(carried.y), len(self.classes_)))
        n_folds = min(self.cv, smallest_class(carried.y))
        for train, test in stratified_folds(carried.X, carried.y, n_folds):
            weights = None if carried.sample_weight is None else carried.sample_weight[train]
            part = fit_learner(self.learner, carried.X[train], carried.y[train], weights)
            held_out[test] = part.predict_proba(carried.X[test])
        return held_out

    def _check(self, y: NDArray) -> None:
        check_choice("method", self.method, METHODS)
        check_choice("calibration", self.calibration, KINDS)
        check_number("cv", self.cv, least=2, whole=True)
        if not has_probabilities(self.learner):
            raise ValueError(
                f"LabelShift needs a classifier with predict_proba: {learner_name(self.learner)} "
                "has none. Use LogisticRegression, a forest, or CalibratedClassifierCV around it."
            )
        if smallest_class(y) < 2:
            classes, counts = np.unique(y, return_counts=True)
            raise ValueError(
                f"LabelShift needs two carried rows of each class: {classes[counts.argmin()]!r} "
                "has one. Leave that class out, or use Refit."
            )
