import numpy as np
import pandas as pd
import pytest

from landbridge.domains.columns import (
    as_numbers,
    as_text,
    common_kind,
    date_parts,
    kind_of,
    missing_share,
    part_names,
    plain_columns,
)


@pytest.mark.parametrize(
    ("values", "dtype", "kind"),
    [
        ([1, 2], "int64", "number"),
        ([1, None], "Int64", "number"),
        ([0.5, None], "float32", "number"),
        (["1", " 2.5", "?"], "object", "number"),
        (["1", "2"], "string", "number"),
        (["1", "x"], "str", "category"),
        ([1, 2], "category", "category"),
        ([True, None], "boolean", "boolean"),
        ([True, False, None], "object", "boolean"),
        (["true", "False"], "str", "boolean"),
        (["2020-01-01", "2020-01-02 12:30", None], "object", "date"),
        (["2020-01-01", None], "datetime64[ns]", "date"),
        (["31/12/2020"], "object", "category"),
        ([None, None], "object", "empty"),
        (["?", ""], "object", "empty"),
        ([np.nan], "float64", "empty"),
    ],
)
def test_the_kind_of_a_column_is_seen_from_its_type_and_values(values, dtype, kind):
    assert kind_of(pd.Series(values).astype(dtype)) == kind


@pytest.mark.parametrize(
    ("kinds", "common"),
    [
        ({"number"}, "number"),
        ({"number", "boolean"}, "number"),
        ({"number", "category"}, "category"),
        ({"date", "category"}, "category"),
        ({"date", "empty"}, "empty"),
    ],
)
def test_kinds_that_differ_are_settled(kinds, common):
    assert common_kind(kinds) == common


def test_whole_numbers_read_alike_whatever_their_type():
    texts = [as_text(pd.Series(values)).tolist() for values in ([1.0, 2.0], [1, 2], ["1", "2"])]
    assert texts == [["1", "2"]] * 3


def test_marks_for_missing_values_are_gaps_in_text():
    assert as_text(pd.Series(["a", "?", None, "NA"], dtype=object)).tolist() == [
        "a",
        None,
        None,
        None,
    ]
    assert missing_share(pd.Series(["a", "?"])) == 0.5


def test_numbers_come_as_float64_with_nan_for_what_is_none():
    expected = [1.0, np.nan, np.nan, 0.0]
    np.testing.assert_array_equal(as_numbers(pd.Series(["1", "x", None, "False"])), expected)
    np.testing.assert_array_equal(as_numbers(pd.Series([1.0, np.inf, np.nan, 0.0])), expected)
    booleans = pd.Series([True, None, None, False], dtype="boolean")
    np.testing.assert_array_equal(as_numbers(booleans), expected)
    sparse = pd.Series(pd.arrays.SparseArray([0.0, 3.0]))
    np.testing.assert_array_equal(as_numbers(sparse), [0.0, 3.0])


@pytest.mark.parametrize("dtype", ["str", "datetime64[ns]", "datetime64[s, UTC]"])
def test_a_date_becomes_days_and_places_on_circles(dtype):
    days = pd.Series(["1970-01-02", "1970-01-09"]).astype(dtype)
    parts = date_parts(days)
    np.testing.assert_allclose(parts["days"], [1, 8])
    np.testing.assert_allclose(parts["week sine"], np.sin(2 * np.pi / 7))
    np.testing.assert_allclose(parts["day cosine"], 1)
    np.testing.assert_allclose(parts["year sine"] ** 2 + parts["year cosine"] ** 2, 1)


@pytest.mark.parametrize("kind", ["number", "category", "date", "boolean"])
def test_the_parts_of_a_column_are_named_before_they_are_made(kind):
    made = plain_columns(pd.Series(["2020-01-01", None]), "when", kind)
    assert list(made) == part_names("when", kind)
