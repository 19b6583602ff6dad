import numpy as np
import pandas as pd
import pytest

from landbridge.kits.recommend import read_interactions, read_item_features

COLUMNS = {"user": "u", "item": "i", "rating": "r"}


def table(**columns):
    return pd.DataFrame({"u": [1, 1, 2], "i": [5, 5, 6], "r": [2.0, 4.0, 3.0]} | columns)


def test_repeated_ratings_become_their_mean_and_it_is_said():
    read = read_interactions(table(), **COLUMNS)
    assert read.frame["rating"].tolist() == [3.0, 3.0]
    assert "the mean of each pair counts" in read.notes[0]


def test_the_last_of_repeated_ratings_is_that_of_the_latest_time():
    read = read_interactions(table(t=[9, 1, 1]), **COLUMNS, time="t", duplicates="last")
    assert read.frame.set_index("user")["rating"].to_dict() == {1: 2.0, 2: 3.0}


def test_repeated_ratings_are_refused_where_asked_for():
    with pytest.raises(ValueError, match="user 1 and item 5"):
        read_interactions(table(), **COLUMNS, duplicates="refuse")


def test_without_ratings_the_number_of_times_is_the_strength():
    read = read_interactions(table(), user="u", item="i")
    assert read.frame["rating"].tolist() == [2.0, 1.0]


def test_users_without_items_and_gaps_are_left_out_and_counted():
    read = read_interactions(table(i=[5, None, None]), **COLUMNS)
    assert len(read) == 1
    assert read.notes == [
        "1 users have no item and are left out: 2.",
        "2 rows are left out: 2 without item.",
    ]


def test_dates_become_moments_that_grow():
    dates = ["2026-01-02", "2026-01-03", "2026-01-01"]
    read = read_interactions(table(i=[5, 6, 7], t=dates), **COLUMNS, time="t")
    assert np.argsort(read.frame["time"]).tolist() == [2, 0, 1]


def test_a_gap_in_whole_numbers_leaves_the_names_whole():
    read = read_interactions(table(u=[1.0, 2.0, None]), **COLUMNS)
    assert read.frame["user"].tolist() == [1, 2]


@pytest.mark.parametrize(
    "frame, message",
    [
        (table(r=["3", "good", "4"]), "no finite numbers, the first of them 'good' in row 2"),
        (table(r=[1.0, np.inf, 2.0]), "the first of them inf"),
        (table().rename(columns={"i": "itemId"}), "no column 'i' for the item"),
        (table().iloc[:0], "has no rows"),
        (table(u=[None, None, None]), "has no row with"),
    ],
)
def test_bad_tables_are_refused_with_what_was_found(frame, message):
    with pytest.raises(ValueError, match=message):
        read_interactions(frame, **COLUMNS)


def test_a_time_that_is_none_is_refused():
    with pytest.raises(ValueError, match="the first of them 'soon'"):
        read_interactions(table(t=["2026-01-01", "soon", "2026-01-01"]), **COLUMNS, time="t")


def test_a_separator_that_is_not_known_is_hinted_at(tmp_path):
    path = tmp_path / "odd.csv"
    path.write_text("u::i::r\n1::5::3\n2::6::4\n")
    with pytest.raises(ValueError, match="is the separator another"):
        read_interactions(path, **COLUMNS)


@pytest.mark.parametrize("ending, write", [("csv", "to_csv"), ("parquet", "to_parquet")])
def test_files_are_read_like_tables(tmp_path, ending, write):
    path = tmp_path / f"shop.{ending}"
    getattr(table(i=[5, 6, 7]), write)(path, index=False)
    assert read_interactions(path, **COLUMNS).frame["item"].tolist() == [5, 6, 7]


def test_genres_numbers_and_titles_are_told_apart():
    frame = pd.DataFrame(
        {
            "i": [1, 2, 3, 4],
            "genres": ["war|love", "war", "love", None],
            "year": [1990, 2000, 2010, 2020],
            "title": ["A", "B", "C", "D"],
        }
    )
    read = read_item_features(frame, item="i")
    assert read.names == ["genres: love", "genres: war", "year"]
    assert read.titles[3] == "C"
    np.testing.assert_array_equal(read.rows([4, 99])[:, :2], 0)
    assert read.rows([99]).tolist() == [[0, 0, 0]]


def test_features_without_any_use_or_with_an_item_twice_are_refused():
    with pytest.raises(ValueError, match="no column to learn from"):
        read_item_features(pd.DataFrame({"i": [1, 2], "title": ["A", "B"]}), item="i")
    with pytest.raises(ValueError, match="1 items with more than one row"):
        read_item_features(pd.DataFrame({"i": [1, 1], "g": ["a", "a"]}), item="i")
