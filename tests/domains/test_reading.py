import gzip
import hashlib
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat
from scipy.sparse import csr_matrix
from sklearn.datasets import dump_svmlight_file

from landbridge.domains import read_table

FRAME = pd.DataFrame({"age": [30.5, 41.0, 22.25], "ward": ["a", "b", "a"]})


def written(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("ending", [".csv", ".txt", ".data"])
def test_a_text_table_comes_back_as_it_was_written(tmp_path, ending):
    path = tmp_path / f"table{ending}"
    FRAME.to_csv(path, index=False)
    table = read_table(path, name="source")
    pd.testing.assert_frame_equal(table.frame, FRAME)
    assert (table.name, table.path, table.notes) == ("source", str(path), ())
    assert table.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_packed_table_is_unpacked(tmp_path):
    path = tmp_path / "table.csv.gz"
    FRAME.to_csv(path, index=False)
    pd.testing.assert_frame_equal(read_table(str(path)).frame, FRAME)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_encoding_separator_and_decimal_comma_are_found_and_noted(tmp_path, encoding):
    path = written(tmp_path / "t.csv", "größe;ort\n1,5;Köln\n2,25;Bonn\n", encoding)
    table = read_table(path)
    assert table.frame.to_dict("list") == {"größe": [1.5, 2.25], "ort": ["Köln", "Bonn"]}
    assert table.notes == (
        f"The text encoding is {encoding}.",
        "The separator is semicolon.",
        "Numbers have a decimal comma.",
    )


def test_question_marks_blanks_and_na_are_missing(tmp_path):
    path = written(tmp_path / "t.csv", "a,b\n1,x\n?,?\n,NA\n3,None\n")
    table = read_table(path)
    np.testing.assert_array_equal(table.frame["a"], [1, np.nan, np.nan, 3])
    assert table.frame["b"].isna().tolist() == [False, True, True, False]
    assert "'?' stands for a missing value 2 times." in table.notes


def test_without_a_header_columns_are_numbered_and_that_is_noted(tmp_path):
    table = read_table(written(tmp_path / "t.data", "M,0.5\nF,0.25\n"))
    assert list(table.frame.columns) == ["x0", "x1"]
    assert table.notes == ("No header line: the columns are named x0 to x1.",)


def test_a_column_without_a_name_gets_one(tmp_path):
    table = read_table(written(tmp_path / "t.csv", ",a\n0,5\n1,6\n"))
    assert list(table.frame.columns) == ["unnamed_0", "a"]
    assert table.notes == ("Columns without a name are called 'unnamed_0'.",)


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_arrow_files_come_back_as_they_were_written(tmp_path, ending):
    pytest.importorskip("pyarrow")
    path = tmp_path / f"t.{ending}"
    getattr(FRAME, f"to_{ending}")(path)
    pd.testing.assert_frame_equal(read_table(path).frame, FRAME)


def test_a_named_index_becomes_a_column(tmp_path):
    pytest.importorskip("pyarrow")
    FRAME.set_index("ward").to_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert list(table.frame.columns) == ["ward", "age"]
    assert table.notes == ("The index became the column 'ward'.",)


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = written(tmp_path / "t.parquet", "PAR1")
    with pytest.raises(ImportError, match=r"pip install 'landbridge\[vectors\]'"):
        read_table(path)


@pytest.mark.parametrize(("rows", "labels"), [("X", "y"), ("data", "target"), ("m", "v")])
def test_rows_and_labels_of_an_archive_become_one_table(tmp_path, rows, labels):
    X, y = np.arange(6.0).reshape(3, 2), np.array(["a", "b", "a"])
    np.savez(tmp_path / "t.npz", **{rows: X, labels: y})
    frame = read_table(tmp_path / "t.npz").frame
    assert list(frame.columns) == ["x0", "x1", labels]
    np.testing.assert_array_equal(frame[["x0", "x1"]], X)
    assert frame[labels].tolist() == ["a", "b", "a"]


def test_several_matrices_are_refused_with_their_names(tmp_path):
    np.savez(tmp_path / "t.npz", left=np.ones((3, 2)), right=np.ones((3, 4)))
    with pytest.raises(ValueError, match=r"expected one matrix.*left \(3, 2\), right \(3, 4\)"):
        read_table(tmp_path / "t.npz")


def test_an_array_file_is_a_table(tmp_path):
    np.save(tmp_path / "t.npy", np.eye(2))
    np.testing.assert_array_equal(read_table(tmp_path / "t.npy").frame, np.eye(2))


def test_pickled_objects_are_never_loaded(tmp_path):
    np.save(tmp_path / "t.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"cannot be read as \.npy: .*pickle"):
        read_table(tmp_path / "t.npy")


def test_a_matlab_file_gives_rows_and_labels(tmp_path):
    savemat(tmp_path / "t.mat", {"fts": np.eye(3), "labels": np.array([[1], [2], [1]])})
    frame = read_table(tmp_path / "t.mat").frame
    assert frame["labels"].tolist() == [1, 2, 1]
    assert frame.shape == (3, 4)


def test_a_matlab_file_of_version_7_3_names_the_remedy(tmp_path):
    header = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    (tmp_path / "t.mat").write_bytes(header + b"\x00" * 400)
    with pytest.raises(ValueError, match=r"version 7\.3.*h5py"):
        read_table(tmp_path / "t.mat")


def test_sparse_rows_stay_sparse(tmp_path):
    X = csr_matrix([[0.0, 2.0, 0.0], [1.0, 0.0, 3.0]])
    dump_svmlight_file(X, [1, -1], str(tmp_path / "t.svmlight"), zero_based=True)
    frame = read_table(tmp_path / "t.svmlight").frame
    assert frame["label"].tolist() == [1, -1]
    assert isinstance(frame["x1"].dtype, pd.SparseDtype)
    np.testing.assert_array_equal(frame.drop(columns="label"), X.toarray())


def test_rows_in_memory_are_a_table_and_are_left_as_they_are():
    given = FRAME.set_axis([0, "ward"], axis=1)
    table = read_table(given)
    assert (list(table.frame.columns), table.path, table.sha256) == (["0", "ward"], None, None)
    assert list(given.columns) == [0, "ward"]
    assert list(read_table([[1, 2], [3, 4]]).frame.columns) == ["x0", "x1"]
    assert list(read_table(csr_matrix(np.eye(2))).frame.columns) == ["x0", "x1"]
    assert read_table(table) is table


def test_an_array_that_is_no_table_is_refused():
    with pytest.raises(ValueError, match=r"source must be a table.*shape \(2, 2, 2\)"):
        read_table(np.ones((2, 2, 2)), name="source")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file .*gone\.csv"):
        read_table(tmp_path / "gone.csv")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="is a folder, expected a file"):
        read_table(tmp_path)


@pytest.mark.parametrize("ending", ["csv", "parquet", "npz", "mat"])
def test_an_empty_file_is_refused(tmp_path, ending):
    with pytest.raises(ValueError, match="is empty, expected a table"):
        read_table(written(tmp_path / f"t.{ending}", "\n"))


@pytest.mark.parametrize("name", ["t.xlsx", "t"])
def test_an_unknown_ending_names_the_known_ones(tmp_path, name):
    with pytest.raises(ValueError, match=r"a format that is not known. Known endings: \.csv"):
        read_table(written(tmp_path / name, "a,b\n1,2\n"))


@pytest.mark.parametrize("ending", ["parquet", "feather", "npz", "npy", "mat", "csv.gz"])
def test_a_file_that_was_cut_off_is_refused(tmp_path, ending):
    whole = tmp_path / f"whole.{ending}"
    rows = np.random.default_rng(0).normal(size=(200, 3))
    frame = pd.DataFrame(rows, columns=["a", "b", "c"])
    writers = {
        "parquet": lambda: frame.to_parquet(whole),
        "feather": lambda: frame.to_feather(whole),
        "npz": lambda: np.savez(whole, X=rows),
        "npy": lambda: np.save(whole, rows),
        "mat": lambda: savemat(whole, {"X": rows}),
        "csv.gz": lambda: whole.write_bytes(gzip.compress(frame.to_csv(index=False).encode())),
    }
    writers[ending]()
    cut = tmp_path / f"cut.{ending}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(ValueError, match=rf"cannot be read as \.{ending}: .*cut off"):
        read_table(cut)


def test_a_text_table_that_was_cut_off_is_refused(tmp_path):
    path = written(tmp_path / "t.csv", "a,b,c\n1,2,3\n4,5,6\n7,8,9\n1,2")
    with pytest.raises(ValueError, match="last line has 2 of 3 fields, so the file looks cut off"):
        read_table(path)


def test_lines_longer_than_the_header_are_refused(tmp_path):
    with pytest.raises(ValueError, match="names 2 columns, but the second has 3 fields"):
        read_table(written(tmp_path / "t.csv", "a,b\nr1,1,2\nr2,3,4\n" + "r,5,6\n" * 20))


def test_a_line_that_is_too_long_is_named(tmp_path):
    text = "a,b\n" + "1,2\n" * 20 + "1,2,3\n1,2\n"
    with pytest.raises(ValueError, match="Expected 2 fields in line 22, saw 3"):
        read_table(written(tmp_path / "t.csv", text))


def test_columns_of_one_name_are_refused(tmp_path):
    with pytest.raises(ValueError, match="names that occur more than once: 'a'"):
        read_table(written(tmp_path / "t.csv", "a,b,a\n1,2,3\n"))
    with pytest.raises(ValueError, match="source has 1 column names that occur more than once"):
        read_table(FRAME.set_axis(["a", "a"], axis=1), name="source")
