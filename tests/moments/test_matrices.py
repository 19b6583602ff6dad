import numpy as np
import pytest
from scipy.linalg import sqrtm
from sklearn.covariance import OAS

from landbridge.moments import power_psd, shrink_covariance
from landbridge.moments.matrices import eigh_psd


@pytest.fixture
def C():
    A = np.random.default_rng(0).standard_normal((20, 5))
    return A.T @ A


def test_powers_agree_with_scipy(C):
    np.testing.assert_allclose(power_psd(C, 0.5), sqrtm(C).real, atol=1e-11)
    np.testing.assert_allclose(power_psd(C, -1.0), np.linalg.inv(C), atol=1e-12)


def test_a_singular_matrix_has_a_pseudo_inverse(C):
    C[0] = C[:, 0] = 0.0
    np.testing.assert_allclose(power_psd(C, -1.0), np.linalg.pinv(C, hermitian=True), atol=1e-12)


def test_eigenvectors_do_not_depend_on_the_sign_that_lapack_chose(C):
    values, vectors = eigh_psd(C)
    assert (np.diff(values) <= 0).all()
    np.testing.assert_allclose((vectors * values) @ vectors.T, C, atol=1e-11)
    assert (vectors[np.abs(vectors).argmax(axis=0), range(5)] > 0).all()


@pytest.mark.parametrize("n", [3, 30, 3000])
def test_shrinkage_agrees_with_scikit_learn(n):
    X = np.random.default_rng(n).standard_normal((n, 4)) * [1, 2, 3, 4]
    centred = X - X.mean(axis=0)
    shrunk, rho = shrink_covariance(centred.T @ centred / n, n)
    reference = OAS().fit(X)
    assert rho == pytest.approx(reference.shrinkage_, rel=1e-12)
    np.testing.assert_allclose(shrunk, reference.covariance_, rtol=1e-12)


def test_a_multiple_of_the_identity_stays_as_it_is():
    shrunk, _ = shrink_covariance(2.5 * np.eye(3), n=10)
    np.testing.assert_allclose(shrunk, 2.5 * np.eye(3))
