import numpy as np
import pytest
from sklearn.metrics.pairwise import euclidean_distances, rbf_kernel
from sklearn.preprocessing import normalize

from landbridge.mapping.alignment.geodesic_flow import GeodesicFlow
from landbridge.mapping.relabelling.manifold_embedded import (
    ManifoldEmbedded,
    cosine_laplacian,
    estimated_balance,
    mean_contrasts,
    proxy_a_distance,
)


@pytest.fixture
def overlapping(rng):
    """Three classes of three features whose target is turned and shifted by class."""
    y = np.repeat(["a", "b", "c"], [40, 30, 20])
    centres = np.repeat([[0.0, 0, 0], [3.0, 0, 1], [0.0, 3, 2]], [40, 30, 20], axis=0)
    Xs, Xt = (rng.standard_normal((90, 3)) + centres for _ in range(2))
    return Xs, y, Xt @ [[1.0, 0.4, 0.0], [-0.4, 1.0, 0.0], [0.0, 0.2, 1.0]] + [1.0, 0.0, 2.0]


def dense_laplacian(Z, n_neighbors):
    """Edges set one by one."""
    n = len(Z)
    W, distances = np.zeros((n, n)), euclidean_distances(Z)
    np.fill_diagonal(distances, np.inf)
    for i in range(n):
        for j in np.argsort(distances[i])[:n_neighbors]:
            W[i, j] = W[j, i] = max(0.0, Z[i] @ Z[j])
    root = np.diag(1 / np.sqrt(W.sum(axis=1)))
    return np.eye(n) - root @ W @ root


def test_the_laplacian_is_that_of_the_neighbours_graph(rng):
    Z = normalize(rng.standard_normal((40, 5)))
    np.testing.assert_allclose(cosine_laplacian(Z, 4).toarray(), dense_laplacian(Z, 4), atol=1e-10)


def dense_contrasts(codes, n, n_classes, balance):
    """The MMD matrix M of the paper, a term for each class."""
    side = np.where(np.arange(len(codes)) < n, 1.0, -1.0)
    e = np.where(side > 0, 1 / n, -1 / (len(codes) - n))
    M = (1 - balance) * n_classes * np.outer(e, e)
    for c in range(n_classes):
        e = np.zeros(len(codes))
        for s in (1.0, -1.0):
            here = (side == s) & (codes == c)
            e[here] = s / max(here.sum(), 1)
        M += balance * np.outer(e, e)
    return M / np.linalg.norm(M)


@pytest.mark.parametrize("balance", [0.0, 0.3, 1.0])
def test_the_contrasts_make_up_the_mmd_matrix(rng, balance):
    codes = rng.integers(0, 3, 30)
    codes[18:][codes[18:] == 2] = 0  # a class that the target lacks
    V = mean_contrasts(codes, 18, np.ones(30), 3, balance)
    np.testing.assert_allclose(V @ V.T, dense_contrasts(codes, 18, 3, balance), atol=1e-12)


def paper_scores(Xs, y, Xt, n_rounds):
    """Algorithm 1 with (n, n) matrices and coefficients of the exact kernel."""
    n, n_all = len(Xs), len(Xs) + len(Xt)
    Zs, Zt = ((X - X.mean(0)) / X.std(0) for X in (Xs, Xt))
    flow = GeodesicFlow(2).fit(Zs, Zt)
    Z = normalize(np.vstack([flow.transform(Zs), flow.transform_target(Zt)]))
    K, L = rbf_kernel(Z, gamma=0.5), dense_laplacian(Z, 10)
    E = np.diag((np.arange(n_all) < n).astype(float))
    classes, known = np.unique(y, return_inverse=True)
    Y = np.zeros((n_all, len(classes)))
    Y[np.arange(n), known] = 1.0
    nearest = euclidean_distances(Z[n:], Z[:n]).argmin(axis=1)
    codes = np.append(known, known[nearest])
    for _ in range(n_rounds):
        M = dense_contrasts(codes, n, len(classes), 0.5)
        left = (E + 10.0 * M + 1.0 * L) @ K + 0.1 * np.eye(n_all)
        F = K @ np.linalg.solve(left, E @ Y)
        codes[n:] = F[n:].argmax(axis=1)
    return classes, F[n:]


@pytest.mark.parametrize("n_rounds", [1, 4])
def test_scores_are_those_of_the_papers_algorithm(overlapping, n_rounds):
    Xs, y, Xt = overlapping
    meda = ManifoldEmbedded(n_components=2, max_iter=n_rounds, n_features=180)
    meda.fit(Xs, Xt, ys=y)
    classes, scores = paper_scores(Xs, y, Xt, n_rounds)
    np.testing.assert_array_equal(meda.labels_, classes[scores.argmax(axis=1)])
    positive = np.maximum(scores, 0)
    shares = positive.max(axis=1) / positive.sum(axis=1)
    np.testing.assert_allclose(meda.confidence_, shares, atol=1e-6)


def test_the_labels_of_the_target_are_found(overlapping):
    Xs, y, Xt = overlapping
    meda = ManifoldEmbedded().fit(Xs, Xt, ys=y)
    assert (meda.labels_ == y).mean() > 0.85
    assert 1 <= meda.n_iter_ <= 10


def test_features_of_little_spread_hardly_count_unless_standardised(overlapping, rng):
    Xs, y, Xt = overlapping
    faint = [np.hstack([X, 1e-3 * rng.standard_normal((90, 20))]) for X in (Xs, Xt)]
    for standardise in (True, False):
        meda = ManifoldEmbedded(standardise=standardise)
        plain, beside = meda.fit(Xs, Xt, ys=y).labels_, meda.fit(*faint, ys=y).labels_
        assert ((plain == beside).mean() > 0.95) is not standardise


def test_given_target_labels_are_kept_and_learned_from(overlapping, rng):
    Xs, y, Xt = overlapping
    flipped = np.where(y == "a", "b", np.where(y == "b", "a", y))
    yt = np.where(rng.random(90) < 0.5, flipped, None)
    known = yt != np.array(None)
    meda = ManifoldEmbedded().fit(Xs, Xt, ys=y, yt=yt)
    np.testing.assert_array_equal(meda.labels_[known], flipped[known])
    np.testing.assert_array_equal(meda.confidence_[known], 1.0)
    alone = ManifoldEmbedded().fit(Xs, Xt, ys=y)
    hits = [(m.labels_ == flipped)[~known].mean() for m in (meda, alone)]
    assert hits[0] > hits[1]


def test_the_a_distance_is_0_for_one_distribution_and_2_for_two_apart(rng):
    A, B = rng.standard_normal((2, 200, 3))
    assert proxy_a_distance(A, B) < 0.4
    assert proxy_a_distance(A, B + 20.0) == 2.0


def test_the_balance_says_whether_domains_or_classes_differ(rng):
    codes = np.tile(np.repeat([0, 1], 100), 2)
    Z = rng.standard_normal((400, 2)) + 8.0 * codes[:, None]
    apart = Z.copy()
    apart[200:, 0] += np.where(codes[200:] == 0, 4.0, -4.0)  # each class moves, but not the whole
    shifted = Z + 40.0 * (np.arange(400) >= 200)[:, None]
    assert estimated_balance(apart, codes, 200, 2) > estimated_balance(shifted, codes, 200, 2)
    np.testing.assert_allclose(estimated_balance(shifted, codes, 200, 2), 2 / 3)


def test_an_adaptive_balance_finds_the_labels_too(overlapping):
    Xs, y, Xt = overlapping
    meda = ManifoldEmbedded(balance="adaptive").fit(Xs, Xt, ys=y)
    assert 0 <= meda.balance_ <= 1
    assert (meda.labels_ == y).mean() > 0.85


def test_weights_tell_how_much_a_row_counts(overlapping):
    Xs, y, Xt = overlapping
    wrong = np.where(np.arange(90) % 3 == 0, "c", y)
    weights = np.where(np.arange(90) % 3 == 0, 1e-6, 1.0)
    trusting, wary = (
        ManifoldEmbedded().fit(Xs, Xt, ys=wrong, sample_weight=w) for w in (None, weights)
    )
    assert (wary.labels_ == y).mean() > (trusting.labels_ == y).mean()


def test_the_order_of_rows_does_not_matter(overlapping, rng):
    Xs, y, Xt = overlapping
    order, other = rng.permutation(90), rng.permutation(90)
    first = ManifoldEmbedded(n_features=60).fit(Xs, Xt, ys=y)
    second = ManifoldEmbedded(n_features=60).fit(Xs[other], Xt[order], ys=y[other])
    np.testing.assert_array_equal(first.labels_[order], second.labels_)
    np.testing.assert_allclose(first.confidence_[order], second.confidence_, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reg": 0.0}, "reg must be a number above 0"),
        ({"alignment": -1.0}, "alignment must be"),
        ({"smoothness": -1.0}, "smoothness must be"),
        ({"n_neighbors": 0}, "n_neighbors must be"),
        ({"max_iter": 0}, "max_iter must be"),
        ({"balance": 1.5}, "balance must be"),
        ({"balance": "even"}, "balance must be"),
    ],
)
def test_wrong_parameters_are_named(overlapping, arguments, message):
    Xs, y, Xt = overlapping
    with pytest.raises(ValueError, match=message):
        ManifoldEmbedded(**arguments).fit(Xs, Xt, ys=y)
