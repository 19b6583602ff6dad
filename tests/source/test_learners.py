"""Learners by name."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.base import clone, is_classifier, is_regressor
from threadpoolctl import threadpool_limits

from landbridge.source import LEARNERS, learner_names, make_learner, weight_parameter

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
ALL = [(task, name) for task in ("classification", "regression") for name in learner_names(task)]


@pytest.mark.parametrize(("task", "name"), ALL)
def test_every_learner_learns(task, name):
    y = X[:, 0] + X[:, 1] if task == "regression" else np.where(X[:, 0] > 0, "up", "down")
    learner = make_learner(name, task, random_state=0)
    assert (is_regressor if task == "regression" else is_classifier)(learner)
    with threadpool_limits(1):
        model, again = clone(learner).fit(X, y), clone(learner).fit(X, y)
    assert model.score(X, y) > 0.8
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


@pytest.mark.parametrize("name", learner_names("classification"))
def test_every_classifier_has_probabilities(name):
    y = np.where(X[:, 0] > 0, 1, -1)
    with threadpool_limits(1):
        p = make_learner(name, "classification", random_state=0).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1.0)


def test_only_nearest_neighbours_must_do_without_weights():
    without = {name for task, name in ALL if weight_parameter(make_learner(name, task)) is None} - {
        "mlp"
    }  # since scikit-learn 1.7 it takes them
    assert without == {"knn"}


def test_sparse_rows_are_scaled_and_stay_sparse():
    y = X[:, 0] > 0
    model = make_learner("logistic", "classification", sparse=True).fit(csr_matrix(X), y)
    assert model.score(csr_matrix(X), y) > 0.9


def test_an_unknown_learner_is_named_with_those_that_there_are():
    with pytest.raises(ValueError, match="No learner 'ridge' for classification: choose one of lo"):
        make_learner("ridge", "classification")
    with pytest.raises(ValueError, match=r"task must be .* found 'ranking'"):
        make_learner("ridge", "ranking")


def test_every_learner_does_a_task():
    assert all(kind.classification or kind.regression for kind in LEARNERS.values())
