import numpy as np
import pytest
from scipy.stats import gaussian_kde, multivariate_normal

from landbridge.mapping.reweighting import GaussianRatio, KernelDensityRatio


def test_normal_densities_are_those_of_scipy(shifted):
    ratio = np.exp(
        multivariate_normal(shifted.Xt.mean(axis=0), np.cov(shifted.Xt.T)).logpdf(shifted.Xs)
        - multivariate_normal(shifted.Xs.mean(axis=0), np.cov(shifted.Xs.T)).logpdf(shifted.Xs)
    )
    ours = GaussianRatio(reg=0.0, cap=None).fit(shifted.Xs, shifted.Xt).weights(shifted.Xs)
    np.testing.assert_allclose(ours, ratio / ratio.mean(), rtol=5e-3)  # n or n - 1


def test_repeated_rows_are_weighted_rows(shifted):
    times = 1 + np.arange(600) % 3
    weighted = shifted.fit(GaussianRatio(), sample_weight=times)
    repeated = GaussianRatio().fit(shifted.Xs.repeat(times, axis=0), shifted.Xt)
    np.testing.assert_allclose(weighted.means_, repeated.means_, atol=1e-12)


def test_kernel_densities_are_those_of_scipy(two_normals):
    data = two_normals(80, 60)
    there, here = (gaussian_kde(X.T)(data.Xs.T) for X in (data.Xt, data.Xs))
    ours = data.fit(KernelDensityRatio(cap=None)).weights(data.Xs)
    expected = there / here
    # SciPy's covariance is not shrunk; ours is by the oracle rule
    np.testing.assert_allclose(ours, expected / expected.mean(), rtol=0.25, atol=0.05)
    assert np.corrcoef(ours, expected)[0, 1] > 0.999


def test_the_bandwidth_makes_rows_likely_by_the_others(rng):
    """Two far clusters: a rule for one is far too wide."""
    X = np.concatenate([rng.normal(-20, 0.5, (100, 1)), rng.normal(20, 0.5, (100, 1))])
    rule, chosen = (
        KernelDensityRatio(bandwidth).fit(X, X).bandwidths_[0] for bandwidth in ("scott", "cv")
    )
    assert chosen <= rule / 3.9


def test_fewer_centres_give_nearly_the_same_ratio(two_normals):
    data = two_normals(1500, 1500)
    few, many = (
        data.fit(KernelDensityRatio(n_centres=m, cap=None)).weights(data.Xs) for m in (300, 1500)
    )
    assert np.corrcoef(few, many)[0, 1] > 0.95


def test_a_feature_that_never_varies_changes_nothing(shifted):
    Xs, Xt = (np.column_stack([X, np.full(len(X), 7.0)]) for X in (shifted.Xs, shifted.Xt))
    weights = GaussianRatio(reg=1e-3).fit(Xs, Xt).weights(Xs)
    plain = GaussianRatio(reg=1e-3).fit(shifted.Xs, shifted.Xt).weights(shifted.Xs)
    np.testing.assert_allclose(weights, plain, rtol=1e-8)


@pytest.mark.parametrize(
    "mapping, message",
    [
        (GaussianRatio(reg=-1.0), 'reg must be "auto" or a number from 0 up: found -1.0'),
        (KernelDensityRatio(0.0), 'bandwidth must be "scott", "cv" or a number above 0'),
        (KernelDensityRatio(n_centres=1), "n_centres must be a whole number from 2 up"),
    ],
)
def test_a_wrong_parameter_is_named(mapping, message, shifted):
    with pytest.raises(ValueError, match=message):
        shifted.fit(mapping)
