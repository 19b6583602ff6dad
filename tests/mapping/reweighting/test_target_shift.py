import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.svm import SVC

from landbridge import Refit, Transfer
from landbridge.mapping.reweighting import MMDTargetShift
from landbridge.mapping.reweighting.target_shift import label_basis, matching_coefficients


def clusters(labels, rng):
    centres = {"a": (0, 0), "b": (3, 0), "c": (0, 3)}
    return np.array([centres[y] for y in labels]) + rng.normal(size=(len(labels), 2))


def test_class_weights_are_the_ratio_of_class_shares(rng):
    ys = np.repeat(["a", "b", "c"], [800, 800, 400])
    yt = np.repeat(["a", "b", "c"], [200, 500, 1300])
    mapping = MMDTargetShift().fit(clusters(ys, rng), clusters(yt, rng), ys=ys)
    np.testing.assert_allclose(mapping.coef_, [0.25, 0.625, 3.25], atol=0.1)
    np.testing.assert_array_equal(mapping.classes_, ["a", "b", "c"])


def test_weights_of_a_numeric_label_follow_its_shift(rng):
    ys, yt = rng.normal(0, 1, 3000), rng.normal(0.8, 0.7, 3000)
    Xs, Xt = (np.column_stack([y, y**2]) + 0.3 * rng.normal(size=(3000, 2)) for y in (ys, yt))
    weights = MMDTargetShift(cap=None).fit(Xs, Xt, ys=ys).weights(Xs, ys)
    true = np.exp(0.5 * ys**2 - 0.5 * ((ys - 0.8) / 0.7) ** 2)
    assert np.corrcoef(weights, true)[0, 1] > 0.95
    assert np.average(ys, weights=weights) == pytest.approx(0.8, abs=0.05)


def test_labels_as_in_the_target_keep_their_weights(rng):
    ys = np.repeat(["a", "b"], [300, 100])
    Xs = clusters(ys, rng)
    np.testing.assert_allclose(MMDTargetShift().fit(Xs, Xs, ys=ys).coef_, 1.0, atol=1e-5)


@pytest.mark.parametrize("least", [0.0, 0.3])
def test_the_coefficients_are_those_of_a_general_optimiser(least, rng):
    A, target = rng.normal(size=(6, 4)), rng.normal(size=6)
    L = rng.random((50, 4))
    mean, gram, reg = L.mean(axis=0), L.T @ L / 50, 0.1

    def objective(a):
        return np.sum((A @ a - target) ** 2) + reg * np.mean((L @ a - 1) ** 2)

    slow = minimize(
        objective,
        np.full(4, 1 / mean.sum()),
        method="SLSQP",
        bounds=[(least, None)] * 4,
        constraints={"type": "eq", "fun": lambda a: mean @ a - 1},
        options={"ftol": 1e-14},
    )
    ours = matching_coefficients(A, target, gram, mean, reg, least)
    assert mean @ ours == pytest.approx(1.0)
    np.testing.assert_allclose(ours, slow.x, atol=1e-5)


def test_functions_of_a_label_sum_to_one_everywhere():
    basis = label_basis(np.array([-50.0, 0.3, 90.0]), np.array([0.0, 1.0, 2.0]), 0.5)
    np.testing.assert_allclose(basis.sum(axis=1), 1.0)


def test_a_class_that_the_target_lacks_keeps_the_share_of_one_target_row(rng):
    ys, yt = np.repeat(["a", "b", "c"], [100, 100, 200]), np.repeat(["a", "b"], [50, 150])
    Xs, Xt = clusters(ys, rng), clusters(yt, rng)
    mapping = MMDTargetShift().fit(Xs, Xt, ys=ys)
    assert mapping.coef_[2] * 0.5 == pytest.approx(1 / 200)
    far = Xt[50:] + np.array([9.0, 0.0])
    alone = Transfer(SVC(), MMDTargetShift(), Refit(SVC())).fit(Xs[:200], ys[:200], far)
    assert alone.mapping_.coef_[0] * 0.5 == pytest.approx(1 / 150)
    assert list(alone.target_.classes_) == ["a", "b"]


def test_blank_source_labels_are_passed_over_and_weigh_one(rng):
    ys = np.array(["a", "b"] * 200, dtype=object)
    Xs = clusters(ys, rng)
    Xt = clusters(np.repeat(["a", "b"], [100, 300]), rng)
    blank = ys.copy()
    blank[:40] = None
    mapping = MMDTargetShift().fit(Xs, Xt, ys=blank)
    known = MMDTargetShift().fit(Xs[40:], Xt, ys=ys[40:])
    np.testing.assert_allclose(mapping.coef_, known.coef_, atol=0.02)
    weights = mapping.weights(Xs, blank)
    np.testing.assert_allclose(weights[:40], weights[0])
    assert np.isfinite(weights).all()


def test_whole_numbers_are_classes_unless_they_are_said_to_be_values(rng):
    Xs, ys = rng.normal(size=(60, 2)), np.arange(60) % 6
    assert len(MMDTargetShift().fit(Xs, Xs, ys=ys).classes_) == 6
    assert len(MMDTargetShift(task="regression").fit(Xs, Xs, ys=ys).centres_) > 1


def test_weights_without_labels_are_refused(shifted):
    mapping = shifted.fit(MMDTargetShift())
    with pytest.raises(ValueError, match=r"give weights\(X, y\) the labels y"):
        mapping.weights(shifted.Xs)


def test_a_class_not_seen_in_fit_is_named(shifted):
    mapping = shifted.fit(MMDTargetShift())
    with pytest.raises(ValueError, match="Label 'middle' is not one of the classes"):
        mapping.weights(shifted.Xs[:1], ["middle"])


def test_source_labels_are_needed(shifted):
    with pytest.raises(ValueError, match="MMDTargetShift learns from labels of source rows"):
        MMDTargetShift().fit(shifted.Xs, shifted.Xt)


@pytest.mark.parametrize(
    "setting, message",
    [
        ({"task": "ranking"}, 'task must be "auto", "classification" or "regression"'),
        ({"reg": -1.0}, "reg must be a number from 0 up"),
        ({"n_label_functions": 1}, "n_label_functions must be a whole number from 2 up"),
    ],
)
def test_a_wrong_parameter_is_named(setting, message, shifted):
    with pytest.raises(ValueError, match=message):
        shifted.fit(MMDTargetShift(**setting))
