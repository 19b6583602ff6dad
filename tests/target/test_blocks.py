"""Blocks put together, dense and sparse."""

import numpy as np
from scipy.sparse import csr_matrix, issparse

from landbridge.target.blocks import stack_columns, zeros_like

A, B = np.array([[1.0, 2.0], [0.0, 3.0]]), np.array([[4.0, 0.0], [5.0, 6.0]])


def test_dense_blocks_stay_dense_and_keep_their_type():
    single = A.astype(np.float32)
    assert stack_columns(single, single).dtype == np.float32
    np.testing.assert_array_equal(stack_columns(A, B), [[1, 2, 4, 0], [0, 3, 5, 6]])


def test_one_sparse_block_makes_the_whole_sparse():
    whole = stack_columns(csr_matrix(A), B)
    assert issparse(whole) and whole.format == "csr"
    np.testing.assert_array_equal(whole.toarray(), stack_columns(A, B))


def test_zeros_take_no_room_where_rows_are_sparse():
    zeros = zeros_like(csr_matrix(A))
    assert issparse(zeros) and zeros.nnz == 0 and zeros.shape == (2, 2)
    assert not zeros_like(A).any()
