import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist

from landbridge.mapping.transport.cost import (
    check_plan_memory,
    dense_rows,
    scaled_cost,
    squared_distances,
    transport_geometry,
    typical,
)


def test_squared_distances_are_those_written_out(rng):
    X, Y = rng.normal(size=(20, 3)), rng.normal(size=(30, 3))
    np.testing.assert_allclose(squared_distances(X, Y), cdist(X, Y) ** 2, atol=1e-12)


def test_no_squared_distance_is_negative(rng):
    X = rng.normal(size=(50, 3)).astype(np.float32) + 100
    assert squared_distances(X, X).min() >= 0
    assert squared_distances(X, X).dtype == np.float32


def test_costs_are_counted_in_their_median(two_domains):
    geometry = transport_geometry(*two_domains, None, centred=True)
    Xs, Xt = (X - X.mean(axis=0) for X in two_domains)
    assert geometry.unit == pytest.approx(np.median(cdist(Xs, Xt) ** 2), rel=0.02)
    C = scaled_cost(*two_domains, geometry)
    np.testing.assert_allclose(C, cdist(Xs, Xt) ** 2 / geometry.unit, atol=1e-10)


def test_the_unit_of_many_rows_depends_on_no_order(rng):
    Xs, Xt = rng.normal(size=(3000, 2)), rng.normal(size=(2000, 2))
    shuffled = Xs[rng.permutation(3000)], Xt[rng.permutation(2000)]
    units = [transport_geometry(*pair, None, True).unit for pair in ((Xs, Xt), shuffled)]
    assert units[0] == pytest.approx(units[1], rel=1e-12)


def test_domains_that_are_not_centred_keep_their_distance(two_domains):
    geometry = transport_geometry(*two_domains, None, centred=False)
    C = scaled_cost(*two_domains, geometry) * geometry.unit
    np.testing.assert_allclose(C, cdist(*two_domains) ** 2, rtol=1e-9)


def test_a_unit_is_never_zero():
    assert typical(np.zeros((3, 3))) == 1.0
    assert typical(np.array([0.0, 0.0, 3.0])) == 1.0


def test_sparse_rows_become_dense_within_the_memory_bound(monkeypatch):
    X = csr_array(np.eye(3))
    np.testing.assert_array_equal(dense_rows(X), np.eye(3))
    monkeypatch.setenv("LANDBRIDGE_MAX_MEMORY", "50")
    with pytest.raises(MemoryError, match=r"3 sparse rows of 3 features.*TruncatedSVD"):
        dense_rows(X)


def test_a_plan_beyond_the_memory_bound_names_what_to_do_instead():
    with pytest.raises(MemoryError, match=r"1,000,000 to 1,000,000 rows.*batch_size.*rank"):
        check_plan_memory(1_000_000, 1_000_000, np.float64)
