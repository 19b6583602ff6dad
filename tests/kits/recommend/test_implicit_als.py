import numpy as np
import pytest
from scipy.sparse import csr_array, csr_matrix
from threadpoolctl import threadpool_limits

from landbridge.kits.recommend import ImplicitALS


def test_each_users_row_solves_equation_4_of_the_paper(ratings):
    model = ImplicitALS(4, reg=0.7, alpha=3.0, n_sweeps=3, random_state=0).fit(ratings)
    Y = model.columns_.astype(float)
    dense = ratings.toarray()
    for user in range(len(dense)):
        C = np.diag(1 + 3.0 * dense[user])
        p = (dense[user] > 0).astype(float)
        expected = np.linalg.solve(Y.T @ C @ Y + 0.7 * np.eye(4), Y.T @ C @ p)
        np.testing.assert_allclose(model.rows_[user], expected, atol=2e-4)


def test_no_sweep_makes_the_loss_larger(ratings):
    def loss(n_sweeps):
        model = ImplicitALS(3, reg=1.0, alpha=2.0, n_sweeps=n_sweeps, random_state=0).fit(ratings)
        dense = ratings.toarray()
        errors = (dense > 0) - model.rows_.astype(float) @ model.columns_.T
        penalty = (model.rows_**2).sum() + (model.columns_**2).sum()
        return ((1 + 2.0 * dense) * errors**2).sum() + penalty

    assert np.all(np.diff([loss(n) for n in range(1, 7)]) <= 1e-3)


def test_the_peer_reaches_the_same_scores(ratings):
    als = pytest.importorskip("implicit.als", reason="implicit is not installed")
    ours = ImplicitALS(3, reg=1.0, alpha=2.0, n_sweeps=200, random_state=0).fit(ratings)
    weights = ratings.copy()
    weights.data = 1 + 2.0 * weights.data  # there an entry's confidence is the entry itself
    with threadpool_limits(1, user_api="blas"):  # it warns of a BLAS of several threads
        peer = als.AlternatingLeastSquares(
            factors=3, regularization=1.0, alpha=1.0, iterations=200, use_cg=False, random_state=0
        )
        peer.fit(csr_matrix(weights), show_progress=False)
    scores = peer.user_factors @ peer.item_factors.T
    np.testing.assert_allclose(ours.rows_ @ ours.columns_.T, scores, atol=0.02)


def test_users_folded_in_later_get_the_rows_of_users_seen_in_fit(ratings):
    model = ImplicitALS(3, random_state=0).fit(ratings)
    np.testing.assert_allclose(model.fold_in(ratings[:5]), model.rows_[:5], atol=1e-5)


def test_threads_change_nothing(ratings):
    one, two = (ImplicitALS(3, n_jobs=n, random_state=0).fit(ratings) for n in (1, 2))
    np.testing.assert_array_equal(one.rows_, two.rows_)


def test_what_did_not_happen_is_refused():
    R = csr_array(([1.0, 0.0], ([0, 1], [0, 0])), shape=(2, 1))
    with pytest.raises(ValueError, match="above zero wherever"):
        ImplicitALS().fit(R)


@pytest.mark.parametrize("name, value", [("reg", -1.0), ("alpha", 0.0), ("n_factors", 0)])
def test_parameters_out_of_bounds_are_refused(ratings, name, value):
    with pytest.raises(ValueError, match=name):
        ImplicitALS().set_params(**{name: value}).fit(ratings)
