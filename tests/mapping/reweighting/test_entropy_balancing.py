import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from landbridge.mapping.reweighting import EntropyBalancing


def test_linear_features_are_balanced_by_the_weights_of_most_entropy(shifted):
    weights = shifted.fit(EntropyBalancing(reg=1e-6, kernel="linear", cap=None, tol=1e-3)).weights(
        shifted.Xs
    )
    np.testing.assert_allclose(weights @ shifted.Xs / 600, shifted.Xt.mean(axis=0), atol=1e-5)
    logs = np.column_stack([shifted.Xs, np.ones(600)])
    fitted = logs @ np.linalg.lstsq(logs, np.log(weights), rcond=None)[0]
    np.testing.assert_allclose(fitted, np.log(weights), atol=1e-8)  # log-linear, as it must be


def test_the_weights_are_those_of_a_general_optimiser(two_normals):
    data, reg = two_normals(30, 25), 0.1
    mapping = data.fit(EntropyBalancing(reg=reg, gamma=0.5, n_features=55, tol=1e-8, cap=None))
    phi_s, phi_t = (mapping.features_.transform(X) for X in (data.Xs, data.Xt))

    def objective(w):
        gap = phi_s.T @ w / 30 - phi_t.mean(axis=0)
        return 0.5 * gap @ gap + reg * np.mean(w * np.log(w))

    slow = minimize(
        objective,
        np.ones(30),
        method="SLSQP",
        bounds=[(1e-9, None)] * 30,
        constraints={"type": "eq", "fun": lambda w: w.mean() - 1},
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    ours = mapping.weights(data.Xs)
    assert objective(ours) <= slow.fun + 1e-9
    np.testing.assert_allclose(ours, slow.x, atol=5e-3)


def test_no_row_loses_all_its_weight(shifted):
    assert shifted.fit(EntropyBalancing()).weights(shifted.Xs).min() > 0


def test_a_row_that_does_not_count_changes_nothing(shifted):
    given = np.ones(600)
    given[:100] = 0.0
    weights = shifted.fit(EntropyBalancing(kernel="linear"), sample_weight=given)
    without = EntropyBalancing(kernel="linear").fit(shifted.Xs[100:], shifted.Xt)
    np.testing.assert_allclose(weights.weights(shifted.Xs), without.weights(shifted.Xs), rtol=1e-2)


def test_too_few_steps_are_warned_of_with_the_gap(shifted):
    with pytest.warns(ConvergenceWarning, match=r"EntropyBalancing stopped after max_iter=1"):
        shifted.fit(EntropyBalancing(max_iter=1))


def test_a_wrong_kernel_is_named(shifted):
    with pytest.raises(ValueError, match='kernel must be "rbf", "laplacian" or "linear"'):
        shifted.fit(EntropyBalancing(kernel="cubic"))
