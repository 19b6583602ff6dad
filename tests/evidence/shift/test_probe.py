"""The source model behind the checks of labels."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

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
