"""Boosting that trusts target rows more and misleading source rows less, round by round."""

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier, is_regressor
from sklearn.utils.validation import check_is_fitted

from landbridge.domains.folds import folds_by_content
from landbridge.domains.labels import class_names, labelled_rows
from landbridge.domains.parameters import check_number
from landbridge.mapping.base import Carried
from landbridge.source import fit_learner, learner_name, weight_parameter
from landbridge.target.base import TargetLearner, WrappedLearner
from landbridge.target.pooled import pool

LEAST_ERROR = 1e-6
"""A faultless round counts as if it had erred by so much: its vote stays finite."""

ROUNDING = 1e-12


def source_discount(n_source: int, n_rounds: int) -> float:
    r""":math:`\beta = 1 / (1 + \sqrt{2 \ln n_s / N})`, the factor on source rows that err."""
    return float(1.0 / (1.0 + np.sqrt(2.0 * np.log(n_source) / n_rounds)))


def adjusted_errors(predicted: NDArray, y: NDArray) -> NDArray[np.float64]:
    """Absolute errors over the largest of them, from 0 to 1 (Drucker 1997)."""
    errors = np.abs(predicted - y)
    largest = errors.max()
    return errors / largest if largest > 0 else errors


def vote_of(error: float, n_classes: int = 2) -> float:
    r"""``ln((1 − ε) / ε) + ln(K − 1)``: zero for guessing, more for fewer errors.

    :math:`\ln 1/\beta_t` of boosting for two classes, and that of Zhu et al. (2009) for more.
    """
    if error >= 1.0 - 1.0 / n_classes - ROUNDING:
        return 0.0
    error = max(error, LEAST_ERROR)
    return float(np.log((1.0 - error) / error) + np.log(n_classes - 1.0))


def tradaboost_step(
    weights: NDArray, errors: NDArray, n_source: int, discount: float, n_classes: int = 2
) -> tuple[NDArray[np.float64], float]:
    r"""The weights of the next round, with a mean of one, and this round's vote.

    The error of the round is that of the target rows, :math:`\epsilon = \sum_t w e / \sum_t w`.
    A source row is multiplied by :math:`\beta^{e_i}`, so it counts less the more it errs; a
    target row by :math:`e^{a e_i}` with the vote a, so it counts more.

    Parameters
    ----------
    weights : ndarray of shape (n,)
        Of source rows, then of target rows.
    errors : ndarray of shape (n,)
        How far each row errs, from 0 to 1.
    n_source : int
        How many of the rows are of the source.
    discount : float
        β, see ``source_discount``.
    n_classes : int
        2 in regression.
    """
    on_target = weights[n_source:]
    vote = vote_of(float(on_target @ errors[n_source:] / on_target.sum()), n_classes)
    rates = np.full(len(weights), vote)
    rates[:n_source] = np.log(discount)
    changed = weights * np.exp(rates * errors)
    return changed / changed.mean(), vote


def weighted_median(values: NDArray, weights: NDArray) -> NDArray[np.float64]:
    """The median (n,) of each column of values (k, n), row j weighing ``weights[j]``.

    The least value whose rows up to it have half of all weight.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.target.boosting import weighted_median
    >>> weighted_median(np.array([[1.0], [2.0], [9.0]]), np.array([1.0, 1.0, 3.0]))
    array([9.])
    """
    order = np.argsort(values, axis=0, kind="stable")
    below = np.cumsum(weights[order], axis=0)
    middle = (below >= below[-1] / 2).argmax(axis=0)
    columns = np.arange(values.shape[1])
    return values[order[middle, columns], columns]


class _Boosted(WrappedLearner):
    """What learners boosted from carried and target rows have in common: checks, and the pool."""

    def _rows(self, carried: Carried, Xt: Any, yt: NDArray) -> tuple[Any, NDArray, NDArray]:
        """Carried rows, then labelled target rows; all weigh the same unless the source's do."""
        self._check_labels(yt)
        X, y, weights = pool(carried, *labelled_rows(Xt, yt), 1.0)
        self._check_enough(y)
        return X, y, weights / weights.mean()

    def _check_learner(self, is_right_kind: bool, kind: str, other: str) -> None:
        name = type(self).__name__
        if not is_right_kind:
            raise ValueError(
                f"{name} needs a {kind}: {learner_name(self.learner)} is none. For it use {other}."
            )
        if weight_parameter(self.learner) is None:
            raise ValueError(
                f"{name} weighs rows anew in each round, but {learner_name(self.learner)} takes no "
                "sample weights. Choose a learner that takes them, such as a tree, "
                "LogisticRegression or Ridge."
            )


class _TrAdaBoost(_Boosted):
    """The rounds that classification and regression share."""

    def __init__(self, learner: Any, *, n_estimators: int = 50):
        self.learner = learner
        self.n_estimators = n_estimators

    def _fit(self, carried: Carried, Xt: Any, yt: NDArray, model: Any) -> None:
        self._check_kind()
        check_number("n_estimators", self.n_estimators, least=1, whole=True)
        X, y, weights = self._rows(carried, Xt, yt)
        self._boost(X, y, weights, len(carried.y))

    def _boost(self, X: Any, y: NDArray, weights: NDArray, n_source: int) -> None:
        n_classes = len(class_names(y)) if is_classifier(self) else 2
        discount = source_discount(n_source, self.n_estimators)
        learners, votes, shares = [], [], []
        for _ in range(self.n_estimators):
            shares.append(weights[:n_source].sum() / weights.sum())
            learners.append(fit_learner(self.learner, X, y, weights))
            errors = self._errors(learners[-1].predict(X), y)
            weights, vote = tradaboost_step(weights, errors, n_source, discount, n_classes)
            votes.append(vote)
        self.source_share_ = np.array(shares)
        self._keep_second_half(learners, np.array(votes))

    def _keep_second_half(self, learners: list, votes: NDArray) -> None:
        half = -(-self.n_estimators // 2) - 1
        self.learners_, self.votes_ = learners[half:], votes[half:]
        if not self.votes_.any():
            self.notes_.append(
                "No round did better than guessing on labelled target rows: all vote alike."
            )
            self.votes_ = np.ones(len(self.votes_))

    @abstractmethod
    def _check_kind(self) -> None:
        """Refuse learners of the other task, and those without weights."""

    @abstractmethod
    def _errors(self, predicted: NDArray, y: NDArray) -> NDArray[np.float64]:
        """How far each row errs, from 0 to 1."""


class TrAdaBoost(_TrAdaBoost):
    r"""Boosting of carried and target rows that drops source rows which mislead.

    In each of N rounds the learner is trained on all rows. Source rows :math:`i` that it gets
    wrong are multiplied by :math:`\beta = 1 / (1 + \sqrt{2 \ln n_s / N})`, target rows by
    :math:`1/\beta_t = (1 - \epsilon_t) / \epsilon_t` with :math:`\epsilon_t` the weighted error on
    target rows; the rounds from :math:`\lceil N/2 \rceil` on vote by :math:`\ln 1/\beta_t` (Dai,
    Yang, Xue & Yu 2007, figure 1). For K classes :math:`1/\beta_t` is multiplied by K - 1, which
    leaves two classes as they were and asks of a round only to beat guessing among K (as SAMME
    does, Zhu et al. 2009). A round that does not has no vote.

    Parameters
    ----------
    learner : scikit-learn classifier that takes sample weights
        It is cloned, never changed; it needs no probabilities.
    n_estimators : int, default=50
        The number of rounds N; more drop misleading source rows more gently.

    Attributes
    ----------
    learners_ : list of fitted classifiers
        Those of the rounds that vote.
    votes_ : ndarray of shape (n_learners,)
    source_share_ : ndarray of shape (n_estimators,)
        The share of all weight that source rows had in each round.
    classes_ : ndarray of shape (n_classes,)
    notes_ : list of str

    Raises
    ------
    ValueError
        If no target row is labelled, the learner is no classifier or takes no weights, or
        ``n_estimators`` is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from landbridge.mapping import Carried
    >>> from landbridge.target.boosting import TrAdaBoost
    >>> X = np.arange(20.0)[:, None]
    >>> carried = Carried(X, np.where(X.ravel() < 14, "low", "high"))
    >>> yt = np.where(X.ravel() < 10, "low", "high")
    >>> stump = DecisionTreeClassifier(max_depth=1, random_state=0)
    >>> boosted = TrAdaBoost(stump, n_estimators=10).fit(carried, X, yt)
    >>> boosted.predict(X[8:12])
    array(['low', 'low', 'high', 'high'], dtype='<U4')
    """

    def predict(self, X: Any) -> NDArray:
        """The class (n,) with most votes for target rows (n, d) in the meeting space."""
        shares = self.predict_proba(X)
        return self.classes_[shares.argmax(axis=1)]

    def predict_proba(self, X: Any) -> NDArray:
        """The share (n, n_classes) of the votes for each class."""
        check_is_fitted(self)
        votes = np.zeros((X.shape[0], len(self.classes_)))
        for learner, vote in zip(self.learners_, self.votes_):
            votes += vote * (learner.predict(X)[:, None] == self.classes_)
        return votes / self.votes_.sum()

    @property
    def classes_(self) -> NDArray:
        """The classes of either domain, in the order of the probabilities."""
        return self.learners_[0].classes_

    def _check_kind(self) -> None:
        self._check_learner(is_classifier(self.learner), "classifier", "TrAdaBoostR2")

    def _errors(self, predicted: NDArray, y: NDArray) -> NDArray[np.float64]:
        return (predicted != y).astype(float)


class TrAdaBoostR2(_TrAdaBoost):
    r"""Boosted regression on carried and target rows that drops source rows which mislead.

    ``TrAdaBoost`` with the adjusted error :math:`e_i = |y_i - h_t(x_i)| / \max_j |y_j - h_t(x_j)|`
    in place of right and wrong, and the weighted median of the rounds from
    :math:`\lceil N/2 \rceil` on (Pardoe & Stone 2010, section 3.2).

    Parameters
    ----------
    learner : scikit-learn regressor that takes sample weights
        It is cloned, never changed.
    n_estimators : int, default=50
        The number of rounds N; more drop misleading source rows more gently.

    Attributes
    ----------
    learners_ : list of fitted regressors
        Those of the rounds that vote.
    votes_ : ndarray of shape (n_learners,)
    source_share_ : ndarray of shape (n_estimators,)
        The share of all weight that source rows had in each round.
    notes_ : list of str

    Raises
    ------
    ValueError
        If no target row is labelled, the learner is no regressor or takes no weights, or
        ``n_estimators`` is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from landbridge.mapping import Carried
    >>> from landbridge.target.boosting import TrAdaBoostR2
    >>> X = np.arange(20.0)[:, None]
    >>> carried = Carried(X, np.where(X.ravel() < 15, X.ravel(), 90.0))
    >>> boosted = TrAdaBoostR2(LinearRegression()).fit(carried, X, X.ravel())
    >>> float(np.abs(boosted.predict(X) - X.ravel()).max()) < 1.0
    True
    """

    def predict(self, X: Any) -> NDArray:
        """The number (n,) expected for target rows (n, d) in the meeting space."""
        check_is_fitted(self)
        return weighted_median(np.array([h.predict(X) for h in self.learners_]), self.votes_)

    def _check_kind(self) -> None:
        self._check_learner(is_regressor(self.learner), "regressor", "TrAdaBoost")

    def _errors(self, predicted: NDArray, y: NDArray) -> NDArray[np.float64]:
        return adjusted_errors(predicted, y)


def adaboost_r2(
    learner: Any, X: Any, y: NDArray, weights: NDArray, n_source: int, n_rounds: int
) -> tuple[list, NDArray[np.float64]]:
    r"""Learners and their votes by AdaBoost.R2, the weights of source rows left as they are.

    A target row that errs by :math:`e_i` is multiplied by :math:`\beta_t^{1 - e_i}` with
    :math:`\beta_t = \epsilon_t / (1 - \epsilon_t)`, and target rows together keep their share of
    all weight; rounds end where :math:`\epsilon_t` reaches a
    half (Pardoe & Stone 2010, algorithms 1 and 3; Drucker 1997). The first round is always kept.
    """
    learners: list = []
    votes: list[float] = []
    for _ in range(n_rounds):
        fitted = fit_learner(learner, X, y, weights)
        errors = adjusted_errors(fitted.predict(X), y)
        error = float(weights @ errors / weights.sum())
        if error >= 0.5 and learners:
            break
        learners.append(fitted)
        votes.append(vote_of(error))
        if error >= 0.5 or error == 0:
            break
        on_target = weights[n_source:] * np.exp(-votes[-1] * (1.0 - errors[n_source:]))
        on_target *= weights[n_source:].sum() / on_target.sum()
        weights = np.concatenate([weights[:n_source], on_target])
    return learners, np.array(votes) if any(votes) else np.ones(len(votes))


def shift_weight(
    weights: NDArray, errors: NDArray, n_source: int, target_share: float
) -> NDArray[np.float64]:
    r"""Weights with a mean of one, a share of which is on target rows.

    Source rows are multiplied by :math:`\beta^{e_i}`, with β in [0, 1] such that target rows have
    ``target_share`` of all weight (Pardoe & Stone 2010, algorithm 3, step 4). Where no β gives so
    much, because source rows without error keep theirs, all source rows are scaled down.
    """
    source, target = weights[:n_source], weights[n_source:].sum()
    wanted = target * (1.0 - target_share) / target_share
    moved = source * _power_for(source, errors[:n_source], wanted)
    if moved.sum() > 0:
        moved = moved * min(1.0, wanted / moved.sum())
    changed = np.concatenate([moved, weights[n_source:]])
    return changed / changed.mean()


def _power_for(weights: NDArray, errors: NDArray, wanted: float) -> NDArray[np.float64]:
    """``β^e`` with ``Σ w β^e`` nearest to what is wanted, by bisection on β."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if weights @ middle**errors > wanted else (middle, high)
    return low**errors


class TwoStageTrAdaBoostR2(_Boosted):
    r"""Boosted regression that hands the weight over from the source to the target by steps.

    Stage one lets the target's share of all weight grow from :math:`m/(n+m)` to 1 in S even
    steps, at the cost of the source rows that err most, by :math:`\beta^{e_i}`. Stage two boosts
    by AdaBoost.R2 at each step, the source's weights left alone. The step with the least
    cross-validated squared error on labelled target rows is kept (Pardoe & Stone 2010,
    algorithm 3).

    Parameters
    ----------
    learner : scikit-learn regressor that takes sample weights
        It is cloned, never changed.
    n_steps : int, default=10
        The number of steps S; more try more shares, and take longer.
    n_estimators : int, default=10
        The most rounds of boosting in a step.
    cv : int, default=5
        Number of folds of the labelled target rows, at most their number.

    Attributes
    ----------
    learners_ : list of fitted regressors
        Those of the step that was kept.
    votes_ : ndarray of shape (n_learners,)
    errors_ : ndarray of shape (n_steps,)
        The cross-validated mean squared error of each step.
    target_share_ : float
        The target's share of all weight in the step that was kept.
    notes_ : list of str

    Raises
    ------
    ValueError
        If fewer than two target rows are labelled, the learner is no regressor or takes no
        weights, or a number is too small.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from landbridge.mapping import Carried
    >>> from landbridge.target.boosting import TwoStageTrAdaBoostR2
    >>> X = np.arange(20.0)[:, None]
    >>> carried = Carried(X, 50.0 - X.ravel())
    >>> boosted = TwoStageTrAdaBoostR2(LinearRegression()).fit(carried, X, X.ravel())
    >>> boosted.target_share_, boosted.predict(X[:3]).round(6)
    (1.0, array([0., 1., 2.]))
    """

    def __init__(self, learner: Any, *, n_steps: int = 10, n_estimators: int = 10, cv: int = 5):
        self.learner = learner
        self.n_steps = n_steps
        self.n_estimators = n_estimators
        self.cv = cv

    def predict(self, X: Any) -> NDArray:
        """The number (n,) expected for target rows (n, d) in the meeting space."""
        check_is_fitted(self)
        return weighted_median(np.array([h.predict(X) for h in self.learners_]), self.votes_)

    def _fit(self, carried: Carried, Xt: Any, yt: NDArray, model: Any) -> None:
        self._check_learner(is_regressor(self.learner), "regressor", "TrAdaBoost")
        for name, least in (("n_steps", 2), ("n_estimators", 1), ("cv", 2)):
            check_number(name, getattr(self, name), least=least, whole=True)
        X, y, weights = self._rows(carried, Xt, yt)
        n_source = len(carried.y)
        if len(y) - n_source < 2:
            raise ValueError(
                "TwoStageTrAdaBoostR2 leaves labelled target rows out in turn and needs two: "
                "found 1. Label more rows, or use TrAdaBoostR2."
            )
        path = self._weight_path(X, y, weights, n_source)
        folds = self._folds(X, y, n_source)
        self.errors_ = np.array([self._held_out_error(X, y, w, folds, n_source) for w in path])
        best = path[int(self.errors_.argmin())]
        self.target_share_ = float(best[n_source:].sum() / best.sum())
        self.learners_, self.votes_ = self._boost(X, y, best, n_source)

    def _weight_path(
        self, X: Any, y: NDArray, weights: NDArray, n_source: int
    ) -> list[NDArray[np.float64]]:
        """The weights of each step, the target's share growing evenly to one."""
        path = [weights]
        first = weights[n_source:].sum() / weights.sum()
        for share in np.linspace(first, 1.0, self.n_steps)[1:]:
            fitted = fit_learner(self.learner, X, y, path[-1])
            errors = adjusted_errors(fitted.predict(X), y)
            path.append(shift_weight(path[-1], errors, n_source, share))
        return path

    def _folds(self, X: Any, y: NDArray, n_source: int) -> list[NDArray]:
        n_folds = min(self.cv, len(y) - n_source)
        folds = folds_by_content(X[n_source:], y[n_source:, None], n_folds)
        return [n_source + rows for rows in folds]

    def _held_out_error(
        self, X: Any, y: NDArray, weights: NDArray, folds: list[NDArray], n_source: int
    ) -> float:
        total = 0.0
        for test in folds:
            train = np.setdiff1d(np.arange(len(y)), test)
            learners, votes = self._boost(X[train], y[train], weights[train], n_source)
            predicted = weighted_median(np.array([h.predict(X[test]) for h in learners]), votes)
            total += float(((predicted - y[test]) ** 2).sum())
        return total / (len(y) - n_source)

    def _boost(self, X: Any, y: NDArray, weights: NDArray, n_source: int) -> tuple[list, NDArray]:
        kept = weights > 0  # a learner may not like rows that weigh nothing
        n_kept = int(kept[:n_source].sum())
        return adaboost_r2(self.learner, X[kept], y[kept], weights[kept], n_kept, self.n_estimators)


def tradaboost(learner: Any) -> TargetLearner:
    """``TrAdaBoostR2`` or ``TrAdaBoost``, whichever does the learner's task."""
    return TrAdaBoostR2(learner) if is_regressor(learner) else TrAdaBoost(learner)
