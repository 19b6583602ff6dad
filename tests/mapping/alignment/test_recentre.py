import numpy as np
from scipy.sparse import csr_array

from landbridge.mapping import Recentre, Standardise


def test_recentring_moves_the_mean_and_nothing_else(two_domains):
    Xs, Xt = two_domains
    moved = Recentre().fit_transform(Xs, Xt)
    np.testing.assert_allclose(moved.mean(axis=0), Xt.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(np.cov(moved.T), np.cov(Xs.T), atol=1e-12)


def test_standardising_gives_every_feature_the_target_spread(two_domains):
    Xs, Xt = two_domains
    moved = Standardise().fit_transform(Xs, Xt)
    np.testing.assert_allclose(moved.mean(axis=0), Xt.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(moved.std(axis=0, ddof=1), Xt.std(axis=0, ddof=1))


def test_a_constant_feature_is_moved_and_not_scaled():
    Xs, Xt = np.array([[1.0, 5.0], [3.0, 5.0]]), np.array([[0.0, 2.0], [0.0, 4.0]])
    mapping = Standardise().fit(Xs, Xt)
    np.testing.assert_array_equal(mapping.scale_, [1.0, 1.0])
    np.testing.assert_array_equal(mapping.transform(Xs), [[-1.0, 3.0], [1.0, 3.0]])


def test_sparse_rows_come_out_as_dense_ones_would(two_domains):
    Xs, Xt = two_domains
    sparse = Standardise().fit(csr_array(Xs), csr_array(Xt))
    np.testing.assert_allclose(
        sparse.transform(csr_array(Xs)), Standardise().fit_transform(Xs, Xt), atol=1e-9
    )


def test_each_feature_is_explained_by_itself(two_domains):
    table = Standardise().fit(*two_domains).explain(source_names=list("abcd"))
    assert table["source_feature"].tolist() == table["target_feature"].tolist() == list("abcd")
