"""Class shares and quantiles of both domains."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from landbridge.evidence.shift.label_shift import class_shift, confusion, number_shift
from landbridge.evidence.shift.probe import Probe, probe_classes


def draw(n, share, seed):
    """Two classes, normal around -1 and 1, the second with the given share."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < share).astype(float)
    return 2 * y[:, None] - 1 + rng.normal(size=(n, 1)), y


def test_both_estimates_find_the_targets_shares_where_these_alone_have_changed():
    Xs, ys = draw(3000, 0.5, 0)
    Xt, yt = draw(3000, 0.85, 1)
    found = class_shift(np.array(["a", "b"]), ys, yt * np.nan, probe_classes(Xs, ys, Xt))
    assert found["target_estimated"][1] == pytest.approx(yt.mean(), abs=0.02)
    assert found["bbse"][1] == pytest.approx(yt.mean(), abs=0.03)
    assert found["source"] == pytest.approx([1 - ys.mean(), ys.mean()])
    assert (found["classes"], found["target_observed"]) == (["a", "b"], None)


def test_observed_shares_are_those_of_labelled_target_rows():
    Xs, ys = draw(60, 0.5, 0)
    Xt, yt = draw(40, 0.5, 1)
    yt[4:] = np.nan
    yt[:4] = [0, 1, 1, 1]
    found = class_shift(np.array([0, 1]), ys, yt, probe_classes(Xs, ys, Xt))
    assert (found["target_observed"], found["n_target_labelled"]) == ([0.25, 0.75], 4)


def test_confusion_is_scikit_learns():
    rng = np.random.default_rng(0)
    probe = Probe(np.arange(50), rng.integers(0, 3, 50), rng.random((50, 3)), rng.random((5, 3)))
    expected = confusion_matrix(probe.y, probe.source.argmax(axis=1))
    np.testing.assert_array_equal(confusion(probe), expected)


def test_classes_of_the_target_alone_are_estimated_at_nothing():
    Xs, ys = draw(60, 0.5, 0)
    Xt, _ = draw(40, 0.5, 1)
    probe = probe_classes(Xs, ys, Xt)
    found = class_shift(np.array(["a", "b", "c"]), 2 * ys, np.full(40, 1.0), probe)
    assert found["source"][1] == found["target_estimated"][1] == found["bbse"][1] == 0.0
    assert found["target_observed"] == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("n_target", [9, 10])
def test_nine_target_rows_are_too_few_for_an_estimate(n_target):
    Xs, ys = draw(60, 0.5, 0)
    Xt, yt = draw(n_target, 0.5, 1)
    found = class_shift(np.array([0, 1]), ys, yt, probe_classes(Xs, ys, Xt))
    assert (found["target_estimated"] is None) == (n_target == 9)


def test_without_a_source_model_nothing_is_estimated():
    found = class_shift(np.array([0]), np.zeros(5), np.full(20, np.nan), None)
    assert (found["target_estimated"], found["bbse"], found["condition"]) == (None, None, None)


def test_numbers_are_summed_up_by_quantiles():
    found = number_shift(np.r_[np.arange(101.0), np.nan], np.array([np.nan, 3.0, 5.0]))
    assert found["source"] == pytest.approx(
        {"mean": 50, "std": np.std(np.arange(101)), "q05": 5, "q25": 25, "q50": 50, "q75": 75,
         "q95": 95}
    )  # fmt: skip
    assert found["target_observed"]["mean"] == 4.0
    assert found["n_target_labelled"] == 2
    assert number_shift(np.ones(3), np.full(2, np.nan))["target_observed"] is None


KEYS = ("estimated", "observed")


def test_intervals_of_the_shares_hold_them():
    held = []
    for seed in range(30):
        Xs, ys = draw(2000, 0.5, seed)
        Xt, yt = draw(200, 0.8, 1000 + seed)
        found = class_shift(np.array([0, 1]), ys, yt, probe_classes(Xs, ys, Xt))
        held.append(
            [
                found[f"{key}_low"][1] <= 0.8 <= found[f"{key}_high"][1]
                for key in ("estimated", "observed")
            ]
        )
    assert (np.mean(held, axis=0) >= 0.83).all()


def test_observed_shares_are_tested_and_numbers_compared():
    codes = np.repeat([0.0, 1.0], [50, 50])
    assert class_shift(np.array([0, 1]), codes, codes[:60], None)["p_value"] < 0.01
    assert class_shift(np.array([0, 1]), codes, codes[20:80], None)["p_value"] == pytest.approx(1)
    rng = np.random.default_rng(0)
    found = number_shift(rng.normal(size=300), rng.normal(size=200) + 1)
    assert found["low"] < 1 < found["high"]
    assert found["p_value"] < 1e-6
    assert number_shift(np.arange(9.0), np.full(9, np.nan))["p_value"] is None
