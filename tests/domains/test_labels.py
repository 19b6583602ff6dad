import numpy as np
import pandas as pd
import pytest

from landbridge.domains import (
    as_labels,
    class_names,
    common_labels,
    encode,
    is_labelled,
    labelled_rows,
)
from landbridge.domains.labels import BLANK, codes_of


@pytest.mark.parametrize("blank", [None, float("nan"), pd.NA])
@pytest.mark.parametrize("values", [["a", "b"], [True, False], [-1, 1], [0.5, 2.5]])
def test_a_blank_is_the_only_missing_label(values, blank):
    labels = as_labels([*values, blank])
    assert is_labelled(labels).tolist() == [True, True, False]
    assert class_names(labels).tolist() == sorted(values)


@pytest.mark.parametrize("value", [-1, 0, False, "", "nan", "None", "?"])
def test_no_value_is_a_sentinel(value):
    assert is_labelled(as_labels([value, value])).all()


@pytest.mark.parametrize(
    "dtype", ["int64", "Int64", "float32", "Float64", "string", "object", "category"]
)
def test_every_pandas_type_gives_its_labels(dtype):
    labels = as_labels(pd.Series([1, 2, 1]).astype(dtype))
    assert labels.shape == (3,)
    assert [str(float(v)) for v in labels.tolist()] == ["1.0", "2.0", "1.0"]


def test_nullable_types_keep_their_kind():
    assert as_labels(pd.Series([True, False], dtype="boolean")).dtype == bool
    assert as_labels(pd.Series([1, 2], dtype="UInt8")).dtype == np.uint64
    assert as_labels(pd.Series([1.5, None], dtype="Float64")).dtype == np.float64
    assert as_labels(pd.Series([1, None], dtype="Int64")).tolist() == [1, None]
    assert as_labels(pd.Series([True, None], dtype="boolean")).tolist() == [True, None]


def test_the_caller_keeps_the_labels_as_they_were():
    given = np.array(["a", np.nan, None], dtype=object)
    as_labels(given)
    assert isinstance(given[1], float)


def test_one_column_of_labels_is_laid_flat():
    assert as_labels([[1], [2]]).tolist() == [1, 2]


def test_labels_of_two_dimensions_are_refused():
    with pytest.raises(ValueError, match=r"ys must have one label a row: found shape \(2, 2\)"):
        as_labels(np.zeros((2, 2)), name="ys")


def test_labels_that_do_not_match_the_rows_are_refused():
    with pytest.raises(ValueError, match="yt must have a label for each of 3 rows: found 2"):
        as_labels([1, 2], n_rows=3, name="yt")


def test_a_class_is_the_same_with_and_without_a_point():
    assert class_names(np.array([1, 2]), np.array([2.0, np.nan])).tolist() == [1, 2]
    assert class_names(np.array([1, 2]), np.array([2.5])).tolist() == [1.0, 2.0, 2.5]


def test_no_label_at_all_gives_no_class():
    assert class_names(as_labels([None, None])).tolist() == []


def test_numbers_beside_text_are_refused():
    with pytest.raises(TypeError, match="cannot be compared: int and str"):
        class_names(np.array([1, 2]), np.array(["a"]))


def test_codes_are_positions_among_the_classes():
    codes = encode(as_labels(["b", None, "a"]), np.array(["a", "b"]))
    np.testing.assert_array_equal(codes, [1, np.nan, 0])


def test_a_label_that_is_no_class_is_named():
    with pytest.raises(ValueError, match=r"Label 'c' is not one of the classes \['a', 'b'\]"):
        encode(as_labels(["c"]), np.array(["a", "b"]))


def test_labelled_rows_leave_the_blank_ones_out():
    X, y = labelled_rows(np.arange(6).reshape(3, 2), as_labels([1, None, 2]))
    assert X.tolist() == [[0, 1], [4, 5]]
    assert y.tolist() == [1, 2]


def test_common_labels_have_one_type_in_both_domains():
    ys, yt, classes = common_labels(as_labels([0, 1]), as_labels([1.0, np.nan]))
    assert (ys.tolist(), yt.tolist(), classes.tolist()) == ([0, 1], [1, None], [0, 1])


def test_infinite_labels_are_refused():
    with pytest.raises(ValueError, match="yt contains 1 infinite labels"):
        as_labels([1.0, np.inf], name="yt")


def test_codes_are_positions_and_blanks_have_their_own():
    codes = codes_of(np.array(["b", None, "a"], dtype=object), np.array(["a", "b"]))
    assert codes.tolist() == [1, BLANK, 0]
