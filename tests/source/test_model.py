"""Fitting with weights, and what can be taken out of a fitted learner."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import SVC, LinearSVC

from landbridge.mapping import CORAL
from landbridge.source import (
    CarriedModel,
    fit_learner,
    has_probabilities,
    linear_parameters,
    weight_parameter,
)

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 4)) * [1.0, 10.0, 0.1, 3.0] + [5.0, -20.0, 0.0, 1.0]
scores = (X - X.mean(axis=0)) @ [1.0, 0.2, 3.0, -0.5] + rng.normal(size=90)
binary = np.where(scores > 0, "yes", "no")
three = np.digitize(scores, [-1.5, 1.5])


@pytest.mark.parametrize(
    "learner",
    [
        LogisticRegression(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        make_pipeline(StandardScaler(), StandardScaler(with_std=False), LogisticRegression()),
        make_pipeline(StandardScaler(with_mean=False), "passthrough", LogisticRegression()),
        make_pipeline(StandardScaler(), LogisticRegression(fit_intercept=False)),
        GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {}, cv=2),
        LinearDiscriminantAnalysis(),
        make_pipeline(StandardScaler(), LinearSVC()),
    ],
)
@pytest.mark.parametrize("y", [binary, three], ids=["two classes", "three classes"])
def test_linear_parameters_are_the_decision_function_of_the_rows_as_they_are(learner, y):
    model = make_pipeline(learner) if isinstance(learner, LogisticRegression) else learner
    model.fit(X / [1.0, 10.0, 0.1, 3.0], y)
    rows = rng.normal(size=(7, 4))
    coef, intercept = linear_parameters(model)
    ours = rows @ coef.T + intercept
    np.testing.assert_allclose(ours, model.decision_function(rows).reshape(ours.shape), atol=1e-9)


def test_linear_parameters_of_a_regression_fold_the_scaler_in_exactly():
    plain = LinearRegression().fit(X, scores)
    scaled = make_pipeline(StandardScaler(), LinearRegression()).fit(X, scores)
    coef, intercept = linear_parameters(scaled)
    np.testing.assert_allclose(coef[0], plain.coef_, rtol=1e-10)
    np.testing.assert_allclose(intercept, [plain.intercept_], rtol=1e-10)


def test_linear_parameters_go_through_an_affine_mapping():
    Xt = X @ rng.normal(size=(4, 4)) + 3.0
    mapping = CORAL().fit(X, Xt)
    model = CarriedModel(make_pipeline(StandardScaler(), Ridge()).fit(X, scores), mapping)
    coef, intercept = linear_parameters(model)
    np.testing.assert_allclose(Xt @ coef[0] + intercept, model.predict(Xt), rtol=1e-8)


@pytest.mark.parametrize(
    "learner",
    [
        RandomForestClassifier(n_estimators=2),
        SVC(kernel="linear"),
        PoissonRegressor(),
        make_pipeline(PCA(2), LinearRegression()),
        make_pipeline(PolynomialFeatures(), LinearRegression()),
    ],
)
def test_learners_that_are_not_linear_in_the_rows_have_no_linear_parameters(learner):
    assert linear_parameters(learner.fit((X - 5) / 10, three)) is None


def test_weights_reach_the_learner_in_a_pipeline_and_in_a_search():
    weights = rng.uniform(0.1, 2.0, 90)
    direct = Ridge().fit(X, scores, sample_weight=weights).coef_
    pipeline = fit_learner(make_pipeline("passthrough", Ridge()), X, scores, weights)
    search = fit_learner(GridSearchCV(make_pipeline(Ridge()), {}, cv=2), X, scores, weights)
    np.testing.assert_allclose(pipeline[-1].coef_, direct)
    np.testing.assert_allclose(search.best_estimator_[-1].coef_, direct)


def test_weight_parameters_are_found_where_they_are():
    assert weight_parameter(Ridge()) == "sample_weight"
    assert weight_parameter(make_pipeline(StandardScaler(), Ridge())) == "ridge__sample_weight"
    assert weight_parameter(make_pipeline(StandardScaler(), KNeighborsClassifier())) is None


def test_the_learner_given_is_never_fitted():
    learner = KNeighborsClassifier()
    assert fit_learner(learner, X, binary, np.full(90, 2.0)) is not learner
    assert not hasattr(learner, "classes_")


def test_unequal_weights_are_refused_by_a_learner_without():
    learner = make_pipeline(StandardScaler(), KNeighborsClassifier())
    with pytest.raises(ValueError, match=r"KNeighborsClassifier takes no sample weights.*from 0 "):
        fit_learner(learner, X, binary, np.arange(90.0))


def test_a_carried_model_predicts_for_moved_rows_what_the_model_does_for_source_rows():
    mapping = CORAL().fit(X, X @ rng.normal(size=(4, 4)))
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, binary)
    carried = CarriedModel(model, mapping)
    moved = mapping.transform(X)
    assert carried.predict(moved).tolist() == model.predict(X).tolist()
    np.testing.assert_allclose(carried.predict_proba(moved), model.predict_proba(X), atol=1e-8)
    assert carried.classes_.tolist() == ["no", "yes"]


def test_a_carried_model_has_probabilities_where_the_model_has():
    mapping = CORAL().fit(X, X)
    assert not has_probabilities(CarriedModel(LinearSVC(), mapping))
    assert has_probabilities(CarriedModel(LogisticRegression(), mapping))


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize(
    "learner",
    [
        LogisticRegression(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {}, cv=2),
    ],
)
def test_weights_reach_the_learner_whether_or_not_metadata_are_routed(learner, routing):
    weights = np.where(np.arange(90) < 60, 1.0, 1e-9)
    with config_context(enable_metadata_routing=routing):
        weighed = fit_learner(learner, X, binary, weights)
    plain = fit_learner(learner, X, binary)
    with config_context(enable_metadata_routing=False):
        step = "logisticregression__sample_weight"
        name = "sample_weight" if isinstance(learner, LogisticRegression) else step
        by_hand = clone(learner).fit(X, binary, **{name: weights})
    ours, theirs = weighed.predict_proba(X), by_hand.predict_proba(X)
    np.testing.assert_array_equal(ours, theirs)
    assert np.abs(ours - plain.predict_proba(X)).max() > 0.01
