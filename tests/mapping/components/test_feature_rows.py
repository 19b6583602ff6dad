import numpy as np
import pytest
from scipy.sparse import csr_array

from landbridge.mapping.components import feature_rows
from landbridge.mapping.components.feature_rows import FeatureRows, project_rows
from landbridge.moments import FeatureMap

MAPS = [
    FeatureMap(kind="exact"),
    FeatureMap(kind="nystroem", n_features=20),
    FeatureMap(kind="fourier", n_features=20),
    FeatureMap("linear"),
]


@pytest.fixture(params=MAPS, ids=lambda phi: phi.kernel + phi.kind)
def rows(request, domains, rng, monkeypatch):
    """Features in chunks of a few rows, with weights."""
    monkeypatch.setattr(feature_rows, "CHUNK_BYTES", 8 * 20 * 7)
    phi = request.param.fit(domains.Xs, domains.Xt)
    return FeatureRows(phi, (domains.Xs, domains.Xt), rng.uniform(0.5, 2, 90), False)


def test_sums_and_projections_are_those_of_all_features_at_once(rows, domains, rng):
    for k, X in enumerate((domains.Xs, domains.Xt)):
        features = rows.feature_map.transform(X)
        E, W = rng.standard_normal((len(X), 3)), rng.standard_normal((rows.n_features, 2))
        np.testing.assert_allclose(rows.sums(k, E), features.T @ E, atol=1e-10)
        np.testing.assert_allclose(rows.project(k, W), features @ W, atol=1e-10)
        np.testing.assert_allclose(project_rows(rows.feature_map, X, W), features @ W, atol=1e-10)


def test_scatter_and_means_are_weighted(rows, domains, path):
    features = [rows.feature_map.transform(X) for X in (domains.Xs, domains.Xt)]
    w = np.concatenate(rows.weights)
    centred = np.vstack(features) - w @ np.vstack(features) / w.sum()
    scatter, means = rows.scatter_and_means()
    np.testing.assert_allclose(
        scatter @ np.eye(rows.n_features), centred.T @ (w[:, None] * centred), atol=1e-9
    )
    np.testing.assert_allclose(means[:, 0], rows.weights[0] @ features[0] / rows.weights[0].sum())
    np.testing.assert_allclose(means[:, 1], features[1].mean(axis=0))


def test_a_quadratic_form_over_all_rows(rows, domains, rng):
    features = rows.feature_map.transform(np.vstack([domains.Xs, domains.Xt]))
    M = rng.standard_normal((150, 150)) * (rng.random((150, 150)) < 0.1)
    np.testing.assert_allclose(rows.quadratic(csr_array(M)), features.T @ M @ features, atol=1e-9)


def test_all_features_at_once_are_refused_beyond_the_bound(rows, monkeypatch):
    monkeypatch.setenv("LANDBRIDGE_MAX_MEMORY", "1e3")
    with pytest.raises(MemoryError, match="features of 150 rows needs"):
        rows.quadratic(csr_array((150, 150)))


def test_features_are_kept_only_where_they_fit_and_are_needed_again(domains, monkeypatch):
    samples = domains.Xs, domains.Xt
    phi = FeatureMap(kind="nystroem", n_features=20).fit(*samples)
    made = []
    transform = phi.transform
    monkeypatch.setattr(phi, "transform", lambda X: made.append(len(X)) or transform(X))
    FeatureRows(phi, samples, None, are_repeated=True).project(0, np.ones((20, 1)))
    assert sum(made) == 150
    monkeypatch.setattr(feature_rows, "HELD_BYTES", 8 * 150 * 20 - 1)
    FeatureRows(phi, samples, None, are_repeated=True).project(0, np.ones((20, 1)))
    assert sum(made) == 150 + 90
