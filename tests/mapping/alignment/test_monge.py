import numpy as np

from landbridge.mapping import Monge


def test_monge_gives_the_source_the_moments_of_the_target(two_domains):
    Xs, Xt = two_domains
    moved = Monge(reg=0.0).fit_transform(Xs, Xt)
    np.testing.assert_allclose(moved.mean(axis=0), Xt.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(np.cov(moved.T), np.cov(Xt.T), atol=1e-10)


def test_the_matrix_is_symmetric_and_positive(two_domains):
    matrix = Monge(reg=0.0).fit(*two_domains).matrix_
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
    assert (np.linalg.eigvalsh(matrix) > 0).all()


def test_monge_recovers_a_known_optimal_map(rng):
    Xs = rng.standard_normal((100, 3)) @ rng.standard_normal((3, 3))
    root = rng.standard_normal((3, 3))
    A = root @ root.T + np.eye(3)
    mapping = Monge(reg=0.0).fit(Xs, Xs @ A + 4.0)
    np.testing.assert_allclose(mapping.matrix_, A, atol=1e-9)
    np.testing.assert_allclose(mapping.transform(Xs), Xs @ A + 4.0, atol=1e-9)


def test_swapping_the_domains_inverts_the_map(two_domains):
    Xs, Xt = two_domains
    there, back = Monge(reg=0.0).fit(Xs, Xt), Monge(reg=0.0).fit(Xt, Xs)
    np.testing.assert_allclose(there.matrix_ @ back.matrix_, np.eye(4), atol=1e-10)


def test_no_matrix_that_matches_the_covariance_moves_the_rows_less(two_domains, rng):
    Xs, Xt = two_domains
    mapping = Monge(reg=0.0).fit(Xs, Xt)
    cost = ((mapping.transform(Xs) - Xs) ** 2).sum()
    Ct = np.linalg.cholesky(np.cov(Xt.T))
    whitened = (Xs - Xs.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(Xs.T))).T
    for _ in range(20):
        turn = np.linalg.qr(rng.standard_normal((4, 4)))[0]
        other = whitened @ turn @ Ct.T + Xt.mean(axis=0)
        assert ((other - Xs) ** 2).sum() >= cost * (1 - 1e-12)
