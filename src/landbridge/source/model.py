"""Fitting any scikit-learn learner with weights, and what can be taken out of a fitted one."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import has_fit_parameter

N_PROBES = 5
COPY = ("copy", "copy_X", "copy_x")
"""What scikit-learn calls the parameters that let a learner write into its rows."""


def weight_parameter(learner: Any) -> str | None:
    """The name under which ``learner.fit`` takes row weights, ``None`` where it takes none.

    In a pipeline the weights go to the last step, in a search to the learner searched over.
    """
    if isinstance(learner, Pipeline):
        name, last = learner.steps[-1]
        inner = weight_parameter(last)
        return None if inner is None else f"{name}__{inner}"
    if isinstance(learner, (GridSearchCV, RandomizedSearchCV)):
        return weight_parameter(learner.estimator)
    return "sample_weight" if has_fit_parameter(learner, "sample_weight") else None


def weight_arguments(learner: Any, sample_weight: NDArray | None) -> dict[str, NDArray]:
    """Row weights as keyword arguments of ``learner.fit``; none where all rows weigh the same.

    Raises
    ------
    ValueError
        If the weights differ and the learner takes none.
    """
    if sample_weight is None or np.ptp(sample_weight) == 0:
        return {}
    name = weight_parameter(learner)
    if name is None:
        raise ValueError(
            f"{learner_name(learner)} takes no sample weights, but the rows weigh differently "
            f"(from {sample_weight.min():.3g} to {sample_weight.max():.3g}). Choose a learner "
            "that takes them, such as LogisticRegression or a forest, or keep the weights equal: "
            "target_weight=1, class_weight=None and a mapping that does not reweigh."
        )
    return {name: sample_weight}


def fit_learner(learner: Any, X: Any, y: NDArray, sample_weight: NDArray | None = None) -> Any:
    """A clone of ``learner``, fitted; the weights reach it through pipelines and searches.

    They do whether or not scikit-learn's routing of metadata is enabled, and whatever the steps
    request. The learner gets rows and labels of its own, since one that writes into them would
    change those of all who use them after it. For the same reason ``copy=False`` in scikit-learn's
    learners, which would go on to write into rows to predict, is taken for ``copy=True``.

    Parameters
    ----------
    learner : scikit-learn classifier or regressor
        It is cloned and itself never fitted.
    X : array or CSR matrix of shape (n, d)
        The rows.
    y : ndarray of shape (n,)
        Their labels.
    sample_weight : ndarray of shape (n,), optional
        Their weights. Equal weights are passed to no learner.

    Raises
    ------
    ValueError
        If the weights differ and the learner takes none.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.source import fit_learner, make_learner
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 5.0])
    >>> ridge = fit_learner(make_learner("ridge", "regression"), X, y, np.array([1.0, 1.0, 1e-9]))
    >>> float(ridge.predict([[0.5]])[0].round(1))
    0.5
    """
    arguments = weight_arguments(learner, sample_weight)
    fresh, X, y = _copying(learner), X.copy(), y.copy()
    if not arguments:
        return fresh.fit(X, y)
    # The arguments say where the weights go; routing, where it is on, knows no such names.
    with config_context(enable_metadata_routing=False):
        return fresh.fit(X, y, **arguments)


def _copying(learner: Any) -> Any:
    """A clone that is not told, in any of its steps, to work in place."""
    fresh = clone(learner)
    told = fresh.get_params().items()
    in_place = [name for name, value in told if value is False and name.split("__")[-1] in COPY]
    return fresh.set_params(**dict.fromkeys(in_place, True))


def learner_name(learner: Any) -> str:
    """The class name of a learner, of the one inside where it is a pipeline or a search."""
    if isinstance(learner, Pipeline):
        return learner_name(learner.steps[-1][1])
    if isinstance(learner, (GridSearchCV, RandomizedSearchCV)):
        return learner_name(learner.estimator)
    return type(learner).__name__


def has_probabilities(model: Any) -> bool:
    """Whether a model, fitted or not, predicts probabilities."""
    return callable(getattr(model, "predict_proba", None))


def linear_parameters(model: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """The weights and intercepts of a fitted linear learner, ``None`` of any other.

    A ``StandardScaler`` before the learner in a pipeline and the affine mapping of a
    ``CarriedModel`` are folded in, so that the parameters apply to the rows as they are. They are
    believed only where they reproduce the model's
    decision function (predictions, in regression) on random rows: a Poisson regression has
    ``coef_`` too, but is not linear.

    Returns
    -------
    coef : ndarray of shape (k, d)
        k is the number of classes, 1 for two classes and in regression.
    intercept : ndarray of shape (k,)

    Examples
    --------
    >>> from landbridge.source import linear_parameters, make_learner
    >>> model = make_learner("ridge", "regression").fit([[0.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    >>> coef, intercept = linear_parameters(model)
    >>> coef.round(2), intercept.round(2)
    (array([[0.5]]), array([1.]))
    """
    parameters = _unfolded(model)
    if parameters is None or not _reproduces(model, *parameters):
        return None
    return parameters


def _unfolded(model: Any) -> tuple[NDArray, NDArray] | None:
    if isinstance(model, (GridSearchCV, RandomizedSearchCV)):
        return _unfolded(model.best_estimator_)
    if isinstance(model, CarriedModel):
        inner = _unfolded(model.model)
        return None if inner is None else _carried_parameters(model.mapping, *inner)
    return _pipeline_parameters(model) if isinstance(model, Pipeline) else _own_parameters(model)


def _pipeline_parameters(model: Pipeline) -> tuple[NDArray, NDArray] | None:
    before = [step for _, step in model.steps[:-1] if step not in (None, "passthrough")]
    parameters = _unfolded(model.steps[-1][1])
    if parameters is None or not all(isinstance(step, StandardScaler) for step in before):
        return None
    for scaler in reversed(before):
        parameters = _fold(scaler, *parameters)
    return parameters


def _own_parameters(model: Any) -> tuple[NDArray, NDArray] | None:
    coef, intercept = getattr(model, "coef_", None), getattr(model, "intercept_", None)
    if not isinstance(coef, np.ndarray) or intercept is None:
        return None
    rows = np.atleast_2d(np.asarray(coef, dtype=np.float64))
    return rows, np.full(len(rows), np.asarray(intercept, dtype=np.float64))


def _fold(scaler: StandardScaler, coef: NDArray, intercept: NDArray) -> tuple[NDArray, NDArray]:
    """Parameters for x from parameters for ``(x - mean) / scale``."""
    scaled = coef if scaler.scale_ is None else coef / scaler.scale_
    mean = scaler.mean_ if scaler.with_mean else np.zeros(coef.shape[1])
    return scaled, intercept - scaled @ mean


def _carried_parameters(mapping: Any, coef: NDArray, intercept: NDArray) -> tuple[NDArray, NDArray]:
    """Parameters for z from those for ``f⁻¹(z) = offset + z @ matrix``."""
    n_features = mapping.n_features_target_
    offset = mapping.inverse_transform(np.zeros((1, n_features)))
    matrix = mapping.inverse_transform(np.eye(n_features)) - offset
    return coef @ matrix.T, intercept + coef @ offset[0]


def _reproduces(model: Any, coef: NDArray, intercept: NDArray) -> bool:
    decide = getattr(model, "decision_function" if is_classifier(model) else "predict", None)
    if not callable(decide):
        return False
    rows = np.random.default_rng(0).standard_normal((N_PROBES, coef.shape[1]))
    ours, theirs = rows @ coef.T + intercept, decide(rows)
    return theirs.size == ours.size and np.allclose(theirs.reshape(ours.shape), ours, rtol=1e-6)


class CarriedModel(BaseEstimator):
    """A fitted source model as seen from where both domains meet: ``h(f⁻¹(z))``.

    Parameters
    ----------
    model : fitted classifier or regressor
        The source model ``h``.
    mapping : Mapping
        The fitted, invertible mapping ``f``.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.preprocessing import StandardScaler
    >>> from landbridge.source import CarriedModel
    >>> mapping = StandardScaler().fit([[0.0], [2.0]])
    >>> model = LinearRegression().fit([[0.0], [2.0]], [10.0, 20.0])
    >>> CarriedModel(model, mapping).predict([[-1.0], [1.0]])
    array([10., 20.])
    """

    def __init__(self, model: Any, mapping: Any):
        self.model = model
        self.mapping = mapping

    def predict(self, X: Any) -> NDArray:
        """The source model's predictions for rows (n, d) carried back to the source."""
        return self.model.predict(self.mapping.inverse_transform(X))

    @available_if(lambda self: has_probabilities(self.model))
    def predict_proba(self, X: Any) -> NDArray:
        """The source model's probabilities (n, n_classes) for rows carried back to the source."""
        return self.model.predict_proba(self.mapping.inverse_transform(X))

    @available_if(lambda self: callable(getattr(self.model, "decision_function", None)))
    def decision_function(self, X: Any) -> NDArray:
        """The source model's decision function on rows carried back to the source."""
        return self.model.decision_function(self.mapping.inverse_transform(X))

    @property
    def classes_(self) -> NDArray:
        """The source model's classes."""
        return self.model.classes_

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        return self.model.__sklearn_tags__()
