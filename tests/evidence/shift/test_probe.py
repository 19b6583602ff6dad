"""The source model behind the checks of labels."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from landbridge.evidence.shift import probe as module
from landbridge.evidence.shift.probe import probe_classes, probe_numbers


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    return rng.normal(size=(120, 3)), rng.normal(size=(30, 3))


def test_classes_are_predicted_out_of_fold_and_on_the_target(rows):
    Xs, Xt = rows
    probe = probe_classes(Xs, (Xs[:, 0] > 0).astype(float), Xt)
    assert np.mean(probe.source.argmax(axis=1) == probe.y) > 0.9
    assert np.mean(probe.target.argmax(axis=1) == (Xt[:, 0] > 0)) > 0.9
    assert probe.target.shape == (30, 2)


def test_predictions_out_of_fold_know_nothing_of_their_own_label(rows):
    Xs, Xt = rows
    noise = np.random.default_rng(1).integers(0, 2, 120).astype(float)
    probe = probe_classes(Xs, noise, Xt)
    assert np.mean(probe.source.argmax(axis=1) == probe.y) < 0.62


def test_numbers_are_predicted_out_of_fold_and_on_the_target(rows):
    Xs, Xt = rows
    probe = probe_numbers(Xs, Xs @ [1.0, 2.0, 0.0], Xt)
    assert r2_score(probe.y, probe.source) > 0.999
    assert r2_score(Xt @ [1.0, 2.0, 0.0], probe.target) > 0.999


def test_unlabelled_rows_are_passed_over(rows):
    Xs, Xt = rows
    codes = np.where(np.arange(120) % 2, np.nan, Xs[:, 0] > 0)
    assert probe_classes(Xs, codes, Xt).rows.tolist() == list(range(0, 120, 2))


def test_large_sources_are_thinned(rows, monkeypatch):
    monkeypatch.setattr(module, "MAX_ROWS", 50)
    Xs, Xt = rows
    assert len(probe_numbers(Xs, Xs[:, 0], Xt).rows) == 50


@pytest.mark.parametrize("codes", [np.zeros(120), np.r_[np.zeros(119), 1.0], np.full(120, np.nan)])
def test_too_few_labels_make_no_model_of_classes(rows, codes):
    assert probe_classes(rows[0], codes, rows[1]) is None


def test_too_few_labels_make_no_model_of_numbers(rows):
    assert probe_numbers(rows[0], np.r_[np.arange(9.0), np.full(111, np.nan)], rows[1]) is None


def test_kernel_features_are_taken_only_where_they_predict_better():
    rng = np.random.default_rng(0)
    Xs, Xt = rng.normal(size=(300, 3)), rng.normal(size=(100, 3))
    crossed = probe_classes(Xs, (Xs[:, 0] * Xs[:, 1] > 0).astype(float), Xt)
    assert np.mean(crossed.target.argmax(axis=1) == (Xt[:, 0] * Xt[:, 1] > 0)) > 0.8
    squared = probe_numbers(Xs, Xs[:, 0] ** 2, Xt)
    assert r2_score(Xt[:, 0] ** 2, squared.target) > 0.7
    y = (Xs[:, 0] + rng.logistic(size=300) > 0).astype(float)
    plain = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(Xs, y)
    np.testing.assert_allclose(probe_classes(Xs, y, Xt).target, plain.predict_proba(Xt), atol=1e-6)


def test_a_model_that_guesses_is_told_from_one_that_knows():
    guessed = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        Xs, y = rng.normal(size=(100, 3)), rng.integers(0, 3, 100).astype(float)
        guessed.append(not probe_classes(Xs, y, Xs).is_informed)
    assert np.mean(guessed) >= 0.9
    Xs = np.random.default_rng(0).normal(size=(100, 3))
    assert probe_classes(Xs, (Xs[:, 0] > 0).astype(float), Xs).is_informed
    assert probe_numbers(Xs, Xs[:, 0], Xs).is_informed
    assert not probe_numbers(Xs, np.random.default_rng(1).normal(size=100), Xs).is_informed


def test_one_value_far_out_does_not_blind_the_model(rows):
    Xs, Xt = rows[0].copy(), rows[1]
    codes = (Xs[:, 0] > 0).astype(float)
    Xs[3, 0], codes[3] = 1e12, 0.0
    probe = probe_classes(Xs, codes, Xt)
    assert np.mean(probe.target.argmax(axis=1) == (Xt[:, 0] > 0)) > 0.85


def test_a_class_of_one_row_is_left_out(rows):
    Xs, Xt = rows
    codes = np.r_[2.0, (Xs[1:, 0] > 0) * 3.0]
    probe = probe_classes(Xs, codes, Xt)
    assert probe.classes.tolist() == [0, 3]
    assert probe.rows.tolist() == list(range(1, 120))
    assert probe.target.shape == (30, 2)
