import pytest

from landbridge.cli.inputs import check_folder, dataset_and_domain, problem_of, table_of
from landbridge.cli.settings import read_settings


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("digits:last_writers", ("digits", "last_writers")),
        ("california_housing:<1H OCEAN", ("california_housing", "<1H OCEAN")),
        ("table.csv", (None, "table.csv")),
        ("C:\\table.csv", (None, "C:\\table.csv")),
        ("data/odd:name.csv", (None, "data/odd:name.csv")),
    ],
)
def test_a_domain_is_told_from_a_path(text, parts):
    assert dataset_and_domain(text) == parts


def test_a_file_with_a_colon_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits:mine.csv").write_text("a,b\n1,2\n")
    assert table_of("digits:mine.csv").frame.shape == (1, 2)


def test_a_domain_of_a_data_set_is_a_table():
    assert table_of("digits:first_writers").frame.shape == (906, 65)


def test_label_and_task_come_from_the_data_set():
    words = {"source": "digits:first_writers", "target": "digits:last_writers"}
    found = problem_of(read_settings(None, words))
    assert (found["label"], found["task"]) == ("digit", "classification")
    other = problem_of(read_settings(None, words | {"label": "pixel_1_1"}))
    assert (other["label"], other["task"]) == ("pixel_1_1", None)


def test_a_folder_that_can_be_made_is_not_made_yet(tmp_path):
    check_folder(tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()


def test_a_folder_that_may_not_be_written_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("landbridge.cli.inputs.os.access", lambda *_: False)
    with pytest.raises(PermissionError, match="may not be written: give another --output"):
        check_folder(tmp_path / "a")


def test_a_folder_where_nothing_can_be_made_is_refused_whatever_it_says_of_itself(
    tmp_path, monkeypatch
):
    """Some file systems are read-only to those who may write everything."""

    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("landbridge.cli.inputs.TemporaryDirectory", refuse)
    with pytest.raises(PermissionError, match="may not be written: give another --cache"):
        check_folder(tmp_path / "a", "--cache")


def test_trying_a_folder_leaves_nothing_in_it(tmp_path):
    check_folder(tmp_path)
    assert not list(tmp_path.iterdir())
