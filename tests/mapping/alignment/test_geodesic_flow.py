import numpy as np
import pytest
from numpy.polynomial.legendre import leggauss
from scipy.linalg import null_space, orth

from landbridge.mapping.alignment.geodesic_flow import (
    GeodesicFlow,
    flow_coordinates,
    flow_factor,
)
from landbridge.moments import Moments


def flow_by_quadrature(Ps, Pt, n_points=40):
    """The integral of Φ(t)Φ(t)ᵀ as the paper sets it up, with the complement of the source."""
    Rs = null_space(Ps.T)
    U1, cosines, Vt = np.linalg.svd(Ps.T @ Pt)
    angles = np.arccos(np.clip(cosines, -1, 1))
    U2 = -(Rs.T @ Pt @ Vt.T) / np.sin(angles)
    points, weights = leggauss(n_points)
    G = np.zeros((len(Ps), len(Ps)))
    for t, w in zip((points + 1) / 2, weights / 2):
        Phi = Ps @ U1 * np.cos(t * angles) - Rs @ U2 * np.sin(t * angles)
        G += w * Phi @ Phi.T
    return G


@pytest.mark.parametrize(("d", "k"), [(5, 1), (8, 3), (20, 10)])
def test_the_kernel_is_the_integral_along_the_geodesic(rng, d, k):
    Ps, Pt = (orth(rng.standard_normal((d, k))) for _ in range(2))
    paper = flow_by_quadrature(Ps, Pt)
    for L in (flow_factor(Ps, Pt), flow_coordinates(Ps, Pt)):
        np.testing.assert_allclose(L @ L.T, paper, atol=1e-10)


def test_the_kernel_of_two_subspaces_that_share_an_axis_has_no_more_dimensions_than_they_span(rng):
    Q = orth(rng.standard_normal((9, 5)))
    Ps, Pt = Q[:, :3], Q[:, [0, 3, 4]]
    L = flow_coordinates(Ps, Pt)
    assert L.shape == (9, 5)
    np.testing.assert_allclose(Q[:, 0] @ L @ L.T, Q[:, 0], atol=1e-12)


def test_rows_are_compared_by_the_kernel_of_their_principal_axes(two_domains):
    Xs, Xt = two_domains
    flow = GeodesicFlow(n_components=2).fit(Xs, Xt)
    Ps, Pt = (np.linalg.svd(X - X.mean(0))[2][:2].T for X in two_domains)
    G = flow_by_quadrature(Ps, Pt)
    products = flow.transform(Xs[:20]) @ flow.transform_target(Xt[:30]).T
    expected = (Xs[:20] - Xs.mean(0)) @ G @ (Xt[:30] - Xt.mean(0)).T
    np.testing.assert_allclose(products, expected, atol=1e-8)


def test_all_axes_leave_distances_as_they_are(two_domains):
    Xs, Xt = two_domains
    moved = GeodesicFlow(n_components=None).fit(Xs, Xt).transform(Xs)
    np.testing.assert_allclose(
        np.linalg.norm(moved[1:] - moved[:-1], axis=1),
        np.linalg.norm(Xs[1:] - Xs[:-1], axis=1),
        atol=1e-10,
    )


@pytest.mark.parametrize("n_components", [1, 3, None, 0.9])
def test_the_order_of_rows_does_not_matter_even_where_angles_are_equal(
    two_domains, rng, n_components
):
    Xs, Xt = two_domains
    first = GeodesicFlow(n_components).fit(Xs, Xt)
    second = GeodesicFlow(n_components).fit(rng.permutation(Xs), rng.permutation(Xt))
    np.testing.assert_allclose(first.transform(Xs), second.transform(Xs), atol=1e-8)


def diagonal(variances):
    """Moments of rows whose covariance is that diagonal matrix."""
    d = len(variances)
    rows = np.vstack([np.eye(d), -np.eye(d)]) * np.sqrt(variances)
    return Moments.of(rows)


def test_as_many_axes_are_taken_as_until_the_domains_disagree():
    source = diagonal([10, 9, 5, 0.01, 4, 0.1, 0.1, 0.1])
    target = diagonal([10, 9, 0.01, 5, 4, 0.1, 0.1, 0.1])
    # Both together have their third axis where neither domain alone has it.
    assert GeodesicFlow().fit_moments(source, target).n_components_ == 3
    assert GeodesicFlow().fit_moments(source, source).n_components_ == 4


@pytest.mark.parametrize("n_components", [0, 1.5, "many"])
def test_a_wrong_number_of_components_is_named(two_domains, n_components):
    with pytest.raises(ValueError, match="n_components must be"):
        GeodesicFlow(n_components).fit(*two_domains)
