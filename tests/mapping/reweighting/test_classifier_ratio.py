import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from landbridge.mapping.reweighting import ClassifierRatio, classifier_ratio
from landbridge.mapping.reweighting.basis import row_hashes


def test_odds_of_the_classifier_are_the_ratio(shifted):
    learner = LogisticRegression(C=10.0)
    ours = shifted.fit(ClassifierRatio(learner, kernel="linear", cv=None, cap=None))
    domain = np.repeat([0, 1], [600, 500])
    p = learner.fit(np.vstack([shifted.Xs, shifted.Xt]), domain).predict_proba(shifted.Xs)[:, 1]
    ratio = 600 / 500 * p / (1 - p)
    np.testing.assert_allclose(ours.weights(shifted.Xs), ratio / ratio.mean(), rtol=1e-6)


def test_a_mean_shift_of_normals_is_a_log_linear_ratio(rng):
    Xs, Xt = rng.normal(size=(4000, 3)), rng.normal([1.0, 0.0, 0.0], size=(1000, 3))
    weights = ClassifierRatio(kernel="linear", cap=None).fit(Xs, Xt).weights(Xs)
    true = np.exp(Xs[:, 0])
    assert np.corrcoef(weights, true)[0, 1] > 0.98


def test_source_rows_are_judged_by_a_classifier_that_never_saw_them(rng):
    """A forest tells the very rows it was trained on apart, even where domains are the same."""
    Xs, Xt = rng.normal(size=(400, 2)), rng.normal(size=(400, 2))
    forest = RandomForestClassifier(20, random_state=0)
    seen, unseen = (
        ClassifierRatio(forest, "linear", cv=cv, cap=None).fit(Xs, Xt) for cv in (None, 5)
    )
    assert np.median(seen.weights(Xt[:100])) > 10 * np.median(seen.weights(Xs[:100]))
    assert 0.2 < np.median(unseen.weights(Xt[:100])) / np.median(unseen.weights(Xs[:100])) < 5


def test_each_fold_counts_the_rows_it_was_trained_on(shifted):
    mapping = shifted.fit(ClassifierRatio(cv=3))
    folds = [row_hashes(X) % np.uint64(3) for X in (shifted.Xs, shifted.Xt)]
    expected = [[(fold != k).sum() for fold in folds] for k in range(3)]
    np.testing.assert_allclose(mapping.domain_weights_, expected)


def test_the_fold_of_a_row_depends_on_what_is_in_it_alone(rng):
    X = rng.normal(size=(3000, 4)).astype(np.float32)
    folds = row_hashes(X) % np.uint64(5)
    np.testing.assert_array_equal(row_hashes(X[::-1].astype(float))[::-1] % np.uint64(5), folds)
    assert np.bincount(folds.astype(int)).min() > 500


def test_zero_and_minus_zero_are_one_row():
    assert row_hashes(np.array([[0.0, 1.0]])) == row_hashes(np.array([[-0.0, 1.0]]))


def test_a_classifier_without_probabilities_is_refused(shifted):
    with pytest.raises(ValueError, match=r"LinearSVC has no predict_proba\. Wrap it"):
        shifted.fit(ClassifierRatio(LinearSVC()))


def test_source_weights_reach_the_last_step_of_a_pipeline(shifted):
    given = 1.0 + np.arange(600) % 2
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    mapping = shifted.fit(ClassifierRatio(pipeline, "linear", cv=None), sample_weight=given)
    domain, weights = np.repeat([0, 1], [600, 500]), np.append(given / 1.5, np.ones(500))
    rows = np.vstack([shifted.Xs, shifted.Xt])
    plain = clone(pipeline).fit(rows, domain, logisticregression__sample_weight=weights)
    np.testing.assert_allclose(mapping.classifiers_[0][-1].coef_, plain[-1].coef_, rtol=1e-6)


def test_a_classifier_that_takes_no_weights_is_refused_where_there_are_some(shifted):
    mapping = ClassifierRatio(KNeighborsClassifier())
    assert shifted.fit(mapping).effective_size_ > 0
    with pytest.raises(ValueError, match="KNeighborsClassifier takes no sample weights"):
        shifted.fit(mapping, sample_weight=1.0 + np.arange(600) % 2)


def test_a_wrong_number_of_folds_is_named(shifted):
    with pytest.raises(ValueError, match="cv must be None or a whole number from 2 up: found 1"):
        shifted.fit(ClassifierRatio(cv=1))


def test_many_features_are_held_in_float32_to_the_same_effect(shifted, monkeypatch):
    full = shifted.fit(ClassifierRatio(n_features=30)).weights(shifted.Xs)
    monkeypatch.setattr(classifier_ratio, "SMALL", 1000)
    ratio = shifted.fit(ClassifierRatio(n_features=30))
    X = classifier_ratio.joint_features(ratio.features_, (shifted.Xs, shifted.Xt))
    assert X.dtype == np.float32
    np.testing.assert_allclose(
        X, ratio.features_.transform(np.vstack([shifted.Xs, shifted.Xt])), atol=1e-5
    )
    np.testing.assert_allclose(ratio.weights(shifted.Xs), full, rtol=0.02, atol=0.02)
