import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, issparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import mutual_info_classif
from sklearn.linear_model import LogisticRegression

from landbridge import Transfer
from landbridge.mapping import StructuralCorrespondence
from landbridge.mapping.pivots.structural_correspondence import (
    leading_directions,
    modified_huber_fits,
    mutual_information,
)


def loss_and_slope(v, X, signs, weights, penalty):
    margins = signs * (X @ v)
    loss = np.where(margins < -1, -4 * margins, np.maximum(0, 1 - margins) ** 2)
    slope = np.where(margins < -1, -4.0, -2 * np.maximum(0, 1 - margins)) * signs
    return weights @ loss + penalty * v @ v, X.T @ (weights * slope) + 2 * penalty * v


@pytest.mark.parametrize("shape", [(60, 6), (20, 40)])
def test_the_passes_reach_the_least_of_the_modified_huber_loss(rng, shape):
    X, weights = rng.normal(size=shape), rng.random(shape[0]) + 0.1
    noisy = X @ rng.normal(size=(shape[1], 3)) + rng.normal(0, 3, (shape[0], 3))
    signs = np.where(noisy > 0, 1.0, -1.0)
    found = modified_huber_fits(X, signs, weights, 0.5, max_passes=2000)
    for k in range(3):
        given = X, signs[:, k], weights, 0.5
        best = minimize(loss_and_slope, np.zeros(shape[1]), args=given, jac=True, tol=1e-10)
        assert loss_and_slope(found[:, k], *given)[0] <= best.fun * (1 + 1e-3)


def test_passes_that_do_not_settle_are_told_with_the_figure(rng):
    X = rng.normal(size=(60, 40))
    signs = np.where(rng.normal(size=(60, 1)) > 0, 1.0, -1.0)
    with pytest.warns(ConvergenceWarning, match="of a margin after 2 passes"):
        modified_huber_fits(X, signs, np.ones(60), 1e-6, max_passes=2)


def test_mutual_information_is_that_of_scikit_learn(rng):
    X, y = (rng.random((200, 5)) < 0.3).astype(float), rng.integers(0, 3, 200)
    expected = mutual_info_classif(X, y, discrete_features=True)
    np.testing.assert_allclose(mutual_information(X, y, np.ones(200)), expected, atol=1e-12)
    sparse = mutual_information(csr_matrix(X), y, np.ones(200))
    np.testing.assert_allclose(sparse, expected, atol=1e-12)


def test_directions_are_the_leading_singular_vectors(rng):
    W = rng.normal(size=(30, 8))
    U, s, _ = np.linalg.svd(W, full_matrices=False)
    found, values = leading_directions(W, 3)
    np.testing.assert_allclose(values, s[:3])
    np.testing.assert_allclose(np.abs(np.sum(found * U[:, :3], axis=0)), 1.0)


def two_vocabularies(rng, n=400):
    """Opinions in words that both domains share, and in words of each domain's own."""
    labels = rng.integers(0, 2, 2 * n)
    signs = 2 * labels - 1
    X = np.zeros((2 * n, 16))
    for word in range(16):
        speaks = signs if word % 2 else -signs
        X[:, word] = rng.random(2 * n) < np.where(speaks > 0, 0.35, 0.05)
    X[:n, 10:] = X[n:, 4:10] = 0.0
    return X[:n], labels[:n], X[n:], labels[n:]


SMALL = StructuralCorrespondence(n_pivots=4, n_components=2)


def test_pivots_are_the_shared_words_that_tell_most(rng):
    Xs, ys, Xt, _ = two_vocabularies(rng)
    Xs[:, 3], Xt[:, 3] = rng.random(400) < 0.2, rng.random(400) < 0.2  # shared, but tells nothing
    mapping = StructuralCorrespondence(n_pivots=3, n_components=1).fit(Xs, Xt, ys=ys)
    assert sorted(mapping.pivots_) == [0, 1, 2]


def test_without_labels_the_commonest_shared_words_are_pivots(rng):
    Xs, _, Xt, _ = two_vocabularies(rng)
    Xs[:, 1], Xt[:, 1] = rng.random(400) < 0.5, rng.random(400) < 0.5
    mapping = StructuralCorrespondence(n_pivots=1, n_components=1).fit(Xs, Xt)
    assert mapping.pivots_.tolist() == [1]


def test_words_of_one_domain_stand_in_for_those_of_the_other(rng):
    Xs, ys, Xt, yt = two_vocabularies(rng)
    scores = [
        Transfer(LogisticRegression(), mapping).fit(Xs, ys, Xt).score(Xt, yt)
        for mapping in (SMALL, "identity")
    ]
    assert scores[0] > scores[1] + 0.05


def test_the_new_features_are_as_large_as_scale_says(rng):
    Xs, ys, Xt, _ = two_vocabularies(rng)
    mapping = StructuralCorrespondence(n_pivots=4, n_components=3, scale=2.0).fit(Xs, Xt, ys=ys)
    made = np.vstack([mapping.transform(Xs), mapping.transform_target(Xt)])
    sizes = [np.abs(part).sum(axis=1).mean() for part in (made[:, :16], made[:, 16:])]
    np.testing.assert_allclose(sizes[1], 2.0 * sizes[0])
    np.testing.assert_allclose(made[:, 16:].mean(axis=0), 0.0, atol=1e-9)
    np.testing.assert_array_equal(made[:400, :16], Xs)


def test_sparse_rows_give_the_same_and_stay_sparse(rng):
    Xs, ys, Xt, _ = two_vocabularies(rng)
    dense = StructuralCorrespondence(n_components=2).fit(Xs, Xt, ys=ys)
    sparse = StructuralCorrespondence(n_components=2).fit(csr_matrix(Xs), csr_matrix(Xt), ys=ys)
    moved = sparse.transform(csr_matrix(Xs))
    assert issparse(moved)
    np.testing.assert_allclose(moved.toarray(), dense.transform(Xs), atol=1e-9)


def test_labels_that_are_numbers_choose_pivots_too(rng):
    Xs, ys, Xt, _ = two_vocabularies(rng)
    stars = ys + rng.random(400)
    mapping = StructuralCorrespondence(n_pivots=4, n_components=1).fit(Xs, Xt, ys=stars)
    assert sorted(mapping.pivots_) == [0, 1, 2, 3]


def test_it_explains_which_words_make_a_direction(rng):
    Xs, ys, Xt, _ = two_vocabularies(rng)
    table = SMALL.fit(Xs, Xt, ys=ys).explain(top=3, source_names=[f"word{k}" for k in range(16)])
    assert set(table["target_feature"]) == {"component 0", "component 1"} and len(table) == 6
    assert set(table["source_feature"]) <= {f"word{k}" for k in range(4, 10)}


def test_domains_without_a_word_in_common_are_refused(rng):
    Xs, _, Xt, _ = two_vocabularies(rng)
    Xs[:, :4] = Xt[:, :4] = 0.0
    with pytest.raises(ValueError, match="found no pivot"):
        StructuralCorrespondence().fit(csr_matrix(Xs), csr_matrix(Xt))


@pytest.mark.parametrize("wrong", [{"n_pivots": 0}, {"scale": -1.0}, {"reg": 0.0}])
def test_parameters_out_of_range_are_refused(rng, wrong):
    Xs, _, Xt, _ = two_vocabularies(rng, 40)
    with pytest.raises(ValueError, match=next(iter(wrong))):
        StructuralCorrespondence(**wrong).fit(Xs, Xt)
