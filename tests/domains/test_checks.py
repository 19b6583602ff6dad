import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix, issparse

from landbridge.domains import check_rows, check_weights


@pytest.mark.parametrize(
    ("given", "kept"), [("float32", "float32"), ("float64", "float64"), ("int16", "float64")]
)
def test_float32_stays_and_all_else_is_float64(given, kept):
    assert check_rows(np.ones((2, 2), dtype=given)).dtype == kept


def test_rows_of_a_fitting_type_are_not_copied():
    rows = np.ones((3, 2))
    assert np.shares_memory(check_rows(rows), rows)


def test_a_data_frame_gives_its_values():
    frame = pd.DataFrame({"a": [1, 2], "b": [True, False]})
    np.testing.assert_array_equal(check_rows(frame), [[1, 1], [2, 0]])


def test_sparse_rows_stay_sparse_only_where_they_may():
    rows = csr_matrix(np.eye(2))
    assert issparse(check_rows(rows, sparse=True))
    with pytest.raises(TypeError, match="dense"):
        check_rows(rows)


def test_what_is_not_finite_is_counted_and_a_remedy_named():
    with pytest.raises(ValueError, match=r"Input Xs contains 1 NaN and 2 inf.*SimpleImputer"):
        check_rows([[np.nan, 1.0], [np.inf, -np.inf]], "Xs")


def test_what_is_not_finite_in_sparse_rows_is_refused():
    rows = csr_matrix(np.array([[np.nan, 0.0], [0.0, 1.0]]))
    with pytest.raises(ValueError, match="Input X contains 1 NaN;"):
        check_rows(rows, sparse=True)


def test_too_few_rows_are_refused():
    with pytest.raises(ValueError, match=r"with 1 sample.* as Xt, while a minimum of 2"):
        check_rows([[1.0]], "Xt", min_rows=2)


def test_no_weights_means_all_weigh_the_same():
    assert check_weights(None, 3, "sample_weight") is None


def test_one_weight_counts_for_every_row():
    np.testing.assert_array_equal(check_weights(2, 3, "sample_weight"), [2.0, 2.0, 2.0])


def test_there_must_be_one_weight_a_row():
    with pytest.raises(ValueError, match=r"w must have one weight a row: found shape \(2,\)"):
        check_weights([1, 1], 3, "w")


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_weights_must_be_finite_and_not_negative(bad):
    with pytest.raises(ValueError, match="w must be finite and not negative"):
        check_weights([1.0, bad], 2, "w")


def test_some_row_must_weigh_something():
    with pytest.raises(ValueError, match="w is zero on every row"):
        check_weights([0, 0], 2, "w")
