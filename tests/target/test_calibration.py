"""Bias-corrected temperature scaling."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from landbridge.target.calibration import calibrate, fit_calibration, log_probabilities


@pytest.fixture
def overconfident(rng):
    """Probabilities whose true logits are half of theirs, off by a bias; and the classes."""
    logits = rng.normal(size=(20_000, 3)) * 2
    truth = softmax(0.5 * logits + [0.0, 0.7, -0.4], axis=1)
    codes = (rng.uniform(size=(20_000, 1)) > truth.cumsum(axis=1)).sum(axis=1)
    return softmax(logits, axis=1), codes, truth


def test_it_finds_temperature_and_bias(overconfident):
    p, codes, truth = overconfident
    calibration = fit_calibration(p, codes)
    assert calibration[0] == pytest.approx(0.5, abs=0.03)
    np.testing.assert_allclose(calibration[1:] - calibration[1], [0.0, 0.7, -0.4], atol=0.08)
    assert np.abs(calibrate(p, calibration) - truth).max() < 0.03


def test_the_mean_probability_of_a_class_is_its_share(overconfident, rng):
    p, codes, _ = overconfident
    w = rng.uniform(0, 2, len(p))
    mean = np.average(calibrate(p, fit_calibration(p, codes, w)), axis=0, weights=w)
    np.testing.assert_allclose(mean, np.bincount(codes, w) / w.sum(), atol=1e-5)


def test_for_two_classes_it_is_platts_logistic_regression_on_log_odds(rng):
    p = rng.uniform(0.05, 0.95, (500, 1))
    both, codes = np.hstack([1 - p, p]), (rng.uniform(size=500) < p[:, 0] ** 2).astype(int)
    odds = np.diff(log_probabilities(both))
    platt = LogisticRegression(C=np.inf, tol=1e-8).fit(odds, codes).predict_proba(odds)
    np.testing.assert_allclose(calibrate(both, fit_calibration(both, codes)), platt, atol=1e-4)


def test_certain_predictions_do_no_harm():
    p, codes = np.eye(2)[[0, 0, 0, 1, 1, 1]], np.array([0, 0, 1, 1, 1, 0])
    np.testing.assert_allclose(
        calibrate(p, fit_calibration(p, codes)),
        np.eye(2)[[0, 0, 0, 1, 1, 1]] / 3 + 1 / 3,
        atol=1e-4,
    )


def loss(p, codes):
    return -np.log(p[np.arange(len(codes)), codes]).mean()


def test_richer_calibrations_fit_better_and_none_changes_nothing(overconfident):
    p, codes, _ = overconfident
    kinds = (None, "temperature", "bias-corrected", "vector")
    losses = [loss(calibrate(p, fit_calibration(p, codes, kind=kind)), codes) for kind in kinds]
    assert losses[0] > losses[1] > losses[2] >= losses[3]
    same = calibrate(p, fit_calibration(p, codes, kind=None))
    np.testing.assert_allclose(same, p, atol=1e-5)


def test_a_temperature_alone_is_the_best_of_a_grid(overconfident):
    p, codes, _ = overconfident
    grid = np.linspace(0.2, 1.0, 161)
    losses = [loss(softmax(a * np.log(p), axis=1), codes) for a in grid]
    found = fit_calibration(p, codes, kind="temperature")
    assert found[0] == pytest.approx(grid[int(np.argmin(losses))], abs=0.005)
    assert not found[1:].any()


def test_vector_scaling_has_no_slope_left(overconfident):
    p, codes, _ = overconfident
    found = fit_calibration(p, codes, kind="vector")
    base = loss(calibrate(p, found), codes)
    for k in range(6):
        for step in (-1e-3, 1e-3):
            moved = found + step * (np.arange(6) == k)
            assert loss(calibrate(p, moved), codes) >= base - 1e-12
