import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model import Ridge as SklearnRidge

from landbridge import Transfer, load, save
from landbridge.mapping import CCA, CORAL, PLS, LowRankAffine, Procrustes, Ridge
from landbridge.mapping.paired.class_pairs import ClassPairs, class_pair_moments
from landbridge.mapping.paired.kernel_ridge import KernelRidgeMap
from landbridge.moments import Moments

NAMES = np.array(["apple", "pear", "plum", "fig", "quince"])


@pytest.fixture
def two_views(rng):
    """300 source rows of 10 features in 5 classes; 200 others seen as 4 mixtures of those."""
    centres = 3 * rng.standard_normal((5, 10))
    ys, yt = np.arange(300) % 5, np.arange(200) % 5
    W = rng.standard_normal((10, 4)) / 3
    Xs = centres[ys] + rng.standard_normal((300, 10))
    Xt = (centres[yt] + rng.standard_normal((200, 10))) @ W
    return Xs, NAMES[ys], Xt, NAMES[yt]


@pytest.fixture
def few(two_views):
    """The same with labels on the first 15 target rows only, three of each class."""
    Xs, ys, Xt, yt = two_views
    known = yt.astype(object)
    known[15:] = None
    return Xs, ys, Xt, known


def all_pairs(Xs, ys, Xt, yt, w=None):
    """Each source row with each target row of its class, listed."""
    i, j = np.nonzero(ys[:, None] == yt[None])
    return Xs[i], Xt[j], np.ones(len(i)) if w is None else w[i], ys[i]


@pytest.mark.parametrize("class_weight", [None, "balanced"])
@pytest.mark.parametrize("weighted", [False, True])
def test_moments_are_those_of_all_pairs_listed(two_views, rng, class_weight, weighted):
    Xs, ys, Xt, yt = (part[:60] for part in two_views)
    ys, yt = ys[rng.permutation(60)], np.where(np.arange(60) < 30, "fig", yt)
    w = rng.random(60) if weighted else None
    X, Y, weights, labels = all_pairs(Xs, ys, Xt, yt, w)
    if class_weight == "balanced":
        for name in NAMES:
            weights[labels == name] /= weights[labels == name].sum()
    weights *= (60.0 if w is None else w.sum()) / weights.sum()
    listed = Moments.of(X, Y, sample_weight=weights)
    source, target = Moments.of(Xs, labels=ys, sample_weight=w), Moments.of(Xt, labels=yt)
    closed = class_pair_moments(source, target, class_weight)
    assert closed.count == listed.count
    assert closed.weight == pytest.approx(listed.weight, rel=1e-12)
    for name in ("mean", "mean_y", "scatter", "scatter_xy", "scatter_yy"):
        np.testing.assert_allclose(getattr(closed, name), getattr(listed, name), atol=1e-10)


def test_independent_pairs_are_no_more_than_the_smaller_side_has_rows(few):
    Xs, ys, Xt, yt = few
    pairs = class_pair_moments(Moments.of(Xs, labels=ys), Moments.of(Xt, labels=yt), None)
    assert pairs.effective_count == pytest.approx(15)
    assert pairs.count == 15 * 60


def test_ridge_on_all_pairs_listed_is_the_same_map(few):
    Xs, ys, Xt, yt = few
    X, Y, _, _ = all_pairs(Xs, ys, Xt, yt)
    listed = SklearnRidge(2.0).fit(X, Y, np.full(len(X), 300 / len(X)))
    mapping = ClassPairs(Ridge(2.0)).fit(Xs, Xt, ys=ys, yt=yt)
    np.testing.assert_allclose(mapping.transform(Xs), listed.predict(Xs), atol=1e-9)


def test_it_is_the_regression_of_source_rows_on_class_means_of_the_target(few):
    Xs, ys, Xt, yt = few
    means = np.array([Xt[:15][yt[:15] == name].mean(axis=0) for name in ys])
    expected = SklearnRidge(2.0).fit(Xs, means).predict(Xs)
    moved = ClassPairs(Ridge(2.0)).fit(Xs, Xt, ys=ys, yt=yt).transform(Xs)
    np.testing.assert_allclose(moved, expected, atol=1e-9)


@pytest.mark.parametrize(
    "inner",
    [
        None,
        Procrustes(scaling=True),
        LowRankAffine(),
        PLS(),
        CCA(n_components=4),
    ],
)
def test_classes_are_found_across_feature_spaces(few, two_views, inner):
    Xs, ys, Xt, yt = few
    mapping = ClassPairs(inner).fit(Xs, Xt, ys=ys, yt=yt)
    learner = LogisticRegression().fit(mapping.transform(Xs), ys)
    reached = learner.score(mapping.transform_target(Xt[15:]), two_views[3][15:])
    assert reached > 0.8


def test_the_three_steps_run_through_it(few, two_views):
    Xs, ys, Xt, yt = few
    model = Transfer(LogisticRegression(), mapping=ClassPairs()).fit(Xs, ys, Xt, yt)
    assert model.score(Xt[15:], two_views[3][15:]) > 0.8


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_the_map_has_a_direction_less_than_there_are_classes(few, n_classes):
    Xs, ys, Xt, yt = few
    yt = np.where(np.isin(yt, NAMES[:n_classes]), yt, None)
    mapping = ClassPairs().fit(Xs, Xt, ys=ys, yt=yt)
    assert np.linalg.matrix_rank(mapping.mapping_.matrix_, tol=1e-8) == min(n_classes - 1, 4)
    assert mapping.classes_.tolist() == sorted(NAMES[:n_classes])


@pytest.mark.parametrize(("n_target", "n_blocks"), [(15, 3), (10, 2), (5, 5)])
def test_the_penalty_is_chosen_by_leaving_out_rows_of_each_class(two_views, n_target, n_blocks):
    """With one target row a class it stays, and source rows alone are left out."""
    Xs, ys, Xt, yt = two_views
    Xt, yt = Xt[:n_target], yt[:n_target]
    mapping = ClassPairs(Ridge(penalties=[1.0, 1e4])).fit(Xs, Xt, ys=ys, yt=yt).mapping_
    parts_s = [p.classes for p in _parts(Xs, ys, n_blocks)]
    parts_t = [p.classes for p in _parts(Xt, yt, n_blocks if n_target > 5 else 1)]
    parts_t = parts_t if n_target > 5 else parts_t * n_blocks
    assert all(len(part) == 5 for part in parts_s + parts_t)
    again = Ridge(penalties=[1.0, 1e4]).fit_moments(
        *(_pairs(s, t) for s, t in zip(parts_s, parts_t))
    )
    np.testing.assert_allclose(mapping.errors_, again.errors_, rtol=1e-12)
    assert mapping.reg == mapping.reg_ == again.reg_


def _parts(X, y, n_parts):
    from landbridge.domains.folds import stratified_folds

    return [Moments.of(X[rows], labels=y[rows]) for _, rows in stratified_folds(X, y, n_parts)]


def _pairs(source, target):
    sides = Moments(), Moments()
    sides[0].classes, sides[1].classes = source, target
    return class_pair_moments(*sides, None)


def test_left_out_rows_are_in_no_pair_of_the_rest(rng):
    """Classes that mean nothing: every fit is worse than none, so that the largest is chosen."""
    Xs, Xt = rng.standard_normal((60, 30)), rng.standard_normal((20, 5))
    ys, yt = np.arange(60) % 4, np.arange(20) % 4
    mapping = ClassPairs().fit(Xs, Xt, ys=ys, yt=yt).mapping_
    assert mapping.reg_ >= np.sort(mapping.penalties_)[-4]


def test_unlabelled_and_unshared_rows_play_no_part(few):
    Xs, ys, Xt, yt = few
    whole = ClassPairs(Ridge(1.0)).fit(Xs, Xt, ys=ys, yt=yt)
    ys = np.where(np.arange(300) < 200, ys, None)
    fewer = ClassPairs(Ridge(1.0)).fit(Xs, Xt, ys=ys, yt=yt)
    alone = ClassPairs(Ridge(1.0)).fit(Xs[:200], Xt[:15], ys=ys[:200], yt=yt[:15])
    np.testing.assert_allclose(fewer.transform(Xs), alone.transform(Xs), atol=1e-10)
    assert np.abs(whole.transform(Xs) - alone.transform(Xs)).max() > 1e-3
    other = np.r_[ys, ["banana"] * 3]
    more = ClassPairs(Ridge(1.0)).fit(np.r_[Xs, Xs[:3] + 9], Xt, ys=other, yt=yt)
    np.testing.assert_allclose(more.transform(Xs), alone.transform(Xs), atol=1e-10)


def test_a_weight_counts_like_so_many_source_rows(few, rng):
    Xs, ys, Xt, yt = few
    w = rng.integers(0, 3, 300).astype(float)
    weighted = ClassPairs(Ridge(1.0)).fit(Xs, Xt, ys=ys, yt=yt, sample_weight=w)
    repeated = ClassPairs(Ridge(1.0)).fit(
        Xs.repeat(w.astype(int), axis=0), Xt, ys=ys.repeat(w.astype(int)), yt=yt
    )
    np.testing.assert_allclose(weighted.transform(Xs), repeated.transform(Xs), atol=1e-9)


def test_the_order_of_rows_changes_nothing(few, rng):
    Xs, ys, Xt, yt = few
    s, t = rng.permutation(300), rng.permutation(200)
    first = ClassPairs().fit(Xs, Xt, ys=ys, yt=yt)
    second = ClassPairs().fit(Xs[s], Xt[t], ys=ys[s], yt=yt[t])
    np.testing.assert_allclose(first.transform(Xs), second.transform(Xs), atol=1e-9)


def test_numbers_with_a_blank_are_the_classes_they_were(few):
    Xs, ys, Xt, yt = few
    codes = {name: k - 1 for k, name in enumerate(NAMES)}
    numbers_s = np.array([codes[name] for name in ys])
    numbers_t = np.array([codes.get(name, np.nan) for name in yt])
    mapping = ClassPairs().fit(Xs, Xt, ys=numbers_s, yt=numbers_t)
    np.testing.assert_allclose(
        mapping.transform(Xs), ClassPairs().fit(Xs, Xt, ys=ys, yt=yt).transform(Xs), atol=1e-9
    )
    assert mapping.classes_.tolist() == [-1, 0, 1, 2, 3]


def test_what_the_inner_mapping_does_it_does_too(few, tmp_path):
    Xs, ys, Xt, yt = few
    between = ClassPairs(CCA(n_components=3)).fit(Xs, Xt, ys=ys, yt=yt)
    assert between.meets_between and not ClassPairs().meets_between
    assert between.transform_target(Xt).shape == (200, 3)
    assert set(between.explain(top=2)["target_feature"]) == {f"component {j}" for j in range(3)}
    there = ClassPairs(Procrustes()).fit(Xt, Xs, ys=yt, yt=ys)
    assert there.is_invertible and not ClassPairs().fit(Xs, Xt, ys=ys, yt=yt).is_invertible
    np.testing.assert_allclose(there.inverse_transform(there.transform(Xt)), Xt, atol=1e-9)
    again = load(save(between, tmp_path / "pairs.landbridge"))
    np.testing.assert_array_equal(again.transform(Xs), between.transform(Xs))


def test_sparse_and_float32_rows_are_carried_alike(few):
    Xs, ys, Xt, yt = few
    Xs = Xs * (np.abs(Xs) > 1)
    dense = ClassPairs().fit(Xs, Xt, ys=ys, yt=yt).transform(Xs)
    sparse = ClassPairs().fit(csr_array(Xs), Xt, ys=ys, yt=yt).transform(csr_array(Xs))
    np.testing.assert_allclose(sparse, dense, atol=1e-8)
    single = ClassPairs().fit(Xs.astype(np.float32), Xt.astype(np.float32), ys=ys, yt=yt)
    assert single.transform(Xs.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"mapping": CORAL()}, TypeError, "mapping must be a paired mapping"),
        ({"mapping": KernelRidgeMap()}, TypeError, "mapping must be a paired mapping"),
        ({"mapping": Ridge(cv=[1])}, ValueError, "cv of the mapping must be a number"),
        ({"mapping": Ridge(cv=1)}, ValueError, "cv must be a whole number from 2"),
        ({"mapping": Ridge("loo")}, ValueError, "needs the rows"),
        ({"class_weight": "equal"}, ValueError, "class_weight must be"),
        ({"yt": None}, ValueError, "yt has none"),
        ({"yt": np.array(["fig"] * 200)}, ValueError, r"two classes or more.*yt has \['fig'\]"),
        ({"ys": np.arange(300) % 5 + 0.5}, ValueError, "needs classes: ys"),
        (
            {"ys": np.array(["fig", "pear", *["plum"] * 298])},
            ValueError,
            "To choose reg by leaving out rows, ClassPairs needs two source rows",
        ),
    ],
)
def test_errors_say_what_was_found(few, change, error, message):
    Xs, ys, Xt, yt = few
    labels = {"ys": ys, "yt": yt} | {k: v for k, v in change.items() if k in ("ys", "yt")}
    parameters = {k: v for k, v in change.items() if k not in labels}
    with pytest.raises(error, match=message):
        ClassPairs(**parameters).fit(Xs, Xt, **labels)
