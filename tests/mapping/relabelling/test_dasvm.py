"""A support vector machine that moves over to the target."""

import numpy as np
import pytest
from sklearn.svm import SVC

from landbridge.mapping.relabelling.dasvm import (
    DASVM,
    State,
    changed,
    has_both_sides,
    join_and_leave,
    signs_of,
)


@pytest.mark.parametrize("names", [("no", "yes"), (-1, 1), ("a", "b", "c")])
def test_it_labels_more_rows_rightly_than_the_source_machine(shifted, names):
    Xs, ys, Xt, truth = shifted(names, 1.5)
    machine = SVC(kernel="linear").fit(Xs, ys)
    mapping = DASVM(kernel="linear").fit(Xs, Xt, ys=ys)
    assert (mapping.labels_ == truth).mean() > machine.score(Xt, truth)
    assert ((mapping.confidence_ >= 0) & (mapping.confidence_ <= 1)).all()


def test_in_the_end_it_is_a_machine_of_target_rows_alone(shifted):
    Xs, ys, Xt, _ = shifted(shift=0.5)
    mapping = DASVM(kernel="linear").fit(Xs, Xt, ys=ys)
    machine = SVC(kernel="linear").fit(Xt, mapping.labels_)
    assert (machine.predict(Xt) == mapping.labels_).mean() > 0.99


def test_a_machine_that_would_be_left_with_one_class_stays_as_it_was(rng):
    Xs = rng.normal(size=(6, 3))
    ys = np.array(["yes", "no"] * 3)
    mapping = DASVM(max_iter=1).fit(Xs, rng.normal(size=(6, 3)), ys=ys)
    assert np.isfinite(mapping.confidence_).all()
    state = State(np.array([True, False]), np.zeros(2), np.zeros(2))
    assert not has_both_sides(np.array([-1.0, 1.0]), np.ones(2), state)
    assert has_both_sides(np.array([-1.0, 1.0]), np.ones(2), state._replace(signs=np.ones(2)))


def slow_choice(scores, source_scores, state, signs, n_moved):
    joining, leaving = [], []
    for side, n_most in zip((-1.0, 1.0), n_moved):
        free = [
            (1 - side * f, i)
            for i, f in enumerate(scores)
            if state.signs[i] == 0 and 0 <= side * f < 1
        ]
        new = [i for _, i in sorted(free)][:n_most]
        old = [
            (-side * f, i)
            for i, f in enumerate(source_scores)
            if state.in_use[i] and signs[i] == side
        ]
        joining += new
        leaving += [i for _, i in sorted(old)][: len(new)]
    return joining, leaving


def test_who_joins_and_who_leaves_is_as_the_paper_says(rng):
    scores, source_scores = rng.normal(size=30), 2 * rng.normal(size=40)
    signs = np.where(rng.uniform(size=40) < 0.5, -1.0, 1.0)
    free = np.where(rng.uniform(size=30) < 0.7, 0.0, 1.0)
    state = State(rng.uniform(size=40) < 0.6, free, np.zeros(30))
    joining, leaving = join_and_leave(scores, source_scores, state, signs, (4, 2))
    expected = slow_choice(scores, source_scores, state, signs, (4, 2))
    assert (joining.tolist(), leaving.tolist()) == expected
    assert len(joining) == len(leaving)


def test_rows_whose_sign_changes_are_free_again_and_given_labels_never():
    state = State(np.ones(1, dtype=bool), np.array([1.0, 1.0, -1.0, 1.0]), np.array([2.0, 2, 2, 2]))
    after = changed(state, np.array([0.5, -0.5, -2.0, -3.0]), np.array([False] * 3 + [True]))
    assert after.signs.tolist() == [1.0, 0.0, -1.0, 1.0]
    assert after.ages.tolist() == [3.0, 0.0, 3.0, 2.0]


def test_signs_tell_a_class_from_others_and_from_blanks():
    assert signs_of(np.array([0, 1, -1, 2]), 1).tolist() == [-1.0, 1.0, 0.0, -1.0]


def test_given_labels_are_kept(shifted):
    Xs, ys, Xt, truth = shifted(shift=1.5)
    few = np.where(np.arange(200) < 20, truth, None)
    mapping = DASVM().fit(Xs, Xt, ys=ys, yt=few)
    np.testing.assert_array_equal(mapping.labels_[:20], truth[:20])
    np.testing.assert_array_equal(mapping.confidence_[:20], 1.0)


def test_the_order_of_rows_does_not_matter(shifted, rng):
    Xs, ys, Xt, _ = shifted(("a", "b", "c"))
    s, t = rng.permutation(200), rng.permutation(200)
    first, second = DASVM().fit(Xs, Xt, ys=ys), DASVM().fit(Xs[s], Xt[t], ys=ys[s])
    np.testing.assert_array_equal(first.labels_[t], second.labels_)
    np.testing.assert_allclose(first.confidence_[t], second.confidence_, atol=1e-6)


def test_weights_of_source_rows_count(shifted):
    Xs, ys, Xt, truth = shifted(shift=0.0)
    wrong = np.where(np.arange(200) < 100, ys, ys[::-1])
    weights = np.where(np.arange(200) < 100, 1.0, 0.0)
    mapping = DASVM().fit(Xs, Xt, ys=wrong, sample_weight=weights)
    assert (mapping.labels_ == truth).mean() > 0.95


@pytest.mark.parametrize(
    ("mapping", "message"),
    [(DASVM(C=0.0), "C must be a number above 0: f"), (DASVM(max_iter=0), "max_iter must be a wh")],
)
def test_wrong_parameters_are_refused(shifted, mapping, message):
    Xs, ys, Xt, _ = shifted()
    with pytest.raises(ValueError, match=message):
        mapping.fit(Xs, Xt, ys=ys)
