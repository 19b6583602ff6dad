import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import rbf_kernel

from landbridge.mapping.reweighting import KMM


def slow_kmm(Xs, Xt, gamma, reg, bound, slack):
    """The quadratic program in all n weights, on the kernel itself."""
    n = len(Xs)
    K, kappa = rbf_kernel(Xs, gamma=gamma) / n**2, rbf_kernel(Xs, Xt, gamma=gamma).mean(axis=1) / n

    def objective(w):
        return 0.5 * w @ K @ w - kappa @ w + 0.5 * reg * np.mean((w - 1) ** 2)

    return minimize(
        objective,
        np.ones(n),
        jac=lambda w: K @ w - kappa + reg * (w - 1) / n,
        method="SLSQP",
        bounds=[(0, bound)] * n,
        constraints=[
            {"type": "ineq", "fun": lambda w: w.mean() - 1 + slack},
            {"type": "ineq", "fun": lambda w: 1 + slack - w.mean()},
        ],
        options={"ftol": 1e-14, "maxiter": 1000},
    ).x


@pytest.mark.parametrize("bound, slack", [(1000.0, 0.9), (2.5, 0.9), (1000.0, 0.0), (3.0, 0.05)])
def test_the_weights_are_those_of_the_quadratic_program(bound, slack, two_normals):
    data = two_normals(50, 40)
    slow = slow_kmm(data.Xs, data.Xt, 0.5, 0.01, bound, slack)
    kmm = KMM(reg=0.01, bound=bound, mean_slack=slack, gamma=0.5, n_features=90, tol=1e-8, cap=None)
    weights = data.fit(kmm).weights(data.Xs)
    np.testing.assert_allclose(weights, slow / slow.mean(), atol=2e-4)


@pytest.mark.filterwarnings("ignore:.*effective sample size:UserWarning")
def test_the_means_of_the_kernel_agree_as_well_as_without_the_penalty(two_normals):
    data = two_normals(50, 40)

    def distance(w):
        both = np.concatenate([w / w.sum(), np.full(40, -1 / 40)])
        return both @ rbf_kernel(np.vstack([data.Xs, data.Xt]), gamma=0.5) @ both

    slow = distance(slow_kmm(data.Xs, data.Xt, 0.5, 0.0, 1000.0, 0.9))
    ours = distance(data.fit(KMM(reg=1e-7, gamma=0.5, n_features=90, cap=None)).weights(data.Xs))
    assert ours < 1.05 * slow + 1e-6
    assert ours < 0.2 * distance(np.ones(50))


def test_the_witness_is_what_the_weighted_source_has_too_much_of(shifted):
    kmm = shifted.fit(KMM(cap=None, tol=1e-7, mean_slack=0.0))
    weights = kmm.weights(shifted.Xs)
    phi_s, phi_t = (kmm.features_.transform(X) for X in (shifted.Xs, shifted.Xt))
    np.testing.assert_allclose(
        kmm.witness_, phi_s.T @ weights / 600 - phi_t.mean(axis=0), atol=1e-8
    )


def test_random_features_serve_too(shifted):
    weights = shifted.fit(KMM(kind="fourier", reg=0.01, cap=None)).weights(shifted.Xs)
    assert shifted.error(weights) < 0.1


def test_features_that_do_not_fit_in_memory_are_made_anew(shifted, monkeypatch):
    held = shifted.fit(KMM(n_features=50)).weights(shifted.Xs)
    monkeypatch.setattr("landbridge.mapping.reweighting.held.memory_bound", lambda: 0)
    np.testing.assert_allclose(
        shifted.fit(KMM(n_features=50)).weights(shifted.Xs), held, rtol=1e-10
    )


@pytest.mark.filterwarnings("ignore:.*effective sample size:UserWarning")
def test_too_few_steps_are_warned_of_with_the_gap(shifted):
    with pytest.warns(ConvergenceWarning, match=r"max_iter=1 steps with a duality gap of"):
        shifted.fit(KMM(tol=1e-6, max_iter=1))


@pytest.mark.parametrize(
    "setting, message",
    [
        ({"reg": 0.0}, "reg must be a number above 0: found 0.0"),
        ({"bound": 1.0}, "bound must be a number above 1: found 1.0"),
        ({"mean_slack": 1.0}, 'mean_slack must be "auto" or a number from 0 and below 1'),
        ({"kind": "exact"}, 'kind must be "nystroem" or "fourier": found \'exact\''),
        ({"gamma": "cv"}, 'gamma must be "median" or a number above 0'),
    ],
)
def test_a_wrong_parameter_is_named(setting, message, shifted):
    with pytest.raises(ValueError, match=message):
        shifted.fit(KMM(**setting))
