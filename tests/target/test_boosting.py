"""Boosting over both domains."""

import math

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from landbridge.mapping import Carried
from landbridge.target.boosting import (
    TrAdaBoost,
    TrAdaBoostR2,
    TwoStageTrAdaBoostR2,
    adaboost_r2,
    adjusted_errors,
    shift_weight,
    source_discount,
    tradaboost,
    tradaboost_step,
    vote_of,
    weighted_median,
)


def misleading(rng, n_source=200, n_target=100, n_labelled=40):
    """Half of the source rows have the other class; the target rows have the right one."""
    Xs, Xt = rng.normal(size=(n_source, 2)), rng.normal(size=(n_target, 2))
    rule = lambda X: X[:, 0] + X[:, 1] > 0  # noqa: E731
    flipped = (Xs[:, 0] > 0) & (np.arange(n_source) < n_source * 0.8)
    ys, truth = rule(Xs) ^ flipped, rule(Xt)
    return Carried(Xs, ys), Xt, np.where(np.arange(n_target) < n_labelled, truth, None), truth


def slow_tradaboost(carried, Xt, yt, n_rounds):
    """The paper's figure 1, row by row, for labels 0 and 1; the decision on all target rows."""
    n, known = len(carried.y), [i for i in range(len(yt)) if yt[i] is not None]
    X = [*carried.X, *(Xt[i] for i in known)]
    y = [int(v) for v in [*carried.y, *(yt[i] for i in known)]]
    w = [1.0] * len(y)
    beta = 1 / (1 + math.sqrt(2 * math.log(n) / n_rounds))
    product, half = [[0.0, 0.0] for _ in Xt], math.ceil(n_rounds / 2)
    for t in range(1, n_rounds + 1):
        p = np.array([v / sum(w) * len(w) for v in w])
        h = LogisticRegression().fit(X, y, p)
        wrong = [abs(a - b) for a, b in zip(h.predict(X), y)]
        error = sum(w[i] * wrong[i] for i in range(n, len(y))) / sum(w[n:])
        assert error > 0
        error = min(error, 0.5)  # where the paper stops, ours has no vote
        beta_t = error / (1 - error)
        for i in range(len(y)):
            w[i] *= beta ** wrong[i] if i < n else beta_t ** -wrong[i]
        if t >= half:
            for j, guess in enumerate(h.predict(Xt)):
                product[j][0] += -math.log(beta_t) * guess
                product[j][1] += -math.log(beta_t) / 2
    return [votes >= needed for votes, needed in product]


def test_tradaboost_is_the_loop_that_the_paper_writes_down(rng):
    carried, Xt, yt, _ = misleading(rng)
    yt = np.where(np.arange(100) % 5 == 0, rng.permutation(yt), yt)  # no round is faultless
    ours = TrAdaBoost(LogisticRegression(), n_estimators=11).fit(carried, Xt, yt)
    assert ours.predict(Xt).tolist() == slow_tradaboost(carried, Xt, yt, 11)
    assert len(ours.learners_) == 6


def test_source_rows_that_mislead_lose_their_weight(rng):
    carried, Xt, yt, truth = misleading(rng)
    boosted = TrAdaBoost(LogisticRegression()).fit(carried, Xt, yt)
    pooled = LogisticRegression().fit(carried.X, carried.y)
    assert boosted.source_share_[-1] < 0.8 * boosted.source_share_[0]
    assert (boosted.predict(Xt) == truth).mean() > pooled.score(Xt, truth.tolist()) + 0.1


def test_a_step_follows_the_formulas_for_more_classes(rng):
    weights, wrong = rng.uniform(0.5, 2, 20), (rng.uniform(size=20) < 0.4).astype(float)
    found, vote = tradaboost_step(weights, wrong, 12, 0.8, n_classes=3)
    error = (weights * wrong)[12:].sum() / weights[12:].sum()
    assert vote == pytest.approx(math.log((1 - error) / error * 2))
    slow = [
        w * (0.8**e if i < 12 else ((1 - error) / error * 2) ** e)
        for i, (w, e) in enumerate(zip(weights, wrong))
    ]
    np.testing.assert_allclose(found, np.array(slow) / np.mean(slow), rtol=1e-12)


def test_guessing_has_no_vote_and_a_faultless_round_a_finite_one():
    assert vote_of(0.5) == vote_of(0.9) == vote_of(2 / 3, n_classes=3) == 0.0
    assert vote_of(0.6, n_classes=3) > 0
    assert 10 < vote_of(0.0) < 20


def test_where_no_round_beats_guessing_all_vote_alike(rng):
    X = np.zeros((40, 1))
    carried = Carried(X, np.arange(40) % 2)
    boosted = TrAdaBoost(DecisionTreeClassifier(), n_estimators=4)
    boosted.fit(carried, X, np.where(np.arange(40) < 20, np.arange(40) % 2, None))
    np.testing.assert_array_equal(boosted.votes_, 1.0)
    assert "No round did better than guessing" in boosted.notes_[0]


def test_regression_drops_misleading_source_rows(rng):
    Xs, Xt = rng.normal(size=(200, 2)), rng.normal(size=(100, 2))
    truth = Xt @ [1.0, 2.0]
    ys = np.where(np.arange(200) < 100, Xs @ [1.0, 2.0], Xs @ [-4.0, 3.0])
    yt = np.where(np.arange(100) < 20, truth, np.nan)
    pooled = Ridge().fit([*Xs, *Xt[:20]], [*ys, *truth[:20]])
    for learner in (TrAdaBoostR2(Ridge()), TwoStageTrAdaBoostR2(Ridge())):
        error = ((learner.fit(Carried(Xs, ys), Xt, yt).predict(Xt) - truth) ** 2).mean()
        assert error < 0.1 * ((pooled.predict(Xt) - truth) ** 2).mean()


def slow_adaboost_r2(X, y, w, n_source, n_rounds):
    """Algorithm 1 with the source's weights left alone, row by row."""
    learners, votes = [], []
    for _ in range(n_rounds):
        h = LinearRegression().fit(X, y, np.array(w) / np.mean(w))
        miss = [abs(a - b) for a, b in zip(h.predict(X), y)]
        e = [m / max(miss) for m in miss]
        error = sum(a * b for a, b in zip(w, e)) / sum(w)
        beta = error / (1 - error)
        new = [v if i < n_source else v * beta ** (1 - e[i]) for i, v in enumerate(w)]
        scale = sum(w[n_source:]) / sum(new[n_source:])
        w = [v if i < n_source else v * scale for i, v in enumerate(new)]
        learners.append(h.predict(X))
        votes.append(math.log(1 / beta))
    return np.array(learners), np.array(votes)


def test_adaboost_r2_is_the_loop_that_the_paper_writes_down(rng):
    X, w = rng.normal(size=(40, 2)), rng.uniform(0.5, 2.0, 40)
    y = X @ [1.0, 2.0] + rng.normal(size=40) ** 3
    predicted, votes = slow_adaboost_r2(X, y, w.tolist(), 25, 6)
    learners, ours = adaboost_r2(LinearRegression(), X, y, w, 25, 6)
    np.testing.assert_allclose(ours, votes, rtol=1e-8)
    np.testing.assert_allclose([h.predict(X) for h in learners], predicted, rtol=1e-8)


def test_the_weight_moves_to_the_target_as_asked_for(rng):
    w, e = rng.uniform(0.5, 2, 30), rng.uniform(size=30)
    moved = shift_weight(w, e, 20, 0.7)
    assert moved[20:].sum() / moved.sum() == pytest.approx(0.7)
    ratio = moved[:20] / w[:20] * w[25] / moved[25]
    beta = ratio ** (1 / e[:20])
    np.testing.assert_allclose(beta, beta[0], rtol=1e-6)
    np.testing.assert_allclose(moved[20:] / w[20:], moved[25] / w[25])
    assert not shift_weight(w, e, 20, 1.0)[:20].any()
    assert shift_weight(w, np.zeros(30), 20, 0.7)[20:].sum() / 30 == pytest.approx(0.7)


def test_both_stages_choose_the_share_that_the_data_call_for(rng):
    Xs, Xt = rng.normal(size=(200, 3)), rng.normal(size=(60, 3))
    yt = np.where(np.arange(60) < 15, Xt @ [1.0, 2.0, 3.0] + rng.normal(size=60), np.nan)
    same = TwoStageTrAdaBoostR2(Ridge()).fit(Carried(Xs, Xs @ [1.0, 2.0, 3.0]), Xt, yt)
    other = TwoStageTrAdaBoostR2(Ridge()).fit(Carried(Xs, Xs @ [-9.0, 9.0, 9.0]), Xt, yt)
    assert same.target_share_ < other.target_share_ == pytest.approx(1.0)
    assert same.errors_.shape == (10,)


def test_the_weighted_median_is_that_of_repeated_values(rng):
    values, counts = rng.normal(size=(7, 5)), rng.integers(1, 4, 7)
    counts[0] += 1 - counts.sum() % 2  # an odd number of values has one median
    slow = np.median(np.repeat(values, counts, axis=0), axis=0)
    np.testing.assert_array_equal(weighted_median(values, counts.astype(float)), slow)


def test_adjusted_errors_reach_from_zero_to_one():
    np.testing.assert_allclose(adjusted_errors(np.array([1.0, 5.0]), np.ones(2)), [0.0, 1.0])
    assert not adjusted_errors(np.ones(2), np.ones(2)).any()


def test_the_discount_is_that_of_the_paper():
    assert source_discount(100, 8) == pytest.approx(1 / (1 + math.sqrt(2 * math.log(100) / 8)))


def test_the_task_follows_from_the_learner():
    assert isinstance(tradaboost(Ridge()), TrAdaBoostR2)
    assert isinstance(tradaboost(LogisticRegression()), TrAdaBoost)


@pytest.mark.parametrize(
    ("learner", "message"),
    [
        (TrAdaBoost(Ridge()), "TrAdaBoost needs a classifier: Ridge is none. For it use TrAdaBoos"),
        (TrAdaBoostR2(LogisticRegression()), "TrAdaBoostR2 needs a regressor: LogisticRegression"),
        (TwoStageTrAdaBoostR2(LogisticRegression()), "needs a regressor"),
        (TrAdaBoost(KNeighborsClassifier()), "KNeighborsClassifier takes no sample weights"),
        (
            TrAdaBoost(LogisticRegression(), n_estimators=0),
            "n_estimators must be a w",
        ),
        (
            TwoStageTrAdaBoostR2(Ridge(), n_steps=1),
            "n_steps must be a whole number from 2",
        ),
        (TwoStageTrAdaBoostR2(Ridge(), cv=1), "cv must be a whole number from 2 up: found 1"),
    ],
)
def test_what_it_cannot_do_is_said_first(learner, message):
    X, y = np.arange(8.0)[:, None], np.arange(8) % 2
    with pytest.raises(ValueError, match=message):
        learner.fit(Carried(X, y), X, y)


def test_one_target_number_cannot_be_left_out():
    X, y = np.arange(8.0)[:, None], np.arange(8.0)
    with pytest.raises(ValueError, match="needs two: found 1"):
        TwoStageTrAdaBoostR2(Ridge()).fit(Carried(X, y), X, np.where(y > 6, y, np.nan))
