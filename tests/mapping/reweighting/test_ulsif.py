from itertools import product

import numpy as np
import pytest
from sklearn.metrics.pairwise import rbf_kernel

from landbridge.mapping.reweighting import RULSIF, ULSIF
from landbridge.mapping.reweighting.ulsif import LeftOutOf, leave_one_out_scores


def test_the_ratio_is_the_ridge_solution_of_the_paper(shifted):
    ulsif = shifted.fit(ULSIF(gamma=0.7, reg=0.03, n_centres=20, cap=None))
    phi_s, phi_t = (rbf_kernel(X, ulsif.centres_, 0.7) for X in (shifted.Xs, shifted.Xt))
    H, h = phi_s.T @ phi_s / len(phi_s), phi_t.mean(axis=0)
    ratio = np.maximum(phi_s @ np.linalg.solve(H + 0.03 * np.eye(20), h), 0)
    np.testing.assert_allclose(ulsif.weights(shifted.Xs), ratio / ratio.mean(), rtol=1e-7)


def test_the_relative_ratio_mixes_both_samples(shifted):
    rulsif = shifted.fit(RULSIF(alpha=0.3, gamma=0.7, reg=0.03, n_centres=20, cap=None))
    phi_s, phi_t = (rbf_kernel(X, rulsif.centres_, 0.7) for X in (shifted.Xs, shifted.Xt))
    H = 0.3 * phi_t.T @ phi_t / len(phi_t) + 0.7 * phi_s.T @ phi_s / len(phi_s)
    ratio = np.maximum(phi_s @ np.linalg.solve(H + 0.03 * np.eye(20), phi_t.mean(axis=0)), 0)
    np.testing.assert_allclose(rulsif.weights(shifted.Xs), ratio / ratio.mean(), rtol=1e-7)


def test_the_relative_ratio_comes_near_its_own_definition(two_normals):
    data = two_normals(3000, 3000)
    weights = data.fit(RULSIF(alpha=0.5, cap=None)).weights(data.Xs)
    relative = data.ratio / (0.5 * data.ratio + 0.5)
    assert np.corrcoef(weights, relative)[0, 1] > 0.97


def test_without_the_target_in_the_mixture_both_are_one(shifted):
    same = [shifted.fit(mapping).weights(shifted.Xs) for mapping in (ULSIF(), RULSIF(alpha=0.0))]
    np.testing.assert_array_equal(*same)


@pytest.mark.parametrize("alpha", [0.0, 0.4])
@pytest.mark.parametrize("n_source, n_target", [(12, 9), (7, 15)])
def test_leaving_one_out_in_closed_form_is_leaving_one_out(alpha, n_source, n_target, rng):
    phi_s, phi_t = rng.random((n_source, 4)), rng.random((n_target, 4))
    regs, n_pairs = np.array([0.1, 3.0]), min(n_source, n_target)
    losses = []
    for reg, i in product(regs, range(n_pairs)):
        s, t = np.delete(phi_s, i, axis=0), np.delete(phi_t, i, axis=0)
        H = alpha * t.T @ t / len(t) + (1 - alpha) * s.T @ s / len(s)
        theta = np.linalg.solve(H + reg * np.eye(4), t.mean(axis=0))
        r_s, r_t = max(phi_s[i] @ theta, 0), max(phi_t[i] @ theta, 0)
        losses.append((1 - alpha) / 2 * r_s**2 + alpha / 2 * r_t**2 - r_t)
    whole = LeftOutOf(
        phi_s.T @ phi_s / n_source,
        phi_t.T @ phi_t / n_target,
        phi_t.mean(axis=0),
        n_source,
        n_target,
    )
    shares = np.full(n_pairs, 1 / n_source)
    scores = leave_one_out_scores(whole, phi_s[:n_pairs], phi_t[:n_pairs], shares, alpha, regs)
    np.testing.assert_allclose(scores, np.reshape(losses, (2, -1)).mean(axis=1), atol=1e-10)


def test_cross_validation_beats_a_width_and_penalty_far_off(two_normals):
    data = two_normals(1000, 1000)
    chosen, far_off = (
        data.error(data.fit(mapping).weights(data.Xs))
        for mapping in (ULSIF(cap=None), ULSIF(gamma=100.0, reg=1e-4, cap=None))
    )
    assert chosen < 0.1 * far_off


def test_doubled_weights_are_doubled_rows(shifted):
    twice = np.repeat(np.arange(600), 1 + np.arange(600) % 2)
    setting = {"gamma": 0.5, "reg": 0.01}
    weighted = shifted.fit(ULSIF(**setting), sample_weight=1.0 + np.arange(600) % 2)
    repeated = ULSIF(**setting).fit(shifted.Xs[twice], shifted.Xt)
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    "setting, message",
    [
        ({"gamma": -1.0}, 'gamma must be "cv", "median" or a number above 0: found -1.0'),
        ({"gamma": "wide"}, "gamma must be"),
        ({"reg": 0.0}, 'reg must be "cv" or a number above 0: found 0.0'),
        ({"n_centres": 0}, "n_centres must be a whole number from 1 up: found 0"),
        ({"alpha": 1.0}, "alpha must be a number from 0 and below 1: found 1.0"),
    ],
)
def test_a_wrong_parameter_is_named(setting, message, shifted):
    with pytest.raises(ValueError, match=message):
        shifted.fit(RULSIF(**setting))
