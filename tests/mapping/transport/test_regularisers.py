import numpy as np
import pytest
from scipy.optimize import check_grad
from sklearn.exceptions import ConvergenceWarning

from landbridge.mapping.transport.plans import balanced_plan, uniform
from landbridge.mapping.transport.regularisers import (
    GroupPenalty,
    LaplacePenalty,
    Sum,
    conditional_gradient,
    neighbour_laplacian,
)

CODES = np.array([0.0, 0.0, 1.0, 1.0, np.nan])


def penalties(rng):
    X, Y = rng.normal(size=(5, 2)), rng.normal(size=(4, 2))
    groups = [GroupPenalty(0.7, kind, CODES, uniform(4)) for kind in ("lp-l1", "l1-l2")]
    laplace = LaplacePenalty(2.0, neighbour_laplacian(X, CODES, 2), X, Y, uniform(5))
    return [*groups, laplace, Sum((groups[0], laplace))]


@pytest.mark.parametrize("number", range(4))
def test_the_slope_of_a_penalty_is_that_of_its_values(rng, number):
    penalty = penalties(rng)[number]
    plan = rng.random((5, 4)) / 20
    error = check_grad(
        lambda p: penalty(p.reshape(5, 4))[0],
        lambda p: penalty(p.reshape(5, 4))[1].ravel(),
        plan.ravel(),
    )
    assert error < 1e-4 * np.linalg.norm(penalty(plan)[1])


@pytest.mark.parametrize("kind", ["lp-l1", "l1-l2"])
def test_a_row_without_a_class_costs_nothing(kind, rng):
    plan = rng.random((5, 4))
    _, slope = GroupPenalty(1.0, kind, CODES, uniform(4))(plan)
    np.testing.assert_array_equal(slope[4], 0.0)


def test_a_shift_of_all_rows_alike_costs_nothing(rng):
    X = rng.normal(size=(6, 2))
    penalty = LaplacePenalty(1.0, neighbour_laplacian(X, None, 2), X, X + 3.0, uniform(6))
    assert penalty(np.eye(6) / 6)[0] == pytest.approx(0.0, abs=1e-12)
    assert penalty(np.eye(6)[::-1] / 6)[0] > 0.1


def test_neighbours_of_other_classes_are_apart():
    X, codes = np.arange(4.0)[:, None], np.array([0.0, 0.0, 1.0, 1.0])
    joined = -neighbour_laplacian(X, codes, 1).toarray()
    np.fill_diagonal(joined, 0.0)
    assert joined[0, 1] > 0
    assert joined[2, 3] > 0
    assert joined[:2, 2:].sum() == 0


@pytest.mark.parametrize("reg", [0.0, 0.1])
def test_the_objective_falls_to_where_no_plan_nearby_is_better(rng, reg):
    pytest.importorskip("ot")
    C, a, b = rng.random((5, 4)), uniform(5), uniform(4)
    penalty = penalties(rng)[2]

    def best(costs):
        return balanced_plan(costs, a, b, reg, tol=1e-10)

    plan, values = conditional_gradient(C, penalty, best, best(C), reg, 2000, 1e-9)
    assert (np.diff(values) <= 1e-12).all()

    def objective(p):
        entropy = reg * (p * (np.log(np.maximum(p, 1e-300)) - 1)).sum()
        return np.vdot(C, p) + penalty(p)[0] + entropy

    others = [0.99 * plan + 0.01 * best(rng.random((5, 4))) for _ in range(20)]
    assert objective(plan) <= min(map(objective, others)) + 1e-7


def test_rounds_that_are_too_few_warn_with_the_decrease(rng):
    C, a, b = rng.random((5, 4)), uniform(5), uniform(4)

    def best(costs):
        return balanced_plan(costs, a, b, 0.05)

    with pytest.warns(ConvergenceWarning, match="after 1 steps with a relative decrease of"):
        conditional_gradient(C, penalties(rng)[2], best, np.outer(a, b), 0.05, 1, 1e-9)
