import numpy as np
import pytest

from landbridge.kits.recommend.bridges import Bridge, mapping_names
from landbridge.kits.recommend.learning import Learned, learn, links_between
from landbridge.kits.recommend.pair import model_for, read_pair

COLUMNS = {"user": "user", "item": "item", "rating": "rating"}


@pytest.fixture(scope="module")
def learned(shops):
    return learn(*read_pair(*shops, **COLUMNS), model_for("ratings", None, 0), "users")


@pytest.fixture(scope="module")
def bought(shops):
    return learn(*read_pair(*shops, **COLUMNS), model_for("implicit", None, 0), "users")


def test_rows_in_units_predict_what_the_model_does(learned):
    target = learned.target
    predicted = target.rows @ target.columns.T + target.offsets
    users, items = np.meshgrid(np.arange(20), np.arange(30), indexing="ij")
    expected = target.model.predict(users.ravel(), items.ravel()).reshape(20, 30)
    np.testing.assert_allclose(predicted[:20], expected, atol=1e-4)


def test_the_length_of_a_step_of_a_row_is_how_far_predictions_move(learned):
    target = learned.target
    step = target.model.rows_[:1] - target.model.rows_[1:2]
    entries = target.matrix.tocoo()
    moved = target.columns[entries.col] @ target.in_units(step)[0]
    assert (moved**2).mean() == pytest.approx((target.in_units(step) ** 2).sum(), rel=1e-3)


@pytest.mark.parametrize("name", ["linear", "ridge"])
def test_a_shop_mapped_onto_itself_gives_its_users_back(learned, name):
    source = learned.source
    itself = Learned(source, source, links_between(source.users, source.users))
    everyone = np.arange(len(source.users))
    np.testing.assert_allclose(Bridge(name, itself, 0).rows(everyone), source.rows, atol=0.02)


def test_without_a_map_all_get_the_average_user(learned):
    found = Bridge("none", learned, 0).rows(np.arange(5))
    np.testing.assert_allclose(found, np.tile(learned.target.average, (5, 1)))


def test_the_bias_moves_all_items_of_a_user_alike(learned):
    rows = Bridge("bias", learned, 0).rows(np.arange(10))
    moved = (rows - learned.target.average) @ learned.target.columns.T
    np.testing.assert_allclose(moved - moved[:, :1], 0, atol=1e-8)
    generous = learned.source.model.rows_[:10, 0]
    assert np.corrcoef(generous, moved[:, 0])[0, 1] > 0.999


def test_the_personal_map_is_the_ridge_regression_on_ratings_that_it_claims(learned):
    bridge = Bridge("personal", learned, 0)
    target, (rows_s, rows_t) = learned.target, learned.links.T
    told, start = bridge._told(rows_s), bridge._start(rows_s)
    X, y = [], []
    for place, row in enumerate(rows_t):
        entries = target.matrix[[row]].tocoo()
        for item, rating in zip(entries.col, entries.data):
            z = np.append(1, target.columns[item] @ bridge._item_axes)
            X.append(np.outer(z, told[place]).ravel())
            y.append(rating - target.offsets[item] - start[place] @ target.columns[item])
    X, y = np.array(X), np.array(y)
    centred = X - X.mean(axis=0)
    penalty = bridge._map.reg_ * np.eye(X.shape[1])
    W = np.linalg.solve(centred.T @ centred + penalty, centred.T @ (y - y.mean()))
    z = np.hstack([np.ones((5, 1)), target.columns[:5] @ bridge._item_axes])
    rows = bridge.rows(rows_s[:5])
    expected = [
        (np.outer(z[i], told[u]).ravel() - X.mean(axis=0)) @ W + y.mean() + start[u] @ column
        for u in range(5)
        for i, column in enumerate(target.columns[:5])
    ]
    np.testing.assert_allclose((rows @ target.columns[:5].T).ravel(), expected, atol=2e-3)


@pytest.mark.parametrize("name", ["bias", "linear", "ridge", "personal"])
def test_users_left_out_are_predicted_better_than_as_the_average_user(learned, name):
    fitting = Learned(learned.source, learned.target, learned.links[20:])
    rows_s, rows_t = learned.links[:20].T
    entries = learned.target.matrix[rows_t].tocoo()

    def error(rows):
        predicted = np.einsum("nk,nk->n", rows[entries.row], learned.target.columns[entries.col])
        return ((entries.data - learned.target.offsets[entries.col] - predicted) ** 2).mean()

    averages = np.tile(learned.target.average, (20, 1))
    assert error(Bridge(name, fitting, 0).rows(rows_s)) < error(averages) - 0.02


@pytest.mark.parametrize("name", ["linear", "ridge", "personal"])
def test_maps_without_ratings_are_finite_and_differ_by_user(bought, name):
    rows = Bridge(name, bought, 0).rows(np.arange(10))
    assert np.isfinite(rows).all() and np.ptp(rows, axis=0).max() > 0


def test_a_network_learns_the_map_too(learned):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    rows_s, rows_t = learned.links.T
    found = Bridge("mlp", learned, 0).rows(rows_s)
    wrong = ((found - learned.target.rows[rows_t]) ** 2).sum()
    spread = ((learned.target.rows[rows_t] - learned.target.average) ** 2).sum()
    assert wrong < spread


def test_what_can_be_tried_depends_on_what_is_known():
    assert "bias" not in mapping_names(is_rated=False, has_features=False)
    assert "features" in mapping_names(is_rated=True, has_features=True)
    assert "features" not in mapping_names(is_rated=True, has_features=False)
