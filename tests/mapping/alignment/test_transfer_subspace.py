import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.stats import norm
from sklearn.exceptions import ConvergenceWarning

from landbridge.mapping.alignment.transfer_subspace import (
    TransferSubspace,
    density_divergence,
    lost_variance,
    on_subspaces,
    scatter_within,
)


@pytest.fixture
def shifted(rng):
    """Classes along the first feature; the second shifts most; the third is noise."""
    y = np.repeat(["a", "b"], 150)
    Xs, Xt = (rng.standard_normal((300, 3)) * [1.0, 3.0, 1.0] for _ in range(2))
    Xs[:, 0] += 5.0 * (y == "b")
    Xt[:, 0] += 5.0 * (y == "b")
    Xt[:, 1] += 12.0
    return Xs, y, Xt


def test_the_divergence_is_the_integral_of_the_squared_difference_of_two_densities(rng):
    p, gamma = rng.standard_normal((9, 1)), 0.7
    signed = np.repeat([1 / 5, -1 / 4], [5, 4])
    variance = 1 / (4 * gamma)
    grid = np.linspace(-12, 12, 20001)
    densities = norm.pdf(grid, p, np.sqrt(variance))
    integral = np.trapezoid((signed @ densities) ** 2, grid)
    value = density_divergence(p, signed, gamma)[0]
    assert value / np.sqrt(4 * np.pi * variance) == pytest.approx(integral, rel=1e-8)


@pytest.mark.parametrize("loss", [lost_variance, scatter_within])
def test_the_gradient_over_subspaces_agrees_with_differences(rng, loss):
    first, second = (M @ M.T for M in rng.standard_normal((2, 5, 5)))
    scatters = first if loss is lost_variance else (first, second)
    Z, signed = rng.standard_normal((12, 5)), np.repeat([1 / 7, -1 / 5], [7, 5])

    def value_and_slope(flat):
        W, R = np.linalg.qr(flat.reshape(5, 2))
        value, slope = loss(W, scatters)
        apart, by_row = density_divergence(Z @ W, signed, 0.3)
        return value + apart, on_subspaces(slope + Z.T @ by_row, W, R).ravel()

    A = rng.standard_normal(10)
    numeric = approx_fprime(A, lambda a: value_and_slope(a)[0], 1e-7)
    np.testing.assert_allclose(value_and_slope(A)[1], numeric, atol=1e-5)


def test_the_direction_that_shifts_is_hidden_and_that_of_the_classes_kept(shifted):
    Xs, y, Xt = shifted
    subspace = TransferSubspace(n_components=1).fit(Xs, Xt, ys=y)
    effect = np.abs(subspace.source_matrix_[:, 0]) * Xs.std(axis=0)
    assert effect[0] > 5 * max(effect[1:])


def test_without_labels_variance_counts(shifted):
    Xs, _, Xt = shifted
    plain = TransferSubspace(n_components=2, reg=0.0).fit(Xs, Xt)
    hidden = TransferSubspace(n_components=2, reg=100.0).fit(Xs, Xt)
    assert hidden.divergence_ < 0.1 * plain.divergence_


def test_one_direction_of_two_is_the_best_of_all_angles(rng):
    Xs = rng.standard_normal((80, 2))
    Xt = rng.standard_normal((60, 2)) @ [[1.0, 0.8], [0.0, 0.6]] + [1.0, 0.5]
    found = TransferSubspace(n_components=1, reg=3.0, tol=1e-9).fit(Xs, Xt)
    W0 = np.vstack([Xs - Xs.mean(0), Xt - Xt.mean(0)])
    spread = np.sqrt((W0**2).mean(axis=0))
    total = np.cov(W0.T / spread[:, None], bias=True)
    Z = np.vstack([Xs, Xt]) / spread
    signed = np.repeat([1 / 80, -1 / 60], [80, 60])
    start = np.linalg.eigh(total)[1][:, -1:]
    distances = np.abs(Z @ start - (Z @ start).T)[np.triu_indices(140, 1)]
    gamma = 1 / (2 * np.median(distances) ** 2)

    def objective(angle):
        W = np.array([[np.cos(angle)], [np.sin(angle)]])
        return lost_variance(W, total)[0] + 3.0 * density_divergence(Z @ W, signed, gamma)[0]

    best = min(np.linspace(0, np.pi, 800), key=objective)
    W = found.source_matrix_[:, 0] * spread
    across = W @ [-np.sin(best), np.cos(best)]
    assert abs(across) < 5e-3


def test_weights_of_zero_leave_rows_out(shifted):
    Xs, y, Xt = shifted
    weights = np.repeat([1.0, 0.0], [300, 50])
    more = np.vstack([Xs, Xs[:50] + 100.0])
    ours = TransferSubspace(n_components=1).fit(
        more, Xt, ys=np.append(y, y[:50]), sample_weight=weights
    )
    plain = TransferSubspace(n_components=1).fit(Xs, Xt, ys=y)
    np.testing.assert_allclose(ours.source_matrix_, plain.source_matrix_, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"base": "lda"}, "base must be"),
        ({"reg": -1.0}, "reg must be"),
        ({"max_rows": 1}, "max_rows must be"),
        ({"n_components": "half"}, "n_components must be"),
        ({"base": "fisher"}, "needs two classes of labelled source rows"),
    ],
)
def test_wrong_parameters_are_named(two_domains, arguments, message):
    with pytest.raises(ValueError, match=message):
        TransferSubspace(**arguments).fit(*two_domains)


def test_too_few_steps_are_said(shifted):
    with pytest.warns(ConvergenceWarning, match="TransferSubspace stopped after 1 steps"):
        TransferSubspace(n_components=1, max_iter=1).fit(shifted[0], shifted[2])
