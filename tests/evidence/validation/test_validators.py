"""Every validator: what it is, what it sees, and what it makes of bad models."""

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import balanced_accuracy_score, r2_score
from sklearn.metrics import silhouette_score as sklearns_silhouette
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from landbridge import Transfer
from landbridge.domains.folds import content_key
from landbridge.evidence.validation import (
    VALIDATORS,
    Seen,
    make_label_free_scorer,
    score_without_labels,
)
from landbridge.evidence.validation.agreement import agreement_score, majority
from landbridge.evidence.validation.weighing import embedded_risk

NUMBERS = [name for name, kind in VALIDATORS.items() if not kind.needs_classes]
OF_PREDICTIONS = ["source", "iwcv", "reverse", "mixval"]


@pytest.fixture(scope="module")
def domains():
    """Three classes, held-out source rows, a target that is turned and moved."""
    X, y = make_blobs(360, centers=[[0, 0], [4, 0], [0, 4]], random_state=0)
    Xt = X[240:] @ np.array([[0.9, -0.4], [0.4, 0.9]]) + [1.0, -0.5]
    return X[:160], y[:160], X[160:240], y[160:240], Xt, y[240:]


def fitted(domains, mapping="coral", learner=None):
    Xs, ys, _, _, Xt, _ = domains
    return Transfer(learner or LogisticRegression(), mapping).fit(Xs, ys, Xt)


@pytest.fixture(scope="module")
def seen(domains):
    others = [fitted(domains, name) for name in ("identity", "recentre")]
    return Seen(fitted(domains), *domains[2:5], others=others)


class Constant(ClassifierMixin, BaseEstimator):
    """Says the first class, and is sure of it."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.tile(np.eye(len(self.classes_))[0], (len(X), 1))

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


@pytest.mark.parametrize("name", VALIDATORS)
def test_every_validator_gives_a_number(seen, name):
    assert np.isfinite(score_without_labels(name, seen))


@pytest.mark.parametrize("name", VALIDATORS)
def test_the_order_of_rows_does_not_matter(domains, seen, name):
    rng = np.random.default_rng(1)
    _, _, Xh, yh, Xt, _ = domains
    order, there = rng.permutation(len(yh)), rng.permutation(len(Xt))
    other = Seen(seen.model, Xh[order], yh[order], Xt[there], others=seen.others)
    expected = score_without_labels(name, seen)
    assert score_without_labels(name, other) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", VALIDATORS)
def test_rows_drawn_from_many_do_not_depend_on_their_order_either(domains, seen, name):
    _, _, Xh, yh, Xt, _ = domains
    options = {"others": seen.others, "max_rows": 50}
    first = Seen(seen.model, Xh, yh, Xt, **options)
    second = Seen(seen.model, Xh[::-1], yh[::-1], Xt[::-1], **options)
    assert first.Xt.shape == second.Xs.shape == (50, 2)
    expected = score_without_labels(name, first)
    assert score_without_labels(name, second) == pytest.approx(expected, rel=1e-6, abs=1e-9)


LOW = ["diversity", "information", "bnm", "clusters", "silhouette", "source", "reverse"]
DECEIVED = ["entropy", "snd", "mano", "mixval"]


@pytest.mark.parametrize("name", [*LOW, "agreement", "iwcv", "dev"])
def test_one_class_for_all_rows_scores_low(domains, seen, name):
    Xs, ys, Xh, yh, Xt, _ = domains
    collapsed = Seen(Constant().fit(Xs, ys), Xh, yh, Xt, others=seen.others)
    assert score_without_labels(name, collapsed) < score_without_labels(name, seen) - 0.05


@pytest.mark.parametrize("name", DECEIVED)
def test_one_class_for_all_rows_deceives_these(domains, seen, name):
    Xs, ys, Xh, yh, Xt, _ = domains
    collapsed = Seen(Constant().fit(Xs, ys), Xh, yh, Xt)
    assert score_without_labels(name, collapsed) >= score_without_labels(name, seen)


def test_reverse_validation_is_the_round_trip(domains, seen):
    _, _, Xh, yh, Xt, _ = domains
    back = clone(seen.model).fit(Xt, seen.model.predict(Xt), Xh)
    expected = balanced_accuracy_score(yh, back.predict(Xh))
    assert score_without_labels("reverse", seen) == pytest.approx(expected, rel=1e-12)


def test_importance_weighting_is_the_weighted_share_of_right_rows(domains, seen):
    _, _, Xh, yh, _, _ = domains
    right = seen.model.predict(Xh, sample_domain=np.ones(len(yh))) == yh
    w = seen.input_ratios
    expected = sum(w[right]) / sum(w)
    assert score_without_labels("iwcv", seen) == pytest.approx(expected, rel=1e-12)


def test_weights_of_source_rows_count(domains, seen):
    _, _, Xh, yh, Xt, _ = domains
    right = seen.predicted_source == yh
    weighed = Seen(seen.model, Xh, yh, Xt, sample_weight=np.where(right, 1.0, 1e-9))
    assert not right.all()
    assert score_without_labels("iwcv", weighed) == pytest.approx(1.0, abs=1e-6)


def test_the_control_variate_is_the_papers_and_lowers_the_variance():
    rng = np.random.default_rng(0)
    losses, w = rng.random(50), rng.random(50) * 2
    L = [a * b for a, b in zip(losses, w)]
    cov = sum((a - np.mean(L)) * (b - np.mean(w)) for a, b in zip(L, w)) / 49
    eta = -cov / (sum((b - np.mean(w)) ** 2 for b in w) / 49)
    expected = np.mean(L) + eta * np.mean(w) - eta
    assert embedded_risk(losses, w) == pytest.approx(expected, rel=1e-10)
    plain, controlled = [], []
    for _ in range(200):
        x = rng.normal(size=200)
        ratio = np.exp(0.5 * x - 0.125)  # of a target that lies half a deviation on
        loss = 1 + 0.2 * rng.random(200)
        plain.append(np.mean(ratio * loss))
        controlled.append(embedded_risk(loss, ratio))
    assert np.mean(controlled) == pytest.approx(1.1, abs=0.01)
    assert np.std(controlled) < 0.3 * np.std(plain)


def test_equal_ratios_leave_the_mean_loss():
    assert embedded_risk([1.0, 2.0, 6.0], [1.0, 1.0, 1.0]) == pytest.approx(3.0)
    with pytest.raises(ValueError, match="one value a row, of 2 rows at least"):
        embedded_risk([1.0], [1.0])


def test_the_silhouette_is_scikit_learns(domains, seen):
    Xt = domains[4]
    expected = sklearns_silhouette(Xt, seen.model.predict(Xt))
    assert score_without_labels("silhouette", seen) == pytest.approx(expected, rel=1e-10)


def test_clusters_agree_wholly_with_the_labels_of_separate_groups():
    X, y = make_blobs(90, centers=[[0, 0], [50, 0], [0, 50]], random_state=0)
    model = LogisticRegression().fit(X, y)
    assert score_without_labels("clusters", Seen(model, X, y, X)) == pytest.approx(1.0)


def test_mixed_rows_of_one_label_keep_it_where_regions_are_convex(domains, seen):
    assert 0.5 < score_without_labels("mixval", seen) <= 1.0
    rng = np.random.default_rng(0)
    noise = Transfer(KNeighborsClassifier(1), "identity").fit(
        domains[0], rng.permutation(domains[1]), domains[4]
    )
    scrambled = Seen(noise, *domains[2:5])
    assert score_without_labels("mixval", scrambled) < score_without_labels("mixval", seen)


def test_the_mixed_score_is_its_definition_row_by_row(seen):
    order = np.argsort(content_key(seen.Xt), kind="stable")
    X, labels = seen.Xt[order], seen.model.predict(seen.Xt[order])
    rng = np.random.default_rng(0)
    scores = []
    for _ in range(5):
        kept = {True: [], False: []}
        for i, j in enumerate(rng.permutation(len(X))):
            mixed = seen.model.predict((0.55 * X[i] + 0.45 * X[j])[None])[0]
            kept[bool(labels[i] == labels[j])].append(mixed == labels[i])
        scores.append((np.mean(kept[True]) + np.mean(kept[False])) / 2)
    assert score_without_labels("mixval", seen) == pytest.approx(np.mean(scores), rel=1e-12)


def test_a_source_that_is_carried_onto_the_target_is_liker(domains):
    scores = [
        score_without_labels("likeness", Seen(fitted(domains, name), *domains[2:5]))
        for name in ("identity", "coral")
    ]
    assert scores[0] < scores[1]


def test_the_majority_is_the_commonest_label_row_by_row(seen):
    rng = np.random.default_rng(0)
    table = rng.integers(0, 3, size=(7, 20)).astype(str)
    slow = [max(sorted(set(column)), key=list(column).count) for column in table.T]
    assert majority(list(table)).tolist() == slow
    theirs = majority([model.predict(seen.Xt).astype(str) for model in seen.others])
    expected = np.mean(theirs == seen.model.predict(seen.Xt).astype(str))
    assert agreement_score(seen) == expected


def test_margins_stand_in_for_probabilities(domains):
    Xs, ys, Xh, yh, Xt, _ = domains
    three = Seen(fitted(domains, learner=LinearSVC()), Xh, yh, Xt)
    margins = three.model.target_.learner_.decision_function(Xt)
    np.testing.assert_allclose(three.probabilities, softmax(margins, axis=1), rtol=1e-12)
    two = Transfer(SVC(), "coral").fit(Xs, ys > 0, Xt)
    margin = two.target_.learner_.decision_function(Xt)
    np.testing.assert_allclose(Seen(two, Xh, yh > 0, Xt).probabilities[:, 1], expit(margin))
    others = [Transfer(SVC(), name).fit(Xs, ys > 0, Xt) for name in ("identity", "recentre")]
    for name in VALIDATORS:
        seen = Seen(two, Xh, yh > 0, Xt, others=others)
        assert np.isfinite(score_without_labels(name, seen))


def test_without_probabilities_and_margins_the_remedy_is_named(domains):
    class Bare(Constant):
        predict_proba = None

    Xs, ys, Xh, yh, Xt, _ = domains
    seen = Seen(Bare().fit(Xs, ys), Xh, yh, Xt)
    with pytest.raises(ValueError, match=r'Bare has neither probabilities nor margins.* "mixval"'):
        score_without_labels("entropy", seen)
    assert all(np.isfinite(score_without_labels(name, seen)) for name in OF_PREDICTIONS)


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_judged_where_the_mathematics_allows(name):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = X @ [1.0, 2.0, -1.0] + 0.1 * rng.normal(size=200)
    Xt = X[150:] + 0.3
    good = Transfer(Ridge(), "coral").fit(X[:100], y[:100], Xt)
    poor = Transfer(Ridge(), "coral").fit(X[:100], rng.permutation(y[:100]), Xt)
    scores = [score_without_labels(name, Seen(m, X[100:150], y[100:150], Xt)) for m in (good, poor)]
    assert scores[0] >= scores[1]
    assert name == "likeness" or scores[0] > scores[1]


def test_in_regression_the_source_score_is_r2():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    y = X[:, 0] + rng.normal(size=60)
    model = Transfer(Ridge(), "identity").fit(X[:30], y[:30], X[30:])
    expected = r2_score(y[30:], model.predict(X[30:]))
    found = score_without_labels("source", Seen(model, X[30:], y[30:], X[30:]))
    assert found == pytest.approx(expected)


def test_numbers_are_refused_by_validators_of_classes():
    X = np.arange(12.0).reshape(6, 2)
    model = Transfer(Ridge(), "identity").fit(X, X[:, 0], X)
    with pytest.raises(ValueError, match='"snd" is for classes, and Transfer predicts numbers'):
        score_without_labels("snd", Seen(model, X, X[:, 0], X))


class Broken(Constant):
    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), np.nan)


def test_bad_input_is_named(domains, seen):
    Xs, ys, Xh, yh, Xt, _ = domains
    model = seen.model
    with pytest.raises(ValueError, match='validator must be "source", "iwcv"'):
        score_without_labels("accuracy", seen)
    with pytest.raises(ValueError, match="2 target rows at least: found 80 of weight above"):
        Seen(model, Xh, yh, Xt[:1])
    with pytest.raises(ValueError, match="sample_weight"):
        Seen(model, Xh, yh, Xt, sample_weight=np.zeros(len(yh)))
    with pytest.raises(ValueError, match="must be finite: 120 of 120 rows"):
        score_without_labels("entropy", Seen(Broken().fit(Xs, ys), Xh, yh, Xt))
    with pytest.raises(ValueError, match="others has none"):
        score_without_labels("agreement", Seen(model, Xh, yh, Xt))


def test_blank_source_labels_are_left_out(domains, seen):
    _, _, Xh, yh, Xt, _ = domains
    some = [None if k < 30 else label for k, label in enumerate(yh.tolist())]
    found = Seen(seen.model, Xh, some, Xt)
    assert found.ys.tolist() == yh[30:].tolist()
    expected = score_without_labels("source", Seen(seen.model, Xh[30:], yh[30:], Xt))
    assert score_without_labels("source", found) == expected


@pytest.fixture
def routed():
    with config_context(enable_metadata_routing=True):
        yield


def stacked(domains):
    Xs, ys, _, _, Xt, yt = domains
    return np.vstack([Xs, Xt]), np.append(ys, yt), np.repeat([1, -1], [len(ys), len(Xt)])


@pytest.mark.parametrize("name", VALIDATORS)
def test_a_scorer_never_sees_target_labels(domains, seen, name):
    X, y, domain = stacked(domains)
    scorer = make_label_free_scorer(name, others=seen.others)
    scores = {
        scorer(seen.model, X, np.where(domain > 0, y, wrong), sample_domain=domain)
        for wrong in (-1, 0, 2, 99)
    }
    assert len(scores) == 1
    poisoned = [label if source > 0 else {"poison"} for label, source in zip(y, domain)]
    assert scorer(seen.model, X, poisoned, sample_domain=domain) in scores


@pytest.mark.parametrize("name", ["snd", "iwcv", "dev", "reverse", "information"])
def test_a_grid_search_goes_by_any_of_them(domains, routed, name):
    X, y, domain = stacked(domains)
    masked = np.where(domain > 0, y, -1)
    model = Transfer(LogisticRegression()).set_fit_request(sample_domain=True)
    grid = {"mapping": ["identity", "coral"]}
    search = GridSearchCV(model, grid, scoring=make_label_free_scorer(name), cv=2)
    search.fit(X, masked, sample_domain=domain)
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert search.best_params_["mapping"] == grid["mapping"][int(np.argmax(scores))]


def test_a_scorer_finds_the_transfer_in_a_pipeline(domains, routed):
    X, y, domain = stacked(domains)
    model = Transfer(LogisticRegression(), "coral").set_fit_request(sample_domain=True)
    pipeline = make_pipeline(StandardScaler(), model)
    found = cross_validate(
        pipeline,
        X,
        np.where(domain > 0, y, -1),
        cv=2,
        params={"sample_domain": domain},
        scoring=make_label_free_scorer("reverse"),
        error_score="raise",
    )
    assert (found["test_score"] > 0.6).all()


def test_a_scorer_without_domains_says_how_they_come(domains, seen):
    X, y, _ = stacked(domains)
    with pytest.raises(ValueError, match="enable_metadata_routing=True"):
        make_label_free_scorer("snd")(seen.model, X, y)
    with pytest.raises(ValueError, match="validator must be"):
        make_label_free_scorer("accuracy")


@pytest.mark.parametrize("kind", [float, bool])
def test_labels_that_are_the_same_number_agree_whatever_their_type(domains, kind):
    Xs, ys, X_held, y_held, Xt, _ = domains
    ys, y_held = np.minimum(ys, 1), np.minimum(y_held, 1)
    ours = Transfer(LogisticRegression(), "coral").fit(Xs, ys, Xt)
    other = Transfer(LogisticRegression(), "coral").fit(Xs, ys.astype(kind), Xt)
    assert score_without_labels("agreement", Seen(ours, X_held, y_held, Xt, others=[other])) == 1.0


def test_labels_of_another_type_than_the_models_classes_are_refused(domains):
    with pytest.raises(TypeError, match="mix types that cannot be compared: int and str"):
        Seen(fitted(domains), domains[2], domains[3].astype(str), domains[4])


def test_one_predicted_class_has_no_clusters_even_where_all_rows_are_one(domains):
    model = Constant().fit(domains[0], domains[1])
    for rows in (domains[4], np.ones((20, 2))):
        assert score_without_labels("clusters", Seen(model, *domains[2:4], rows)) == 0.0


def test_a_scorer_refuses_labels_that_are_not_one_a_row(domains):
    Xs, ys, _, _, Xt, _ = domains
    X, domain = np.vstack([Xs, Xt]), np.repeat([1, -1], [len(Xs), len(Xt)])
    scorer = make_label_free_scorer("source")
    with pytest.raises(ValueError, match=r"found 160 for 280 rows"):
        scorer(fitted(domains), X, ys, domain)
    with pytest.raises(ValueError, match="found y=None"):
        scorer(fitted(domains), X, None, domain)


def test_text_labels_can_be_masked_for_scikit_learns_folds(domains):
    Xs, ys, _, _, Xt, _ = domains
    names = np.array(["a", "b", "c"])[ys]
    X, domain = np.vstack([Xs, Xt]), np.repeat([1, -1], [len(Xs), len(Xt)])
    masked = np.concatenate([names, np.full(len(Xt), -1)])  # NumPy makes "-1" of it
    with config_context(enable_metadata_routing=True):
        model = Transfer(LogisticRegression()).set_fit_request(sample_domain=True)
        search = GridSearchCV(
            model, {"mapping": ["identity", "coral"]}, scoring=make_label_free_scorer("information")
        ).fit(X, masked, sample_domain=domain)
    assert search.best_estimator_.classes_.tolist() == ["a", "b", "c"]
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
