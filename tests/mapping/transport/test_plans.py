import builtins

import numpy as np
import pytest
from scipy.optimize import linprog
from sklearn.exceptions import ConvergenceWarning

from landbridge.mapping.transport.plans import (
    balanced_plan,
    barycentric,
    exact_plan,
    low_rank_plan,
    marginal_error,
    masses,
    partial_plan,
    unbalanced_plan,
    uniform,
)

ot = pytest.importorskip("ot")


@pytest.fixture
def problem(rng):
    a, b = rng.random(5) + 0.1, rng.random(4) + 0.1
    return rng.random((5, 4)), a / a.sum(), b / b.sum()


def best_by_linear_program(C, a, b, mass=1.0):
    """The least cost among plans that carry the mass and stay within the marginals."""
    n, m = C.shape
    rows, columns = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    found = linprog(
        C.ravel(),
        A_ub=np.vstack([rows, columns]),
        b_ub=np.concatenate([a, b]),
        A_eq=np.ones((1, n * m)),
        b_eq=[mass],
    )
    return found.fun


def test_the_exact_plan_is_the_best_of_the_linear_program(problem):
    C, a, b = problem
    plan = exact_plan(C, a, b)
    assert np.vdot(C, plan) == pytest.approx(best_by_linear_program(C, a, b), abs=1e-9)
    assert marginal_error(plan, a, b) < 1e-12


def test_the_exact_plan_on_a_line_sorts(rng):
    x, y = rng.normal(size=30), rng.normal(size=30)
    plan = exact_plan((x[:, None] - y) ** 2, uniform(30), uniform(30))
    np.testing.assert_array_equal(y[plan.argmax(axis=1)][np.argsort(x)], np.sort(y))


def test_the_partial_plan_is_the_best_of_the_linear_program(problem):
    C, a, b = problem
    plan = partial_plan(C, a, b, 0.6)
    assert plan.sum() == pytest.approx(0.6)
    assert np.vdot(C, plan) == pytest.approx(best_by_linear_program(C, a, b, 0.6), abs=1e-6)


@pytest.mark.parametrize("reg", [0.0, 0.05])
def test_a_high_price_balances_the_unbalanced_plan(problem, reg):
    C, a, b = problem
    errors = [
        marginal_error(unbalanced_plan(C, a, b, reg, price, 20_000, 1e-9), a, b)
        for price in (0.1, 1.0, 10.0)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.1


@pytest.mark.parametrize("reg", [0.0, 0.05])
def test_an_unbalanced_plan_that_still_changes_is_told(problem, reg):
    C, a, b = problem
    with pytest.warns(ConvergenceWarning, match="stopped after 2 steps with a last change of"):
        unbalanced_plan(C, a, b, reg, 1.0, 2, 1e-9)


def test_no_small_change_improves_the_unbalanced_plan(problem, rng):
    C, a, b = problem
    best = unbalanced_plan(C, a, b, 0.05, 0.3, 20_000, 1e-12)

    def kl(p, q):
        return float((p * np.log(p / q) - p + q).sum())

    def objective(plan):
        fit = kl(plan.sum(axis=1), a) + kl(plan.sum(axis=0), b)
        return np.vdot(C, plan) + 0.05 * kl(plan, np.outer(a, b)) + 0.3 * fit

    changed = [best * np.exp(0.01 * rng.normal(size=best.shape)) for _ in range(20)]
    assert objective(best) < min(map(objective, changed))


def test_factors_of_low_rank_have_the_marginals(rng):
    X, Y = rng.normal(size=(40, 2)), rng.normal(size=(30, 2))
    Q, R, g = low_rank_plan(X, Y, uniform(40), uniform(30), 0.01, 4, 1e-4, 0)
    assert Q.shape == (40, 4)
    assert marginal_error(Q @ np.diag(1 / g) @ R.T, uniform(40), uniform(30)) < 1e-3


def test_a_balanced_plan_has_entropy_where_reg_says_so(problem):
    C, a, b = problem
    np.testing.assert_array_equal(balanced_plan(C, a, b), exact_plan(C, a, b))
    assert (balanced_plan(C, a, b, reg=0.1) > 0).all()


def test_images_are_means_weighted_by_the_plan():
    plan, Y = np.array([[0.25, 0.25], [0.0, 0.5]]), np.array([[0.0], [4.0]])
    np.testing.assert_allclose(barycentric(plan, Y, plan.sum(axis=1)), [[2.0], [4.0]])


def test_weights_become_masses():
    np.testing.assert_allclose(masses(np.array([1.0, 3.0]), 2), [0.25, 0.75])
    np.testing.assert_allclose(masses(None, 4), 0.25)


def test_a_missing_pot_is_named_with_its_remedy(problem, monkeypatch):
    found = builtins.__import__

    def without_pot(name, *args, **kwargs):
        if name == "ot":
            raise ImportError(name)
        return found(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_pot)
    with pytest.raises(ImportError, match=r"landbridge\[transport\]"):
        exact_plan(*problem)
