import os
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import landbridge.domains.features as features_module
from landbridge.domains import TableFeatures, read_table


def mixed(n_rows=40, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": np.where(rng.random(n_rows) < 0.2, np.nan, rng.normal(50, 10, n_rows)),
            "ward": rng.choice(["a", "b", "c"], n_rows),
            "smoker": pd.array(rng.random(n_rows) < 0.5, dtype="boolean"),
            "visit": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(rng.integers(0, 400, n_rows), "D"),
            "beds": pd.array(rng.integers(0, 5, n_rows), dtype="Int64"),
            "group": pd.Categorical(rng.choice([1, 2], n_rows)),
        }
    )


def kinds_of(features):
    return {column["name"]: column["kind"] for column in features.columns_}


def test_numbers_are_standardised_over_both_domains():
    source = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [10.0, 0.0, 5.0]})
    target = pd.DataFrame({"a": [7.0, 9.0], "b": [2.0, 1.0]})
    features = TableFeatures().fit(source, target)
    both = np.vstack([features.transform(source), features.transform(target)])
    pooled = pd.concat([source, target])
    np.testing.assert_allclose(both, (pooled - pooled.mean()) / pooled.std(ddof=0), atol=1e-12)


def test_every_kind_becomes_finite_float64_with_a_name_for_each_feature():
    source, target = mixed(seed=0), mixed(seed=1)
    features = TableFeatures().fit(source, target)
    made = features.transform(target)
    assert made.dtype == np.float64
    assert np.isfinite(made).all()
    assert made.shape == (40, len(features.get_feature_names_out()))
    assert made.shape[1] == sum(column["n_out"] for column in features.columns_)
    assert kinds_of(features) == {
        "age": "number",
        "ward": "category",
        "smoker": "boolean",
        "visit": "date",
        "beds": "number",
        "group": "category",
    }


def test_gaps_are_filled_with_the_median_and_told_where_notable():
    source = pd.DataFrame({"a": [1.0, np.nan, 3.0, 8.0]})
    features = TableFeatures().fit(source, pd.DataFrame({"a": [0.0, 100.0]}))
    assert list(features.get_feature_names_out()) == ["a", "a is missing"]
    made = features.transform(pd.DataFrame({"a": [np.nan, 3.0]}))
    np.testing.assert_allclose(made[0, 0], made[1, 0])
    assert made[:, 1].tolist() == [1, 0]
    assert features.columns_[0]["missing_source"] == 0.25


def test_few_gaps_are_filled_without_a_feature_of_their_own():
    source = pd.DataFrame({"a": [np.nan, *range(99)]})
    assert TableFeatures().fit(source).get_feature_names_out().tolist() == ["a"]
    assert len(TableFeatures(missing_share=0).fit(source).get_feature_names_out()) == 2


def test_booleans_are_zero_and_one():
    frame = pd.DataFrame({"a": [True, False, True]})
    assert TableFeatures().fit(frame).transform(frame).tolist() == [[1], [0], [1]]


def test_rare_categories_share_a_feature():
    frame = pd.DataFrame({"a": list("xxxxyyyzzw")})
    features = TableFeatures(max_categories=3).fit(frame)
    assert features.get_feature_names_out().tolist() == ["a=x", "a=y", "a=other"]
    assert features.transform(frame)[-1].tolist() == [0, 0, 1]


def test_a_category_that_was_not_seen_is_none_of_those_known():
    features = TableFeatures().fit(pd.DataFrame({"a": list("xyxy")}))
    with pytest.warns(UserWarning, match="'a' has categories not seen at fit: 'z'"):
        made = features.transform(pd.DataFrame({"a": ["z", "x"]}))
    assert made.tolist() == [[0, 0], [1, 0]]


def test_a_missing_category_is_a_category():
    frame = pd.DataFrame({"a": ["x", "?", None, "x"]})
    features = TableFeatures().fit(frame)
    assert features.get_feature_names_out().tolist() == ["a=missing", "a=x"]


@pytest.mark.parametrize("dtype", ["str", "object", "category", "string"])
def test_every_type_of_text_gives_the_same_features(dtype):
    frame = pd.DataFrame({"a": ["x", "y", None, "x"]})
    expected = TableFeatures().fit(frame).transform(frame)
    typed = frame.astype(dtype)
    np.testing.assert_array_equal(TableFeatures().fit(typed).transform(typed), expected)


def test_a_date_has_a_feature_for_the_hour_only_where_hours_differ():
    by_day = pd.DataFrame({"t": ["2024-01-01", "2024-02-03", "2024-07-05"]})
    by_hour = pd.DataFrame({"t": ["2024-01-01 03:00", "2024-02-03", "2024-07-05 12:00"]})
    names = [TableFeatures().fit(f).get_feature_names_out().tolist() for f in (by_day, by_hour)]
    assert "t: days" in names[0] and "t: day sine" not in names[0]
    assert "t: day sine" in names[1]


def test_text_that_reads_as_numbers_is_taken_as_numbers():
    source = pd.DataFrame({"a": ["1", "2", "?"]})
    features = TableFeatures().fit(source, pd.DataFrame({"a": [1.0, 4.0]}))
    assert kinds_of(features) == {"a": "number"}
    assert features.notes_ == ["'a': text that reads as numbers; now number."]


def test_numbers_beside_words_are_compared_as_text():
    source = pd.DataFrame({"a": [1.0, 2.0]})
    features = TableFeatures().fit(source, pd.DataFrame({"a": ["1", "many"]}))
    assert features.get_feature_names_out().tolist() == ["a=1", "a=2", "a=many"]
    assert features.notes_ == ["'a': number in the source, category in the target; now category."]


def test_what_is_dropped_is_said():
    source = pd.DataFrame(
        {
            "good": range(30),
            "here": range(30),
            "same": 1,
            "hollow": range(30),
            "name": [f"patient {i}" for i in range(30)],
        }
    )
    target = source.drop(columns="here").assign(there=1, hollow=None)
    features = TableFeatures(max_categories=5).fit(source, target.assign(name=source["name"] + "t"))
    assert features.get_feature_names_out().tolist() == ["good"]
    assert features.notes_ == [
        "'here': dropped, only the source has it.",
        "'there': dropped, only the target has it.",
        "'hollow': dropped, it has no value in the target.",
        "'name': dropped, it is text that differs in nearly every row.",
        "'same': dropped, one value throughout.",
    ]
    assert kinds_of(features)["same"] == "dropped"


def test_infinite_values_count_as_missing_and_that_is_said():
    frame = pd.DataFrame({"a": [1.0, np.inf, 3.0]})
    features = TableFeatures().fit(frame)
    assert features.notes_ == ["'a': 1 infinite values count as missing."]
    with pytest.warns(UserWarning, match="'a' is a number, not 'inf': counted as missing"):
        assert features.transform(frame)[1, 1] == 1


def test_a_missing_column_is_filled_and_reported():
    features = TableFeatures().fit(mixed())
    with pytest.warns(UserWarning, match="frame lacks 'age', 'ward': filled as missing"):
        made = features.transform(mixed().drop(columns=["age", "ward"]))
    assert np.isfinite(made).all()


def test_a_further_column_changes_nothing():
    features = TableFeatures().fit(mixed())
    more = mixed().assign(extra=1)[::-1][["extra", *mixed().columns[::-1]]]
    np.testing.assert_array_equal(features.transform(more), features.transform(mixed())[::-1])


def test_words_where_numbers_were_are_gaps_and_reported():
    features = TableFeatures().fit(pd.DataFrame({"a": [1.0, 2.0, 3.0]}))
    with pytest.warns(UserWarning, match="'a' is a number, not 'few'"):
        made = features.transform(pd.DataFrame({"a": ["few", "2"]}))
    np.testing.assert_allclose(made, [[0.0], [0.0]])


def test_the_tables_are_left_as_they_are():
    source, target = mixed(seed=0), mixed(seed=1)
    TableFeatures().fit(source, target).transform(target)
    pd.testing.assert_frame_equal(source, mixed(seed=0))
    pd.testing.assert_frame_equal(target, mixed(seed=1))


def test_arrays_will_do_for_tables():
    rows = np.arange(6.0).reshape(3, 2)
    features = TableFeatures().fit(rows, rows + 1)
    assert features.get_feature_names_out().tolist() == ["x0", "x1"]
    assert features.transform(rows).shape == (3, 2)


def test_a_copy_fits_the_same_and_settings_are_kept():
    features = TableFeatures(max_categories=4, missing_share=0.5)
    made = features.fit(mixed()).transform(mixed())
    copy = clone(features)
    assert copy.get_params() == {"max_categories": 4, "missing_share": 0.5}
    np.testing.assert_array_equal(copy.fit_transform(mixed()), made)


def test_saved_and_loaded_it_makes_the_same_features():
    skops = pytest.importorskip("skops.io")
    features = TableFeatures(max_categories=2).fit(mixed(seed=0), mixed(seed=1))
    saved = skops.dumps(features)
    loaded = skops.loads(saved, trusted=skops.get_untrusted_types(data=saved))
    np.testing.assert_array_equal(loaded.transform(mixed()), features.transform(mixed()))
    assert loaded.columns_ == features.columns_
    assert list(loaded.get_feature_names_out()) == list(features.get_feature_names_out())


def test_tables_without_a_common_column_are_refused():
    with pytest.raises(ValueError, match="no column in common: the source has 'a', the target 'b'"):
        TableFeatures().fit(pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"b": [1, 2]}))


def test_tables_without_a_useful_column_are_refused():
    with pytest.raises(ValueError, match=r"No column is of use. 'a': dropped, one value"):
        TableFeatures().fit(pd.DataFrame({"a": [1, 1]}))


def test_a_table_with_none_of_the_columns_is_refused():
    features = TableFeatures().fit(pd.DataFrame({"a": [1, 2]}))
    with pytest.raises(ValueError, match="none of the columns seen at fit: it has 'b'"):
        features.transform(pd.DataFrame({"b": [1, 2]}))


def test_a_table_beyond_the_memory_bound_is_refused(monkeypatch):
    monkeypatch.setattr(features_module, "_MOST_BYTES", 8)
    with pytest.raises(ValueError, match=r"2 rows of 1 columns take .* GiB, over the bound"):
        TableFeatures().fit(pd.DataFrame({"a": [1, 2]}))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_categories": 1}, "max_categories must be at least 2, found 1"),
        ({"missing_share": 2}, "missing_share must be from 0 to 1, found 2"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        TableFeatures(**settings).fit(mixed())


@pytest.mark.skipif("LANDBRIDGE_DATA" not in os.environ, reason="LANDBRIDGE_DATA is not set")
def test_two_hospitals_become_features_without_a_warning():
    folder = Path(os.environ["LANDBRIDGE_DATA"]) / "heart_disease"
    frames = [
        read_table(folder / f"processed.{place}.data").frame.drop(columns="target")
        for place in ("cleveland", "switzerland")
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        features = TableFeatures().fit(*frames)
        assert np.isfinite(features.transform(frames[1])).all()
    assert "ca is missing" in features.get_feature_names_out()
