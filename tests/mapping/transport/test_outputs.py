import numpy as np
import pytest

from landbridge.mapping.transport.outputs import as_labels_again, as_outputs, find_classes


def test_classes_become_ones_and_come_back():
    y = np.array([-1, 1, None], dtype=object)
    classes = find_classes(np.array([-1, 1]), y, "auto")
    outputs = as_outputs(y, classes)
    np.testing.assert_array_equal(outputs, [[1, 0], [0, 1], [np.nan, np.nan]])
    labels, sure = as_labels_again(outputs[:2], classes)
    np.testing.assert_array_equal(labels, [-1, 1])
    np.testing.assert_array_equal(sure, 1.0)


def test_numbers_stay_numbers():
    y = np.array([0.5, np.nan, 2.0])
    assert find_classes(y[[0, 2]], None, "auto") is None
    np.testing.assert_array_equal(as_outputs(y, None), [[0.5], [np.nan], [2.0]])
    np.testing.assert_array_equal(as_labels_again(np.array([[0.5]]), None)[0], [0.5])


def test_whole_numbers_are_measurements_where_the_task_says_so():
    y = np.array([1, 2, 3])
    assert find_classes(y, None, "regression") is None
    np.testing.assert_array_equal(find_classes(y, None, "auto"), [1, 2, 3])


def test_confidence_is_the_share_of_the_best_class():
    labels, sure = as_labels_again(np.array([[0.1, 0.3], [-1.0, 0.5]]), np.array(["a", "b"]))
    assert labels.tolist() == ["b", "b"]
    np.testing.assert_allclose(sure, [0.75, 1.0])


def test_an_unknown_task_is_named():
    with pytest.raises(ValueError, match='task must be "auto", "classification" or "regression"'):
        find_classes(np.array([1]), None, "ranking")
