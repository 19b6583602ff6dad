import numpy as np
import pytest
from sklearn.decomposition import PCA

from landbridge.mapping import SubspaceAlignment


def test_the_map_is_equation_3_of_the_paper(two_domains):
    Xs, Xt = two_domains
    Ps, Pt = PCA(2).fit(Xs).components_.T, PCA(2).fit(Xt).components_.T
    mapping = SubspaceAlignment(n_components=2).fit(Xs, Xt)
    moved, target = mapping.transform(Xs), mapping.transform_target(Xt)
    kernel = (Xs - Xs.mean(axis=0)) @ Ps @ Ps.T @ Pt @ Pt.T @ (Xt - Xt.mean(axis=0)).T
    np.testing.assert_allclose(moved @ target.T, kernel, atol=1e-9)


def test_all_axes_leave_the_distances_in_both_domains(two_domains):
    Xs, Xt = two_domains
    mapping = SubspaceAlignment(n_components=None).fit(Xs, Xt)
    for rows, moved in ((Xs, mapping.transform(Xs)), (Xt, mapping.transform_target(Xt))):
        np.testing.assert_allclose(
            np.linalg.norm(moved[0] - moved[1:], axis=1),
            np.linalg.norm(rows[0] - rows[1:], axis=1),
        )


def test_a_share_takes_enough_axes_for_both_domains(rng):
    Xs = rng.standard_normal((400, 4)) * [10.0, 0.1, 0.1, 0.1]
    Xt = rng.standard_normal((400, 4)) * [5.0, 5.0, 0.1, 0.1]
    assert SubspaceAlignment(n_components=0.95).fit(Xs, Xt).source_matrix_.shape == (4, 2)


@pytest.mark.parametrize("n_components", [0, -0.5, 1.5])
def test_a_wrong_number_of_components_is_named(two_domains, n_components):
    with pytest.raises(ValueError, match="n_components must be"):
        SubspaceAlignment(n_components=n_components).fit(*two_domains)
