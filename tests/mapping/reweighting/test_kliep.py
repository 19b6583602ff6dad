import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import rbf_kernel

from landbridge.mapping.reweighting import KLIEP, kliep
from landbridge.mapping.reweighting.kliep import may_be_best


def test_the_likelihood_is_that_of_a_general_optimiser(shifted):
    kliep = shifted.fit(KLIEP(gamma=0.7, n_centres=8, cap=None))
    phi_s, phi_t = (rbf_kernel(X, kliep.centres_, 0.7) for X in (shifted.Xs, shifted.Xt))
    mean = phi_s.mean(axis=0)
    slow = minimize(
        lambda a: -np.log(phi_t @ a).mean(),
        np.full(8, 1 / mean.sum()),
        jac=lambda a: -(phi_t / (phi_t @ a)[:, None]).mean(axis=0),
        bounds=[(0, None)] * 8,
        constraints={"type": "eq", "fun": lambda a: mean @ a - 1, "jac": lambda a: mean},
        options={"ftol": 1e-12, "maxiter": 500},
    )
    ours = np.log(kliep.weights(shifted.Xt)).mean()
    assert ours == pytest.approx(-slow.fun, abs=2e-6)


def test_the_mean_ratio_over_the_source_is_one_before_it_is_normalised(shifted):
    kliep = shifted.fit(KLIEP(gamma=0.7))
    raw = rbf_kernel(shifted.Xs, kliep.centres_, 0.7) @ np.exp(kliep.log_coef_)
    assert raw.mean() == pytest.approx(1.0)


def test_the_width_with_the_likeliest_held_out_rows_is_a_good_one(two_normals):
    data = two_normals(1000, 800)
    chosen, narrow, wide = (
        data.error(data.fit(KLIEP(gamma=gamma, cap=None)).weights(data.Xs))
        for gamma in ("cv", 50.0, 0.01)
    )
    assert chosen < 0.3 * min(narrow, wide)


def test_widths_that_fall_behind_change_no_choice(two_normals, monkeypatch):
    data = two_normals(400, 600)
    tried = []
    held_out = kliep.held_out_likelihoods
    monkeypatch.setattr(
        kliep, "held_out_likelihoods", lambda *given: tried.append(1) or held_out(*given)
    )
    raced, n_raced = data.fit(KLIEP()).gamma_, len(tried)
    monkeypatch.setattr(kliep, "may_be_best", lambda values: np.ones(values.shape[1], dtype=bool))
    assert data.fit(KLIEP()).gamma_ == raced
    assert n_raced < len(tried) - n_raced == 30


def test_only_what_is_surely_behind_falls_out(rng):
    noise = rng.standard_normal((400, 3))
    noise -= noise.mean(axis=0)  # the gap of two columns has a standard error of about 0.07
    behind = noise + np.array([0.0, -0.05, -0.5])
    assert may_be_best(behind).tolist() == [True, True, False]


def test_too_few_steps_are_warned_of_with_the_gap(shifted):
    with pytest.warns(ConvergenceWarning, match=r"max_iter=1 steps: the mean log ratio may be"):
        shifted.fit(KLIEP(gamma=5.0, max_iter=1))


@pytest.mark.parametrize(
    "setting, message",
    [
        ({"gamma": 0.0}, 'gamma must be "cv", "median" or a number above 0'),
        ({"cv": 1}, "cv must be a whole number from 2 up: found 1"),
        ({"tol": 0}, "tol must be a number above 0"),
        ({"max_iter": 0}, "max_iter must be a whole number from 1 up"),
        ({"n_centres": 2.5}, "n_centres must be a whole number"),
    ],
)
def test_a_wrong_parameter_is_named(setting, message, shifted):
    with pytest.raises(ValueError, match=message):
        shifted.fit(KLIEP(**setting))
