import numpy as np
import pytest
from scipy.spatial.distance import cdist

from landbridge.mapping.reweighting import NearestNeighbourRatio


def test_each_source_row_counts_the_target_rows_nearest_to_it(shifted):
    counts = np.bincount(cdist(shifted.Xt, shifted.Xs).argmin(axis=1), minlength=600) + 1.0
    weights = shifted.fit(NearestNeighbourRatio(cap=None)).weights(shifted.Xs)
    np.testing.assert_allclose(weights, counts / counts.mean(), rtol=1e-12)


def test_a_new_row_weighs_as_much_as_the_source_row_nearest_to_it(shifted):
    mapping = shifted.fit(NearestNeighbourRatio())
    nearest = cdist(shifted.Xt, shifted.Xs).argmin(axis=1)
    np.testing.assert_array_equal(mapping.weights(shifted.Xt), mapping.weights(shifted.Xs)[nearest])


def test_rows_that_occur_twice_share_their_cell(shifted):
    twice = np.vstack([shifted.Xs, shifted.Xs[:300]])
    mapping = NearestNeighbourRatio(smoothing=0.0, cap=None).fit(twice, shifted.Xt)
    weighted = shifted.fit(
        NearestNeighbourRatio(smoothing=0.0, cap=None),
        sample_weight=np.where(np.arange(600) < 300, 2.0, 1.0),
    )
    np.testing.assert_allclose(
        mapping.weights(shifted.Xs), weighted.weights(shifted.Xs), rtol=1e-12
    )
    assert mapping.neighbours_.n_samples_fit_ == 600


def test_more_smoothing_draws_weights_towards_one(shifted):
    sizes = [
        shifted.fit(NearestNeighbourRatio(smoothing=s)).effective_size_ for s in (0.0, 1.0, 10.0)
    ]
    assert sizes == sorted(sizes)
    assert sizes[-1] > 500


def test_a_wrong_smoothing_is_named(shifted):
    with pytest.raises(ValueError, match="smoothing must be a number from 0 up: found -1"):
        shifted.fit(NearestNeighbourRatio(smoothing=-1))
