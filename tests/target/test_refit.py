"""Learning from carried rows alone."""

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge

from landbridge.target import Refit


def test_refit_is_the_learner_on_carried_rows(numbers):
    theirs = Ridge().fit(numbers.carried.X, numbers.carried.y)
    ours = Refit(Ridge()).fit(numbers.carried, numbers.Xt, numbers.yt)
    np.testing.assert_array_equal(ours.predict(numbers.Xt), theirs.predict(numbers.Xt))


def test_refit_takes_the_weights_of_carried_rows(two_classes, rng):
    weights = rng.uniform(0.1, 2.0, 120)
    carried = two_classes.carried._replace(sample_weight=weights)
    theirs = LogisticRegression().fit(carried.X, carried.y, sample_weight=weights)
    ours = Refit(LogisticRegression()).fit(carried, two_classes.Xt, two_classes.yt)
    np.testing.assert_allclose(ours.learner_.coef_, theirs.coef_, rtol=1e-10)


def test_refit_does_not_look_at_target_labels(two_classes):
    hidden = np.full(60, None)
    fits = [
        Refit(LogisticRegression()).fit(two_classes.carried, two_classes.Xt, yt)
        for yt in (two_classes.yt, hidden)
    ]
    np.testing.assert_array_equal(*[learner.learner_.coef_ for learner in fits])
