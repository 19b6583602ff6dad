import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.spatial import procrustes as scipy_procrustes

from landbridge.mapping import Procrustes
from landbridge.moments import Moments


def test_a_known_rotation_is_recovered(rng):
    X = rng.standard_normal((30, 4))
    R = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    mapping = Procrustes(scaling=True).fit(X, 2.5 * X @ R + 1.0)
    np.testing.assert_allclose(mapping.matrix_, 2.5 * R, atol=1e-12)
    assert mapping.scale_ == pytest.approx(2.5)
    np.testing.assert_allclose(mapping.inverse_transform(2.5 * X @ R + 1.0), X, atol=1e-12)


def test_procrustes_agrees_with_scipy(rng):
    X, Y = rng.standard_normal((40, 5)), rng.standard_normal((40, 5))
    R, _ = orthogonal_procrustes(X, Y)
    np.testing.assert_allclose(Procrustes(centre=False).fit(X, Y).matrix_, R, atol=1e-10)
    fitted = Procrustes(scaling=True).fit_transform(Y, X)
    standard = np.linalg.norm(X - X.mean(axis=0))
    disparity = scipy_procrustes(X, Y)[2]
    assert ((fitted - X) ** 2).sum() / standard**2 == pytest.approx(disparity, rel=1e-10)


@pytest.mark.parametrize(("d_s", "d_t"), [(3, 6), (6, 3)])
def test_a_rectangular_map_is_semi_orthogonal(rng, d_s, d_t):
    X, Y = rng.standard_normal((50, d_s)), rng.standard_normal((50, d_t))
    R = Procrustes().fit(X, Y).matrix_
    gram = R @ R.T if d_s < d_t else R.T @ R
    np.testing.assert_allclose(gram, np.eye(3), atol=1e-12)
    assert Procrustes().fit(X, Y).is_invertible == (d_s < d_t)


def test_into_a_larger_space_all_distances_are_kept(rng):
    X, Y = rng.standard_normal((20, 3)), rng.standard_normal((20, 7))
    moved = Procrustes().fit_transform(X, Y)
    np.testing.assert_allclose(
        np.linalg.norm(moved[0] - moved[1:], axis=1), np.linalg.norm(X[0] - X[1:], axis=1)
    )


def test_no_rotation_nearby_has_a_smaller_error(rng):
    X, Y = rng.standard_normal((30, 3)), rng.standard_normal((30, 3))
    mapping = Procrustes(scaling=True).fit(X, Y)
    best = ((mapping.transform(X) - Y) ** 2).sum()
    Xc, Yc = X - X.mean(axis=0), Y - Y.mean(axis=0)
    for _ in range(20):
        turn = np.linalg.qr(np.eye(3) + 0.1 * rng.standard_normal((3, 3)))[0]
        scale = mapping.scale_ * (1 + 0.1 * rng.standard_normal())
        other = scale * Xc @ (mapping.matrix_ / mapping.scale_) @ turn
        assert ((other - Yc) ** 2).sum() >= best


@pytest.mark.parametrize("centre", [True, False])
@pytest.mark.parametrize("width", [2, 3, 5])
def test_the_scale_is_that_of_least_squares_in_any_dimensions(rng, width, centre):
    X, Y = rng.normal(1, 2, (40, 3)), rng.normal(-1, 1, (40, width))
    fitted = Procrustes(scaling=True, centre=centre).fit(X, Y)
    A = (X - fitted.source_mean_) @ (fitted.matrix_ / fitted.scale_)
    B = Y - fitted.target_mean_
    assert fitted.scale_ == pytest.approx((A * B).sum() / (A * A).sum(), rel=1e-10)
    again = Procrustes(scaling=True, centre=centre).fit_moments(Moments.of(X, Y))
    np.testing.assert_allclose(again.matrix_, fitted.matrix_, rtol=1e-10)
