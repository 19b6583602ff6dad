import warnings

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning

from landbridge.mapping.transport.cost import scaled_cost, transport_geometry
from landbridge.mapping.transport.sinkhorn import gibbs_kernel, sinkhorn, stages


def plan_of(C, a, b, reg, **settings):
    found = sinkhorn(C, a, b, reg, **settings)
    return gibbs_kernel(C, found.f, found.g, reg, np.empty_like(C)), found


def plain_sinkhorn(C, a, b, reg, steps):
    """The textbook algorithm in the log domain."""
    g = np.zeros(len(b))
    for _ in range(steps):
        f = reg * (np.log(a) - logsumexp((g - C) / reg, axis=1))
        g = reg * (np.log(b) - logsumexp((f[:, None] - C) / reg, axis=0))
    return np.exp((f[:, None] + g - C) / reg)


@pytest.fixture
def problem(two_domains, rng):
    Xs, Xt = (X[:60] for X in two_domains)
    C = scaled_cost(Xs, Xt[:40], transport_geometry(Xs, Xt[:40], None, centred=True))
    a, b = rng.random(60) + 0.1, rng.random(40) + 0.1
    return C, a / a.sum(), b / b.sum()


@pytest.mark.parametrize("reg", [1.0, 0.1, 0.05])
def test_the_plan_is_that_of_the_plain_algorithm(problem, reg):
    plan, _ = plan_of(*problem, reg, max_iter=5000, tol=1e-10)
    np.testing.assert_allclose(plan, plain_sinkhorn(*problem, reg, 800), atol=1e-9)


@pytest.mark.parametrize("reg", [0.1, 0.02])
def test_the_plan_is_that_of_pot(problem, reg):
    ot = pytest.importorskip("ot")
    C, a, b = problem
    plan, _ = plan_of(C, a, b, reg, max_iter=20_000, tol=1e-9)
    theirs = ot.bregman.sinkhorn_log(a, b, C, reg, numItermax=20_000, stopThr=1e-10)
    np.testing.assert_allclose(plan, theirs, atol=1e-8)


def test_marginals_hold_to_the_tolerance(problem):
    C, a, b = problem
    plan, found = plan_of(C, a, b, 0.05, tol=1e-7)
    assert found.error <= 1e-7
    np.testing.assert_allclose(plan.sum(axis=1), a, rtol=1e-12)
    assert np.abs(plan.sum(axis=0) - b).sum() < 1e-7


def test_over_relaxation_takes_fewer_steps_than_the_plain_algorithm(problem):
    C, a, b = problem
    steps = sinkhorn(C, a, b, 0.05, tol=1e-6).n_iter
    half_as_exact = plain_sinkhorn(C, a, b, 0.05, steps)
    assert np.abs(half_as_exact.sum(axis=1) - a).sum() > 1e-5


def test_a_small_reg_neither_overflows_nor_vanishes(problem):
    C, a, b = problem
    assert np.exp(-C / 0.002).min() == 0.0
    plan, _ = plan_of(C, a, b, 0.002, max_iter=20_000, tol=1e-3)
    assert np.isfinite(plan).all()
    np.testing.assert_allclose(plan.sum(axis=1), a, rtol=1e-9)


def test_scalings_that_grow_are_absorbed():
    C = np.array([[0.0, 50.0], [50.0, 0.0], [100.0, 100.0]])
    a, b = np.array([0.2, 0.3, 0.5]), np.array([0.9, 0.1])
    plan, _ = plan_of(C, a, b, 0.5, max_iter=100_000, tol=1e-8)
    np.testing.assert_allclose(plan, [[0.2, 0], [0.2, 0.1], [0.5, 0]], atol=1e-6)


def test_far_rows_do_not_vanish_in_float32(problem):
    C, a, b = problem
    far = C.astype(np.float32)
    far[0] += 1000.0
    plan, _ = plan_of(far, a, b, 0.05)
    np.testing.assert_allclose(plan, plan_of(C, a, b, 0.05)[0], atol=1e-5)
    assert plan.dtype == np.float32


def test_stages_come_down_to_a_small_reg():
    assert stages(0.05) == [0.05]
    assert stages(0.001) == pytest.approx([0.025, 0.005, 0.001])


def test_too_few_steps_warn_with_the_marginal_error(problem):
    with pytest.warns(ConvergenceWarning, match=r"after 2 steps with a marginal error of 0\.\d"):
        sinkhorn(*problem, 0.05, max_iter=2)


def test_inputs_are_left_as_they_were(problem):
    before = [v.copy() for v in problem]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sinkhorn(*problem, 0.05)
    for was, value in zip(before, problem):
        np.testing.assert_array_equal(was, value)
