"""What every target learner promises, over the whole registry."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix, issparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from landbridge.mapping import Carried
from landbridge.source import has_probabilities
from landbridge.target import TARGETS, Pooled, Refit, TargetOnly

NEED_LABELS = {
    "target-only",
    "stacking",
    "augmentation",
    "interpolation",
    "tradaboost",
    "boosted",
    "ser",
    "strut",
}
CLASSES_ONLY = {"label-shift", "thresholded", "logit-adjusted", "strut"}
REGRESSION = [name for name in TARGETS if name not in CLASSES_ONLY]
LOGISTIC = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-8))


def fitted(name, task, learner=LOGISTIC):
    return TARGETS[name](learner).fit(task.carried, task.Xt, task.yt)


@pytest.mark.parametrize("name", TARGETS)
def test_it_learns_two_classes(name, two_classes):
    learner = fitted(name, two_classes)
    assert is_classifier(learner)
    assert learner.classes_.tolist() == ["no", "yes"]
    assert (learner.predict(two_classes.Xt) == two_classes.truth).mean() > 0.85


@pytest.mark.parametrize("name", [name for name in TARGETS if name != "thresholded"])
def test_it_learns_three_classes(name, three_classes):
    learner = fitted(name, three_classes)
    assert learner.classes_.tolist() == [7, 8, 9]
    assert (learner.predict(three_classes.Xt) == three_classes.truth).mean() > 0.8


@pytest.mark.parametrize("name", REGRESSION)
def test_it_learns_numbers(name, numbers):
    learner = fitted(name, numbers, Ridge())
    assert is_regressor(learner)
    assert not has_probabilities(learner)
    assert np.corrcoef(learner.predict(numbers.Xt), numbers.truth)[0, 1] > 0.95


@pytest.mark.parametrize("name", TARGETS)
def test_probabilities_sum_to_one_and_the_class_follows_from_them(name, two_classes):
    learner = fitted(name, two_classes)
    p = learner.predict_proba(two_classes.Xt)
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    if name != "thresholded":
        predicted = learner.classes_[p.argmax(axis=1)]
        np.testing.assert_array_equal(predicted, learner.predict(two_classes.Xt))


@pytest.mark.parametrize("name", TARGETS)
def test_any_two_values_are_labels_like_others(name, two_classes):
    carried, Xt, yt, _ = two_classes
    names = fitted(name, two_classes)
    for no, yes in [(-1, 1), (0, 1), (False, True), (1.0, 2.0)]:
        value = {"no": no, "yes": yes, None: None}
        ys, labels = (np.array([value[v] for v in y]) for y in (carried.y, yt))
        learner = TARGETS[name](LOGISTIC).fit(Carried(carried.X, ys), Xt, labels)
        assert learner.classes_.tolist() == [no, yes]
        expected = [value[v] for v in names.predict(Xt)]
        assert learner.predict(Xt).tolist() == expected


@pytest.mark.parametrize("name", TARGETS)
def test_a_blank_that_makes_floats_of_integers_changes_nothing(name, three_classes):
    carried, Xt, yt, _ = three_classes
    two = carried._replace(y=np.minimum(carried.y, 8))
    labels = np.array([np.nan if v is None else min(v, 8) for v in yt], dtype=float)
    learner = TARGETS[name](LOGISTIC).fit(two, Xt, labels)
    assert learner.classes_.tolist() == [7, 8]
    assert learner.predict(Xt).dtype.kind == "i"


@pytest.mark.parametrize("name", TARGETS)
def test_inputs_are_left_as_they_were(name, two_classes):
    carried, Xt, yt, _ = two_classes
    weighted = carried._replace(sample_weight=np.linspace(0.5, 1.5, 120))
    before = [a.copy() for a in (*weighted, Xt, yt)]
    learner = TARGETS[name](LOGISTIC).fit(weighted, Xt, yt)
    learner.predict(Xt), learner.predict_proba(Xt)
    for was, now in zip(before, (*weighted, Xt, yt)):
        np.testing.assert_array_equal(was, now)
    assert not hasattr(LOGISTIC, "classes_")


@pytest.mark.parametrize("name", TARGETS)
def test_a_clone_and_a_second_fit_come_to_the_same(name, two_classes):
    learner = fitted(name, two_classes)
    first = learner.predict_proba(two_classes.Xt)
    again = clone(learner)
    with pytest.raises((NotFittedError, AttributeError)):
        again.predict(two_classes.Xt)
    for other in (again, learner):
        other.fit(two_classes.carried, two_classes.Xt, two_classes.yt)
        np.testing.assert_array_equal(first, other.predict_proba(two_classes.Xt))
    assert isinstance(learner.notes_, list)


@pytest.mark.parametrize("name", TARGETS)
def test_parameters_can_be_read_and_set(name):
    learner = TARGETS[name](LOGISTIC)
    parameters = learner.get_params()
    assert clone(learner).get_params(deep=False).keys() == learner.get_params(deep=False).keys()
    deepest = [key for key in parameters if key.endswith("logisticregression__C")]
    for key in deepest:
        assert learner.set_params(**{key: 3.0}).get_params()[key] == 3.0
        learner.set_params(**{key: 1.0})
    assert deepest or name in {"regular", "ser", "strut"}  # which have a learner of their own


@pytest.mark.parametrize("name", TARGETS)
def test_the_order_of_rows_does_not_matter(name, two_classes, rng):
    carried, Xt, yt, _ = two_classes
    s, t = rng.permutation(120), rng.permutation(60)
    shuffled = Carried(carried.X[s], carried.y[s])
    first = fitted(name, two_classes)
    second = TARGETS[name](LOGISTIC).fit(shuffled, Xt[t], yt[t])
    np.testing.assert_allclose(first.predict_proba(Xt), second.predict_proba(Xt), atol=1e-4)


@pytest.mark.parametrize("name", TARGETS)
def test_without_target_labels_it_learns_or_says_that_it_cannot(name, two_classes):
    none = two_classes._replace(yt=np.full(60, None))
    if name in NEED_LABELS:
        with pytest.raises(ValueError, match="needs labelled target rows: none of 60 has a label"):
            fitted(name, none)
    else:
        assert (fitted(name, none).predict(none.Xt) == none.truth).mean() > 0.8


@pytest.mark.parametrize("name", REGRESSION)
def test_without_target_numbers_it_learns_or_says_that_it_cannot(name, numbers):
    none = numbers._replace(yt=np.full(60, np.nan))
    if name in NEED_LABELS:
        with pytest.raises(ValueError, match="needs labelled target rows"):
            fitted(name, none, Ridge())
    else:
        assert np.corrcoef(fitted(name, none, Ridge()).predict(none.Xt), none.truth)[0, 1] > 0.9


@pytest.mark.parametrize("name", TARGETS)
def test_float32_rows_give_what_float64_rows_do(name, two_classes):
    carried, Xt, yt, _ = two_classes
    single = Carried(carried.X.astype(np.float32), carried.y)
    narrow = TARGETS[name](LOGISTIC).fit(single, Xt.astype(np.float32), yt)
    wide = fitted(name, two_classes)
    np.testing.assert_allclose(
        narrow.predict_proba(Xt.astype(np.float32)), wide.predict_proba(Xt), atol=2e-3
    )


@pytest.mark.parametrize("name", TARGETS)
def test_sparse_rows_give_what_dense_rows_do(name, two_classes):
    carried, Xt, yt, _ = two_classes
    learner = make_pipeline(StandardScaler(with_mean=False), LogisticRegression(tol=1e-8))
    sparse = Carried(csr_matrix(carried.X), carried.y)
    thin = TARGETS[name](learner).fit(sparse, csr_matrix(Xt), yt)
    wide = TARGETS[name](learner).fit(carried, Xt, yt)
    np.testing.assert_allclose(
        thin.predict_proba(csr_matrix(Xt)), wide.predict_proba(Xt), atol=5e-3
    )


def test_sparse_rows_stay_sparse_on_their_way_to_the_learner(two_classes, monkeypatch):
    seen = []
    learn = LogisticRegression.fit
    monkeypatch.setattr(
        LogisticRegression, "fit", lambda self, X, y, **kw: seen.append(X) or learn(self, X, y)
    )
    carried, Xt, yt, _ = two_classes
    sparse = Carried(csr_matrix(carried.X), carried.y)
    for name in set(TARGETS) - {"regular", "tradaboost"}:  # see test_boosting
        TARGETS[name](LogisticRegression()).fit(sparse, csr_matrix(Xt), yt)
    assert seen
    assert all(issparse(X) for X in seen)


@pytest.mark.parametrize("name", TARGETS)
def test_weights_of_carried_rows_count(name, two_classes):
    carried, Xt, yt, _ = two_classes
    weights = np.where(carried.y == "yes", 0.05, 1.0)
    weighted = TARGETS[name](LOGISTIC).fit(carried._replace(sample_weight=weights), Xt, yt)
    changed = np.abs(weighted.predict_proba(Xt) - fitted(name, two_classes).predict_proba(Xt)).max()
    assert changed == 0 if name == "target-only" else changed > 1e-6


@pytest.mark.parametrize("name", ["refit", "pooled", "augmentation", "stacking", "label-shift"])
def test_a_learner_without_weights_refuses_rows_that_weigh_differently(name, two_classes):
    weighted = two_classes.carried._replace(sample_weight=np.linspace(0.5, 1.5, 120))
    with pytest.raises(ValueError, match=r"KNeighborsClassifier takes no sample weights.*Choose"):
        TARGETS[name](KNeighborsClassifier()).fit(weighted, two_classes.Xt, two_classes.yt)


@pytest.mark.parametrize("name", [name for name in TARGETS if name != "tradaboost"])
def test_a_learner_without_weights_serves_where_all_rows_weigh_the_same(name, two_classes):
    learner = fitted(name, two_classes, KNeighborsClassifier())
    assert (learner.predict(two_classes.Xt) == two_classes.truth).mean() > 0.8


@pytest.mark.parametrize("name", TARGETS)
def test_the_same_seed_gives_the_same_forest(name, two_classes):
    forest = RandomForestClassifier(n_estimators=5, random_state=3)
    first, second = (fitted(name, two_classes, forest) for _ in range(2))
    np.testing.assert_array_equal(
        first.predict_proba(two_classes.Xt), second.predict_proba(two_classes.Xt)
    )


@pytest.mark.parametrize("name", REGRESSION)
def test_text_labels_are_no_numbers(name, numbers):
    with pytest.raises(ValueError, match="Regression needs numbers as labels: yt hold 'high'"):
        TARGETS[name](Ridge()).fit(numbers.carried, numbers.Xt, np.full(60, "high", dtype=object))


def test_labels_of_two_types_are_refused(two_classes):
    labels = np.full(60, 1)
    with pytest.raises(TypeError, match="mix types that cannot be compared: int and str"):
        Refit(LOGISTIC).fit(two_classes.carried, two_classes.Xt, labels)


def test_one_class_is_not_enough_to_learn_from(two_classes):
    carried, Xt, _, _ = two_classes
    one = Carried(carried.X, np.full(120, "no"))
    with pytest.raises(ValueError, match=r"Refit needs rows of two classes.*only \['no'\]"):
        Refit(LOGISTIC).fit(one, Xt, np.full(60, None))
    labels = np.array(["no", *[None] * 59])
    with pytest.raises(ValueError, match="TargetOnly needs rows of two classes"):
        TargetOnly(LOGISTIC).fit(carried, Xt, labels)


def test_one_target_number_is_not_enough_for_the_target_alone(numbers):
    one = np.array([1.0, *[np.nan] * 59])
    with pytest.raises(ValueError, match=r"TargetOnly needs two labelled rows .* found 1"):
        TargetOnly(Ridge()).fit(numbers.carried, numbers.Xt, one)
    assert Pooled(Ridge()).fit(numbers.carried, numbers.Xt, one).predict(numbers.Xt).shape == (60,)


def test_class_weights_are_refused_in_regression(numbers):
    with pytest.raises(ValueError, match="class_weight is for classification: found 'auto'"):
        Refit(Ridge(), class_weight="auto").fit(numbers.carried, numbers.Xt, numbers.yt)
