"""Several sources with other class shares than the target's."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from landbridge.mapping.relabelling.jcpot import (
    JCPOT,
    Labelled,
    class_masses,
    class_members,
    joint_proportions,
)
from landbridge.mapping.transport.cost import squared_distances

SHARES = [[0.6, 0.2, 0.2], [0.2, 0.2, 0.6]]
TARGET = [0.1, 0.5, 0.4]


def sample(rng, shares, n):
    codes = np.repeat(range(3), np.round(np.array(shares) * n).astype(int))
    return 3.0 * np.eye(3)[codes] + rng.normal(size=(len(codes), 3)), codes


@pytest.fixture
def task(rng):
    Xs, ys = zip(*(sample(rng, shares, 60) for shares in SHARES))
    return Xs, ys, *sample(rng, TARGET, 80)


def parts(Xs, ys, Xt):
    members = [class_members(Labelled(X, y, np.ones(len(y))), np.arange(3)) for X, y in zip(Xs, ys)]
    return [squared_distances(X, Xt) for X in Xs], members


def slow_projections(costs, members, weights, reg, n_rounds):
    """The paper's algorithm 1 on plain matrices."""
    plans = [np.exp(-cost / reg) for cost in costs]
    for _ in range(n_rounds):
        plans = [P / P.sum(axis=0) / P.shape[1] for P in plans]
        shares = np.ones(3)
        for P, D, weight in zip(plans, members, weights):
            shares = shares * ((D > 0).T @ P.sum(axis=1)) ** weight
        plans = [np.diag(D @ shares / P.sum(axis=1)) @ P for P, D in zip(plans, members)]
    return shares / shares.sum(), plans


def test_it_is_the_loop_that_the_paper_writes_down(task):
    costs, members = parts(task[0], task[1], task[2])
    weights = np.array([0.3, 0.7])
    shares, plans = slow_projections(costs, members, weights, 1.0, 500)
    found = joint_proportions(costs, members, weights, 1.0, 500, 1e-12)
    np.testing.assert_allclose(found.shares, shares, atol=1e-8)
    for ours, theirs in zip(found.log_plans, plans):
        np.testing.assert_allclose(np.exp(ours), theirs, atol=1e-8)


def test_it_finds_what_pot_finds(task):
    ot = pytest.importorskip("ot")
    costs, members = parts(task[0], task[1], task[2])
    theirs = ot.bregman.jcpot_barycenter(
        task[0], task[1], task[2], reg=1.0, numItermax=5000, stopThr=1e-12
    )
    ours = joint_proportions(costs, members, np.full(2, 0.5), 1.0, 5000, 1e-12).shares
    np.testing.assert_allclose(ours, theirs / theirs.sum(), atol=1e-8)


def stacked(task):
    Xs, ys, Xt, truth = task
    return np.vstack(Xs), np.concatenate(ys), np.repeat(["one", "two"], 60), Xt, truth


def test_it_finds_the_shares_and_the_labels_of_the_target(task):
    X, y, sources, Xt, truth = stacked(task)
    mapping = JCPOT().fit(X, Xt, ys=y, sources=sources)
    np.testing.assert_allclose(mapping.shares_, TARGET, atol=0.06)
    assert (mapping.labels_ == truth).mean() > 0.9
    assert mapping.sources_ == ["one", "two"]
    carried = mapping.carry(X, y, None, Xt, sources)
    np.testing.assert_array_equal(carried.y, mapping.labels_)
    np.testing.assert_array_equal(carried.sample_weight, mapping.confidence_)
    np.testing.assert_array_equal(mapping.transform(X), X)


def labels_of_a_plan(costs, y, reg, n_rounds=300):
    """Labels by a plan in which every source row keeps its mass."""
    P = np.exp(-np.vstack(costs) / reg)
    for _ in range(n_rounds):
        P = P / P.sum(axis=1, keepdims=True) / len(P)
        P = P / P.sum(axis=0) / P.shape[1]
    return (np.eye(3)[y].T @ P).argmax(axis=0)


def test_it_labels_better_than_a_plan_that_keeps_the_shares_of_the_sources(rng):
    sources = [sample(rng, shares, 100) for shares in ([0.9, 0.05, 0.05], [0.8, 0.1, 0.1])]
    X, y = (np.concatenate(part) for part in zip(*sources))
    Xt, truth = sample(rng, [0.1, 0.45, 0.45], 100)
    mapping = JCPOT().fit(X, Xt, ys=y, sources=np.repeat([1, 2], 100))
    plain = labels_of_a_plan([squared_distances(X, Xt)], y, 1.0)
    assert (mapping.labels_ == truth).mean() > (plain == truth).mean() + 0.2


def test_order_blanks_names_and_weights(task, rng):
    X, y, sources, Xt, _ = stacked(task)
    names = np.array(["x", "y", "z"], dtype=object)[y]
    first = JCPOT().fit(X, Xt, ys=names, sources=sources)
    s, t = rng.permutation(120), rng.permutation(80)
    second = JCPOT().fit(X[s], Xt[t], ys=names[s], sources=sources[s])
    np.testing.assert_array_equal(first.labels_[t], second.labels_)
    longer = np.vstack([X, X[:5] + 50.0])
    blank = JCPOT().fit(
        longer, Xt, ys=np.append(names, [None] * 5), sources=np.append(sources, sources[:5])
    )
    np.testing.assert_allclose(blank.shares_, first.shares_, atol=1e-8)
    twice = JCPOT().fit(
        np.vstack([X, X]),
        Xt,
        ys=np.tile(names, 2),
        sources=np.tile(sources, 2),
        sample_weight=np.repeat([1.0, 3.0], 120),
    )
    np.testing.assert_allclose(twice.shares_, first.shares_, atol=1e-4)


def test_given_labels_are_kept_and_one_source_will_do(task):
    Xs, ys, Xt, truth = task
    yt = np.where(np.arange(80) < 10, 2, np.nan)
    mapping = JCPOT().fit(Xs[0], Xt, ys=ys[0], yt=yt)
    np.testing.assert_array_equal(mapping.labels_[:10], 2)
    assert (mapping.labels_ == truth)[10:].mean() > 0.85


def test_masses_of_classes_add_up():
    logs = np.log([0.1, 0.2, 0.7])
    belongs = np.array([[True, False], [False, True], [True, False]])
    np.testing.assert_allclose(np.exp(class_masses(logs, belongs)), [0.8, 0.2])


def test_what_it_cannot_do_is_said(task):
    X, y, sources, Xt, _ = stacked(task)
    with pytest.raises(ValueError, match=r"source 'two' has no rows of \[2\]"):
        JCPOT().fit(X, Xt, ys=np.where((sources == "two") & (y == 2), 0, y), sources=sources)
    with pytest.raises(ValueError, match="source 'one' has none"):
        JCPOT().fit(X, Xt, ys=np.where(sources == "one", np.nan, y), sources=sources)
    with pytest.raises(ValueError, match="reg must be a number above 0: found 0"):
        JCPOT(reg=0).fit(X, Xt, ys=y, sources=sources)
    with pytest.warns(ConvergenceWarning, match="JCPOT"):
        JCPOT(max_iter=2).fit(X, Xt, ys=y, sources=sources)
