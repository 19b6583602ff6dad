import numpy as np
import pytest
from scipy.optimize import approx_fprime
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import rbf_kernel

from landbridge.mapping.alignment.scale_shift import (
    MMDScaleShift,
    linear_discriminant,
    moved,
    moved_discrepancy,
)
from landbridge.moments import Moments
from landbridge.moments.feature_map import cosines_and_sines, draw_frequencies


@pytest.fixture
def by_class(rng):
    """Two classes; in the target the one is shifted, and the other stretched."""
    y = np.repeat(["a", "b"], 400)
    Xs, Xt = (rng.standard_normal((800, 2)) + 7.0 * (y == "b")[:, None] for _ in range(2))
    Xt[y == "a"] += [1.5, -1.0]
    Xt[y == "b"] = 7.0 + 2.0 * (Xt[y == "b"] - 7.0)
    return Xs, y, Xt


def test_the_gradient_agrees_with_differences(rng):
    Z, members = rng.standard_normal((9, 3)), np.eye(2)[[0, 0, 1, 0, 1, 1, 1, 0, 1]]
    frequencies = rng.standard_normal((3, 7))
    goal, weights = rng.standard_normal(14), rng.random(9)
    fixed = Z, members, weights, goal, frequencies, 0.3
    maps = rng.standard_normal(12)
    numeric = approx_fprime(maps, lambda m: moved_discrepancy(m.reshape(2, 2, 3), *fixed)[0], 1e-7)
    slope = moved_discrepancy(maps.reshape(2, 2, 3), *fixed)[1]
    np.testing.assert_allclose(slope.ravel(), numeric, atol=2e-5)


def test_the_objective_is_the_discrepancy_of_the_gaussian_kernel(rng):
    Z, Zt = rng.standard_normal((40, 2)), rng.standard_normal((30, 2)) + 1.0
    members = np.eye(2)[rng.integers(0, 2, 40)]
    maps = np.array([[[1.0, 2.0], [0.5, 1.0]], [[0.0, 1.0], [-1.0, 0.5]]])
    frequencies = draw_frequencies(2, 1.5, 40000, rng)
    goal = cosines_and_sines(Zt, frequencies).mean(axis=0)
    weights = np.full(40, 1 / 40)
    value, _ = moved_discrepancy(maps, Z, members, weights, goal, frequencies, 0.0)
    rows = np.vstack([moved(Z, members, maps), Zt])
    signed = np.repeat([1 / 40, -1 / 30], [40, 30])
    exact = signed @ rbf_kernel(rows, gamma=1 / (2 * 1.5**2)) @ signed
    assert value == pytest.approx(exact, abs=2e-3)


def test_the_posteriors_are_those_of_linear_discriminant_analysis(rng):
    y = np.repeat([0, 1, 2], [30000, 20000, 10000])
    X = (rng.standard_normal((60000, 3)) + np.eye(3)[y] * 2.0) @ [[2, 1, 0], [0, 1, 1], [0, 0, 1]]
    parts = [Moments.of(X[y == c]) for c in range(3)]
    coefficients, intercepts = linear_discriminant(parts)
    scores = X @ coefficients + intercepts
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    theirs = LinearDiscriminantAnalysis(solver="lsqr").fit(X, y).predict_proba(X)
    np.testing.assert_allclose(shares / shares.sum(axis=1, keepdims=True), theirs, atol=5e-3)


def test_the_scale_and_shift_of_each_class_are_found(by_class):
    Xs, y, Xt = by_class
    mapping = MMDScaleShift(reg=1e-6).fit(Xs, Xt, ys=y)
    carried = mapping.carry(Xs, y)
    for name in "ab":
        here, there = carried.X[y == name], Xt[y == name]
        np.testing.assert_allclose(here.mean(axis=0), there.mean(axis=0), atol=0.25)
        np.testing.assert_allclose(here.std(axis=0), there.std(axis=0), atol=0.25)
    assert carried.sample_weight is None


def test_rows_without_label_are_moved_by_the_probability_of_each_class(by_class):
    Xs, y, Xt = by_class
    mapping = MMDScaleShift(reg=1e-6).fit(Xs, Xt, ys=y)
    np.testing.assert_allclose(mapping.transform(Xs), mapping.carry(Xs, y).X, atol=0.5)
    between = Xs.mean(axis=0, keepdims=True)
    p = mapping._posteriors(between)[0]
    both = between * mapping.scale_ + mapping.shift_
    np.testing.assert_allclose(mapping.transform(between)[0], p @ both)
    blank = np.where(np.arange(800) % 2 == 0, y, None)
    mixed = mapping.carry(Xs, blank).X
    np.testing.assert_array_equal(mixed[::2], mapping.carry(Xs, y).X[::2])
    np.testing.assert_allclose(mixed[1::2], mapping.transform(Xs)[1::2])


def test_one_map_for_all_classes_is_that_of_the_domains(by_class):
    Xs, y, _ = by_class
    mapping = MMDScaleShift(per_class=False, reg=1e-8).fit(Xs, Xs * [2.0, 0.5] + 3.0, ys=y)
    np.testing.assert_allclose(mapping.scale_, [[2.0, 0.5]] * 2, rtol=0.02)
    np.testing.assert_allclose(mapping.shift_, [[3.0, 3.0]] * 2, atol=0.1)


def test_shares_of_the_classes_in_the_target_are_found(by_class):
    Xs, y, Xt = by_class
    fewer = np.append(Xt[y == "a"][:100], Xt[y == "b"], axis=0)
    mapping = MMDScaleShift(reweigh=True).fit(Xs, fewer, ys=y)
    np.testing.assert_allclose(mapping.importance_, [0.4, 1.6], atol=0.1)
    weights = mapping.carry(Xs, y, np.full(800, 2.0)).sample_weight
    np.testing.assert_allclose(weights, 2.0 * mapping.importance_[(y == "b").astype(int)])


def test_the_same_sample_stays_where_it_is(by_class):
    Xs, y, _ = by_class
    np.testing.assert_allclose(MMDScaleShift().fit(Xs, Xs, ys=y).transform(Xs), Xs, atol=1e-6)


def test_blank_labels_and_weights_of_zero_leave_rows_out(by_class):
    Xs, y, Xt = by_class
    labels, weights = np.append(y, [None, "b"]), np.append(np.ones(800), [1.0, 0.0])
    more = np.vstack([Xs, [[90.0, 9.0], [-70.0, 3.0]]])
    ours = MMDScaleShift().fit(more, Xt, ys=labels, sample_weight=weights)
    plain = MMDScaleShift().fit(Xs, Xt, ys=y)
    np.testing.assert_allclose(ours.scale_, plain.scale_, atol=1e-3)


def test_the_order_of_rows_does_not_matter(by_class, rng):
    Xs, y, Xt = by_class
    order = rng.permutation(800)
    first = MMDScaleShift(max_rows=300).fit(Xs, Xt, ys=y)
    second = MMDScaleShift(max_rows=300).fit(Xs[order], rng.permutation(Xt), ys=y[order])
    np.testing.assert_allclose(first.shift_, second.shift_, atol=1e-8)


def test_a_target_of_few_classes_is_said_to_leave_few_rows(rng):
    y = np.repeat(np.arange(25), 8)
    Xs = rng.standard_normal((200, 2)) + np.column_stack([40 * (y % 5), 40 * (y // 5)])
    with pytest.warns(UserWarning, match="leave an effective sample of 8.0 of 200 rows"):
        MMDScaleShift(reweigh=True, reg=1.0).fit(Xs, Xs[:8], ys=y)


def test_maps_of_many_features_are_not_fitted_to_the_noise_of_few_frequencies(rng):
    y = np.repeat([0, 1], 300)
    Xs, Xt, fresh = ((rng.random((600, 100)) < 0.05 + 0.1 * y[:, None]) * 1.0 for _ in range(3))
    Xt[:, :10], fresh[:, :10] = 1 - Xt[:, :10], 1 - fresh[:, :10]

    def discrepancy(**own):
        mapping = MMDScaleShift(tol=1e-4, n_rounds=1, **own).fit(Xs, Xt, ys=y)
        rows = np.vstack([mapping.carry(Xs, y).X, fresh])
        signed = np.repeat([1 / 600, -1 / 600], 600)
        return signed @ rbf_kernel(rows, gamma=1 / 20) @ signed

    assert discrepancy() < discrepancy(n_features=256) / 3


def test_a_narrow_kernel_does_not_see_a_far_move_and_a_wide_one_does(rng):
    y = np.repeat(["a", "b"], 100)
    Xs, Xt = rng.standard_normal((200, 2)), rng.standard_normal((200, 2)) + 12.0
    narrow, wide = (
        MMDScaleShift(gamma=gamma, n_rounds=1).fit(Xs, Xt, ys=y).shift_ for gamma in (1.0, 0.003)
    )
    assert np.abs(narrow - 12.0).min() > 6.0
    np.testing.assert_allclose(wide, 12.0, atol=1.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reg": -1.0}, "reg must be"),
        ({"n_rounds": 0}, "n_rounds must be"),
        ({"gamma": 0.0}, "gamma must be"),
        ({"max_rows": 1}, "max_rows must be"),
        ({"n_features": 1}, "n_features must be"),
    ],
)
def test_wrong_parameters_are_named(by_class, arguments, message):
    Xs, y, Xt = by_class
    with pytest.raises(ValueError, match=message):
        MMDScaleShift(**arguments).fit(Xs, Xt, ys=y)


def test_labels_are_asked_for(by_class):
    with pytest.raises(ValueError, match="ys has none"):
        MMDScaleShift().fit(by_class[0], by_class[2])


def test_too_few_steps_are_said(by_class):
    Xs, y, Xt = by_class
    with pytest.warns(ConvergenceWarning, match="MMDScaleShift stopped after 1 steps"):
        MMDScaleShift(max_iter=1).fit(Xs, Xt, ys=y)
