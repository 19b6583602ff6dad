import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.ensemble import RandomForestRegressor

from landbridge import load, save
from landbridge.domains.folds import folds_by_content
from landbridge.mapping import Ridge
from landbridge.mapping.paired.forest import ForestMap, forest_bytes


@pytest.fixture
def steps(rng):
    """Pairs of a map with thresholds, and what it makes of new rows."""

    def f(X):
        return np.c_[X[:, 0] > 0, (X[:, 1] > 0.5) & (X[:, 2] < 0)].astype(float)

    X, X_new = rng.uniform(-1, 1, (400, 3)), rng.uniform(-1, 1, (100, 3))
    return X, f(X), X_new, f(X_new)


def test_steps_are_learned_where_a_straight_map_fails(steps):
    X, Y, X_new, Y_new = steps
    assert ForestMap(30).fit(X, Y).score(X_new, Y_new) > 0.8
    assert Ridge().fit(X, Y).score(X_new, Y_new) < 0.6


def test_it_is_scikit_learns_forest_on_pairs_in_the_order_of_content(steps, rng):
    X, Y, X_new, _ = steps
    w = rng.random(400)
    order = folds_by_content(X, Y, 1)[0]
    theirs = RandomForestRegressor(10, max_features=1.0, min_samples_leaf=3, random_state=5)
    theirs.fit(X[order], Y[order], w[order])
    ours = ForestMap(10, max_features=1.0, random_state=5).fit(X, Y, w)
    np.testing.assert_array_equal(ours.transform(X_new), theirs.predict(X_new))


def test_the_order_of_pairs_changes_nothing(steps, rng):
    X, Y, X_new, _ = steps
    order = rng.permutation(400)
    first, second = ForestMap(10).fit(X, Y), ForestMap(10).fit(X[order], Y[order])
    np.testing.assert_array_equal(first.transform(X_new), second.transform(X_new))


def test_pairs_without_weight_are_not_there(steps):
    X, Y, X_new, _ = steps
    w = (np.arange(400) < 250).astype(float)
    weighted, fewer = ForestMap(10).fit(X, Y, w), ForestMap(10).fit(X[:250], Y[:250])
    np.testing.assert_allclose(weighted.transform(X_new), fewer.transform(X_new), atol=1e-12)


def test_nothing_is_carried_beyond_the_target_rows_seen(steps):
    X, Y, X_new, _ = steps
    moved = ForestMap(10).fit(X, Y).transform(100 * X_new)
    assert (moved >= 0).all() and (moved <= 1).all()


def test_float32_and_sparse_rows_are_carried_alike(steps):
    X, Y, X_new, _ = steps
    X = X * (np.abs(X) > 0.3)
    dense = ForestMap(10).fit(X, Y)
    moved = ForestMap(10).fit(csr_array(X), Y).transform(csr_array(X_new))
    np.testing.assert_allclose(moved, dense.transform(X_new), atol=1e-12)
    assert dense.transform(X_new.astype(np.float32)).dtype == np.float32


def test_a_single_output_is_predicted_as_a_vector(steps):
    X, Y, X_new, _ = steps
    mapping = ForestMap(10).fit(X, Y[:, 0])
    assert mapping.predict(X_new).shape == (100,)
    assert mapping.transform(X_new).shape == (100, 1)


def test_the_trees_stay_within_the_bound_and_are_saved(steps, tmp_path):
    X, Y, X_new, _ = steps
    mapping = ForestMap(5).fit(X, Y)
    trees = [tree.tree_ for tree in mapping.forest_.estimators_]
    taken = sum(tree.node_count * (64 + 8 * tree.n_outputs) for tree in trees)
    assert taken <= forest_bytes(400, 2, 5, 3)
    again = load(save(mapping, tmp_path / "forest.landbridge"))
    np.testing.assert_array_equal(again.transform(X_new), mapping.transform(X_new))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_estimators": 0}, "n_estimators must be"),
        ({"min_samples_leaf": 0.1}, "min_samples_leaf must be"),
    ],
)
def test_errors_say_what_was_found(steps, parameters, message):
    with pytest.raises(ValueError, match=message):
        ForestMap(**parameters).fit(*steps[:2])


def test_a_forest_beyond_the_memory_is_refused(steps, monkeypatch):
    monkeypatch.setenv("LANDBRIDGE_MAX_MEMORY", "1e5")
    with pytest.raises(MemoryError, match=r"100 trees with 2 features.*min_samples_leaf"):
        ForestMap().fit(*steps[:2])
