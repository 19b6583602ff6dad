import tracemalloc

import numpy as np
import pytest
from scipy.sparse import csr_array

from landbridge.mapping.components import TCA, feature_rows
from landbridge.moments.feature_map import KERNELS


def gap(mapping, Xs, Xt):
    """Distance of the means, in standard deviations of all rows."""
    Zs, Zt = mapping.transform(Xs), mapping.transform_target(Xt)
    return np.linalg.norm(Zs.mean(axis=0) - Zt.mean(axis=0)) / np.vstack([Zs, Zt]).std()


def test_components_are_the_eigenvectors_of_the_paper(domains, path, leading, angle):
    Xs, _, Xt, _ = domains
    K, H, L = domains.K, domains.H, domains.mmd_matrix()
    values, W = leading(K @ H @ K, K @ L @ K + 0.3 * np.eye(150), 6)
    mapping = TCA(n_components=6, reg=0.3, gamma=0.1).fit(Xs, Xt)
    np.testing.assert_allclose(mapping.eigenvalues_, values, rtol=1e-8)
    assert angle(mapping.matrix_, W) < 1e-6
    lengths = np.linalg.norm(mapping.matrix_, axis=0) / np.linalg.norm(W, axis=0)
    np.testing.assert_allclose(lengths, lengths[0], rtol=1e-6)


def test_they_are_the_eigenvectors_of_an_unsymmetric_matrix(domains, angle):
    Xs, _, Xt, _ = domains
    K, H, L = domains.K, domains.H, domains.mmd_matrix()
    values, W = np.linalg.eig(np.linalg.solve(K @ L @ K + 0.3 * np.eye(150), K @ H @ K))
    best = np.argsort(-values.real)[:4]
    mapping = TCA(n_components=4, reg=0.3, gamma=0.1).fit(Xs, Xt)
    assert angle(mapping.matrix_, W[:, best].real) < 1e-6


def test_the_linear_kernel_gives_the_primal_form(domains, leading, angle):
    Xs, _, Xt, _ = domains
    X = np.vstack([Xs, Xt])
    _, W = leading(X.T @ domains.H @ X, X.T @ domains.mmd_matrix() @ X + 0.3 * np.eye(5), 3)
    mapping = TCA(n_components=3, reg=0.3, kernel="linear").fit(Xs, Xt)
    assert angle(mapping.matrix_, W) < 1e-8
    np.testing.assert_allclose(mapping.transform(Xs), Xs @ mapping.matrix_)
    np.testing.assert_array_equal(mapping.slopes_, mapping.matrix_)


def test_all_rows_as_landmarks_penalise_the_norm_of_the_functions(domains, leading, angle):
    Xs, _, Xt, _ = domains
    X = np.vstack([Xs, Xt])
    K = KERNELS["laplacian"](X, gamma=0.3)
    kappa = np.linalg.eigvalsh(domains.H @ K @ domains.H)
    reg = 0.3 / ((kappa**2).sum() / kappa.sum())
    _, W = leading(K @ domains.H @ K, K @ domains.mmd_matrix() @ K + reg * K, 5)
    mapping = TCA(5, 0.3, "laplacian", "nystroem", n_features=150, gamma=0.3).fit(Xs, Xt)
    assert angle(domains.H @ mapping.transform(X), domains.H @ K @ W) < 1e-6


@pytest.mark.parametrize("kind", ["exact", "nystroem", "fourier"])
def test_the_means_come_together_and_the_first_component_varies_by_one(domains, kind):
    Xs, _, Xt, _ = domains
    before = np.linalg.norm(Xs.mean(axis=0) - Xt.mean(axis=0)) / np.vstack([Xs, Xt]).std()
    mapping = TCA(n_components=5, reg=0.1, kind=kind, n_features=100).fit(Xs, Xt)
    assert gap(mapping, Xs, Xt) < 0.2 * before
    pooled = np.vstack([mapping.transform(Xs), mapping.transform_target(Xt)])
    assert pooled[:, 0].var() == pytest.approx(1.0)
    assert (np.diff(pooled.var(axis=0)) < 0.0).all()


def test_a_larger_penalty_lets_the_means_differ_more(domains):
    gaps = [gap(TCA(5, reg).fit(*domains[::2]), *domains[::2]) for reg in (0.01, 1.0, 100.0)]
    assert gaps[0] < gaps[1] < gaps[2]


@pytest.mark.parametrize("kind", ["exact", "nystroem", "fourier"])
def test_shuffled_rows_get_the_same_components(domains, path, kind, rng):
    Xs, _, Xt, _ = domains
    first = TCA(n_components=4, kind=kind, n_features=50).fit(Xs, Xt)
    second = TCA(n_components=4, kind=kind, n_features=50)
    second.fit(Xs[rng.permutation(90)], Xt[rng.permutation(60)])
    np.testing.assert_allclose(first.transform(Xs), second.transform(Xs), atol=1e-6)


def test_a_weight_of_two_is_a_row_twice(domains, rng):
    Xs, _, Xt, _ = domains
    times = rng.integers(1, 4, 90)
    weighed = TCA(3, kernel="linear").fit(Xs, Xt, sample_weight=times)
    repeated = TCA(3, kernel="linear").fit(np.repeat(Xs, times, axis=0), Xt)
    np.testing.assert_allclose(weighed.matrix_, repeated.matrix_, atol=1e-10)


def test_weights_count_in_the_exact_kernel(domains, path, leading, angle, rng):
    Xs, _, Xt, _ = domains
    w = np.concatenate([rng.uniform(0.2, 3, 90), np.ones(60)])
    e = np.concatenate([w[:90] / w[:90].sum(), -np.ones(60) / 60])
    scatter = domains.K @ (np.diag(w) - np.outer(w, w) / w.sum()) @ domains.K
    _, W = leading(scatter, domains.K @ np.outer(e, e) @ domains.K + np.eye(150), 4)
    mapping = TCA(4, gamma=0.1).fit(Xs, Xt, sample_weight=w[:90])
    assert angle(mapping.matrix_, W) < 1e-6


def test_fewer_target_rows_than_components_will_do(domains):
    mapping = TCA(n_components=10).fit(domains.Xs, domains.Xt[:4])
    assert mapping.transform_target(domains.Xt).shape == (60, 10)
    assert np.linalg.matrix_rank(mapping.transform(domains.Xs)) == 10


def test_the_default_is_as_many_components_as_there_can_be(domains):
    assert TCA().fit(domains.Xs, domains.Xt).matrix_.shape == (150, 20)
    assert TCA().fit(domains.Xs[:3], domains.Xt[:3]).matrix_.shape == (6, 5)
    assert TCA(kernel="linear").fit(domains.Xs, domains.Xt).matrix_.shape == (5, 5)


@pytest.mark.parametrize("kind", ["exact", "nystroem", "fourier"])
def test_sparse_rows_are_mapped_like_dense_ones(domains, kind):
    Xs, Xt = (X * (X > 0) for X in (domains.Xs, domains.Xt))
    dense = TCA(4, kind=kind, n_features=50).fit(Xs, Xt)
    sparse = TCA(4, kind=kind, n_features=50).fit(csr_array(Xs), csr_array(Xt))
    np.testing.assert_allclose(sparse.transform(csr_array(Xs)), dense.transform(Xs), atol=1e-8)


def test_sparse_rows_with_many_columns_stay_sparse(rng, path):
    Xs, Xt = (csr_array(rng.poisson(0.1, (60, 30)).astype(float)) for _ in range(2))
    mapping = TCA(3, kernel="linear").fit(Xs, Xt)
    dense = TCA(3, kernel="linear").fit(Xs.toarray(), Xt.toarray())
    np.testing.assert_allclose(mapping.transform(Xs), dense.transform(Xs.toarray()), atol=1e-7)


@pytest.mark.parametrize("kind", ["exact", "nystroem", "fourier"])
def test_single_precision_rows_get_the_components_of_double_ones(domains, kind):
    Xs, _, Xt, _ = domains
    single = TCA(4, kind=kind, n_features=120).fit(Xs.astype("f4"), Xt.astype("f4"))
    double = TCA(4, kind=kind, n_features=120).fit(Xs, Xt)
    moved = single.transform(Xs.astype("f4"))
    assert moved.dtype == np.float32
    np.testing.assert_allclose(moved, double.transform(Xs), atol=1e-4)


def test_slopes_of_few_wide_rows_are_those_of_least_squares(rng):
    Xs, Xt = rng.standard_normal((30, 50)), rng.standard_normal((30, 50))
    for rows in (Xs, csr_array(Xs)):
        mapping = TCA(3).fit(rows, Xt)
        Z = mapping.transform(rows)
        expected = np.linalg.pinv(Xs - Xs.mean(axis=0)) @ (Z - Z.mean(axis=0))
        np.testing.assert_allclose(mapping.slopes_, expected, atol=1e-10)


def peak_memory(n, monkeypatch):
    monkeypatch.setattr(feature_rows, "CHUNK_BYTES", 2**19)
    rng = np.random.default_rng(0)
    Xs, Xt = rng.standard_normal((n, 5)), rng.standard_normal((n, 5)) + 1.0
    mapping = TCA(5, kind="nystroem", n_features=200, gamma=0.1)
    tracemalloc.start()
    mapping.fit(Xs, Xt)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_features_of_all_rows(monkeypatch):
    small, large = (peak_memory(n, monkeypatch) for n in (2000, 8000))
    assert large - small < 0.1 * 8 * 2 * (8000 - 2000) * 200


def test_a_kernel_that_underflows_is_refused_with_the_remedy(domains):
    message = r"gamma is too large .* found 100000000\.0, where the median distance .* is 4\."
    with pytest.raises(ValueError, match=message):
        TCA(gamma=1e8).fit(domains.Xs, domains.Xt)


def test_rows_that_are_all_the_same_have_components_of_zero():
    X = np.full((20, 3), 0.1)
    mapping = TCA().fit(X, X)
    assert not mapping.matrix_.any()
    assert not mapping.transform(X + 1.0).any()


def test_repeated_rows_do_not_hide_an_underflow(domains):
    with pytest.raises(ValueError, match='Give gamma="median"'):
        TCA(kernel="laplacian", gamma=1e5).fit(np.vstack([domains.Xs] * 2), domains.Xt)


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"n_components": 150}, "from 1 to 149, or None for up to 20: found 150. There are 150 r"),
        ({"n_components": 6, "kernel": "linear"}, "from 1 to 5, .*: found 6.* 5 features"),
        ({"n_components": 0}, "n_components must be .*: found 0"),
        ({"n_components": 2.5}, "n_components must be .*: found 2.5"),
        ({"reg": 0.0}, "reg must be a number above 0: found 0.0"),
        ({"reg": "auto"}, "reg must be a number above 0: found 'auto'"),
        ({"kernel": "cubic"}, "kernel must be"),
    ],
)
def test_parameters_are_checked(domains, parameters, message):
    with pytest.raises(ValueError, match=message):
        TCA(**parameters).fit(domains.Xs, domains.Xt)


def test_a_single_row_is_no_sample(domains):
    with pytest.raises(ValueError, match="needs 2 rows of each: Xs has 90, Xt has 1"):
        TCA().fit(domains.Xs, domains.Xt[:1])
