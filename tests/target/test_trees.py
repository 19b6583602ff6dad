"""Source trees, refined on target rows."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy as scipy_entropy
from sklearn.ensemble import (
    ExtraTreesClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from landbridge import load, save
from landbridge.mapping import Carried
from landbridge.target.trees import (
    LEAF,
    SER,
    STRUT,
    Tree,
    as_trees_see,
    best_split,
    entropy,
    expand,
    grow,
    is_local_minimum,
    jensen_shannon,
    leaf_loss,
    reduce,
    ser,
    strut,
)


def slow_leaf(tree, x):
    node = 0
    while tree.left[node] != LEAF:
        goes_left = x[tree.feature[node]] <= tree.threshold[node]
        node = tree.left[node] if goes_left else tree.right[node]
    return node


def slow_best_split(x, Y, left, right):
    """Every cut in turn, by scipy's entropies."""
    values = np.unique(x)
    cuts = [(a + b) / 2 for a, b in pairwise(values)]
    spreads, gains = [], []
    for cut in cuts:
        sides = [(x <= cut, left), (x > cut, right)]
        parts = [(rows.mean(), Y[rows].mean(axis=0), q) for rows, q in sides]
        spreads.append(sum(share * scipy_entropy(p, base=2) for share, p, _ in parts))
        gains.append(1 - sum(share * jensenshannon(p, q, base=2) ** 2 for share, p, q in parts))
    best = (0.0, -np.inf)
    for k, cut in enumerate(cuts):
        near = spreads[max(k - 1, 0) : k + 2]
        if spreads[k] <= min(near) + 1e-12 and gains[k] > best[1]:
            best = (cut, gains[k])
    return best


@pytest.mark.parametrize("kind", [DecisionTreeClassifier, ExtraTreesClassifier])
def test_a_tree_taken_out_predicts_what_it_did(three_classes, kind):
    carried, Xt, _, _ = three_classes
    fitted = kind(random_state=0).fit(carried.X, carried.y)
    members = getattr(fitted, "estimators_", [fitted])
    rows = as_trees_see(Xt)
    trees = [Tree.of(member, np.arange(3), 3) for member in members]
    ours = np.mean([tree.value[tree.leaves(rows)] for tree in trees], axis=0)
    np.testing.assert_allclose(ours, fitted.predict_proba(Xt), rtol=1e-12)
    assert [slow_leaf(trees[0], x) for x in rows] == trees[0].leaves(rows).tolist()


def test_expanded_on_its_own_rows_a_tree_fits_them_all(three_classes, rng):
    carried, Xt, _, truth = three_classes
    stump = DecisionTreeClassifier(max_depth=1, random_state=0).fit(carried.X, carried.y)
    tree = Tree.of(stump, np.arange(3), 3)
    X, Y = as_trees_see(Xt), np.eye(3)[truth - 7]
    expand(tree, X, Y, DecisionTreeClassifier(random_state=0))
    np.testing.assert_array_equal(tree.value[tree.leaves(X)], Y)
    assert tree.threshold[0] == stump.tree_.threshold[0]


def slow_errors(tree, X, Y, node, rows):
    """Errors of a subtree, and of a leaf in its place, by walking down with every row."""
    wrong = 0
    for i in rows:
        at = node
        while tree.left[at] != LEAF:
            left = X[i, tree.feature[at]] <= tree.threshold[at]
            at = tree.left[at] if left else tree.right[at]
        wrong += tree.value[at].argmax() != Y[i].argmax()
    return wrong, len(rows) - Y[rows].sum(axis=0).max()


def test_after_reduction_every_subtree_that_is_reached_beats_a_leaf(rng):
    Xs, X = rng.normal(size=(200, 3)), rng.normal(size=(80, 3)).astype(np.float32)
    ys, codes = rng.integers(0, 3, 200), (X[:, 0] > 0) + 1 * (X[:, 1] > 0.5)
    member = DecisionTreeClassifier(random_state=0).fit(Xs, ys)
    tree, Y = Tree.of(member, np.arange(3), 3), np.eye(3)[codes]
    before = slow_errors(tree, X, Y, 0, range(80))[0]
    size = len(tree.compact().left)
    reduce(tree, X, Y)
    tree = tree.compact()
    assert slow_errors(tree, X, Y, 0, range(80))[0] <= before
    assert len(tree.left) < size
    waiting = [(0, np.arange(80))]
    while waiting:
        node, rows = waiting.pop()
        if tree.left[node] != LEAF and len(rows):
            below, alone = slow_errors(tree, X, Y, node, rows)
            assert below < alone
            waiting += zip((tree.left[node], tree.right[node]), tree.split(node, X, rows))


def test_what_no_target_row_reaches_stays_as_the_source_has_it(rng):
    X = np.arange(16.0)[:, None]
    carried = Carried(X, np.repeat(["a", "b", "c", "d"], 4))
    for kind in (SER, STRUT):
        learner = kind(DecisionTreeClassifier(random_state=0))
        learner.fit(carried, X[:8], np.repeat(["a", "b"], 4))
        assert learner.predict(X[[2, 6]]).tolist() == ["a", "b"]
    assert SER(DecisionTreeClassifier(random_state=0)).fit(
        Carried(X, carried.y), X[:8], np.array(["a"] * 4 + ["b"] * 4)
    ).predict(X[[10]]).tolist() in (["c"], ["b"])


def test_thresholds_follow_a_shift_and_sides_an_exchange(rng):
    X = rng.normal(size=(300, 2))
    y = np.where(X[:, 0] > 0.2, "yes", "no")
    moved, mirrored = 3.0 * X + 10.0, -X
    forest = RandomForestClassifier(n_estimators=10, max_depth=3, random_state=0)
    for Xt in (moved, mirrored):
        learner = STRUT(forest).fit(Carried(X, y), Xt, np.where(np.arange(300) < 150, y, None))
        assert (learner.predict(Xt) == y).mean() > 0.95
        assert (learner.learner_.predict(Xt) == y).mean() < 0.7


def test_the_structure_is_kept_by_strut(three_classes):
    carried, Xt, yt, _ = three_classes
    learner = STRUT(DecisionTreeClassifier(random_state=0)).fit(carried, Xt, yt)
    np.testing.assert_array_equal(
        learner.trees_[0].feature,
        np.where(learner.learner_.tree_.feature < 0, LEAF, learner.learner_.tree_.feature),
    )


@pytest.mark.parametrize("k", [2, 4])
def test_the_best_split_is_that_of_trying_every_cut(rng, k):
    for _ in range(20):
        x = rng.integers(0, 8, 25).astype(float)
        Y = np.eye(k)[rng.integers(0, k, 25)]
        left, right = rng.dirichlet(np.ones(k), 2)
        ours, slow = best_split(x, Y, left, right), slow_best_split(x, Y, left, right)
        np.testing.assert_allclose(ours, slow, atol=1e-10)
    assert best_split(np.ones(5), Y[:5], left, right)[1] == -np.inf


def test_entropy_and_divergence_are_those_of_scipy(rng):
    P, q = rng.dirichlet(np.ones(4), 6), rng.dirichlet(np.ones(4))
    np.testing.assert_allclose(entropy(P), scipy_entropy(P, base=2, axis=1))
    theirs = [jensenshannon(p, q, base=2) ** 2 for p in P]
    np.testing.assert_allclose(jensen_shannon(P, q), theirs, rtol=1e-10)
    assert jensen_shannon(np.eye(2)[:1], np.eye(2)[1])[0] == 1.0


def test_local_minima_include_plateaus_and_ends():
    values = np.array([1.0, 2.0, 0.5, 0.5, 3.0, 0.1])
    assert is_local_minimum(values).tolist() == [True, False, True, True, False, True]


def test_leaf_loss_counts_errors_or_squares():
    assert leaf_loss(np.eye(2)[[0, 0, 1]], np.array([0.9, 0.1])) == 1.0
    assert leaf_loss(np.array([[1.0], [4.0]]), np.array([2.0])) == 5.0


def test_a_single_value_grows_a_leaf():
    tree = grow(np.zeros((3, 1)), np.full((3, 1), 2.5), DecisionTreeRegressor())
    assert tree.left.tolist() == [LEAF]
    assert tree.value.tolist() == [[2.5]]


def test_refined_trees_beat_the_source_and_the_few_labels_alone(rng):
    Xs, Xt = rng.normal(size=(600, 6)), rng.normal(size=(500, 6))
    rule = lambda X, cut: (X[:, 0] > cut) ^ (X[:, 1] > 0)  # noqa: E731
    truth = rule(Xt, 0.3)
    yt = np.where(np.arange(500) < 120, truth, None)
    forest = RandomForestClassifier(n_estimators=30, random_state=0)
    source = forest.fit(Xs, rule(Xs, 0.0)).score(Xt, truth)
    alone = RandomForestClassifier(random_state=0).fit(Xt[:120], truth[:120]).score(Xt, truth)
    refined = SER(forest).fit(Carried(Xs, rule(Xs, 0.0)), Xt, yt)
    assert (refined.predict(Xt) == truth)[120:].mean() > max(source, alone)


def test_regression_trees_follow_the_target(rng):
    X = rng.uniform(-2, 2, size=(300, 1))
    carried, truth = Carried(X, np.sin(X.ravel())), np.sin(X.ravel()) + 2.0
    forest = RandomForestRegressor(n_estimators=20, max_depth=4, random_state=0)
    refined = SER(forest).fit(carried, X, np.where(np.arange(300) < 100, truth, np.nan))
    assert np.abs(refined.predict(X) - truth).mean() < 0.1
    assert not hasattr(refined, "predict_proba")


def test_a_source_of_trees_is_taken_and_any_other_replaced(two_classes):
    carried, Xt, yt, _ = two_classes
    forest = RandomForestClassifier(n_estimators=3, random_state=1).fit(carried.X, carried.y)
    learner = SER(RandomForestClassifier(n_estimators=5, random_state=0))
    assert learner.fit(carried, Xt, yt, forest).learner_ is forest
    other = LogisticRegression().fit(carried.X, carried.y)
    assert len(learner.fit(carried, Xt, yt, other).trees_) == 5


def test_classes_that_only_the_target_has_are_learned(three_classes):
    carried, Xt, yt, truth = three_classes
    known = carried.y != 9
    two = Carried(carried.X[known], carried.y[known])
    learner = SER(RandomForestClassifier(n_estimators=10, random_state=0)).fit(two, Xt, yt)
    assert learner.classes_.tolist() == [7, 8, 9]
    assert (learner.predict(Xt)[truth == 9] == 9).mean() > 0.5


def test_the_order_of_rows_changes_no_forest(two_classes, rng):
    carried, Xt, yt, _ = two_classes
    s, t = rng.permutation(120), rng.permutation(60)
    for make in (ser, strut):
        first, second = (
            make(LogisticRegression()).fit(*task)
            for task in ((carried, Xt, yt), (Carried(carried.X[s], carried.y[s]), Xt[t], yt[t]))
        )
        np.testing.assert_allclose(first.predict_proba(Xt), second.predict_proba(Xt), atol=1e-12)


def test_saved_trees_come_back_and_sparse_rows_are_seen_like_dense_ones(two_classes, tmp_path):
    learner = ser(LogisticRegression()).fit(*two_classes[:3])
    again = load(save(learner, tmp_path / "trees.landbridge"))
    expected = learner.predict_proba(two_classes.Xt)
    np.testing.assert_array_equal(again.predict_proba(two_classes.Xt), expected)
    np.testing.assert_array_equal(learner.predict_proba(csr_matrix(two_classes.Xt)), expected)


def test_learners_that_are_no_trees_are_refused(two_classes, numbers):
    with pytest.raises(ValueError, match="SER refines trees: LogisticRegression is none"):
        SER(LogisticRegression()).fit(*two_classes[:3])
    with pytest.raises(ValueError, match=r"found the regressor DecisionTreeRegressor.*use SER"):
        STRUT(DecisionTreeRegressor()).fit(*numbers[:3])
    assert isinstance(ser(Ridge()).learner, RandomForestRegressor)
    tree = DecisionTreeClassifier()
    assert strut(tree).learner is tree
