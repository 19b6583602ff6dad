"""Class shares that differ in the target."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from landbridge.mapping import Carried
from landbridge.moments.priors import em_priors
from landbridge.target import LabelShift, Refit, reweigh_posteriors


def mixture(priors, n, seed):
    """Class k is normal with mean 2k and spread 1."""
    rng = np.random.default_rng(seed)
    y = rng.choice(len(priors), n, p=priors)
    return 2.0 * y[:, None] + rng.normal(size=(n, 1)), y


def posteriors(X, priors):
    joint = norm.pdf(X, 2.0 * np.arange(len(priors))) * priors
    return joint / joint.sum(axis=1, keepdims=True)


SOURCE, TARGET = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.2, 0.7])
NO_LABELS = np.full(4000, np.nan)


@pytest.fixture
def shifted():
    X, y = mixture(SOURCE, 4000, 0)
    return Carried(X, y), *mixture(TARGET, 4000, 1)


@pytest.mark.parametrize("method", ["em", "bbse", "rlls"])
def test_it_recovers_the_target_shares_of_a_known_mixture(shifted, method):
    carried, Xt, truth = shifted
    learner = LabelShift(LogisticRegression(), method=method).fit(carried, Xt, NO_LABELS)
    np.testing.assert_allclose(learner.priors_, TARGET, atol=0.03)
    np.testing.assert_allclose(learner.source_priors_, SOURCE, atol=0.03)
    assert np.abs(learner.predict_proba(Xt) - posteriors(Xt, TARGET)).mean() < 0.02
    plain = Refit(LogisticRegression()).fit(carried, Xt, NO_LABELS)
    gain = (learner.predict(Xt) == truth).mean() - (plain.predict(Xt) == truth).mean()
    assert gain > 0.05


def test_an_overconfident_learner_is_calibrated_first(shifted):
    carried, Xt, _ = shifted
    forest = RandomForestClassifier(n_estimators=20, random_state=0)
    learner = LabelShift(forest).fit(carried, Xt, NO_LABELS)
    floored = np.maximum(learner.learner_.predict_proba(Xt), 1e-6)
    raw = em_priors(floored / floored.sum(axis=1, keepdims=True), SOURCE)
    assert np.abs(learner.priors_ - TARGET).max() < 0.05
    assert np.abs(learner.priors_ - TARGET).max() < np.abs(raw - TARGET).max()


@pytest.mark.parametrize("calibration", ["vector", "temperature", None])
def test_other_calibrations_come_to_the_same_for_a_calibrated_learner(shifted, calibration):
    carried, Xt, _ = shifted
    learner = LabelShift(LogisticRegression(), calibration=calibration)
    learner.fit(carried, Xt, NO_LABELS)
    np.testing.assert_allclose(learner.priors_, TARGET, atol=0.04)
    assert len(learner.calibration_) == (6 if calibration == "vector" else 4)


def test_without_calibration_the_learner_is_taken_at_its_word(shifted):
    carried, Xt, _ = shifted
    learner = LabelShift(LogisticRegression(), calibration=None).fit(carried, Xt, NO_LABELS)
    plain = em_priors(learner.learner_.predict_proba(Xt), learner.source_priors_)
    np.testing.assert_allclose(learner.priors_, plain, atol=1e-3)


def test_without_a_shift_it_leaves_the_shares_alone(shifted):
    carried = shifted[0]
    Xt, _ = mixture(SOURCE, 4000, 5)
    learner = LabelShift(LogisticRegression()).fit(carried, Xt, NO_LABELS)
    np.testing.assert_allclose(learner.priors_, SOURCE, atol=0.03)


def test_weighted_source_rows_have_weighted_shares(shifted):
    carried, Xt, _ = shifted
    weights = (TARGET / SOURCE)[carried.y]
    learner = LabelShift(LogisticRegression()).fit(
        carried._replace(sample_weight=weights), Xt, NO_LABELS
    )
    np.testing.assert_allclose(learner.source_priors_, TARGET, atol=0.03)
    np.testing.assert_allclose(learner.priors_, TARGET, atol=0.03)


def test_target_labels_are_not_used(shifted):
    carried, Xt, truth = shifted
    fits = [LabelShift(LogisticRegression()).fit(carried, Xt, yt) for yt in (NO_LABELS, truth)]
    np.testing.assert_array_equal(*[learner.priors_ for learner in fits])


def test_reweighing_posteriors_is_bayes_rule(rng):
    X = rng.normal(size=(50, 1)) * 3
    ours = reweigh_posteriors(posteriors(X, SOURCE), SOURCE, TARGET)
    np.testing.assert_allclose(ours, posteriors(X, TARGET), rtol=1e-10)


def test_a_row_that_only_absent_classes_explain_keeps_its_probabilities():
    p = np.array([[0.0, 1.0], [0.5, 0.5]])
    ours = reweigh_posteriors(p, np.array([0.5, 0.5]), np.array([1.0, 0.0]))
    np.testing.assert_allclose(ours, [[0.0, 1.0], [1.0, 0.0]])


def test_doubtful_shares_are_noted(rng):
    y = np.arange(200) % 2
    carried = Carried(rng.normal(size=(200, 2)) + 0.1 * y[:, None], y)
    learner = LabelShift(LogisticRegression(), method="bbse")
    learner.fit(carried, carried.X - 5.0, np.full(200, np.nan))
    assert "never predicted: [" in learner.notes_[0]
    same = Carried(np.zeros((200, 2)), y)
    learner.fit(same, np.zeros((5, 2)), np.full(5, np.nan))
    assert "rest on little: the confusions' condition number is inf" in learner.notes_[-1]


@pytest.mark.parametrize(
    ("learner", "y", "message"),
    [
        (LabelShift(LinearSVC()), [0, 0, 1, 1], "needs a classifier with predict_proba: LinearSVC"),
        (LabelShift(LogisticRegression(), method="mlls"), [0, 0, 1, 1], "found 'mlls'"),
        (
            LabelShift(LogisticRegression(), calibration="platt"),
            [0, 0, 1, 1],
            "calibration must be .*: found 'platt'",
        ),
        (LabelShift(LogisticRegression(), cv=1), [0, 0, 1, 1], "from 2 up: found 1"),
        (LabelShift(LogisticRegression()), [0, 0, 1, 0], r"rows of each class: .*1.* has one"),
    ],
)
def test_what_it_cannot_do_is_said_first(learner, y, message):
    carried = Carried(np.arange(4.0)[:, None], np.array(y))
    with pytest.raises(ValueError, match=message):
        learner.fit(carried, carried.X, np.full(4, np.nan))
