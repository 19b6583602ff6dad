import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import laplacian_kernel, rbf_kernel
from sklearn.preprocessing import KernelCenterer

from landbridge import load, save
from landbridge.domains.folds import folds_by_content
from landbridge.mapping import Ridge
from landbridge.mapping.paired.kernel_ridge import KernelRidgeMap


@pytest.fixture
def curved(rng):
    """Pairs of a bent map with little noise, and what it makes of new rows."""
    X, X_new = rng.uniform(-2, 2, (200, 3)), rng.uniform(-2, 2, (50, 3))
    W = rng.standard_normal((3, 4))
    return (
        X,
        np.tanh(2 * X @ W) + 0.01 * rng.standard_normal((200, 4)),
        X_new,
        np.tanh(2 * X_new @ W),
    )


def centred_kernel_ridge(kernel, X, Y, X_new, reg):
    """scikit-learn's, with the kernel and the outputs centred in place of an intercept."""
    K = kernel(X, X)
    centre = KernelCenterer().fit(K)
    model = KernelRidge(alpha=reg, kernel="precomputed").fit(centre.transform(K), Y - Y.mean(0))
    return model.predict(centre.transform(kernel(X_new, X))) + Y.mean(0)


@pytest.mark.parametrize(("name", "kernel"), [("rbf", rbf_kernel), ("laplacian", laplacian_kernel)])
@pytest.mark.parametrize("reg", [1e-3, 1.0])
def test_with_every_row_as_landmark_it_is_scikit_learns_kernel_ridge(curved, name, kernel, reg):
    X, Y, X_new, _ = curved
    ours = KernelRidgeMap(name, gamma=0.5, reg=reg).fit(X, Y).transform(X_new)
    theirs = centred_kernel_ridge(lambda A, B: kernel(A, B, gamma=0.5), X, Y, X_new, reg)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_curved_map_is_learned_where_a_straight_one_fails(curved):
    X, Y, X_new, Y_new = curved
    assert KernelRidgeMap().fit(X, Y).score(X_new, Y_new) > 0.95
    assert Ridge().fit(X, Y).score(X_new, Y_new) < 0.9


def test_width_and_penalty_are_those_with_the_least_error_of_refitting(curved):
    X, Y = curved[:2]
    gammas, penalties = [0.05, 0.5, 5.0], [1e-4, 1e-2, 1.0]
    mapping = KernelRidgeMap(gammas=gammas, penalties=penalties).fit(X, Y)
    folds = folds_by_content(X, Y, 5)
    errors = np.zeros((3, 3))
    for i, gamma in enumerate(gammas):
        for j, reg in enumerate(penalties):
            for test in folds:
                train = np.setdiff1d(np.arange(200), test)
                predicted = centred_kernel_ridge(
                    lambda A, B, g=gamma: rbf_kernel(A, B, gamma=g),
                    X[train],
                    Y[train],
                    X[test],
                    reg,
                )
                errors[i, j] += ((predicted - Y[test]) ** 2).sum() / 200
    best = np.unravel_index(errors.argmin(), (3, 3))
    assert (mapping.gamma_, mapping.reg_) == (gammas[best[0]], penalties[best[1]])
    np.testing.assert_allclose(mapping.errors_, errors.min(axis=1), rtol=0.05)


def test_a_width_is_chosen_for_a_given_penalty_too(curved):
    X, Y = curved[:2]
    mapping = KernelRidgeMap(reg=0.01, gammas=[0.5, 50.0]).fit(X, Y)
    assert mapping.gamma_ == 0.5
    assert mapping.errors_[0] < mapping.errors_[1]
    assert mapping.reg_ == 0.01


@pytest.mark.parametrize("kind", ["nystroem", "fourier"])
def test_fewer_features_come_near_and_keep_the_model_small(rng, kind):
    X = rng.uniform(-2, 2, (3000, 2))
    Y = np.c_[np.sin(X[:, 0]), X[:, 1] ** 2]
    mapping = KernelRidgeMap(kind=kind, n_features=60).fit(X, Y)
    assert mapping.score(X, Y) > 0.99
    assert mapping.ridge_.matrix_.shape == (60, 2)


def test_rows_beyond_one_chunk_change_nothing(curved, monkeypatch):
    X, Y, X_new, _ = curved
    whole = KernelRidgeMap().fit(X, Y).transform(X_new)
    monkeypatch.setattr("landbridge.mapping.paired.kernel_ridge.CHUNK_ROWS", 17)
    np.testing.assert_allclose(KernelRidgeMap().fit(X, Y).transform(X_new), whole, atol=1e-8)


def test_the_order_of_rows_changes_nothing(curved, rng):
    X, Y, X_new, _ = curved
    order = rng.permutation(200)
    first, second = (
        KernelRidgeMap(n_features=40).fit(*rows) for rows in ((X, Y), (X[order], Y[order]))
    )
    np.testing.assert_allclose(first.transform(X_new), second.transform(X_new), atol=1e-8)


def test_a_weight_counts_like_so_many_rows(curved, rng):
    X, Y, X_new, _ = curved
    w = rng.integers(0, 3, 200)
    fixed = {"kind": "fourier", "gamma": 0.5, "reg": 0.1}
    weighted = KernelRidgeMap(**fixed).fit(X, Y, w)
    repeated = KernelRidgeMap(**fixed).fit(X.repeat(w, axis=0), Y.repeat(w, axis=0))
    np.testing.assert_allclose(weighted.transform(X_new), repeated.transform(X_new), atol=1e-8)


def test_float32_and_sparse_rows_are_carried_alike(curved):
    X, Y, X_new, _ = curved
    X = X * (np.abs(X) > 0.5)
    dense = KernelRidgeMap().fit(X, Y)
    np.testing.assert_allclose(
        KernelRidgeMap().fit(csr_array(X), Y).transform(csr_array(X_new)),
        dense.transform(X_new),
        atol=1e-6,
    )
    single = KernelRidgeMap().fit(X.astype(np.float32), Y.astype(np.float32))
    moved = single.transform(X_new.astype(np.float32))
    assert moved.dtype == np.float32
    np.testing.assert_allclose(moved, dense.transform(X_new), atol=2e-3)


def test_it_is_saved_as_plain_data(curved, tmp_path):
    X, Y, X_new, _ = curved
    mapping = KernelRidgeMap(n_features=30).fit(X, Y)
    again = load(save(mapping, tmp_path / "map.landbridge"))
    np.testing.assert_array_equal(again.transform(X_new), mapping.transform(X_new))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kernel": "linear"}, "kernel must be.*use Ridge"),
        ({"kind": "exact"}, "kind must be"),
        ({"gamma": "wide"}, "gamma must be"),
        ({"gamma": -1.0}, "gamma must be"),
        ({"gammas": [0.0]}, "gammas must be"),
        ({"reg": "loo"}, "reg must be"),
        ({"reg": -1.0}, "reg must be"),
        ({"penalties": [-1.0]}, "penalties must be"),
        ({"n_features": 1}, "n_features must be a whole number from 2"),
        ({"cv": 1}, "cv must be a whole number from 2"),
    ],
)
def test_errors_say_what_was_found(curved, parameters, message):
    with pytest.raises(ValueError, match=message):
        KernelRidgeMap(**parameters).fit(*curved[:2])
