import gzip

import numpy as np
import pandas as pd
import pytest

from landbridge.kits.text import read_texts


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("mark", [",", "\t", ";", "|"])
def test_the_separator_is_the_one_that_makes_the_column(mark, tmp_path):
    rows = [["id", "body", "stars"], ["1", "fine - really", "5"], ["2", "no", "1"]]
    path = write(tmp_path / "reviews.csv", "\n".join(mark.join(row) for row in rows))
    read = read_texts(path, text="body", label="stars")
    assert read.texts == ["fine - really", "no"] and read.labels.tolist() == [5, 1]
    assert len(read.table.sha256) == 64 and read.table.name == "reviews.csv"


def test_quoted_texts_may_hold_separators_quotes_and_line_breaks(tmp_path):
    path = write(tmp_path / "r.csv", 'body,stars\n"a, ""b""\nc",good\nplain,bad\n')
    read = read_texts(path, text="body", label="stars")
    assert read.texts == ['a, "b"\nc', "plain"] and read.labels.tolist() == ["good", "bad"]


def test_in_tables_by_tabs_quotes_are_part_of_the_text(tmp_path):
    path = write(tmp_path / "r.tsv", 'body\tstars\n"so called" fun\t0\n" open\t1\nend "\t1\n')
    assert read_texts(path, text="body", label="stars").texts == [
        '"so called" fun',
        '" open',
        'end "',
    ]


def test_words_that_stand_for_missing_values_are_texts(tmp_path):
    path = write(tmp_path / "r.csv", "body,stars\nnull,1\nNA,0\n?,\n")
    read = read_texts(path, text="body", label="stars")
    assert read.texts == ["null", "NA", "?"] and read.labels.tolist() == [1, 0, None]


def test_other_encodings_are_found_out_and_noted(tmp_path):
    path = write(tmp_path / "r.csv", "body,stars\ngrößer,1\n".encode("cp1252"))
    read = read_texts(path, text="body")
    assert read.texts == ["größer"] and read.table.notes == ("The text encoding is cp1252.",)
    path = write(tmp_path / "r16.csv", "body,stars\ngrößer,1\n".encode("utf-16"))
    assert read_texts(path, text="body").texts == ["größer"]
    path = write(tmp_path / "bom.csv", "\ufeffbody,stars\ngrößer,1\n")
    assert read_texts(path, text="body").texts == ["größer"]


def test_an_encoding_that_is_given_is_held_to(tmp_path):
    path = write(tmp_path / "r.csv", "body,stars\nok,1\ngrößer,1\n".encode("latin-1"))
    assert read_texts(path, text="body", encoding="latin-1").texts[1] == "größer"
    with pytest.raises(ValueError, match="line 3: found bytes that are not utf-8"):
        read_texts(path, text="body", encoding="utf-8")
    with pytest.raises(ValueError, match="no encoding 'utf-9'"):
        read_texts(path, text="body", encoding="utf-9")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\x00\x01binary\x00", "binary"),
        ("bodi,stars\na,1\n", "no column 'body': the nearest are 'bodi'"),
        ("body^stars\na^1\n", "nearest are 'body.stars'. .* is the separator another than comma"),
        ("body,stars\n,1\n", "are empty"),
        ("body,stars\na,1\nb,c,d,e,2\n", "double quotes"),
    ],
)
def test_files_that_hold_no_texts_are_refused_by_name(content, message, tmp_path):
    path = write(tmp_path / "r.csv", content)
    with pytest.raises(ValueError, match=message):
        read_texts(path, text="body", label="stars", name="source")


def test_a_missing_file_and_a_damaged_archive_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file"):
        read_texts(tmp_path / "absent.csv", text="body")
    whole = gzip.compress(b"body,stars\nfine,1\n")
    assert read_texts(write(tmp_path / "r.csv.gz", whole), text="body").texts == ["fine"]
    with pytest.raises(ValueError, match="cut off"):
        read_texts(write(tmp_path / "cut.csv.gz", whole[:-9]), text="body")


def test_tables_in_memory_and_other_formats_are_read(tmp_path):
    frame = pd.DataFrame({"body": ["a", "b"], "stars": pd.Categorical(["x", "y"])})
    assert read_texts(frame, text="body", label="stars").labels.tolist() == ["x", "y"]
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    frame.to_parquet(tmp_path / "t.parquet")
    assert read_texts(tmp_path / "t.parquet", text="body").texts == ["a", "b"]


def test_rows_without_text_or_label_are_left_out_of_a_source_and_kept_in_a_target():
    frame = pd.DataFrame({"body": ["a", "", np.nan, "d"], "stars": [1.0, 2.0, 1.0, np.nan]})
    source = read_texts(frame, text="body", label="stars", needs_labels=True)
    assert source.texts == ["a"] and source.n_labelled == 1
    assert source.table.notes == (
        "2 of 4 texts are empty: left out.",
        "1 of 4 texts have no label: left out.",
    )
    target = read_texts(frame, text="body", label="stars")
    assert target.texts == ["a", "", "", "d"] and target.n_labelled == 3
    assert read_texts(frame, text="body", label="absent").n_labelled == 0
    with pytest.raises(ValueError, match="no column 'absent'"):
        read_texts(frame, text="body", label="absent", needs_labels=True)
