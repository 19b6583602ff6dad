"""Self-training along domains between source and target."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from landbridge.mapping.relabelling.gradual import GradualSelfTraining, between
from landbridge.mapping.relabelling.pseudo_labels import PseudoLabels


def turned(rng, n=400, most=2.5):
    """Two classes that turn about the origin as time goes by; the time is the last feature."""
    y = np.arange(n) % 2
    X = rng.normal(size=(n, 2)) + np.where(y, 2.5, -2.5)[:, None]
    time = rng.uniform(0, most, n)
    c, s = np.cos(time), np.sin(time)
    turned = np.column_stack([c * X[:, 0] - s * X[:, 1], s * X[:, 0] + c * X[:, 1], time])
    return np.column_stack([X, np.zeros(n)]), y, turned


def slow_steps(Xs, ys, Xt, n_steps):
    """Kumar, Ma & Liang's loop with all rows kept, time left out."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(Xs[:, :2], ys)
    labels = np.empty(len(Xt), dtype=int)
    for rows in np.array_split(np.argsort(Xt[:, 2]), n_steps):
        guesses = model.predict(Xt[rows, :2])
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        labels[rows] = model.fit(Xt[rows, :2], guesses).predict(Xt[rows, :2])
    return labels


def test_it_is_the_loop_that_the_paper_writes_down(rng):
    Xs, ys, Xt = turned(rng)
    mapping = GradualSelfTraining(n_steps=8, order_by=2, share=1.0).fit(Xs, Xt, ys=ys)
    np.testing.assert_array_equal(mapping.labels_, slow_steps(Xs, ys, Xt, 8))


def test_small_steps_follow_a_drift_that_a_leap_does_not(rng):
    Xs, ys, Xt = turned(rng)
    steps = GradualSelfTraining(n_steps=10, order_by=2).fit(Xs, Xt, ys=ys)
    leap = PseudoLabels().fit(Xs[:, :2], Xt[:, :2], ys=ys)
    assert (steps.labels_ == ys).mean() > 0.97
    assert (leap.labels_ == ys).mean() < 0.9


def test_domains_are_built_where_there_is_no_order(rng):
    pytest.importorskip("ot")
    codes = np.arange(150) % 2
    Xs = rng.normal(size=(150, 2)) + 6.0 * np.c_[codes, 0 * codes]
    Xt = rng.normal(size=(150, 2)) + 6.0 * np.c_[codes, 0 * codes] + [5.0, 0.0]
    names = np.array(["no", "yes"])[codes]
    source = LogisticRegression().fit(Xs, names)
    mapping = GradualSelfTraining().fit(Xs, Xt, ys=names)
    assert source.score(Xt, names) < 0.6
    assert (mapping.labels_ == names).mean() > 0.95


def test_between_two_domains_the_rows_lie_on_straight_lines(rng):
    Xs, Xt = rng.normal(size=(3, 2)), rng.normal(size=(2, 2))
    plan = np.array([[0.3, 0.0], [0.1, 0.2], [0.0, 0.4]])
    quarter, half, late = between(Xs, Xt, plan, 3)
    pairs = [(0, 0), (1, 0), (1, 1), (2, 1)]
    for t, (rows, weights) in zip((0.25, 0.5, 0.75), (quarter, half, late)):
        slow = [(1 - t) * Xs[i] + t * Xt[j] for i, j in pairs]
        np.testing.assert_allclose(rows, slow)
        np.testing.assert_allclose(weights, [plan[pair] for pair in pairs])


def test_given_labels_lead_the_way(rng):
    Xs, ys, Xt = turned(rng)
    some = np.where(np.arange(400) < 200, 1 - ys, np.nan)
    mapping = GradualSelfTraining(n_steps=4, order_by=2).fit(Xs, Xt, ys=ys, yt=some)
    np.testing.assert_array_equal(mapping.labels_[:200], 1 - ys[:200])
    plain = GradualSelfTraining(n_steps=4, order_by=2).fit(Xs, Xt, ys=ys)
    assert (mapping.labels_ == 1 - ys)[200:].mean() > (plain.labels_ == 1 - ys)[200:].mean()


@pytest.mark.parametrize("order_by", [2, None])
def test_the_order_of_rows_does_not_matter(rng, order_by):
    if order_by is None:
        pytest.importorskip("ot")
    Xs, ys, Xt = turned(rng, 120, 1.0)
    s, t = rng.permutation(120), rng.permutation(120)
    first = GradualSelfTraining(order_by=order_by).fit(Xs, Xt, ys=ys)
    second = GradualSelfTraining(order_by=order_by).fit(Xs[s], Xt[t], ys=ys[s])
    np.testing.assert_array_equal(first.labels_[t], second.labels_)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (GradualSelfTraining(n_steps=0), "n_steps must be a whole number from 1 up"),
        (GradualSelfTraining(share=1.5), "share must be a number above 0 to 1"),
        (GradualSelfTraining(order_by=3), "one of several features, from 0 to 2: found 3"),
    ],
)
def test_wrong_parameters_are_refused(rng, mapping, message):
    Xs, ys, Xt = turned(rng, 40)
    with pytest.raises(ValueError, match=message):
        mapping.fit(Xs, Xt, ys=ys)
