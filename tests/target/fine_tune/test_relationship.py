import numpy as np

from landbridge.target.fine_tune.relationship import category_relationship


def test_rows_are_distributions_and_classes_that_are_alike_are_found(rng):
    codes = np.repeat([0, 1, 2], 30)
    p = np.full((90, 4), 0.05)
    p[np.arange(90), np.array([2, 0, 3])[codes]] = 0.85
    found = category_relationship(p, codes, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert found.argmax(axis=1).tolist() == [2, 0, 3]


def test_a_class_without_rows_spreads_evenly_and_one_class_is_the_mean():
    p = np.array([[0.9, 0.1], [0.7, 0.3]])
    np.testing.assert_allclose(
        category_relationship(p, np.array([1, 1]), 2), [[0.5, 0.5], [0.8, 0.2]]
    )
