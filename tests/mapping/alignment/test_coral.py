import numpy as np
import pytest
from scipy.linalg import fractional_matrix_power

from landbridge.mapping import CORAL, Monge


def test_coral_gives_the_source_the_moments_of_the_target(two_domains):
    Xs, Xt = two_domains
    moved = CORAL(reg=0.0).fit_transform(Xs, Xt)
    np.testing.assert_allclose(moved.mean(axis=0), Xt.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(np.cov(moved.T), np.cov(Xt.T), atol=1e-11)


def test_coral_is_algorithm_1_of_the_paper(two_domains):
    Xs, Xt = two_domains
    Cs, Ct = np.cov(Xs.T) + np.eye(4), np.cov(Xt.T) + np.eye(4)
    paper = (
        (Xs - Xs.mean(axis=0))
        @ fractional_matrix_power(Cs, -0.5)
        @ fractional_matrix_power(Ct, 0.5)
    )
    moved = CORAL(reg=1.0).fit_transform(Xs, Xt)
    np.testing.assert_allclose(moved - Xt.mean(axis=0), paper, atol=1e-10)


def test_without_moving_the_mean_a_row_is_multiplied_by_the_matrix_alone(two_domains):
    Xs, Xt = two_domains
    for kind in (CORAL, Monge):
        mapping = kind(reg=1.0, move_mean=False).fit(Xs, Xt)
        moved = mapping.transform(Xs)
        np.testing.assert_allclose(moved, Xs @ kind(reg=1.0).fit(Xs, Xt).matrix_, atol=1e-10)
        np.testing.assert_allclose(mapping.inverse_transform(moved), Xs, atol=1e-8)


def test_few_rows_shrink_the_matrix_towards_a_multiple_of_the_identity(rng):
    Xs, Xt = rng.standard_normal((5, 30)), rng.standard_normal((6, 30))
    matrix = CORAL().fit(Xs, Xt).matrix_
    assert np.isfinite(matrix).all()
    assert np.linalg.cond(matrix) < 10


@pytest.mark.parametrize("reg", [-1.0, "much", float("nan")])
def test_a_wrong_reg_is_named(two_domains, reg):
    with pytest.raises(ValueError, match="reg must be"):
        CORAL(reg=reg).fit(*two_domains)
