import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression

from landbridge.mapping import PLS, LeastSquares


@pytest.mark.parametrize("k", [1, 2, 4])
def test_one_output_agrees_with_scikit_learn(pairs, k):
    X, y = pairs[0], pairs[1][:, 0]
    theirs = PLSRegression(k, scale=False).fit(X, y)
    np.testing.assert_allclose(PLS(k).fit(X, y).predict(X), theirs.predict(X).ravel(), atol=1e-9)


def test_the_first_direction_has_the_largest_covariance(pairs, rng):
    X, Y = pairs
    Xc, Yc = X - X.mean(axis=0), Y - Y.mean(axis=0)
    left = np.linalg.svd(Xc.T @ Yc)[0][:, 0]
    first = PLS(1).fit(X, Y).matrix_
    direction = first[:, 0] / np.linalg.norm(first[:, 0])
    assert abs(direction @ left) == pytest.approx(1.0, abs=1e-10)


def test_all_directions_together_are_least_squares(pairs):
    full = PLS(99).fit(*pairs)
    assert full.n_components_ == 5
    np.testing.assert_allclose(full.matrix_, LeastSquares().fit(*pairs).matrix_, atol=1e-8)


def test_few_pairs_of_many_features_are_carried_through_few_directions(rng):
    latent = rng.standard_normal((30, 2))
    X = latent @ rng.standard_normal((2, 200)) + 0.01 * rng.standard_normal((30, 200))
    Y = latent @ rng.standard_normal((2, 100)) + 0.01 * rng.standard_normal((30, 100))
    mapping = PLS().fit(X[:20], Y[:20])
    assert mapping.n_components_ <= 5
    assert mapping.score(X[20:], Y[20:]) > 0.95


def test_a_constant_target_is_predicted_by_its_mean(rng):
    X = rng.standard_normal((20, 3))
    np.testing.assert_array_equal(PLS(2).fit(X, np.full(20, 4.0)).predict(X), np.full(20, 4.0))
