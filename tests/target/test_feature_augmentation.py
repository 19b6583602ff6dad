"""Three copies of the features."""

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression, Ridge

from landbridge.mapping import Carried
from landbridge.target import FeatureAugmentation
from landbridge.target.feature_augmentation import augment_source, augment_target


def test_it_is_the_construction_of_the_paper(two_classes):
    carried, Xt, yt, truth = two_classes
    rows = [[*x, *x, 0, 0, 0] for x in carried.X] + [[*x, 0, 0, 0, *x] for x in Xt[:24]]
    theirs = LogisticRegression().fit(rows, [*carried.y, *truth[:24]])
    ours = FeatureAugmentation(LogisticRegression()).fit(carried, Xt, yt)
    expected = theirs.predict_proba([[*x, 0, 0, 0, *x] for x in Xt])
    np.testing.assert_allclose(ours.predict_proba(Xt), expected, rtol=1e-8)


def test_a_ridge_shares_a_weight_between_domains_that_agree(rng):
    X, w = rng.normal(size=(300, 3)), np.array([1.0, -2.0, 0.5])
    learner = FeatureAugmentation(Ridge(1e-3)).fit(Carried(X, X @ w), X, X @ w)
    # The penalty is least with 2/3 of each weight shared, 1/3 in each domain's own copy.
    np.testing.assert_allclose(
        learner.learner_.coef_.reshape(3, 3), np.outer([2 / 3, 1 / 3, 1 / 3], w), atol=1e-3
    )


def test_sparse_rows_are_augmented_without_filling_zeros():
    X = csr_matrix(np.array([[1.0, 0.0], [0.0, 2.0]]))
    assert augment_source(X).nnz == augment_target(X).nnz == 4
    np.testing.assert_array_equal(augment_source(X).toarray(), augment_source(X.toarray()))
    np.testing.assert_array_equal(augment_target(X).toarray(), augment_target(X.toarray()))
