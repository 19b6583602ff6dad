"""The baseline without a source."""

import numpy as np
from sklearn.linear_model import LogisticRegression

from landbridge.target import TargetOnly


def test_target_only_is_the_learner_on_labelled_target_rows(two_classes):
    carried, Xt, yt, truth = two_classes
    theirs = LogisticRegression().fit(Xt[:24], truth[:24])
    ours = TargetOnly(LogisticRegression()).fit(carried, Xt, yt)
    np.testing.assert_allclose(ours.predict_proba(Xt), theirs.predict_proba(Xt), rtol=1e-10)


def test_classes_that_only_the_source_has_are_not_among_its_classes(three_classes):
    carried, Xt, yt, truth = three_classes
    yt = np.where(truth == 9, None, yt)
    ours = TargetOnly(LogisticRegression()).fit(carried, Xt, yt)
    assert ours.classes_.tolist() == [7, 8]
