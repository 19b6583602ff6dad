import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from landbridge.mapping.components import eigen
from landbridge.mapping.components.eigen import (
    Subspace,
    Whitening,
    block_eigenpairs,
    leading_components,
)


@pytest.fixture
def problem(rng):
    """S, U and P (as a diagonal and in full) of 60 features."""
    root = rng.standard_normal((60, 60)) * 0.9 ** np.arange(60)
    full = rng.standard_normal((60, 60)) / 20
    return root @ root.T, rng.standard_normal((60, 3)), rng.uniform(0.1, 5, 60), full @ full.T


def test_the_root_turns_the_constraint_into_the_identity(problem):
    _, U, diagonal, full = problem
    for penalty in (diagonal, np.diag(diagonal) + full):
        T = Whitening(U, penalty)
        P = np.diag(penalty) if penalty.ndim == 1 else penalty
        root = T.apply(np.eye(60))
        np.testing.assert_allclose(root.T @ (U @ U.T + P) @ root, np.eye(60), atol=1e-10)
        np.testing.assert_allclose(T.adjoint(np.eye(60)), root.T, atol=1e-12)
        np.testing.assert_allclose(T.undo(root), np.eye(60), atol=1e-10)
        np.testing.assert_allclose(T.undo_adjoint(root.T), np.eye(60), atol=1e-10)


@pytest.mark.parametrize("iterates", [False, True])
@pytest.mark.parametrize("is_diagonal", [False, True])
def test_the_components_are_the_generalised_eigenvectors(
    problem, leading, angle, rng, iterates, is_diagonal
):
    S, U, diagonal, full = problem
    P = np.diag(diagonal) + (0 if is_diagonal else full)
    basis = rng.standard_normal((60, 8))
    found = leading_components(
        S, U, diagonal if is_diagonal else P, 5, Subspace(basis, S @ basis) if iterates else None
    )
    values, W = leading(S, U @ U.T + P, 5)
    np.testing.assert_allclose(found.values, values, rtol=1e-10)
    assert angle(found.matrix, W) < 1e-6
    np.testing.assert_allclose(found.matrix.T @ (U @ U.T + P) @ found.matrix, np.eye(5), atol=1e-8)


def test_an_iteration_goes_on_from_the_subspace_of_the_last(problem, rng, monkeypatch):
    S, U, diagonal, _ = problem
    basis = rng.standard_normal((60, 8))
    first = leading_components(S, U, diagonal, 5, Subspace(basis, S @ basis))
    monkeypatch.setattr(eigen, "MAX_PASSES", 1)
    again = leading_components(S, U, diagonal, 5, first.subspace)
    np.testing.assert_allclose(again.matrix, first.matrix, atol=1e-9)
    np.testing.assert_allclose(S @ first.subspace.basis, first.subspace.image, atol=1e-9)


def test_directions_without_scatter_are_zero(rng):
    root = rng.standard_normal((10, 2))
    found = leading_components(root @ root.T, rng.standard_normal((10, 1)), np.ones(10), 4)
    assert (np.abs(found.matrix[:, :2]).max(axis=0) > 0).all()
    assert not found.matrix[:, 2:].any()


def test_the_largest_entry_of_a_component_is_positive(problem):
    S, U, diagonal, _ = problem
    W = leading_components(S, U, diagonal, 5).matrix
    assert (W[np.abs(W).argmax(axis=0), range(5)] > 0).all()


def test_many_passes_keep_the_subspace_narrow(rng):
    C = np.diag(1.01 ** -np.arange(400.0))  # eigenvalues so close that many passes are needed
    V = np.linalg.qr(rng.standard_normal((400, 13)))[0]
    values, V, _ = block_eigenpairs(lambda Z: C @ Z, V, C @ V, 3, 1e-8)
    np.testing.assert_allclose(values[:3], C.diagonal()[:3], rtol=1e-10)
    assert V.shape[1] <= eigen.MAX_BLOCKS * (3 + eigen.OVERSAMPLING)


def test_an_iteration_that_does_not_settle_says_so(problem, rng, monkeypatch):
    S, U, diagonal, _ = problem
    monkeypatch.setattr(eigen, "MAX_PASSES", 1)
    basis = rng.standard_normal((60, 8))
    with pytest.warns(ConvergenceWarning, match="not settled after 1 passes: their residual is"):
        leading_components(S, U, diagonal, 5, Subspace(basis, S @ basis))
