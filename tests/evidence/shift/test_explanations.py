"""How much of the difference a simple change takes away."""

import numpy as np
import pytest

from landbridge.evidence.shift.explanations import (
    explanations,
    kept_by_shares,
    moved_covariances,
    moved_means,
)


def explained(*arguments):
    return {one["change"]: one for one in explanations(*arguments)}


def test_moved_rows_are_explained_by_their_means():
    rng = np.random.default_rng(0)
    found = explained(rng.normal(size=(300, 3)), rng.normal(size=(300, 3)) + 1)
    assert found["means"]["explained"] > 0.95
    assert found["means"]["p_value"] > 0.05


def test_stretched_rows_are_explained_by_covariances_alone():
    rng = np.random.default_rng(0)
    found = explained(rng.normal(size=(400, 3)), rng.normal(size=(400, 3)) @ np.diag([3, 1, 0.3]))
    assert found["means"]["explained"] < 0.3
    assert found["means and covariances"]["explained"] > 0.9


def test_other_shares_of_classes_are_explained_by_these():
    rng = np.random.default_rng(0)
    ys, yt = rng.random(600) < 0.5, rng.random(600) < 0.9
    Xs, Xt = (rng.normal(size=(600, 2)) + 3 * y[:, None] for y in (ys, yt))
    found = explained(Xs, Xt, ys.astype(float), np.array([0.1, 0.9]))
    assert found["class shares"]["explained"] > 0.9
    assert found["class shares"]["p_value"] > 0.05
    assert found["means"]["p_value"] <= 0.05


def test_another_form_is_explained_by_nothing():
    rng = np.random.default_rng(0)
    ring = rng.normal(size=(400, 2))
    ring *= 2 / np.linalg.norm(ring, axis=1, keepdims=True)
    found = explained(rng.normal(size=(400, 2)), ring)
    assert max(one["explained"] for one in found.values()) < 0.8


def test_moments_of_the_moved_rows_are_the_targets():
    rng = np.random.default_rng(0)
    Xs, Xt = rng.normal(size=(5000, 3)), rng.normal(size=(5000, 3)) @ np.diag([2, 1, 0.5]) + 1
    np.testing.assert_allclose(moved_means(Xs, Xt)(Xs).mean(axis=0), Xt.mean(axis=0))
    moved = moved_covariances(Xs, Xt)(Xs)
    np.testing.assert_allclose(moved.mean(axis=0), Xt.mean(axis=0))
    np.testing.assert_allclose(
        np.cov(moved.T), np.cov(Xt.T), rtol=0.05, atol=0.05
    )  # both shrunk a little


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.1, 0.9], [0.0, 1.0]])
def test_rows_are_kept_by_their_classes_shares(shares):
    codes = np.r_[np.zeros(60), np.ones(40), np.full(5, np.nan)]
    kept = kept_by_shares(codes, np.array(shares), np.random.default_rng(0))
    assert len(set(kept)) == len(kept) >= 40
    assert np.bincount(codes[kept].astype(int), minlength=2) / len(kept) == pytest.approx(
        shares, abs=0.02
    )


def test_a_class_that_the_source_lacks_cannot_be_kept():
    assert not len(kept_by_shares(np.zeros(9), np.array([0.5, 0.5]), np.random.default_rng(0)))


def test_too_few_rows_explain_nothing():
    assert explanations(np.zeros((39, 2)), np.zeros((100, 2))) == []
