import numpy as np
import pandas as pd
import pytest

from landbridge.domains import TableFeatures, make_problem
from landbridge.domains.problem import infer_task


def table(labels, n_rows=None, shift=0.0):
    n_rows = n_rows or len(labels)
    frame = pd.DataFrame({"a": np.arange(n_rows) + shift, "b": np.arange(n_rows) % 3})
    return frame if labels is None else frame.assign(y=labels)


def test_features_and_labels_are_taken_apart():
    problem = make_problem(table(["u", "v", "u"]), table(["v", None], shift=0.5), label="y")
    assert problem.ys.tolist() == ["u", "v", "u"]
    assert problem.yt.tolist() == ["v", None]
    assert problem.classes.tolist() == ["u", "v"]
    assert problem.Xs.shape == (3, 2) and problem.Xt.shape == (2, 2)
    assert problem.features.get_feature_names_out().tolist() == ["a", "b"]


@pytest.mark.parametrize("values", [[-1, 1], [0, 1], [True, False], ["", "x"]])
def test_no_label_value_is_a_sentinel(values):
    problem = make_problem(table(values * 3), table(values, shift=0.5), label="y")
    assert problem.task == "classification"
    assert len(problem.ys) == 6
    assert problem.yt.tolist() == values


@pytest.mark.parametrize(
    ("labels", "task"),
    [
        ([0, 1, 1], "classification"),
        ([1.0, 2.0, 3.0], "classification"),
        (list(range(20)), "classification"),
        (list(range(21)), "regression"),
        ([0.5, 1.0, 2.0], "regression"),
        ([True, False], "classification"),
        (["a", "b"], "classification"),
    ],
)
def test_the_task_is_read_off_the_labels(labels, task):
    assert infer_task(np.array(labels)) == task


def test_a_given_task_has_the_last_word():
    problem = make_problem(table([1, 2, 3]), table([2, None]), label="y", task="regression")
    assert problem.classes is None
    np.testing.assert_array_equal(problem.yt, [2, np.nan])
    assert not any("Regression" in note for note in problem.notes)


def test_source_rows_without_a_label_are_left_out():
    problem = make_problem(table(["u", None, "v"]), table(None, 3), label="y")
    assert problem.ys.tolist() == ["u", "v"]
    assert len(problem.Xs) == 2
    assert "1 source rows have no label: left out." in problem.notes


def test_whole_numbers_stay_whole_beside_blanks():
    problem = make_problem(table([1, 0, np.nan, 1]), table([1, np.nan]), label="y")
    assert problem.classes.tolist() == [0, 1]
    assert [type(value) for value in problem.yt.tolist()] == [int, type(None)]


def test_a_target_without_the_label_is_unlabelled_and_a_like_name_is_shown():
    target = table(None, 3).assign(Y=0)
    problem = make_problem(table(["u", "v"]), target, label="y")
    assert problem.yt is None
    assert "The target has no column 'y' (it has 'Y'): its rows are unlabelled." in problem.notes


def test_a_target_with_blank_labels_alone_is_unlabelled():
    assert make_problem(table(["u", "v"]), table([None, None]), label="y").yt is None


@pytest.mark.parametrize("source", [["u", "v"], [True, False], [0, 1], [0.5, 1.5]])
@pytest.mark.parametrize("blank", [np.nan, pd.NA, None])
def test_a_blank_label_column_goes_with_labels_of_any_type(tmp_path, source, blank):
    target = table([blank, blank])
    assert make_problem(table(source), target, label="y").yt is None
    target.to_csv(tmp_path / "target.csv", index=False)  # where blanks are read as numbers
    again = make_problem(table(source), tmp_path / "target.csv", label="y")
    assert again.yt is None and again.ys.tolist() == source


def test_classes_that_the_source_never_saw_are_kept_and_noted():
    problem = make_problem(table(["u", "v"]), table(["w", "w", "u"]), label="y")
    assert problem.classes.tolist() == ["u", "v", "w"]
    assert "2 target rows are of classes that the source never saw: 'w'." in problem.notes


def test_rows_in_both_tables_are_counted():
    source = table(["u", "v", "u"])
    target = table(["v", None], shift=1.0).assign(b=[1.0, 7.0])
    problem = make_problem(source, target, label="y")
    assert "1 of 2 target rows are in the source too, value for value." in problem.notes


def test_one_file_given_twice_is_noted(tmp_path):
    table(["u", "v", "u"]).to_csv(tmp_path / "t.csv", index=False)
    problem = make_problem(tmp_path / "t.csv", str(tmp_path / "t.csv"), label="y")
    assert "Source and target are the same file." in problem.notes


def test_the_notes_of_the_preprocessing_are_passed_on():
    problem = make_problem(table(["u", "v"]).assign(c=1), table(None, 3), label="y")
    assert "'c': dropped, only the source has it." in problem.notes


def test_settings_of_the_preprocessing_are_kept_and_the_given_one_is_left_alone():
    given = TableFeatures(max_categories=5)
    problem = make_problem(table(["u", "v"]), table(None, 3), label="y", features=given)
    assert problem.features.max_categories == 5
    assert not [name for name in vars(given) if name.endswith("_")]


def test_a_label_that_is_not_there_names_the_nearest():
    source = table(["u", "v"]).rename(columns={"y": "outcome"})
    with pytest.raises(ValueError, match=r"no column 'outcomes'.*nearest are 'outcome'"):
        make_problem(source, table(None, 3), label="outcomes")


@pytest.mark.parametrize("n_rows", [0, 1])
def test_too_few_target_rows_are_refused(n_rows):
    with pytest.raises(ValueError, match=f"target has {n_rows} rows, expected at least 2"):
        make_problem(table(["u", "v"]), table(["u", "v"]).head(n_rows), label="y")


def test_a_source_without_labels_is_refused():
    with pytest.raises(ValueError, match="No row of the source has a label: column 'y' is blank"):
        make_problem(table([None, None]), table(["u", "v"]), label="y")


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_single_label_value_is_refused(task):
    with pytest.raises(ValueError, match="All 3 labels of the source are 1: expected at least two"):
        make_problem(table([1, 1, 1]), table(None, 3), label="y", task=task)


def test_numbers_in_the_source_and_words_in_the_target_are_refused():
    with pytest.raises(ValueError, match=r"numbers in the source \(0, 1\), but text in the target"):
        make_problem(table([0, 1, 1]), table(["yes", "no"]), label="y")


def test_labels_of_several_types_are_refused():
    with pytest.raises(ValueError, match="column 'y' are numbers and text, expected"):
        make_problem(table([0, "yes", 1]), table(None, 3), label="y")


def test_dates_as_labels_are_refused():
    dates = pd.to_datetime(["2020-01-01", "2020-01-02"])
    with pytest.raises(ValueError, match="column 'y' are Timestamp, expected"):
        make_problem(table(dates), table(None, 3), label="y")


def test_a_regression_on_words_is_refused():
    with pytest.raises(ValueError, match="needs numbers as labels, but column 'y' holds text"):
        make_problem(table(["u", "v"]), table(None, 3), label="y", task="regression")


def test_infinite_labels_are_refused():
    with pytest.raises(ValueError, match="Column 'y' contains 1 infinite labels: give finite"):
        make_problem(table([0.5, np.inf, 1.5]), table(None, 3), label="y")


def test_an_unknown_task_is_refused():
    with pytest.raises(ValueError, match="task must be 'classification' or 'regression'"):
        make_problem(table([0, 1]), table(None, 3), label="y", task="ranking")
