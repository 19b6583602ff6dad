import numpy as np
import pytest

from landbridge.mapping.transport import GromovWasserstein
from landbridge.mapping.transport.gromov_wasserstein import gromov_penalty, inner_distances
from landbridge.mapping.transport.plans import uniform

ot = pytest.importorskip("ot")


@pytest.fixture
def turned(rng):
    """An asymmetric cloud, and the same cloud turned into five dimensions and shuffled."""
    Xs = rng.normal(size=(60, 3)) ** 2
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0][:3]
    return Xs, (3.0 * Xs @ turn + 1.0)[rng.permutation(60)], turn


def test_a_turn_into_another_dimension_is_recovered(turned, rng):
    Xs, Xt, turn = turned
    new = rng.normal(size=(20, 3)) ** 2
    for out_of_sample in ("nearest", "affine"):
        mapping = GromovWasserstein(out_of_sample=out_of_sample).fit(Xs, Xt)
        np.testing.assert_allclose(mapping.transform(Xs), 3.0 * Xs @ turn + 1.0, atol=1e-8)
        np.testing.assert_allclose(mapping.transform(new), 3.0 * new @ turn + 1.0, atol=1e-8)
        assert mapping.objective_ == pytest.approx(0.0, abs=1e-9)


def test_a_smooth_map_carries_rows_that_were_not_fitted(turned, rng):
    Xs, Xt, turn = turned
    mapping = GromovWasserstein(out_of_sample="kernel").fit(Xs, Xt)
    new = Xs[:20] + 0.1 * rng.normal(size=(20, 3))
    assert np.abs(mapping.transform(new) - (3.0 * new @ turn + 1.0)).mean() < 0.5 * Xt.std()


def test_entropy_blurs_the_turn_but_keeps_it(turned):
    Xs, Xt, turn = turned
    moved = GromovWasserstein("sinkhorn", reg=0.02).fit(Xs, Xt).transform(Xs)
    expected = 3.0 * Xs @ turn + 1.0
    assert np.abs(moved - expected).mean() < 0.3 * np.abs(expected - expected.mean(axis=0)).mean()


def test_the_penalty_is_the_sum_over_all_pairs_of_pairs(rng):
    Ds, Dt = inner_distances(rng.normal(size=(4, 2))), inner_distances(rng.normal(size=(3, 5)))
    plan = rng.random((4, 3))
    plan /= plan.sum()
    a, b = plan.sum(axis=1), plan.sum(axis=0)
    differ = (Ds[:, None, :, None] - Dt[None, :, None, :]) ** 2
    value, slope = gromov_penalty(Ds, Dt, a, b)(plan)
    assert value == pytest.approx(np.einsum("ijkl,ij,kl", differ, plan, plan))
    np.testing.assert_allclose(slope, 2 * np.einsum("ijkl,kl->ij", differ, plan), atol=1e-12)


def test_the_objective_is_that_of_pot(rng):
    Xs, Xt = rng.normal(size=(30, 2)) ** 2, rng.normal(size=(25, 4)) ** 2
    mapping = GromovWasserstein(tol=1e-10).fit(Xs, Xt)
    theirs = ot.gromov.gromov_wasserstein2(
        inner_distances(Xs), inner_distances(Xt), uniform(30), uniform(25), "square_loss"
    )
    assert mapping.objective_ == pytest.approx(float(theirs), rel=0.05)


def test_labels_on_both_sides_choose_between_symmetric_plans():
    Xs = np.array([[-2.0], [-1.0], [0.0], [1.0], [2.0]])
    ys = np.array(["low", "low", "mid", "high", "high"])
    for sign in (1.0, -1.0):
        moved = GromovWasserstein().fit(Xs, sign * Xs, ys=ys, yt=ys).transform(Xs)
        np.testing.assert_allclose(moved, sign * Xs, atol=1e-9)


def test_many_rows_are_carried_by_those_drawn(turned, rng):
    Xs, Xt, _ = turned
    mapping = GromovWasserstein(max_rows=40).fit(Xs, Xt)
    assert mapping.rows_.shape == (40, 3)
    order_s, order_t = rng.permutation(60), rng.permutation(60)
    again = GromovWasserstein(max_rows=40).fit(Xs[order_s], Xt[order_t])
    np.testing.assert_allclose(again.transform(Xs), mapping.transform(Xs), atol=1e-9)


def test_distances_are_counted_in_their_median(rng):
    D = inner_distances(rng.normal(size=(30, 3)) * 1e3 + 1e6)
    assert np.median(D[np.triu_indices(30, 1)]) == pytest.approx(1.0)
    np.testing.assert_array_equal(np.diag(D), 0.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"solver": "magic"}, 'solver must be "exact" or "sinkhorn"'),
        ({"out_of_sample": "entropic"}, 'out_of_sample must be "nearest", "affine" or'),
        ({"max_rows": 1}, "max_rows must be a whole number from 2 up: found 1"),
        ({"reg": 0}, "reg must be a number above 0: found 0"),
    ],
)
def test_a_wrong_setting_is_named(turned, settings, message):
    with pytest.raises(ValueError, match=message):
        GromovWasserstein(**settings).fit(*turned[:2])


def test_distances_beyond_the_memory_bound_are_refused(turned, monkeypatch):
    monkeypatch.setenv("LANDBRIDGE_MAX_MEMORY", "100000")
    with pytest.raises(MemoryError, match=r"within 60 and 60 rows.*Set max_rows lower"):
        GromovWasserstein().fit(*turned[:2])
