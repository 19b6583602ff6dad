import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression

from landbridge import load, save
from landbridge.domains.folds import folds_by_content
from landbridge.mapping.paired.ridge import LeastSquares
from landbridge.mapping.paired.standardization import (
    DirectStandardization,
    PiecewiseDirectStandardization,
)
from landbridge.moments import Moments

needs_data = pytest.mark.skipif(
    "LANDBRIDGE_DATA" not in os.environ, reason="LANDBRIDGE_DATA is not set"
)


@pytest.fixture
def spectra(rng):
    """Thirty smooth spectra of 40 channels."""
    return rng.standard_normal((30, 40)).cumsum(axis=1)


@pytest.fixture
def band(rng):
    """A banded matrix (40, 40) that reaches two channels to either side."""
    near = np.abs(np.subtract.outer(np.arange(40), np.arange(40))) <= 2
    return rng.standard_normal((40, 40)) * near


def principal_regression(X, Y, k):
    """Components by scikit-learn's PCA, then least squares: prediction for X itself."""
    scores = PCA(k).fit(X).transform(X)
    return LinearRegression().fit(scores, Y).predict(scores)


def test_a_banded_map_is_recovered_from_few_standards(spectra, band):
    X, Y = spectra[:10], spectra[:10] @ band + 3.0
    mapping = PiecewiseDirectStandardization(window=2, n_components=5).fit(X, Y)
    np.testing.assert_allclose(mapping.matrix_.toarray(), band, atol=1e-9)
    np.testing.assert_allclose(mapping.transform(spectra), spectra @ band + 3.0, atol=1e-8)


def test_as_many_components_as_the_band_needs_are_found(spectra, band):
    mapping = PiecewiseDirectStandardization(window=2).fit(spectra, spectra @ band)
    assert mapping.n_components_ == 5
    np.testing.assert_allclose(mapping.matrix_.toarray(), band, atol=1e-9)


@pytest.mark.parametrize("k", [1, 3])
def test_each_channel_is_regressed_on_the_components_of_its_window(spectra, rng, k):
    Y = spectra @ rng.standard_normal((40, 40))
    moved = PiecewiseDirectStandardization(window=4, n_components=k).fit_transform(spectra, Y)
    for j in range(40):
        window = spectra[:, max(0, j - 4) : j + 5]
        np.testing.assert_allclose(moved[:, j], principal_regression(window, Y[:, j], k), atol=1e-9)


def test_direct_standardisation_is_regression_on_principal_components(spectra, rng):
    Y = rng.standard_normal((30, 7))
    mapping = DirectStandardization(6).fit(spectra, Y)
    np.testing.assert_allclose(
        mapping.transform(spectra), principal_regression(spectra, Y, 6), atol=1e-9
    )


def test_with_all_components_it_is_the_pseudo_inverse(spectra, rng):
    X, Y = spectra[:8], rng.standard_normal((8, 40))
    mapping = DirectStandardization(40).fit(X, Y)
    assert mapping.n_components_ == 7
    np.testing.assert_allclose(mapping.matrix_, LeastSquares().fit(X, Y).matrix_, atol=1e-8)


def test_a_window_over_the_whole_spectrum_is_direct_standardisation(spectra, rng):
    Y = rng.standard_normal((30, 40))
    piecewise = PiecewiseDirectStandardization(window=99).fit(spectra, Y)
    direct = DirectStandardization().fit(spectra, Y)
    assert piecewise.n_components_ == direct.n_components_
    np.testing.assert_allclose(piecewise.errors_, direct.errors_, rtol=1e-8)
    np.testing.assert_allclose(piecewise.matrix_.toarray(), direct.matrix_, atol=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
def test_errors_out_of_moments_are_those_of_refitting_on_rows(spectra, rng, weighted):
    Y = spectra + rng.standard_normal((30, 40))
    w = rng.random(30) + 0.5 if weighted else np.ones(30)
    mapping = PiecewiseDirectStandardization(window=2).fit(spectra, Y, w if weighted else None)
    for k in (1, 4):
        total = 0.0
        for test in folds_by_content(spectra, Y, 5):
            train = np.setdiff1d(np.arange(30), test)
            refit = PiecewiseDirectStandardization(window=2, n_components=k)
            refit.fit(spectra[train], Y[train], w[train])
            total += w[test] @ ((Y[test] - refit.predict(spectra[test])) ** 2).sum(axis=1)
        assert mapping.errors_[k] == pytest.approx(total / w.sum(), rel=1e-9)
    assert mapping.n_components_ == 1 + int(mapping.errors_[1:].argmin())


def test_instruments_with_other_numbers_of_channels_span_the_same_range(spectra):
    coarse = (spectra[:, ::2] + spectra[:, 1::2]) / 2
    mapping = PiecewiseDirectStandardization(window=1, n_components=3).fit(spectra, coarse)
    np.testing.assert_allclose(mapping.transform(spectra), coarse, atol=1e-9)
    assert mapping.matrix_.shape == (40, 20)


@pytest.mark.parametrize("cls", [DirectStandardization, PiecewiseDirectStandardization])
def test_the_order_of_standards_changes_nothing(spectra, rng, cls):
    Y, order = spectra + rng.standard_normal((30, 40)), rng.permutation(30)
    first, second = cls().fit(spectra, Y), cls().fit(spectra[order], Y[order])
    np.testing.assert_allclose(first.transform(spectra), second.transform(spectra), atol=1e-9)


@pytest.mark.parametrize("cls", [DirectStandardization, PiecewiseDirectStandardization])
def test_an_instrument_is_carried_to_itself_as_it_is(spectra, cls):
    np.testing.assert_allclose(cls(n_components=40).fit_transform(spectra, spectra), spectra)


def test_float32_and_sparse_spectra_are_carried_alike(spectra, band):
    X, Y = spectra * (np.abs(spectra) > 1), spectra @ band
    dense = PiecewiseDirectStandardization(window=2).fit(X, Y)
    sparse = PiecewiseDirectStandardization(window=2).fit(csr_array(X), Y)
    np.testing.assert_allclose(sparse.transform(csr_array(X)), dense.transform(X), atol=1e-8)
    assert dense.transform(X.astype(np.float32)).dtype == np.float32


def test_the_file_of_a_band_grows_with_the_window_only(spectra, band, tmp_path):
    mapping = PiecewiseDirectStandardization(window=2, n_components=3).fit(spectra, spectra)
    assert mapping.matrix_.nnz == 40 * 5 - 6
    again = load(save(mapping, tmp_path / "band.landbridge"))
    np.testing.assert_array_equal(again.transform(spectra), mapping.transform(spectra))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda X: DirectStandardization(0).fit(X, X), "n_components must be"),
        (lambda X: DirectStandardization("all").fit(X, X), "n_components must be"),
        (lambda X: DirectStandardization(cv=1).fit(X, X), "cv must be a whole number from 2"),
        (lambda X: DirectStandardization().fit_moments(Moments.of(X, X)), "found 1 part"),
        (lambda X: PiecewiseDirectStandardization(-1).fit(X, X), "window must be"),
        (lambda X: PiecewiseDirectStandardization(1.5).fit(X, X), "window must be"),
        (lambda X: PiecewiseDirectStandardization().fit_moments(Moments.of(X, X)), "found 1 part"),
    ],
)
def test_errors_say_what_was_found(spectra, make, message):
    with pytest.raises(ValueError, match=message):
        make(spectra)


def test_windows_beyond_the_memory_are_refused(spectra, monkeypatch):
    monkeypatch.setenv("LANDBRIDGE_MAX_MEMORY", "1e5")
    with pytest.raises(MemoryError, match=r"40 windows of 11 channels.*narrower window"):
        PiecewiseDirectStandardization().fit(spectra, spectra)


def kennard_stone(X, n_chosen):
    """Rows that span the samples: each next one is the farthest from those before."""
    distances = np.linalg.norm(X[:, None] - X[None], axis=2)
    chosen = list(np.unravel_index(distances.argmax(), distances.shape))
    while len(chosen) < n_chosen:
        chosen.append(int(distances[:, chosen].min(axis=1).argmax()))
    return chosen


@needs_data
@pytest.mark.parametrize("n_standards", [5, 15, 30])
def test_a_calibration_of_corn_is_carried_to_another_spectrometer(n_standards):
    """Calibrated on m5, used on mp6: at least half of what the change of instrument cost is won."""
    folder = Path(os.environ["LANDBRIDGE_DATA"]) / "corn_nir"
    m5, mp6, y = (
        pd.read_csv(folder / f"corn_{name}.csv").to_numpy(float)
        for name in ("m5spec", "mp6spec", "propvals")
    )
    test = np.arange(80) % 5 == 0
    calibration = PLSRegression(10, scale=False).fit(m5[~test], y[~test])

    def error(spectra):
        return np.sqrt(((calibration.predict(spectra) - y[test]) ** 2).mean(axis=0))

    standards = np.flatnonzero(~test)[kennard_stone(m5[~test], n_standards)]
    mapping = PiecewiseDirectStandardization().fit(mp6[standards], m5[standards])
    at_home, untouched = error(m5[test]), error(mp6[test])
    carried = error(mapping.transform(mp6[test]))
    assert (carried - at_home < 0.5 * (untouched - at_home)).all()
