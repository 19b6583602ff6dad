import numpy as np
import pytest

from landbridge.mapping.transport import KernelTransport
from landbridge.mapping.transport.kernel_transport import ridge_weights

ot = pytest.importorskip("ot")


def test_the_ridge_is_that_of_the_normal_equations(rng):
    Phi, V, mass = rng.normal(size=(30, 4)), rng.normal(size=(30, 2)), rng.random(30)
    A = np.diag(mass)
    expected = np.linalg.inv(Phi.T @ A @ Phi + 0.3 * np.eye(4)) @ Phi.T @ A @ V
    np.testing.assert_allclose(ridge_weights(Phi, V, mass, 0.3), expected, atol=1e-10)


def test_a_linear_map_is_recovered_and_carries_new_rows(rng):
    Xs, new = rng.normal(size=(150, 2)), rng.normal(size=(20, 2))
    A = np.array([[1.5, 0.3], [0.3, 0.8]])
    mapping = KernelTransport("linear", map_reg=1e-8).fit(Xs, (Xs @ A + 5.0)[::-1])
    np.testing.assert_allclose(mapping.transform(new), new @ A + 5.0, atol=1e-6)


def test_the_kernel_bends_where_the_line_cannot(rng):
    Xs, new = rng.uniform(-2, 2, (200, 1)), rng.uniform(-1.8, 1.8, (50, 1))
    bent, straight = (
        KernelTransport(kernel, map_reg=1e-5).fit(Xs, np.sinh(Xs[::-1])).transform(new)
        for kernel in ("rbf", "linear")
    )
    errors = [np.abs(moved - np.sinh(new)).max() for moved in (bent, straight)]
    assert errors[0] < 0.2 < errors[1]


def test_each_round_lowers_the_objective(two_domains):
    objective = KernelTransport().fit(*two_domains).objective_
    assert len(objective) > 1
    assert (np.diff(objective) <= 1e-9).all()


def test_the_objective_is_no_worse_than_that_of_pot(rng):
    Xs = rng.normal(size=(40, 2))
    Xt = rng.normal(size=(40, 2)) * [2.0, 0.5]
    Xs, Xt = Xs - Xs.mean(axis=0), Xt - Xt.mean(axis=0)
    mapping = KernelTransport("linear", map_reg=0.1, tol=2e-6, max_iter=500).fit(Xs, Xt)
    X, Y = (rows / np.sqrt(mapping.unit_) for rows in (Xs, Xt))
    # POT's objective is ours times n, with a cost not divided by n and the same identity.
    plan, L = ot.mapping.joint_OT_mapping_linear(
        X, Y, mu=1.0, eta=0.1 * 40, numItermax=500, stopThr=1e-9
    )
    images = 40 * plan @ Y
    theirs = ((X @ L - images) ** 2).sum() / 40 + (ot.dist(X, Y) * plan).sum()
    theirs += 0.1 * ((L - np.eye(2)) ** 2).sum()
    assert mapping.objective_[-1] <= theirs * (1 + 5e-3)


def test_weights_are_masses(rng):
    Xs, Xt = rng.normal(size=(30, 2)), rng.normal(size=(30, 2))
    weights = np.where(Xs[:, 0] > 0, 1.0, 0.0)
    some = KernelTransport(reg=0.1).fit(Xs[weights > 0], Xt)
    weighed = KernelTransport(reg=0.1).fit(Xs, Xt, sample_weight=weights)
    np.testing.assert_allclose(weighed.transform(Xs), some.transform(Xs), atol=1e-8)


@pytest.mark.parametrize("name", ["plan_weight", "map_reg", "reg", "max_iter", "tol"])
def test_a_wrong_setting_is_named(two_domains, name):
    with pytest.raises(ValueError, match=f"{name} must be a .*number .*found -1"):
        KernelTransport(**{name: -1}).fit(*two_domains)


def test_a_plan_beyond_the_memory_bound_is_refused(two_domains, monkeypatch):
    monkeypatch.setenv("LANDBRIDGE_MAX_MEMORY", "100000")
    with pytest.raises(MemoryError, match=r"300 to 200 rows.*fewer rows"):
        KernelTransport().fit(*two_domains)
