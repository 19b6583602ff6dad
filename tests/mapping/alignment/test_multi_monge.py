import numpy as np
import pytest
from scipy.linalg import sqrtm
from sklearn.exceptions import ConvergenceWarning

from landbridge.mapping import Monge
from landbridge.mapping.alignment.multi_monge import MultiLinearMonge, barycentre_covariance
from landbridge.moments import Moments


@pytest.fixture
def three(rng):
    """Rows of three sources, with the names of their sources."""
    parts = [rng.standard_normal((n, 3)) @ rng.standard_normal((3, 3)) + n for n in (90, 120, 60)]
    return np.vstack(parts), np.repeat(["a", "b", "c"], [90, 120, 60])


def test_each_source_gets_the_moments_of_the_target(three, rng):
    Xs, names = three
    Xt = rng.standard_normal((80, 3)) @ rng.standard_normal((3, 3)) - 4.0
    moved = MultiLinearMonge(reg=0.0).fit(Xs, Xt, sources=names).transform(Xs, sources=names)
    for name in "abc":
        np.testing.assert_allclose(moved[names == name].mean(0), Xt.mean(0), atol=1e-10)
        np.testing.assert_allclose(np.cov(moved[names == name].T), np.cov(Xt.T), atol=1e-9)


def test_the_barycentre_solves_its_equation(rng):
    covariances = [M @ M.T for M in rng.standard_normal((3, 4, 4))]
    shares = np.array([0.5, 0.3, 0.2])
    S, step = barycentre_covariance(covariances, shares, 200, 1e-12)
    root = sqrtm(S)
    again = sum(w * sqrtm(root @ C @ root) for w, C in zip(shares, covariances))
    np.testing.assert_allclose(again, S, atol=1e-8)
    assert step <= 1e-12


def test_spreads_of_one_feature_are_averaged():
    S, _ = barycentre_covariance([np.array([[4.0]]), np.array([[25.0]])], np.array([0.25, 0.75]))
    np.testing.assert_allclose(S, [[(0.25 * 2 + 0.75 * 5) ** 2]], rtol=1e-10)


def test_covariances_that_commute_have_their_roots_averaged(rng):
    V = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    values = rng.uniform(0.5, 9.0, (3, 4))
    shares = np.array([0.2, 0.5, 0.3])
    S, _ = barycentre_covariance([(V * v) @ V.T for v in values], shares)
    np.testing.assert_allclose(S, (V * (shares @ np.sqrt(values)) ** 2) @ V.T, atol=1e-8)


def test_the_barycentre_is_that_of_pot(rng):
    ot = pytest.importorskip("ot")
    covariances = np.array([M @ M.T for M in rng.standard_normal((3, 4, 4))])
    shares = np.array([0.5, 0.3, 0.2])
    theirs = ot.gaussian.bures_wasserstein_barycenter(
        np.zeros((3, 4)), covariances, weights=shares, num_iter=500, eps=1e-12
    )[1]
    ours, _ = barycentre_covariance(covariances, shares, 500, 1e-12)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_single_source_goes_straight_to_the_target(two_domains):
    Xs, Xt = two_domains
    np.testing.assert_allclose(
        MultiLinearMonge(reg=0.1).fit_transform(Xs, Xt), Monge(reg=0.1).fit_transform(Xs, Xt)
    )


def test_moments_will_do_in_place_of_rows(three, rng):
    Xs, names = three
    Xt = rng.standard_normal((80, 3))
    rows = MultiLinearMonge().fit(Xs, Xt, sources=names)
    moments = MultiLinearMonge().fit_moments(
        {name: Moments.of(Xs[names == name]) for name in "abc"}, Moments.of(Xt)
    )
    for name in "abc":
        np.testing.assert_allclose(rows.matrices_[name], moments.matrices_[name], atol=1e-10)


def test_shares_by_rows_move_the_barycentre_to_the_larger_source(three, rng):
    Xs, names = three
    weights = np.where(names == "b", 1e6, 1.0)
    Xt = rng.standard_normal((80, 3))
    monge = MultiLinearMonge(reg=0.0, shares="rows")
    monge.fit(Xs, Xt, sources=names, sample_weight=weights)
    np.testing.assert_allclose(monge.barycentre_, np.cov(Xs[names == "b"].T), rtol=0.01)


def test_what_makes_up_a_feature_is_told_for_each_source(three, rng):
    Xs, names = three
    table = MultiLinearMonge().fit(Xs, rng.standard_normal((80, 3)), sources=names).explain()
    assert sorted(set(table["source"])) == ["a", "b", "c"]
    shares = table.groupby(["source", "target_feature"])["share"].sum()
    np.testing.assert_allclose(shares, 1.0)


def test_several_sources_cannot_be_run_backwards_and_one_can(three, two_domains, rng):
    Xs, names = three
    several = MultiLinearMonge().fit(Xs, rng.standard_normal((80, 3)), sources=names)
    with pytest.raises(ValueError, match="cannot be run backwards"):
        several.inverse_transform(Xs)
    one = MultiLinearMonge().fit(*two_domains)
    back = one.inverse_transform(one.transform(two_domains[0]))
    np.testing.assert_allclose(back, two_domains[0], atol=1e-8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shares": "most"}, "shares must be"),
        ({"max_iter": 0}, "max_iter must be"),
        ({"reg": -1.0}, "reg must be"),
    ],
)
def test_wrong_parameters_are_named(two_domains, arguments, message):
    with pytest.raises(ValueError, match=message):
        MultiLinearMonge(**arguments).fit(*two_domains)


def test_a_source_of_one_row_is_refused(two_domains):
    Xs, Xt = two_domains
    with pytest.raises(ValueError, match="needs 2 rows of each: Xs has 1"):
        MultiLinearMonge().fit(Xs[:5], Xt, sources=["a", "b", "b", "b", "b"])


def test_too_few_steps_are_said(three, rng):
    Xs, names = three
    with pytest.warns(ConvergenceWarning, match="stopped after 1 steps to the barycentre"):
        MultiLinearMonge(max_iter=1).fit(Xs, rng.standard_normal((80, 3)), sources=names)
