import numpy as np
import pytest
from scipy.linalg import expm, logm, sqrtm
from scipy.spatial.distance import pdist
from sklearn.exceptions import ConvergenceWarning

from landbridge.mapping.alignment.riemannian import (
    RiemannianAlignment,
    common_rotation,
    fold,
    riemannian_mean,
    unfold,
)


@pytest.fixture
def recordings(rng):
    """Covariances of 3 signals: 60 recordings of two classes, and their classes."""
    y = np.repeat(["left", "right"], 30)
    spreads = np.where(y[:, None] == "left", [3.0, 1.0, 0.5], [1.0, 2.0, 0.7])
    matrices = [np.cov(s[:, None] * rng.standard_normal((3, 40))) for s in spreads]
    return np.array(matrices), y


def congruent(matrices, A):
    """The matrices of the signals mixed by A."""
    return A @ matrices @ A.T


def test_rows_and_matrices_turn_into_each_other(rng):
    rows = rng.standard_normal((5, 10))
    matrices = unfold(rows, np.sqrt(0.5))
    np.testing.assert_array_equal(matrices, matrices.transpose(0, 2, 1))
    np.testing.assert_allclose(fold(matrices, np.sqrt(2)), rows)
    np.testing.assert_allclose(np.linalg.norm(matrices, axis=(1, 2)), np.linalg.norm(rows, axis=1))


def test_the_mean_of_two_matrices_is_half_way_between_them(recordings):
    A, B = recordings[0][[0, -1]]
    M, _ = riemannian_mean(np.array([A, B]), np.ones(2))
    root, back = sqrtm(A), np.linalg.inv(sqrtm(A))
    np.testing.assert_allclose(M, root @ sqrtm(back @ B @ back) @ root, atol=1e-9)


def test_the_mean_moves_along_with_any_mixing_of_the_signals(recordings, rng):
    matrices, A = recordings[0], rng.standard_normal((3, 3))
    weights = rng.random(60)
    M, _ = riemannian_mean(matrices, weights)
    mixed, _ = riemannian_mean(congruent(matrices, A), weights)
    np.testing.assert_allclose(mixed, A @ M @ A.T, atol=1e-8)


def test_rows_come_out_as_logarithms_about_the_mean_of_their_domain(recordings):
    matrices, _ = recordings
    alignment = RiemannianAlignment().fit(fold(matrices[:30]), fold(matrices[30:]))
    back = np.linalg.inv(sqrtm(alignment.target_centre_))
    expected = [fold(logm(back @ C @ back)[None], np.sqrt(2))[0] for C in matrices[30:]]
    moved = alignment.transform_target(fold(matrices[30:]))
    np.testing.assert_allclose(moved, expected, atol=1e-9)
    np.testing.assert_allclose(moved.mean(axis=0), 0.0, atol=1e-9)


def test_both_domains_have_one_centre_and_one_spread(recordings, rng):
    matrices, _ = recordings
    Xs, Xt = fold(matrices[:40]), fold(congruent(matrices[40:], rng.standard_normal((3, 3))))
    alignment = RiemannianAlignment().fit(Xs, Xt)
    moved, target = alignment.transform(Xs), alignment.transform_target(Xt)
    np.testing.assert_allclose(moved.mean(axis=0), 0.0, atol=1e-9)
    spreads = [(rows**2).sum(axis=1).mean() for rows in (moved, target)]
    assert spreads[0] == pytest.approx(spreads[1])


@pytest.mark.parametrize("seed", range(3))
def test_mixing_the_signals_changes_no_distance(recordings, seed):
    matrices, _ = recordings
    A = np.random.default_rng(seed).standard_normal((3, 3))
    Xs, mixed, Xt = (fold(C) for C in (matrices, congruent(matrices, A), matrices[::2]))
    plain = RiemannianAlignment().fit(Xs, Xt).transform(Xs)
    other = RiemannianAlignment().fit(mixed, Xt).transform(mixed)
    np.testing.assert_allclose(pdist(plain), pdist(other), atol=1e-8)


@pytest.mark.parametrize("seed", range(5))
def test_with_labels_mixing_the_signals_changes_nothing(recordings, seed):
    matrices, y = recordings
    A = np.random.default_rng(seed).standard_normal((3, 3))
    Xt = fold(congruent(matrices, np.diag([1.0, 4.0, 0.5])))
    moved = []
    for source in (matrices, congruent(matrices, A)):
        alignment = RiemannianAlignment().fit(fold(source), Xt, ys=y, yt=y)
        moved.append(alignment.transform(fold(source)))
    np.testing.assert_allclose(moved[0], moved[1], atol=1e-5)
    np.testing.assert_allclose(moved[0], alignment.transform_target(Xt), atol=1e-5)


def test_the_rotation_of_the_class_means_is_found(rng):
    targets = np.array([M + M.T for M in rng.standard_normal((4, 5, 5))])
    skew = rng.standard_normal((5, 5))
    U = expm(3.0 * (skew - skew.T))
    found = common_rotation(U.T @ targets @ U, targets)
    np.testing.assert_allclose(found @ (U.T @ targets @ U) @ found.T, targets, atol=1e-6)


def test_a_few_target_labels_will_do(recordings, rng):
    matrices, y = recordings
    yt = np.where(np.arange(60) % 10 == 0, y, None)
    mixed = congruent(matrices, rng.standard_normal((3, 3)))
    alignment = RiemannianAlignment().fit(fold(matrices), fold(mixed), ys=y, yt=yt)
    moved, target = alignment.transform(fold(matrices)), alignment.transform_target(fold(mixed))
    means = [[rows[y == c].mean(axis=0) for c in ("left", "right")] for rows in (moved, target)]
    assert np.linalg.norm(np.subtract(*means)) < 0.3 * np.linalg.norm(means[1])


def test_rows_can_be_carried_back(recordings, rng):
    matrices, y = recordings
    Xt = fold(congruent(matrices, rng.standard_normal((3, 3))))
    alignment = RiemannianAlignment().fit(fold(matrices), Xt, ys=y, yt=y)
    back = alignment.inverse_transform(alignment.transform(fold(matrices)))
    np.testing.assert_allclose(back, fold(matrices), atol=1e-9)


def test_without_stretch_and_rotation_the_source_is_only_recentred(recordings):
    matrices, y = recordings
    alignment = RiemannianAlignment(stretch=False, rotate=False)
    alignment.fit(fold(matrices), fold(matrices[::3]), ys=y, yt=y[::3])
    assert alignment.scale_ == 1.0
    np.testing.assert_array_equal(alignment.rotation_, np.eye(3))


def test_single_precision_stays(recordings):
    rows = fold(recordings[0]).astype(np.float32)
    alignment = RiemannianAlignment().fit(rows, rows[::2])
    moved = alignment.transform(rows)
    assert moved.dtype == np.float32
    exact = RiemannianAlignment().fit(rows.astype(float), rows[::2].astype(float))
    np.testing.assert_allclose(moved, exact.transform(rows.astype(float)), atol=1e-5)


def test_what_a_component_is_made_of_is_told(recordings):
    rows = fold(recordings[0])
    shares = RiemannianAlignment().fit(rows, rows).explain(6).groupby("target_feature")["share"]
    np.testing.assert_allclose(shares.sum(), 1.0)


def test_a_width_that_no_matrix_has_is_refused(two_domains):
    with pytest.raises(ValueError, match=r"3, 6, 10, ….: found 4 features"):
        RiemannianAlignment().fit(*two_domains)


def test_a_singular_matrix_is_named(recordings):
    rows = fold(recordings[0])
    bad = rows.copy()
    bad[7] = [1.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    with pytest.raises(ValueError, match="Xt must hold positive definite matrices: 1 rows do not"):
        RiemannianAlignment().fit(rows, bad)
    with pytest.raises(ValueError, match="first is row 7"):
        RiemannianAlignment().fit(rows, rows).transform(bad)


def test_a_single_row_is_no_sample(recordings):
    rows = fold(recordings[0])
    with pytest.raises(ValueError, match="needs 2 rows of each"):
        RiemannianAlignment().fit(rows, rows[:1])


def test_too_few_steps_are_said(recordings):
    rows = fold(recordings[0])
    with pytest.warns(ConvergenceWarning, match="last of 1 steps to the mean of the"):
        RiemannianAlignment(max_iter=1).fit(rows, rows)
