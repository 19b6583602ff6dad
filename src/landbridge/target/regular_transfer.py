"""Linear learners drawn towards the source's weights."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin, RegressorMixin, is_regressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from landbridge.domains.folds import smallest_class, stratified_folds
from landbridge.domains.labels import class_names, encode, is_labelled, labelled_rows
from landbridge.domains.parameters import check_choice, check_number
from landbridge.mapping.base import Carried
from landbridge.moments.minimise import minimise
from landbridge.source import (
    fit_learner,
    has_probabilities,
    linear_parameters,
    make_learner,
)
from landbridge.target.base import TargetLearner
from landbridge.target.softmax import cross_entropy

RELATIVE_PENALTIES = np.logspace(-4.0, 4.0, 17)
FEWEST_TO_CHOOSE = 3
NEWTON_NUMBERS = 4_000_000
"""Products of features and rows, 32 MB, up to which a path is found by Newton's method."""
NEWTON_STEPS = 50


def ridge_towards(
    X: NDArray, y: NDArray, coef: NDArray, reg: float
) -> tuple[NDArray[np.float64], float]:
    r"""Weights and intercept with the least ``Σ(y − Xw − b)² + reg ‖w − coef‖²``.

    With :math:`U \Sigma V^\top` the centred rows and r what ``coef`` leaves of y,
    :math:`w = \mathrm{coef} + V \Sigma (\Sigma^2 + \lambda)^{-1} U^\top r`.
    """
    mean, (U, s, Vt) = X.mean(axis=0), np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    w = coef + Vt.T @ (_shrunk(s, reg) * (U.T @ (y - X @ coef)))
    return w, float(y.mean() - mean @ w)


def _shrunk(s: NDArray, reg: float) -> NDArray:
    """``s / (s² + reg)``, zero for directions in which the rows do not vary."""
    varies = s > s.max(initial=0.0) * len(s) * np.finfo(float).eps
    return np.divide(s, s**2 + reg, out=np.zeros(len(s)), where=varies)


def leave_one_out_errors(
    X: NDArray, y: NDArray, coef: NDArray, penalties: NDArray
) -> NDArray[np.float64]:
    """Mean squared error of ``ridge_towards`` for each penalty, each row left out in turn.

    In closed form: a residual over one less its leverage (Allen 1974).
    """
    U, s, _ = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    rest = y - X @ coef
    rest = rest - rest.mean()
    kept = np.array([s * _shrunk(s, reg) for reg in penalties])
    residuals = rest - (kept * (U.T @ rest)) @ U.T
    leverages = 1 / len(y) + kept @ (U**2).T
    return ((residuals / np.maximum(1 - leverages, 1e-12)) ** 2).mean(axis=1)


def logistic_loss(scores: NDArray, codes: NDArray) -> tuple[float, NDArray[np.float64]]:
    """``-Σ log p(codesᵢ)`` and its slope in scores (n, k): k of all classes, 1 for the second."""
    loss, slope = cross_entropy(class_scores(scores), codes)
    return loss, slope[:, -scores.shape[1] :]


def squared_hinge_loss(scores: NDArray, codes: NDArray) -> tuple[float, NDArray[np.float64]]:
    """``Σ max(0, 1 − s)²`` and its slope in scores (n, k), each class against all others.

    s is the score of a row's own class, and minus the score of another.
    """
    signs = -np.ones((len(codes), max(scores.shape[1], 2)))
    signs[np.arange(len(codes)), codes] = 1.0
    signs = signs[:, -scores.shape[1] :]
    short = np.maximum(1.0 - signs * scores, 0.0)
    return float((short**2).sum()), -2.0 * signs * short


class Loss(NamedTuple):
    """A loss of linear classifiers, and what goes with it."""

    of: Callable[[NDArray, NDArray], tuple[float, NDArray[np.float64]]]
    curvature: float
    """The largest second derivative in a score."""
    apart: float
    """A score for the second of two classes, as scores of both: ``(-apart, apart)`` times it."""


LOSSES = {
    "logistic": Loss(logistic_loss, 0.25, 0.5),
    "squared_hinge": Loss(squared_hinge_loss, 2.0, 1.0),
}


def loss_towards(
    theta: NDArray, X: NDArray, codes: NDArray, prior: NDArray, reg: float, loss: str = "logistic"
) -> tuple[float, NDArray[np.float64]]:
    r"""``Σ loss(xᵢ Wᵀ, codesᵢ) + reg ‖W − prior‖²`` and its gradient in ``theta = W.ravel()``.

    Each row of W holds the weights of a class; a single row those of the second of two classes.
    """
    W = theta.reshape(prior.shape)
    value, slope = LOSSES[loss].of(X @ W.T, codes)
    gap = W - prior
    return value + reg * float((gap**2).sum()), (slope.T @ X + 2 * reg * gap).ravel()


def class_scores(scores: NDArray) -> NDArray:
    """Scores (n, k) of every class; the first of two has zero."""
    return np.hstack([np.zeros_like(scores), scores]) if scores.shape[1] == 1 else scores


def fit_towards(
    X: NDArray,
    codes: NDArray,
    prior: NDArray,
    reg: float,
    loss: str = "logistic",
    max_iter: int = 1000,
) -> NDArray[np.float64]:
    """The weights W (k, d) that minimise ``loss_towards``, by L-BFGS from the prior."""
    scale = np.sqrt(1.0 + 2.0 * reg)  # steps in units of the penalty's curvature

    def objective(step: NDArray) -> tuple[float, NDArray]:
        value, slope = loss_towards(prior.ravel() + step / scale, X, codes, prior, reg, loss)
        return value, slope / scale

    step = minimise(
        objective,
        np.zeros(prior.size),
        max_iter,
        "RegularTransferClassifier",
        instead="Scale the features, or raise reg.",
    )
    return prior + step.reshape(prior.shape) / scale


def path_towards(
    X: NDArray, codes: NDArray, prior: NDArray, penalties: NDArray, loss: str = "logistic"
) -> NDArray[np.float64]:
    """The weights (P, k, d) of ``fit_towards`` for every penalty.

    Logistic regression of two classes on few features is found for all penalties at once.
    """
    n, d = X.shape
    if loss == "logistic" and len(prior) == 1 and n * d**2 <= NEWTON_NUMBERS:
        return logistic_path(X, codes, prior[0], penalties)[:, None]
    return np.array([fit_towards(X, codes, prior, reg, loss) for reg in penalties])


def logistic_path(
    X: NDArray, codes: NDArray, prior: NDArray, penalties: NDArray
) -> NDArray[np.float64]:
    """Weights (P, d) of the second of two classes, a row a penalty, by Newton's method.

    The objective is strictly convex: a step is halved until it falls by a tenth of what its slope
    promises (Armijo's rule), and the last ones converge quadratically.
    """
    reg, d = penalties[:, None], X.shape[1]
    products = (X[:, :, None] * X[:, None, :]).reshape(len(X), d * d)

    def objective(W: NDArray) -> NDArray:
        scores = W @ X.T
        losses = np.logaddexp(0.0, scores).sum(axis=1) - scores @ codes
        return losses + penalties * ((W - prior) ** 2).sum(axis=1)

    W = np.tile(prior, (len(penalties), 1))
    value = objective(W)
    for _ in range(NEWTON_STEPS):
        p = expit(W @ X.T)
        slope = (p - codes) @ X + 2 * reg * (W - prior)
        curvature = ((p * (1 - p)) @ products).reshape(-1, d, d)
        curvature[:, np.arange(d), np.arange(d)] += 2 * reg
        step = np.linalg.solve(curvature, slope[:, :, None])[:, :, 0]
        promised = (slope * step).sum(axis=1)
        size = np.ones(len(penalties))
        while True:
            moved = W - size[:, None] * step
            reached = objective(moved)
            noise = 1e-12 * np.maximum(np.abs(value), 1.0)
            short = reached > value - 0.1 * size * promised + noise
            if not short.any():
                break
            size[short] /= 2
        W, value = moved, reached
        if (promised <= noise).all():
            break
    return W


class _RegularTransfer(TargetLearner):
    """What both tasks share: where the source's weights come from, and the penalty's scale."""

    task: str
    uses_model = True

    def __init__(self, reg: float | str = "cv", *, source: Any = None):
        self.reg = reg
        self.source = source

    def _source_model(self, carried: Carried, model: Any) -> Any:
        """The source model if it is linear, else the linear learner fitted to carried rows."""
        if model is not None and self._parameters(model, carried.X.shape[1]) is not None:
            return model
        learner = self._source_learner(carried.X)
        fitted = fit_learner(learner, carried.X, carried.y, carried.sample_weight)
        if self._parameters(fitted, carried.X.shape[1]) is None:
            raise ValueError(
                f"{type(self).__name__} needs a linear source: {type(fitted).__name__} is not. "
                "Leave source at None, or use LogisticRegression or Ridge."
            )
        return fitted

    def _source_learner(self, X: Any) -> Any:
        name = "ridge" if self.task == "regression" else "logistic"
        default = make_learner(name, self.task, sparse=issparse(X))
        return default if self.source is None else self.source

    def _parameters(self, model: Any, n_features: int) -> tuple[NDArray, NDArray] | None:
        found = linear_parameters(model)
        return found if found is not None and found[0].shape[1] == n_features else None

    def _penalties(self, Xt: Any, n_labelled: int) -> NDArray:
        """Penalties about the scatter of the labelled rows, by the spread of all target rows."""
        spread = StandardScaler(with_mean=False).fit(Xt).var_.mean()
        return n_labelled * (spread or 1.0) * RELATIVE_PENALTIES

    def _check_reg(self) -> None:
        check_number("reg", self.reg, words=("cv",))


def _dense(X: Any) -> NDArray[np.float64]:
    return np.asarray(X.toarray() if issparse(X) else X, dtype=np.float64)


class RegularTransferRegressor(RegressorMixin, _RegularTransfer):
    r"""Linear regression on labelled target rows, drawn towards the source's weights.

    Minimises :math:`\sum_i (y_i - x_i w - b)^2 + \lambda \lVert w - w_s \rVert^2` over the
    labelled target rows, in closed form (Chelba & Acero 2006, with a Gaussian likelihood). The
    intercept is free: a few labels are enough to find an offset. A large λ gives the source's
    slopes about the target's mean, λ = 0 the least-squares fit nearest to them. Without labels it
    is the source's linear model.

    Parameters
    ----------
    reg : "cv" or float, default="cv"
        The penalty λ, on the scale of a sum over labelled rows. ``"cv"`` chooses it by the
        leave-one-out error from 17 values, 1e-4 to 1e4 times the number of labelled rows times
        the mean variance of a feature. With fewer than 3 labels the source's slopes are kept,
        and a note says so.
    source : linear scikit-learn regressor, optional
        Fitted to the carried rows for :math:`w_s` where ``fit`` is given no linear model; by
        default ridge regression on scaled features.

    Attributes
    ----------
    coef_ : ndarray of shape (d,)
    intercept_ : float
    source_coef_ : ndarray of shape (d,)
        :math:`w_s`
    reg_ : float
        The penalty used; infinite where the source's slopes are kept.
    notes_ : list of str

    Raises
    ------
    ValueError
        If ``reg`` is negative or an unknown word, or ``source`` is not linear.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping import Carried
    >>> from landbridge.target import RegularTransferRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(100, 2))
    >>> carried = Carried(X, X @ [1.0, 2.0])
    >>> Xt = rng.normal(size=(20, 2))
    >>> yt = Xt @ [1.0, 2.5] + 10.0
    >>> learner = RegularTransferRegressor().fit(carried, Xt, yt)
    >>> learner.coef_.round(2), round(learner.intercept_, 2)
    (array([1. , 2.5]), 10.0)
    """

    task = "regression"

    def predict(self, X: Any) -> NDArray:
        """The number (n,) expected for target rows (n, d)."""
        check_is_fitted(self)
        return np.asarray(X @ self.coef_) + self.intercept_

    def _fit(self, carried: Carried, Xt: Any, yt: NDArray, model: Any) -> None:
        self._check_reg()
        n_features = carried.X.shape[1]
        source = self._source_model(carried, model)
        coef, intercept = self._parameters(source, n_features)  # type: ignore[misc]
        self.source_coef_ = coef[0]
        rows, y = labelled_rows(Xt, yt)
        if not len(y):
            self.notes_.append("No target row is labelled: this is the source's linear model.")
            self.reg_, self.coef_, self.intercept_ = np.inf, coef[0], float(intercept[0])
            return
        X = _dense(rows)
        self.reg_ = self._choose(X, y, self._penalties(Xt, len(y)))
        self.coef_, self.intercept_ = ridge_towards(X, y, self.source_coef_, self.reg_)

    def _choose(self, X: NDArray, y: NDArray, penalties: NDArray) -> float:
        if self.reg != "cv":
            return float(self.reg)
        if len(y) < FEWEST_TO_CHOOSE:
            self.notes_.append(
                f"{len(y)} labelled target rows are too few to choose reg: the source's slopes "
                "are kept."
            )
            return np.inf
        errors = leave_one_out_errors(X, y, self.source_coef_, penalties)
        return float(penalties[errors.argmin()])


class RegularTransferClassifier(ClassifierMixin, _RegularTransfer):
    r"""A linear classifier of labelled target rows, drawn towards the source's weights.

    Logistic regression minimises
    :math:`-\sum_i \log p(y_i | x_i) + \lambda \lVert W - W_s \rVert^2` over the labelled target
    rows (Chelba & Acero 2006, eq. 5 with one variance), binary or multinomial, by L-BFGS. A
    support vector machine has :math:`\sum_i \max(0, 1 - s_i)^2` in place of the log-loss, with
    :math:`s_i` the score of a row's own class, each class against all others (the adaptive machine
    of Yang, Yan & Hauptmann 2007, with squared hinges); it has no probabilities.

    W holds the intercepts too, taken at the mean of the target rows: a class without target
    labels keeps what the source knows of it. A large λ gives the source's model, λ = 0 the
    target's own fit. Without labels it is the source's linear model.

    Parameters
    ----------
    reg : "cv" or float, default="cv"
        The penalty λ, on the scale of a sum over labelled rows. ``"cv"`` chooses it by the
        out-of-fold loss from 17 values, 1e-4 to 1e4 times the largest curvature of the loss (a
        quarter for the log-loss, 2 for squared hinges) times the number of labelled rows times
        the mean variance of a feature. Where a class has a single label the middle value is
        taken, which gives the source as much say as the labelled rows, and a note says so.
    source : linear scikit-learn classifier, optional
        Fitted to the carried rows for :math:`W_s` where ``fit`` is given no such model; by
        default logistic regression or ``LinearSVC`` on scaled features. For the log-loss it must
        have probabilities.
    cv : int, default=5
        Number of folds, at most the labels of the rarest class.
    loss : {"logistic", "squared_hinge"}, default="logistic"
        Logistic regression or a linear support vector machine.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes of either domain.
    coef_ : ndarray of shape (k, d)
        k is n_classes, 1 for two.
    intercept_ : ndarray of shape (k,)
    source_coef_ : ndarray of shape (k, d)
    source_intercept_ : ndarray of shape (k,)
        :math:`W_s`; zero for classes that the source does not have.
    reg_ : float
        The penalty used; infinite without labels.
    notes_ : list of str

    Raises
    ------
    ValueError
        If ``reg`` is negative or an unknown word, ``loss`` is unknown, ``cv`` is below 2, or
        ``source`` is not linear or lacks the probabilities that the log-loss needs.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping import Carried
    >>> from landbridge.target import RegularTransferClassifier
    >>> X = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    >>> carried = Carried(X, np.array(["no", "no", "yes", "yes"]))
    >>> Xt, yt = X + 1.5, np.array(["no", "no", None, "yes"])
    >>> learner = RegularTransferClassifier(reg=0.1).fit(carried, Xt, yt)
    >>> learner.predict(Xt)
    array(['no', 'no', 'yes', 'yes'], dtype='<U3')
    """

    task = "classification"

    def __init__(
        self,
        reg: float | str = "cv",
        *,
        source: Any = None,
        cv: int = 5,
        loss: str = "logistic",
    ):
        super().__init__(reg, source=source)
        self.cv = cv
        self.loss = loss

    def predict(self, X: Any) -> NDArray:
        """The class (n,) with the highest score for target rows (n, d)."""
        return self.classes_[self._scores(X).argmax(axis=1)]

    @available_if(lambda self: self.loss == "logistic")
    def predict_proba(self, X: Any) -> NDArray:
        """The probability (n, n_classes) of each class for target rows (n, d)."""
        return softmax(self._scores(X), axis=1)

    def _scores(self, X: Any) -> NDArray[np.float64]:
        check_is_fitted(self)
        return class_scores(np.asarray(X @ self.coef_.T) + self.intercept_)

    def _fit(self, carried: Carried, Xt: Any, yt: NDArray, model: Any) -> None:
        self._check_reg()
        check_choice("loss", self.loss, list(LOSSES))
        check_number("cv", self.cv, least=2, whole=True)
        self.classes_ = class_names(carried.y, yt)
        self._take_source(self._source_model(carried, model), carried.X.shape[1])
        self.coef_, self.intercept_ = self.source_coef_, self.source_intercept_
        if is_labelled(yt).any():
            self._learn(Xt, yt)
        else:
            self.notes_.append("No target row is labelled: this is the source's linear model.")
            self.reg_ = np.inf

    def _take_source(self, source: Any, n_features: int) -> None:
        coef, intercept = self._parameters(source, n_features)  # type: ignore[misc]
        known = encode(source.classes_, self.classes_).astype(int)
        n_new = len(self.classes_) - len(known)
        if n_new:
            new = np.delete(self.classes_, known).tolist()
            self.notes_.append(f"Classes that the source does not have start at zero: {new}.")
        both = np.column_stack([coef, intercept])
        W = spread_classes(both, known, len(self.classes_), LOSSES[self.loss].apart)
        self.source_coef_, self.source_intercept_ = W[:, :-1], W[:, -1]

    def _learn(self, Xt: Any, yt: NDArray) -> None:
        rows, y = labelled_rows(Xt, yt)
        codes = encode(y, self.classes_).astype(int)
        centre = np.asarray(Xt.mean(axis=0, dtype=np.float64)).ravel()
        X = np.column_stack([_dense(rows) - centre, np.ones(len(y))])
        prior = np.column_stack(
            [self.source_coef_, self.source_intercept_ + self.source_coef_ @ centre]
        )
        penalties = LOSSES[self.loss].curvature * self._penalties(Xt, len(y))
        self.reg_ = self._choose(X, codes, prior, penalties)
        W = fit_towards(X, codes, prior, self.reg_, self.loss)
        self.coef_, self.intercept_ = W[:, :-1], W[:, -1] - W[:, :-1] @ centre

    def _choose(self, X: NDArray, codes: NDArray, prior: NDArray, penalties: NDArray) -> float:
        if self.reg != "cv":
            return float(self.reg)
        n_folds = min(self.cv, smallest_class(codes))
        if n_folds < 2:
            default = float(penalties[len(penalties) // 2])
            self.notes_.append(
                f"A class has a single labelled target row, too few to choose reg: {default:.3g} "
                "is used, which gives the source as much say as the labels."
            )
            return default
        losses = sum(
            self._held_out_losses(X, codes, prior, penalties, *fold)
            for fold in stratified_folds(X, codes, n_folds)
        )
        return float(penalties[int(np.argmin(losses))])

    def _held_out_losses(
        self,
        X: NDArray,
        codes: NDArray,
        prior: NDArray,
        penalties: NDArray,
        train: NDArray,
        test: NDArray,
    ) -> NDArray[np.float64]:
        """The loss on the rows ``test`` for each penalty."""
        path = path_towards(X[train], codes[train], prior, penalties, self.loss)
        return np.array([LOSSES[self.loss].of(X[test] @ W.T, codes[test])[0] for W in path])

    def _parameters(self, model: Any, n_features: int) -> tuple[NDArray, NDArray] | None:
        if self.loss == "logistic" and not has_probabilities(model):
            return None
        return super()._parameters(model, n_features)

    def _source_learner(self, X: Any) -> Any:
        if self.loss == "logistic" or self.source is not None:
            return super()._source_learner(X)
        return make_pipeline(StandardScaler(with_mean=not issparse(X)), LinearSVC(random_state=0))


def spread_classes(
    W: NDArray, known: NDArray, n_classes: int, apart: float = 0.5
) -> NDArray[np.float64]:
    """Weights (k, d) of the classes ``known`` as weights of ``n_classes``, zero for the others."""
    if n_classes == len(known):
        return W
    wide = np.zeros((n_classes, W.shape[1]))
    wide[known] = np.vstack([-apart * W, apart * W]) if len(W) == 1 else W
    return wide


def regular_transfer(learner: Any) -> TargetLearner:
    """``RegularTransferRegressor`` or ``RegularTransferClassifier``, whichever does its task.

    The learner itself is not used: regular transfer is linear.
    """
    return RegularTransferRegressor() if is_regressor(learner) else RegularTransferClassifier()
