import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.neighbors import KNeighborsClassifier

from landbridge.mapping.components import TCA, SemiSupervisedTCA


def laplacian(X, k):
    """Graph Laplacian written out: neighbours by sorting, affinities one by one."""
    distances = cdist(X, X)
    near = np.argsort(distances + np.diag(np.full(len(X), np.inf)), axis=1)[:, :k]
    width = np.median(np.take_along_axis(distances, near, axis=1))
    M = np.zeros_like(distances)
    for i in range(len(X)):
        for j in near[i]:
            M[i, j] = M[j, i] = np.exp(-(distances[i, j] ** 2) / (2 * width**2))
    return np.diag(M.sum(axis=1)) - M


def solution(domains, leading, Kyy, share, manifold, k, reg=0.3):
    """Leading eigenvectors as section V of the paper states the problem."""
    K, H = domains.K, domains.H
    middle = share * Kyy + (1 - share) * np.eye(150)
    L = domains.mmd_matrix()
    if manifold:
        L = L + manifold / 150**2 * laplacian(np.vstack([domains.Xs, domains.Xt]), 5)
    return leading(K @ H @ middle @ H @ K, K @ L @ K + reg * np.eye(150), k)[1]


@pytest.mark.parametrize("manifold", [0.0, 50.0])
def test_classes_enter_as_in_the_paper(domains, path, leading, angle, manifold):
    Xs, ys, Xt, _ = domains
    Kyy = np.zeros((150, 150))
    Kyy[:90, :90] = ys[:, None] == ys
    W = solution(domains, leading, Kyy, 0.4, manifold, 5)
    mapping = SemiSupervisedTCA(5, 0.3, 0.4, manifold=manifold, gamma=0.1)
    assert angle(mapping.fit(Xs, Xt, ys=ys).matrix_, W) < 1e-6


def test_numbers_enter_by_their_product(domains, leading, angle):
    Xs, _, Xt, _ = domains
    y = np.concatenate([Xs[:, 0] ** 2, Xt[:10, 0] ** 2])
    known = np.concatenate([np.ones(100, bool), np.zeros(50, bool)])
    z = np.zeros(150)
    z[known] = (y - y.mean()) / y.std()
    W = solution(domains, leading, np.outer(z, z), 0.4, 0.0, 5)
    yt = np.concatenate([y[90:], np.full(50, np.nan)])
    mapping = SemiSupervisedTCA(5, 0.3, 0.4, gamma=0.1).fit(Xs, Xt, ys=y[:90], yt=yt)
    assert angle(mapping.matrix_, W) < 1e-6


def test_the_unit_of_the_numbers_does_not_matter(domains):
    Xs, _, Xt, _ = domains
    y = Xs[:, 0] ** 2
    ours, theirs = (SemiSupervisedTCA(3).fit(Xs, Xt, ys=values) for values in (y, 1000 * y - 7))
    np.testing.assert_allclose(ours.transform(Xs), theirs.transform(Xs), atol=1e-8)


def test_without_a_share_it_is_tca(domains):
    Xs, ys, Xt, _ = domains
    ours = SemiSupervisedTCA(4, label_share=0.0).fit(Xs, Xt, ys=ys).transform(Xs)
    np.testing.assert_allclose(ours, TCA(4).fit(Xs, Xt).transform(Xs), atol=1e-9)


def test_the_labels_show_in_fewer_components(rng):
    ys = np.arange(120) % 2
    X = rng.standard_normal((240, 6)) * [1, 4, 4, 4, 4, 4]
    X[:, 0] += np.tile(6.0 * ys, 2)
    Xs, Xt = X[:120], X[120:]

    def accuracy(mapping):
        learner = KNeighborsClassifier(5).fit(mapping.transform(Xs), ys)
        return learner.score(mapping.transform_target(Xt), ys)

    told = accuracy(SemiSupervisedTCA(1, kernel="linear").fit(Xs, Xt, ys=ys))
    assert told > accuracy(TCA(1, kernel="linear").fit(Xs, Xt)) + 0.2


def test_a_manifold_keeps_neighbours_closer(domains):
    Xs, ys, Xt, _ = domains
    L = laplacian(np.vstack([Xs, Xt]), 5)

    def roughness(manifold, kind):
        m = SemiSupervisedTCA(4, manifold=manifold, kind=kind, n_features=60)
        m.fit(Xs, Xt, ys=ys)
        Z = np.vstack([m.transform(Xs), m.transform_target(Xt)])
        return np.trace(Z.T @ L @ Z) / (Z - Z.mean(axis=0)).var()

    for kind in ("exact", "nystroem"):
        assert roughness(1e4, kind) < roughness(0.0, kind)


def test_shuffled_rows_get_the_same_components(domains, path, rng):
    Xs, ys, Xt, _ = domains
    order = rng.permutation(90)
    first = SemiSupervisedTCA(3, manifold=10.0).fit(Xs, Xt, ys=ys)
    second = SemiSupervisedTCA(3, manifold=10.0)
    second.fit(Xs[order], Xt[rng.permutation(60)], ys=ys[order])
    np.testing.assert_allclose(first.transform(Xs), second.transform(Xs), atol=1e-6)


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"label_share": 1.5}, "label_share must be a number from 0 to 1: found 1.5"),
        ({"label_kernel": "rbf"}, 'label_kernel must be "auto", "classes" or "linear": found'),
        ({"label_kernel": "linear"}, "is for labels that are numbers"),
        ({"manifold": -1.0}, "manifold must be a number from 0 up: found -1.0"),
        ({"n_neighbors": 0}, "n_neighbors must be a whole number from 1 up: found 0"),
    ],
)
def test_parameters_are_checked(domains, parameters, message):
    names = np.array(["x", "y", "z"])[domains.ys]
    with pytest.raises(ValueError, match=message):
        SemiSupervisedTCA(**parameters).fit(domains.Xs, domains.Xt, ys=names)
