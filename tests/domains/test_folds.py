"""Folds by content."""

import numpy as np
from scipy.sparse import csr_matrix

from landbridge.domains.folds import smallest_class, stratified_folds


def sample(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(53, 3)), rng.choice(["a", "b", "c"], 53, p=[0.6, 0.3, 0.1])


def test_every_row_is_held_out_once_and_trained_on_otherwise():
    X, y = sample()
    folds = stratified_folds(X, y, 4)
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(53))
    for train, test in folds:
        assert sorted([*train, *test]) == list(range(53))


def test_folds_are_alike_in_size_and_in_every_class():
    X, y = sample()
    tests = [y[test] for _, test in stratified_folds(X, y, 4)]
    assert np.ptp([len(test) for test in tests]) <= 1
    for name in "abc":
        assert np.ptp([(test == name).sum() for test in tests]) <= 1


def test_shuffling_the_rows_changes_no_fold():
    X, y = sample()
    order = np.random.default_rng(1).permutation(53)
    first = [set(test.tolist()) for _, test in stratified_folds(X, y, 5)]
    second = [set(order[test].tolist()) for _, test in stratified_folds(X[order], y[order], 5)]
    assert first == second


def test_sparse_rows_have_the_folds_of_dense_ones():
    X, y = sample()
    for dense, sparse in zip(stratified_folds(X, y, 3), stratified_folds(csr_matrix(X), y, 3)):
        assert dense[1].tolist() == sparse[1].tolist()


def test_the_smallest_class_is_counted():
    assert smallest_class(np.array([1, 1, -1, 1])) == 1
    assert smallest_class(np.array([])) == 0
