"""The support vector classifier with probabilities."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from landbridge.domains.folds import stratified_folds
from landbridge.source import ProbabilisticSVC

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 2))
y = np.where(X[:, 0] + 0.3 * rng.normal(size=60) > 0, "b", "a")
REPEATED = "rows repeated fall into other folds than rows weighted"


@parametrize_with_checks(
    [ProbabilisticSVC()],
    expected_failed_checks=lambda svm: {
        "check_sample_weight_equivalence_on_dense_data": REPEATED,
        "check_sample_weight_equivalence_on_sparse_data": REPEATED,
    },
)
def test_it_is_a_scikit_learn_classifier(estimator, check):
    check(estimator)


def test_it_agrees_with_scikit_learn_on_the_same_folds():
    folds = stratified_folds(X, y, 5)
    theirs = CalibratedClassifierCV(SVC(), cv=folds, ensemble=False).fit(X, y)
    np.testing.assert_allclose(
        ProbabilisticSVC().fit(X, y).predict_proba(X), theirs.predict_proba(X), atol=1e-12
    )


def test_the_order_of_rows_changes_no_probability():
    order = rng.permutation(60)
    first = ProbabilisticSVC().fit(X, y).predict_proba(X)
    second = ProbabilisticSVC().fit(X[order], y[order]).predict_proba(X)
    np.testing.assert_allclose(first, second, atol=1e-2)  # the solver stops at 1e-3


def test_one_row_a_class_is_enough():
    svm = ProbabilisticSVC().fit([[0.0], [1.0]], [-1, 1])
    assert svm.predict([[0.0], [1.0]]).tolist() == [-1, 1]


def test_one_class_is_not_enough():
    with pytest.raises(ValueError, match="needs rows of two classes: found one class, 3"):
        ProbabilisticSVC().fit([[0.0], [1.0]], [3, 3])
