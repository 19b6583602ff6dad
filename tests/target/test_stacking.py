"""Source predictions as target features."""

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.tree import DecisionTreeRegressor

from landbridge.target import Stacking


def test_stacking_sees_the_source_models_probabilities(two_classes):
    carried, Xt, yt, truth = two_classes
    source = LogisticRegression().fit(carried.X, carried.y)
    wide = np.hstack([Xt, source.predict_proba(Xt)])
    theirs = LogisticRegression().fit(wide[:24], truth[:24])
    for model in (None, source):
        ours = Stacking(LogisticRegression()).fit(carried, Xt, yt, model)
        np.testing.assert_allclose(ours.predict_proba(Xt), theirs.predict_proba(wide), rtol=1e-10)


def test_stacking_sees_the_source_models_predictions_in_regression(numbers):
    carried, Xt, yt, _ = numbers
    source = DecisionTreeRegressor(random_state=0).fit(carried.X, carried.y)
    wide = np.hstack([Xt, source.predict(Xt)[:, None]])
    theirs = Ridge().fit(wide[:20], yt[:20])
    stacking = Stacking(Ridge(), source=DecisionTreeRegressor(random_state=0))
    ours = stacking.fit(carried, Xt, yt)
    np.testing.assert_allclose(ours.predict(Xt), theirs.predict(wide), rtol=1e-10)


def test_a_source_without_probabilities_gives_a_column_a_class(three_classes):
    carried, Xt, yt, _ = three_classes
    source = RidgeClassifier().fit(carried.X, carried.y)
    ours = Stacking(LogisticRegression()).fit(carried, Xt, yt, source)
    assert ours.learner_.n_features_in_ == 6
    assert (ours._view(Xt)[:, 3:].argmax(axis=1) + 7 == source.predict(Xt)).all()
    assert set(ours._view(Xt)[:, 3:].ravel()) == {0.0, 1.0}
