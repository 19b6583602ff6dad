import numpy as np
import pytest
from sklearn.cross_decomposition import CCA as SklearnCCA
from sklearn.linear_model import LinearRegression

from landbridge.mapping import CCA


def test_components_have_unit_variance_and_correlate_as_stated(pairs):
    X, Y = pairs
    mapping = CCA(reg=0.0).fit(X, Y)
    Zx, Zy = mapping.transform(X), mapping.transform_target(Y)
    both = np.cov(Zx.T, Zy.T)
    np.testing.assert_allclose(both[:3, :3], np.eye(3), atol=1e-10)
    np.testing.assert_allclose(both[3:, 3:], np.eye(3), atol=1e-10)
    np.testing.assert_allclose(both[:3, 3:], np.diag(mapping.correlations_), atol=1e-10)


def test_correlations_agree_with_scikit_learn(pairs):
    X, Y = pairs
    U, V = SklearnCCA(3, max_iter=5000, tol=1e-12).fit_transform(X, Y)
    theirs = [np.corrcoef(u, v)[0, 1] for u, v in zip(U.T, V.T)]
    np.testing.assert_allclose(CCA(reg=0.0).fit(X, Y).correlations_, theirs, atol=1e-6)


def test_an_affine_change_of_either_view_leaves_the_correlations(pairs, rng):
    X, Y = pairs
    changed = CCA(reg=0.0).fit(X @ rng.standard_normal((5, 5)) + 1.0, Y)
    np.testing.assert_allclose(
        changed.correlations_, CCA(reg=0.0).fit(X, Y).correlations_, atol=1e-8
    )


def test_with_all_components_the_prediction_is_least_squares(pairs):
    X, Y = pairs
    expected = LinearRegression().fit(X, Y).predict(X)
    np.testing.assert_allclose(CCA(reg=0.0).fit(X, Y).predict(X), expected, atol=1e-9)


def test_shrinking_predicts_new_rows_better_where_features_are_many(rng):
    latent = rng.standard_normal((160, 2))
    X = latent @ rng.standard_normal((2, 40)) + rng.standard_normal((160, 40))
    Y = latent @ rng.standard_normal((2, 30)) + rng.standard_normal((160, 30))
    plain, shrunk = (CCA(2, reg=reg).fit(X[:60], Y[:60]) for reg in (0.0, "auto"))
    assert plain.correlations_[0] > shrunk.correlations_[0]
    assert shrunk.score(X[60:], Y[60:]) > plain.score(X[60:], Y[60:]) + 0.1


def test_a_wrong_number_of_components_is_named(pairs):
    with pytest.raises(ValueError, match="n_components must be"):
        CCA(n_components=-1).fit(*pairs)
