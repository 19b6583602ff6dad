import numpy as np
import pytest
from scipy.sparse import csr_array, issparse
from sklearn.metrics.pairwise import laplacian_kernel, rbf_kernel

from landbridge.moments import FeatureMap, feature_map
from landbridge.moments.feature_map import draw_landmarks, median_distance, stack


@pytest.fixture
def samples():
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 3)), rng.normal(size=(40, 3)) + 1.0


def test_exact_features_are_the_kernel_with_every_row(samples):
    phi = FeatureMap(kind="exact", gamma=0.3).fit(*samples)
    rows = np.vstack(samples)
    np.testing.assert_allclose(phi.transform(rows), rbf_kernel(rows, gamma=0.3))
    assert phi.n_features_ == 100


@pytest.mark.parametrize("kernel, function", [("rbf", rbf_kernel), ("laplacian", laplacian_kernel)])
def test_all_rows_as_landmarks_give_the_kernel_itself(samples, kernel, function):
    rows = np.vstack(samples)
    phi = FeatureMap(kernel, "nystroem", n_features=100, gamma=0.3).fit(*samples).transform(rows)
    np.testing.assert_allclose(phi @ phi.T, function(rows, gamma=0.3), atol=1e-7)


def test_random_features_near_the_kernel(samples):
    rows = samples[0][:20]
    phi = FeatureMap(kind="fourier", n_features=40_000, gamma=0.3).fit(rows).transform(rows)
    np.testing.assert_allclose(phi @ phi.T, rbf_kernel(rows, gamma=0.3), atol=0.03)
    np.testing.assert_allclose((phi**2).sum(axis=1), 1.0, rtol=1e-12)


def test_the_linear_kernel_keeps_the_rows(samples):
    phi = FeatureMap("linear").fit(*samples)
    assert phi.transform(samples[0]) is samples[0]
    assert phi.n_features_ == 3


def test_the_median_distance_sets_the_width():
    rows = np.array([[0.0], [1.0], [3.0]])
    assert median_distance(rows) == pytest.approx(2.0)
    assert median_distance(np.ones((5, 2))) == 1.0
    assert FeatureMap(kind="exact").fit(rows).gamma_ == pytest.approx(1 / 8)
    assert FeatureMap("laplacian", "exact").fit(rows).gamma_ == pytest.approx(1 / 2)


@pytest.mark.parametrize("kind", ["nystroem", "fourier"])
def test_shuffled_rows_give_the_same_kernel(samples, kind):
    rng = np.random.default_rng(1)
    shuffled = [rows[rng.permutation(len(rows))] for rows in samples]
    first, second = (FeatureMap(kind=kind, n_features=20).fit(*s) for s in (samples, shuffled))
    ours, theirs = (phi.transform(samples[0]) for phi in (first, second))
    np.testing.assert_allclose(ours @ ours.T, theirs @ theirs.T, atol=1e-8)


def test_landmarks_come_half_from_each_sample(samples):
    few = [samples[0], samples[1][:3]]
    drawn = draw_landmarks(few, 20, np.random.default_rng(0))
    assert [len(rows) for rows in drawn] == [17, 3]
    assert [len(rows) for rows in draw_landmarks(samples, 20, np.random.default_rng(0))] == [10, 10]


def test_sparse_rows_have_the_features_of_dense_ones(samples):
    sparse = [csr_array(rows) for rows in samples]
    for kind in ("exact", "nystroem", "fourier"):
        ours = FeatureMap(kind=kind, n_features=30).fit(*sparse).transform(sparse[0])
        theirs = FeatureMap(kind=kind, n_features=30).fit(*samples).transform(samples[0])
        np.testing.assert_allclose(ours, theirs, atol=1e-7)


def test_float32_rows_have_float32_features(samples):
    rows = samples[0].astype(np.float32)
    for kind in ("exact", "nystroem", "fourier"):
        assert FeatureMap(kind=kind, n_features=30).fit(rows).transform(rows).dtype == np.float32


def test_chunks_are_the_rows_in_order(samples):
    phi = FeatureMap(kind="nystroem", n_features=10).fit(*samples)
    parts = list(phi.chunks(samples[0], 25))
    assert [len(part) for part in parts] == [25, 25, 10]
    np.testing.assert_allclose(np.vstack(parts), phi.transform(samples[0]), atol=1e-12)


def test_the_mean_feature_is_that_of_all_rows(samples):
    phi = FeatureMap(kind="nystroem", n_features=10).fit(*samples)
    features, weights = phi.transform(samples[0]), np.arange(60.0)
    np.testing.assert_allclose(phi.mean(samples[0]), features.mean(axis=0))
    ours = phi.mean(samples[0], weights)
    np.testing.assert_allclose(ours, np.average(features, axis=0, weights=weights))


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize(
    "phi",
    [
        FeatureMap(kind="exact"),
        FeatureMap(kind="nystroem", n_features=20),
        FeatureMap(kind="fourier", n_features=20),
        FeatureMap("linear"),
    ],
    ids=lambda phi: phi.kernel + phi.kind,
)
def test_means_and_projections_are_those_of_the_features(samples, phi, is_sparse, monkeypatch):
    monkeypatch.setattr(feature_map, "PART_ROWS", 7)
    Xs, Xt = (csr_array(rows) if is_sparse else rows for rows in samples)
    features = phi.fit(Xs, Xt).transform(Xs)
    features = features.toarray() if issparse(features) else features
    W = np.random.default_rng(0).normal(size=(phi.n_features_, 2))
    weights = np.linspace(0.5, 2, len(features))
    np.testing.assert_allclose(phi.project(Xs, W), features @ W, atol=1e-10)
    np.testing.assert_allclose(phi.project(Xs, W[:, 0]), features @ W[:, 0], atol=1e-10)
    np.testing.assert_allclose(
        phi.mean(Xs, weights), np.average(features, axis=0, weights=weights), atol=1e-12
    )


def test_many_rows_get_landmarks():
    rows = np.random.default_rng(0).normal(size=(9000, 2))
    assert FeatureMap(n_features=10).fit(rows).kind_ == "nystroem"
    assert FeatureMap().fit(rows[:100]).kind_ == "exact"


def test_an_exact_kernel_beyond_the_bound_is_refused(samples, monkeypatch):
    monkeypatch.setenv("LANDBRIDGE_MAX_MEMORY", "1e4")
    with pytest.raises(MemoryError, match=r'exact kernel of 100 rows.*Choose kind="nystroem"'):
        FeatureMap(kind="exact").fit(*samples)


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"kernel": "cubic"}, "kernel must be"),
        ({"kind": "all"}, "kind must be"),
        ({"kernel": "laplacian", "kind": "fourier"}, "is for the kernel"),
        ({"n_features": 1}, "n_features must be a whole number from 2 up: found 1"),
        ({"gamma": 0.0}, "gamma must be"),
        ({"gamma": "wide"}, "gamma must be"),
    ],
)
def test_parameters_are_checked(samples, parameters, message):
    with pytest.raises(ValueError, match=message):
        FeatureMap(**parameters).fit(*samples)


def test_float32_landmarks_that_nearly_agree_lose_no_digits(samples):
    """Their kernel has eigenvalues that float32 cannot tell from zero."""
    near = np.vstack([samples[0], samples[0] + 1e-3]).astype(np.float32)
    ours = FeatureMap(kind="nystroem", n_features=120, gamma=0.3).fit(near).transform(near)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours @ ours.T, rbf_kernel(near.astype(float), gamma=0.3), atol=1e-5)


@pytest.mark.parametrize("kernel", ["rbf", "laplacian"])
@pytest.mark.parametrize("kind", ["exact", "nystroem"])
def test_a_kernel_that_underflows_is_refused_with_the_remedy(samples, kernel, kind):
    message = r"gamma is too large .* found 100000000\.0, where the median .*Give gamma=\"median\""
    with pytest.raises(ValueError, match=message):
        FeatureMap(kernel, kind, gamma=1e8).fit(*samples, samples[0])


def test_samples_stacked_are_sparse_where_one_is(samples):
    whole = stack((csr_array(samples[0]), samples[1]))
    assert whole.format == "csr"
    np.testing.assert_array_equal(whole.toarray(), stack(samples))
    assert stack([samples[0]]) is samples[0]


@pytest.mark.parametrize("kind", ["exact", "nystroem", "fourier"])
def test_a_map_that_is_shared_is_the_map_that_would_be_made(samples, kind):
    from landbridge.moments.sharing import shared_by

    kept = {}

    def keep(name, make):
        return kept[name] if name in kept else kept.setdefault(name, make())

    expected = FeatureMap(kind=kind, n_features=20).fit(*samples).transform(samples[0])
    with shared_by(keep):
        first, second, other = (
            FeatureMap(kind=kind, n_features=20).fit(*rows)
            for rows in (samples, [X.copy() for X in samples], samples[::-1])
        )
    for phi in (first, second):
        np.testing.assert_array_equal(phi.transform(samples[0]), expected)
    assert len([value for value in kept.values() if isinstance(value, dict)]) == 2
    assert other.get_params() == first.get_params()
