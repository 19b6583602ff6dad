import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone

from landbridge import load, save
from landbridge.kits.recommend import BiasedMF
from landbridge.kits.recommend.alternating import blocks_of, nearer_rows, ridge_rows


def squared_loss(model, R):
    """What the model minimises, written out."""
    entries = R.tocoo()
    errors = entries.data - model.predict(entries.row, entries.col)
    rows, columns = model.rows_.astype(float), model.columns_.astype(float)
    penalty = model.reg * ((rows[:, 1:] ** 2).sum() + (columns[:, 1:] ** 2).sum())
    biases = model.reg_user * (rows[:, 0] ** 2).sum() + model.reg_item * (columns[:, 0] ** 2).sum()
    return (errors**2).sum() + penalty + biases


@pytest.mark.parametrize("n_entries", [2, 5, 9])
def test_rows_with_fewer_and_with_more_entries_than_factors_solve_the_same_problem(n_entries):
    rng = np.random.default_rng(1)
    H, s = rng.normal(size=(3, n_entries, 5)), rng.normal(size=(3, n_entries))
    found = ridge_rows(H, s)
    for one, aims, x in zip(H, s, found):
        np.testing.assert_allclose(x, np.linalg.solve(one.T @ one + np.eye(5), one.T @ aims))


@pytest.mark.parametrize("n_entries", [3, 9])
def test_steps_towards_a_solution_never_lose_and_soon_arrive(n_entries):
    rng = np.random.default_rng(1)
    H, s, x = (rng.normal(size=size) for size in ((4, n_entries, 5), (4, n_entries), (4, 5)))

    def loss(x):
        return ((s - np.einsum("mck,mk->mc", H, x)) ** 2).sum(axis=1) + (x**2).sum(axis=1)

    once = nearer_rows(H, s, x)
    assert np.all(loss(once) <= loss(x))
    for _ in range(20):
        once = nearer_rows(H, s, once)
    np.testing.assert_allclose(once, ridge_rows(H, s), atol=1e-6)


def test_blocks_hold_every_entry_once(ratings):
    seen = [
        (row, column, value)
        for block in blocks_of(ratings, 4)
        for row, columns, values in zip(*block)
        for column, value in zip(columns, values)
        if column < ratings.shape[1]
    ]
    entries = ratings.tocoo()
    assert sorted(seen) == sorted(zip(entries.row, entries.col, entries.data))


def test_each_users_row_is_the_ridge_regression_of_their_ratings(ratings):
    model = BiasedMF(3, reg=2.0, n_sweeps=4, random_state=0).fit(ratings)
    penalty = np.diag([model.reg_user, 2.0, 2.0, 2.0])
    for user in range(ratings.shape[0]):
        items = ratings.indices[ratings.indptr[user] : ratings.indptr[user + 1]]
        Z = np.column_stack([np.ones(len(items)), model.columns_[items, 1:]])
        aims = ratings[[user]].tocoo().data - model.mean_ - model.columns_[items, 0]
        expected = np.linalg.solve(Z.T @ Z + penalty, Z.T @ aims)
        np.testing.assert_allclose(model.rows_[user], expected, atol=1e-4)


def test_no_sweep_makes_the_loss_larger(ratings):
    losses = [
        squared_loss(BiasedMF(3, reg=1.0, n_sweeps=n, random_state=0).fit(ratings), ratings)
        for n in range(1, 8)
    ]
    assert np.all(np.diff(losses) <= 1e-3)
    assert losses[-1] < losses[0]


def test_without_factors_the_biases_are_those_of_one_ridge_regression(ratings):
    model = BiasedMF(0, reg_user=4.0, reg_item=2.0, n_sweeps=100).fit(ratings)
    entries, (n_users, n_items) = ratings.tocoo(), ratings.shape
    X = np.zeros((ratings.nnz, n_users + n_items))
    X[np.arange(ratings.nnz), entries.row] = 1
    X[np.arange(ratings.nnz), n_users + entries.col] = 1
    penalty = np.diag([4.0] * n_users + [2.0] * n_items)
    expected = np.linalg.solve(X.T @ X + penalty, X.T @ (entries.data - model.mean_))
    np.testing.assert_allclose(model.rows_[:, 0], expected[:n_users], atol=1e-3)
    np.testing.assert_allclose(model.columns_[:, 0], expected[n_users:], atol=1e-3)


def test_threads_and_the_order_of_entries_change_nothing(ratings):
    one = BiasedMF(3, random_state=0).fit(ratings)
    two = BiasedMF(3, n_jobs=2, random_state=0).fit(ratings)
    np.testing.assert_array_equal(one.rows_, two.rows_)
    entries = ratings.tocoo()
    order = np.random.default_rng(2).permutation(ratings.nnz)
    where = entries.row[order], entries.col[order]
    again = BiasedMF(3, random_state=0).fit(csr_array((entries.data[order], where), ratings.shape))
    np.testing.assert_allclose(one.columns_, again.columns_, atol=1e-5)


def test_a_rating_of_zero_is_a_rating():
    R = csr_array(([0.0, 4.0, 4.0], ([0, 0, 1], [0, 1, 1])), shape=(2, 2))
    assert BiasedMF(0).fit(R).mean_ == pytest.approx(8 / 3)


def test_users_folded_in_later_get_the_rows_of_users_seen_in_fit(ratings):
    model = BiasedMF(3, random_state=0).fit(ratings)
    np.testing.assert_allclose(model.fold_in(ratings[:5]), model.rows_[:5], atol=1e-6)


def test_an_unrated_user_has_a_row_of_zeros():
    R = csr_array(([5.0, 3.0], ([0, 2], [0, 1])), shape=(3, 2))
    assert not BiasedMF(2, random_state=0).fit(R).rows_[1].any()


def test_a_saved_model_predicts_the_same(ratings, tmp_path):
    model = BiasedMF(2, random_state=0).fit(ratings)
    again = load(save(model, tmp_path / "model.landbridge"))
    np.testing.assert_array_equal(model.predict([0, 1], [2, 3]), again.predict([0, 1], [2, 3]))
    assert clone(model).get_params() == model.get_params()


@pytest.mark.parametrize(
    "R, error, message",
    [
        (np.ones((2, 2)), TypeError, "must be a scipy.sparse matrix"),
        (csr_array((2, 2)), ValueError, "has no entries"),
        (csr_array(([np.nan], ([0], [0])), shape=(1, 1)), ValueError, "not finite"),
    ],
)
def test_what_is_no_sparse_matrix_of_finite_ratings_is_refused(R, error, message):
    with pytest.raises(error, match=message):
        BiasedMF().fit(R)


def test_entries_stored_twice_are_refused():
    R = csr_array((np.ones(2), np.array([0, 0]), np.array([0, 2])), shape=(1, 1))
    with pytest.raises(ValueError, match="stores 1 entries twice"):
        BiasedMF().fit(R)


@pytest.mark.parametrize("name, value", [("reg", 0.0), ("n_factors", -1), ("n_sweeps", 0)])
def test_parameters_out_of_bounds_are_refused(ratings, name, value):
    with pytest.raises(ValueError, match=name):
        BiasedMF().set_params(**{name: value}).fit(ratings)


def test_other_items_than_in_fit_are_refused(ratings):
    model = BiasedMF(2, random_state=0).fit(ratings)
    with pytest.raises(ValueError, match="11 items, but there were 12"):
        model.fold_in(ratings[:, :11])
