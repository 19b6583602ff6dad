import numpy as np
import pytest
from scipy.special import softmax

from landbridge.mapping import ClassStandardise
from landbridge.mapping.alignment.class_standardise import spread_within
from landbridge.moments import Moments


@pytest.fixture
def classes(rng):
    """Three classes that each move in a way of their own, and the spread that doubles."""
    ys = np.array(["a", "b", "c"])[np.arange(150) % 3]
    centres, moves = 8.0 * np.eye(3), np.array([[1.0, 0, 0], [0, -2.0, 0], [0, 0, 3.0]])
    codes = np.arange(150) % 3
    noise = rng.normal(size=(150, 3))
    return centres[codes] + noise, ys, centres[codes] + moves[codes] + 2.0 * noise, moves


def test_each_class_gets_its_mean_and_the_spread_of_the_target(classes):
    Xs, ys, Xt, _ = classes
    carried = ClassStandardise().fit(Xs, Xt, ys=ys, yt=ys).carry(Xs, ys)
    for name in "abc":
        np.testing.assert_allclose(carried.X[ys == name].mean(axis=0), Xt[ys == name].mean(axis=0))
    within = [X - [X[ys == y].mean(axis=0) for y in ys] for X in (carried.X, Xt)]
    np.testing.assert_allclose(*((D**2).sum(axis=0) for D in within))
    np.testing.assert_allclose(carried.X, Xt, atol=1e-9)


def test_means_alone_are_matched_where_wished(classes):
    Xs, ys, Xt, _ = classes
    mapping = ClassStandardise(scale=False).fit(Xs, Xt, ys=ys, yt=ys)
    np.testing.assert_array_equal(mapping.scale_, 1.0)
    moved = [X[ys == "b"].mean(axis=0) for X in (Xt, Xs)]
    np.testing.assert_allclose(mapping.shift_[1], moved[0] - moved[1])


def test_the_spread_is_that_within_classes(classes):
    X, y, *_ = classes
    parts = [Moments.of(X[y == name]) for name in "abc"]
    expected = np.sqrt(sum(((X[y == k] - X[y == k].mean(0)) ** 2).sum(0) for k in "abc") / 147)
    np.testing.assert_allclose(spread_within(parts), expected)
    assert not spread_within([Moments.of(X[:1])]).any()


def test_a_class_unseen_in_the_target_moves_as_the_others_do(classes):
    Xs, ys, Xt, _ = classes
    yt = np.where(ys == "c", None, ys)
    mapping = ClassStandardise(scale=False).fit(Xs, Xt, ys=ys, yt=yt)
    np.testing.assert_allclose(mapping.shift_[2], mapping.shift_[:2].mean(axis=0))


def test_one_label_a_class_moves_and_does_not_stretch(classes):
    Xs, ys, Xt, _ = classes
    yt = np.where(np.arange(150) < 3, ys, None)
    mapping = ClassStandardise().fit(Xs, Xt, ys=ys, yt=yt)
    np.testing.assert_array_equal(mapping.scale_, 1.0)
    np.testing.assert_allclose(mapping.carry(Xs, ys).X[ys == "a"].mean(axis=0), Xt[0])


def test_rows_without_label_are_moved_by_the_probability_of_each_class(classes):
    Xs, ys, Xt, _ = classes
    mapping = ClassStandardise().fit(Xs, Xt, ys=ys, yt=ys)
    p = softmax(Xs @ mapping.coef_ + mapping.intercept_, axis=1)
    assert (mapping.classes_[p.argmax(axis=1)] == ys).mean() > 0.99
    expected = Xs * (p @ mapping.scale_) + p @ mapping.shift_
    np.testing.assert_allclose(mapping.transform(Xs), expected)
    blank = mapping.carry(Xs, np.full(150, None))
    np.testing.assert_allclose(blank.X, expected)


def test_weights_of_zero_leave_rows_out(classes):
    Xs, ys, Xt, _ = classes
    keep = np.arange(150) % 4 > 0
    weighted = ClassStandardise().fit(Xs, Xt, ys=ys, yt=ys, sample_weight=keep.astype(float))
    fewer = ClassStandardise().fit(Xs[keep], Xt, ys=ys[keep], yt=ys)
    np.testing.assert_allclose(weighted.shift_, fewer.shift_)
    np.testing.assert_allclose(weighted.scale_, fewer.scale_)


def test_domains_without_a_class_in_common_are_refused(classes):
    Xs, ys, Xt, _ = classes
    with pytest.raises(ValueError, match=r"ys has \['a', 'b', 'c'\], yt has \['d'\]"):
        ClassStandardise().fit(Xs, Xt, ys=ys, yt=np.full(150, "d"))
