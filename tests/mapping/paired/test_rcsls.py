import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import normalize

from landbridge import load, save
from landbridge.mapping import Procrustes
from landbridge.mapping.paired.procrustes import procrustes_rotation
from landbridge.mapping.paired.rcsls import RCSLS, nearest, onto_edge, rcsls_gradient


@pytest.fixture
def units(rng):
    """60 pairs of unit rows in 5 and 4 dimensions, their weights, and a map between."""
    X, Y = normalize(rng.standard_normal((60, 5))), normalize(rng.standard_normal((60, 4)))
    return X, Y, np.full(60, 1 / 60), rng.standard_normal((5, 4))


def hubs(seed, n=800, d=20):
    """A noisy rotation of rows that all lie to one side, where some are near to everything."""
    rng = np.random.default_rng(seed)
    spread = np.exp(-np.arange(d) / 8)
    X = rng.standard_normal((n, d)) * spread + 9 * rng.standard_normal(d) / np.sqrt(d)
    R = np.linalg.qr(rng.standard_normal((d, d)))[0]
    return X, X @ R + 0.8 * spread.mean() * rng.standard_normal((n, d))


def loss(A, X, Y, k):
    """Equation 4 of the paper, written out."""
    total = 0.0
    for i in range(len(X)):
        near_targets = sorted(Y @ (X[i] @ A))[-k:]
        near_sources = sorted(X @ A @ Y[i])[-k:]
        total += -2 * X[i] @ A @ Y[i] + np.mean(near_targets) + np.mean(near_sources)
    return total / len(X)


def recall(Z, Y):
    return (normalize(Z) @ normalize(Y).T).argmax(axis=1) == np.arange(len(Y))


@pytest.mark.parametrize("k", [1, 4, 100])
def test_map_times_gradient_is_the_loss_of_the_paper(units, k):
    X, Y, w, A = units
    G = rcsls_gradient(A, X, Y, w, k)
    assert np.vdot(A, G) == pytest.approx(loss(A, X, Y, min(k, 60)), rel=1e-12)


def test_the_gradient_is_that_of_finite_differences(units, rng):
    X, Y, w, A = units
    G = rcsls_gradient(A, X, Y, w, 4)
    for _ in range(5):
        step = 1e-6 * rng.standard_normal(A.shape)
        change = loss(A + step, X, Y, 4) - loss(A - step, X, Y, 4)
        assert change == pytest.approx(2 * np.vdot(G, step), rel=1e-5)


def test_the_loss_is_convex(units, rng):
    X, Y, _, A = units
    B = rng.standard_normal(A.shape)
    there, here, between = (loss(M, X, Y, 4) for M in (A, B, (A + B) / 2))
    assert between <= (there + here) / 2


def test_neighbours_are_found_a_block_at_a_time(units, monkeypatch):
    X, Y, _, A = units
    monkeypatch.setattr("landbridge.mapping.paired.rcsls.BLOCK_NUMBERS", 200)
    top = np.argsort(X @ A @ Y.T, axis=1)[:, -7:]
    np.testing.assert_allclose(nearest(X @ A, Y, 7) @ Y, Y[top].mean(axis=1), rtol=1e-12)


def test_the_edge_of_a_ball_is_where_its_nearest_map_points(units):
    A = units[3]
    sizes = np.linalg.svd(onto_edge(A, "spectral"), compute_uv=False)
    np.testing.assert_allclose(sizes, np.minimum(np.linalg.svd(A, compute_uv=False), 1))
    np.testing.assert_allclose(np.linalg.svd(onto_edge(A / 100, "spectral"))[1][0], 1)
    assert np.linalg.norm(onto_edge(A, "frobenius")) == pytest.approx(2.0)


@pytest.mark.parametrize("constraint", ["spectral", "frobenius"])
def test_the_loss_falls_from_that_of_the_rotation(constraint):
    X, Y = hubs(0, n=300)
    mapping = RCSLS(constraint=constraint).fit(X, Y)
    U, V = normalize(X), normalize(Y)
    A = mapping.matrix_ / mapping.scale_
    rotation = procrustes_rotation(U.T @ V)[0]
    assert mapping.loss_curve_[0] == pytest.approx(loss(rotation, U, V, 10))
    assert mapping.loss_curve_[-1] == pytest.approx(loss(A, U, V, 10))
    assert (np.diff(mapping.loss_curve_) < 0).all()
    assert mapping.loss_curve_[-1] < mapping.loss_curve_[0]


def test_no_map_nearby_within_the_ball_has_a_much_lower_loss(rng):
    X, Y = hubs(0, n=200, d=5)
    mapping = RCSLS(tol=1e-5, max_iter=1000).fit(X, Y)
    U, V, A = normalize(X), normalize(Y), mapping.matrix_ / mapping.scale_
    start, end = mapping.loss_curve_[[0, -1]]
    for _ in range(30):
        other = onto_edge(A + 0.05 * rng.standard_normal(A.shape), "spectral")
        assert loss(other, U, V, 10) > end - 0.05 * (start - end)


@pytest.mark.parametrize("seed", range(4))
def test_nearest_neighbours_are_found_more_often_than_by_a_rotation(seed):
    X, Y = hubs(seed)
    rotation, mapping = (
        Procrustes(centre=False).fit(X[:400], Y[:400]),
        RCSLS().fit(X[:400], Y[:400]),
    )
    found = [recall(m.transform(X[400:]), Y[400:]).mean() for m in (rotation, mapping)]
    assert found[1] > found[0]


def test_the_scale_is_that_of_least_squares():
    X, Y = hubs(1, n=200)
    mapping = RCSLS().fit(X, 7.0 * Y)
    Z = X @ (mapping.matrix_ / mapping.scale_)
    assert mapping.scale_ == pytest.approx(7 * (Z * Y).sum() / (Z * Z).sum())
    np.testing.assert_allclose(mapping.transform(X), X @ mapping.matrix_)


def test_means_are_moved_onto_one_another_where_wished():
    X, Y = hubs(1, n=200)
    mapping = RCSLS(centre=True).fit(X, Y + 5.0)
    np.testing.assert_allclose(mapping.transform(X).mean(axis=0), Y.mean(axis=0) + 5.0)
    shifted = RCSLS(centre=True).fit(X - 3.0, Y)
    np.testing.assert_allclose(shifted.matrix_, mapping.matrix_, atol=1e-9)


@pytest.mark.parametrize("width", [10, 20, 30])
def test_the_dimensions_may_differ(width, rng):
    X, Y = hubs(2, n=200)
    Y = Y @ rng.standard_normal((20, width))
    mapping = RCSLS().fit(X, Y)
    assert mapping.transform(X).shape == (200, width)
    assert recall(mapping.transform(X), Y).mean() > 0.2


def test_order_and_pairs_without_weight_change_nothing(rng):
    X, Y = hubs(3, n=200)
    order, w = rng.permutation(200), (np.arange(200) < 150).astype(float)
    first, second = RCSLS().fit(X, Y, w), RCSLS().fit(X[order], Y[order], w[order])
    np.testing.assert_allclose(first.matrix_, second.matrix_, atol=1e-12)
    np.testing.assert_allclose(first.matrix_, RCSLS().fit(X[:150], Y[:150]).matrix_, atol=1e-12)


def test_sparse_and_float32_rows_are_carried_alike():
    X, Y = hubs(0, n=100, d=8)
    X = X * (np.abs(X) > 1)
    dense, sparse = RCSLS().fit(X, Y), RCSLS().fit(csr_array(X), Y)
    np.testing.assert_allclose(sparse.transform(csr_array(X)), dense.transform(X), atol=1e-8)
    single = RCSLS().fit(X.astype(np.float32), Y.astype(np.float32))
    assert single.transform(X.astype(np.float32)).dtype == np.float32
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        RCSLS(centre=True).fit(csr_array(X), Y)


def test_it_is_saved_and_run_backwards(tmp_path):
    X, Y = hubs(0, n=100, d=6)
    mapping = RCSLS().fit(X, Y)
    again = load(save(mapping, tmp_path / "map.landbridge"))
    np.testing.assert_allclose(again.inverse_transform(again.transform(X)), X, atol=1e-8)


def test_too_few_steps_are_told_with_the_gain_of_the_last():
    with pytest.warns(ConvergenceWarning, match=r"lowered the loss by .* max_iter=2"):
        RCSLS(max_iter=2, tol=1e-9).fit(*hubs(0, n=100))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_neighbors": 0}, "n_neighbors must be"),
        ({"max_iter": 1.5}, "max_iter must be"),
        ({"constraint": "none"}, "constraint must be"),
        ({"tol": 0.0}, "tol must be"),
    ],
)
def test_errors_say_what_was_found(parameters, message):
    with pytest.raises(ValueError, match=message):
        RCSLS(**parameters).fit(*hubs(0, n=20))
