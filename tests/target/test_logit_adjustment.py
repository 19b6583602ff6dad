"""Every class an even chance."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import balanced_accuracy_score

from landbridge.mapping import Carried
from landbridge.target import Pooled, Refit, TargetOnly
from landbridge.target.logit_adjustment import LogitAdjusted

PRIORS = np.array([0.9, 0.07, 0.03])


@pytest.fixture
def imbalanced(rng):
    """Class k is normal with mean 2k and spread 1; both domains are alike."""
    y = rng.choice(["a", "b", "c"], 4000, p=PRIORS)
    return Carried(
        2.0 * (np.searchsorted(["a", "b", "c"], y))[:, None] + rng.normal(size=(4000, 1)), y
    )


def test_it_is_the_rule_with_the_least_balanced_error(imbalanced):
    X, y, _ = imbalanced
    learner = LogitAdjusted(Refit(LogisticRegression())).fit(imbalanced, X, np.full(4000, None))
    even = norm.pdf(X, 2.0 * np.arange(3))
    best = np.array(["a", "b", "c"])[even.argmax(axis=1)]
    ours = balanced_accuracy_score(y, learner.predict(X))
    assert ours > balanced_accuracy_score(y, best) - 0.02
    plain = Refit(LogisticRegression()).fit(imbalanced, X, np.full(4000, None))
    assert ours > balanced_accuracy_score(y, plain.predict(X)) + 0.05


def test_probabilities_are_those_over_the_shares(imbalanced):
    X = imbalanced.X
    given = dict(zip("abc", [0.5, 0.3, 0.2]))
    learner = LogitAdjusted(Refit(LogisticRegression()), tau=0.5, priors=given)
    learner.fit(imbalanced, X, np.full(4000, None))
    adjusted = learner.inner_.predict_proba(X) / np.sqrt([0.5, 0.3, 0.2])
    adjusted /= adjusted.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(learner.predict_proba(X), adjusted, rtol=1e-12)


def test_the_shares_found_are_those_of_the_rows_learned_from(imbalanced):
    X, y, _ = imbalanced
    learner = LogitAdjusted(TargetOnly(LogisticRegression())).fit(imbalanced, X, y)
    shares = [(y == k).mean() for k in "abc"]
    np.testing.assert_allclose(learner.priors_, shares, atol=1e-3)


def test_no_strength_changes_nothing(imbalanced):
    X, y, _ = imbalanced
    learner = LogitAdjusted(Pooled(LogisticRegression()), tau=0.0).fit(imbalanced, X, y)
    np.testing.assert_allclose(learner.predict_proba(X), learner.inner_.predict_proba(X))


@pytest.mark.parametrize(
    ("learner", "message"),
    [
        (LogitAdjusted(Refit(RidgeClassifier())), "Refit has no predict_proba with this learner"),
        (LogitAdjusted(Refit(LogisticRegression()), tau=-1), "tau must be a number from 0 up"),
        (
            LogitAdjusted(Refit(LogisticRegression()), priors={"a": 0.5, "b": 0.5}),
            "priors must hold a share above zero for each of",
        ),
    ],
)
def test_what_it_cannot_do_is_said(imbalanced, learner, message):
    with pytest.raises(ValueError, match=message):
        learner.fit(imbalanced, imbalanced.X, np.full(4000, None))
