from fractions import Fraction

import numpy as np
import pytest
from scipy.sparse import csr_array

from landbridge.moments import Moments, effective_size, moments_of_rows


def exact_moments(Z, w):
    """Mean and scatter in rational arithmetic, rounded once at the end."""
    Z = [[Fraction(float(v)) for v in row] for row in Z]
    w = [Fraction(float(v)) for v in w]
    total, d = sum(w), len(Z[0])
    mean = [sum(wi * row[j] for wi, row in zip(w, Z)) / total for j in range(d)]
    scatter = [
        [
            sum(wi * (row[j] - mean[j]) * (row[k] - mean[k]) for wi, row in zip(w, Z))
            for k in range(d)
        ]
        for j in range(d)
    ]
    return np.array(mean, float), np.array(scatter, float)


def relative_error(S, exact):
    scale = np.sqrt(np.outer(exact.diagonal(), exact.diagonal()))
    return np.abs((S - exact) / scale).max()


def same(a, b, tolerance=1e-12):
    assert a.count == b.count
    assert a.weight == pytest.approx(b.weight, rel=1e-14)
    assert a.weight_squared == pytest.approx(b.weight_squared, rel=1e-12)
    assert len(a._means) == len(b._means)
    for ours, theirs in zip(a._means, b._means):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)
    assert a._scatters.keys() == b._scatters.keys()
    for pair, S in a._scatters.items():
        np.testing.assert_allclose(S, b._scatters[pair], rtol=tolerance, atol=tolerance * b.weight)
    assert a.classes.keys() == b.classes.keys()
    for label in a.classes:
        same(a.classes[label], b.classes[label], tolerance)


@pytest.mark.parametrize("weighted", [False, True])
def test_ill_conditioned_rows_keep_ten_digits(rng, weighted):
    Z = 1e6 + rng.standard_normal((300, 4))
    w = rng.random(300) if weighted else np.ones(300)
    mean, scatter = exact_moments(Z, w)
    chunks = [(Z[:7], w[:7]), (Z[7:200], w[7:200]), (Z[200:], w[200:])]
    streamed = Moments()
    for X, weights in chunks:
        streamed.partial_fit(X, sample_weight=weights)
    for moments in (Moments.of(Z, sample_weight=w), streamed):
        np.testing.assert_allclose(moments.mean, mean, rtol=1e-15)
        assert relative_error(moments.scatter, scatter) < 1e-10


def test_removing_a_fold_keeps_ten_digits(rng):
    Z = 1e6 + rng.standard_normal((250, 3))
    mean, scatter = exact_moments(Z[50:], np.ones(200))
    rest = Moments.of(Z) - Moments.of(Z[:50])
    np.testing.assert_allclose(rest.mean, mean, rtol=1e-15)
    assert relative_error(rest.scatter, scatter) < 1e-10


def test_one_row_left_has_no_scatter_and_weightless_rows_have_none(rng):
    Z = rng.standard_normal((5, 3))
    one = Moments.of(Z) - Moments.of(Z[1:])
    np.testing.assert_allclose(one.mean, Z[0])
    assert not one.scatter.any()
    weights = np.array([0.0, 0.0, 1.0, 2.0, 3.0])
    none = Moments.of(Z, sample_weight=weights) - Moments.of(Z[2:], sample_weight=weights[2:])
    assert (none.count, none.weight) == (2, 0.0)
    assert not none.scatter.any()


def test_float32_rows_keep_ten_digits_when_multiplied_in_float64(rng):
    Z = (1e6 + 8 * rng.standard_normal((300, 3))).astype(np.float32)
    _, scatter = exact_moments(Z, np.ones(300))
    assert relative_error(Moments.of(Z, dtype=np.float64).scatter, scatter) < 1e-10
    assert relative_error(Moments.of(Z).scatter, scatter) < 1e-5


def test_many_blocks_agree_with_numpy(rng):
    X, Y, w = rng.normal(3, 2, (9001, 5)), rng.standard_normal((9001, 2)), rng.random(9001)
    moments = Moments.of(X, Y, sample_weight=w)
    Z = np.hstack([X, Y])
    centred = Z - np.average(Z, axis=0, weights=w)
    scatter = (centred * w[:, None]).T @ centred
    np.testing.assert_allclose(moments.mean_y, np.average(Y, axis=0, weights=w), rtol=1e-12)
    np.testing.assert_allclose(moments.scatter, scatter[:5, :5], rtol=1e-11)
    np.testing.assert_allclose(moments.scatter_xy, scatter[:5, 5:], rtol=1e-11, atol=1e-9)
    np.testing.assert_allclose(moments.scatter_yy, scatter[5:, 5:], rtol=1e-11)


def test_rows_about_zero_and_rows_far_from_it_are_equally_exact(rng):
    X = rng.standard_normal((40_000, 6)).astype(np.float32)
    exact = np.cov(X.astype(np.float64).T)
    near, far = Moments.of(X).cov, Moments.of(X + np.float32(64)).cov
    np.testing.assert_allclose(near, exact, atol=2e-6)
    np.testing.assert_allclose(far, exact, atol=2e-5)  # adding 64 has itself cost six bits


def test_rows_that_come_sorted_keep_their_digits(rng):
    X = rng.standard_normal((16_384, 3)).astype(np.float32)
    X[64:] += np.float32(1000)
    exact = np.cov(X.astype(np.float64).T)
    np.testing.assert_allclose(Moments.of(X).cov, exact, rtol=1e-5)


def test_covariance_is_that_of_numpy(rng):
    X = rng.standard_normal((50, 3))
    np.testing.assert_allclose(Moments.of(X).cov, np.cov(X.T), rtol=1e-13)
    np.testing.assert_allclose(Moments.of(X).std, X.std(axis=0, ddof=1), rtol=1e-13)
    w = rng.random(50)
    weighted = Moments.of(X, sample_weight=w)
    np.testing.assert_allclose(weighted.cov, np.cov(X.T, aweights=w), rtol=1e-13)
    assert weighted.effective_count == pytest.approx(w.sum() ** 2 / (w**2).sum())


def test_the_sum_of_parts_is_the_whole_in_any_order(rng):
    X, Y = rng.normal(5, 1, (60, 3)), rng.standard_normal((60, 2))
    labels = rng.choice(["a", "b", "c"], 60)
    whole = Moments.of(X, Y, labels=labels)
    first, second = (Moments.of(X[s], Y[s], labels=labels[s]) for s in (slice(20), slice(20, 60)))
    same(first + second, whole)
    same(second + first, whole)
    same(whole + Moments(), whole)
    same(whole - second, first)
    same(Moments.of_chunks((X[i : i + 7], Y[i : i + 7]) for i in range(0, 60, 7)), Moments.of(X, Y))
    order = rng.permutation(60)
    same(Moments.of(X[order], Y[order], labels=labels[order]), whole)


def test_adding_leaves_both_terms_as_they_were(rng):
    X = rng.standard_normal((10, 2))
    a, b = Moments.of(X[:4], labels=[0, 0, 1, 1]), Moments.of(X[4:], labels=[0, 0, 0, 2, 2, 2])
    mean, scatter = a.mean.copy(), a.classes[0].scatter.copy()
    merged = a + b
    merged.partial_fit(X, labels=np.zeros(10))
    np.testing.assert_array_equal(a.mean, mean)
    np.testing.assert_array_equal(a.classes[0].scatter, scatter)
    assert b.classes[0].count == 3


def test_blank_labels_count_in_the_whole_and_in_no_class(rng):
    X = rng.standard_normal((6, 2))
    moments = Moments.of(X, labels=[-1, None, 1, -1, None, 1])
    assert moments.count == 6
    assert moments.classes.keys() == {-1, 1}
    same(moments.classes[-1], Moments.of(X[[0, 3]]))


def test_weights_count_rows_as_often_as_they_say(rng):
    X = rng.standard_normal((8, 3))
    times = np.array([1, 2, 0, 3, 1, 1, 0, 2])
    repeated, weighted = Moments.of(np.repeat(X, times, axis=0)), Moments.of(X, sample_weight=times)
    np.testing.assert_allclose(weighted.mean, repeated.mean, rtol=1e-13)
    np.testing.assert_allclose(weighted.scatter, repeated.scatter, rtol=1e-12)


def test_sparse_rows_give_the_moments_of_dense_ones(rng):
    X = rng.standard_normal((40, 5)) * (rng.random((40, 5)) < 0.3)
    Y, w = rng.standard_normal((40, 2)), rng.random(40)
    labels = rng.integers(0, 2, 40)
    sparse = Moments.of(csr_array(X), Y, sample_weight=w, labels=labels)
    same(sparse, Moments.of(X, Y, sample_weight=w, labels=labels))


def test_folds_add_up_to_the_whole(rng):
    X, Y = rng.standard_normal((30, 3)), rng.standard_normal((30, 2))
    rows = rng.permutation(30)
    folds = [moments_of_rows((X, Y), rows=part) for part in np.split(rows, [10, 20])]
    same(folds[0] + folds[1] + folds[2], Moments.of(X, Y))
    same(folds[1], Moments.of(X[rows[10:20]], Y[rows[10:20]]))


def test_swapping_exchanges_both_views(rng):
    X, Y = rng.standard_normal((20, 3)), rng.standard_normal((20, 2))
    same(Moments.of(X, Y).swap(), Moments.of(Y, X))


@pytest.mark.parametrize("only", ["x", "y", "xy"])
@pytest.mark.parametrize("form", [np.asarray, csr_array])
def test_variances_alone_are_those_of_the_whole_moments(rng, form, only):
    X, Y, w = rng.normal(3, 1, (50, 4)), rng.standard_normal((50, 2)), rng.random(50)
    whole = Moments.of(X, Y, sample_weight=w)
    first = Moments.of(form(X[:20]), Y[:20], sample_weight=w[:20], variances_only=only)
    second = Moments.of(form(X[20:]), Y[20:], sample_weight=w[20:], variances_only=only)
    for moments in (first + second, second + (first + second) - second):
        np.testing.assert_allclose(moments.squares, whole.squares, rtol=1e-11)
        np.testing.assert_allclose(moments.squares_y, whole.squares_y, rtol=1e-11)
        np.testing.assert_allclose(moments.scatter_xy, whole.scatter_xy, rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(moments.std, whole.std, rtol=1e-11)


def test_float32_rows_are_not_copied_nor_changed(rng):
    X = rng.standard_normal((100, 3)).astype(np.float32)
    before = X.copy()
    Moments.of(X, sample_weight=rng.random(100))
    np.testing.assert_array_equal(X, before)


def test_a_single_row_has_no_spread():
    one = Moments.of([[1.0, 2.0]])
    np.testing.assert_array_equal(one.cov, np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Moments().mean, "are empty"),
        (lambda: Moments.of([[1.0]], [[1.0], [2.0]]), "X has 1 rows and Y 2"),
        (lambda: Moments.of([[1.0]]) + Moments.of([[1.0, 2.0]]), "cannot be combined"),
        (lambda: Moments.of([[1.0]]) - Moments.of([[1.0], [2.0]]), "Cannot remove 2 rows"),
        (lambda: Moments.of([[1.0]]).mean_y, "no second view"),
        (lambda: Moments.of([[1.0]], variances_only="x").cov, "without variances_only"),
        (lambda: Moments.of([[1.0]], variances_only="x") + Moments.of([[1.0]]), "with the same"),
        (lambda: Moments.of([[np.nan]]), "Input X contains 1 NaN"),
        (lambda: Moments.of([[1.0]], sample_weight=[-1.0]), "not negative"),
        (lambda: Moments.of([[1.0]], sample_weight=[0.0]), "zero on every row"),
        (lambda: Moments.of([[1.0]], labels=["a", "b"]), "a label for each of 1 rows"),
    ],
)
def test_errors_say_what_was_found(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_moments_of_a_product_are_those_of_all_pairs_listed(rng):
    X, Y, w = rng.normal(size=(7, 3)), rng.normal(size=(5, 2)) + 3.0, rng.random(7)
    i, j = (part.ravel() for part in np.indices((7, 5)))
    listed = Moments.of(X[i], Y[j], sample_weight=w[i] * (2.0 / w.sum() / 5))
    closed = Moments.of_product(Moments.of(X, sample_weight=w), Moments.of(Y), 2.0)
    assert closed.count == listed.count
    for name in ("weight", "weight_squared", "mean", "mean_y"):
        np.testing.assert_allclose(getattr(closed, name), getattr(listed, name))
    for name in ("scatter", "scatter_xy", "scatter_yy"):
        np.testing.assert_allclose(getattr(closed, name), getattr(listed, name), atol=1e-12)


def test_equal_weights_are_worth_their_number_and_one_weight_one():
    assert effective_size(np.full(8, 0.3)) == pytest.approx(8.0)
    assert effective_size(np.array([0.0, 5.0, 0.0])) == 1.0
    assert effective_size(np.zeros(3)) == 0.0
