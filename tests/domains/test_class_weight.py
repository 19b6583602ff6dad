"""Row weights against class imbalance."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils.class_weight import compute_sample_weight

from landbridge.mapping import Carried
from landbridge.target import Pooled, Refit, TargetOnly, class_weights

y = np.array(["ill", "well", "well", "well", "well", "dead"])


def test_auto_gives_every_class_the_same_weight_and_keeps_the_total():
    given = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    weights = class_weights(y, "auto", given)
    totals = [weights[y == name].sum() for name in ("ill", "well", "dead")]
    np.testing.assert_allclose(totals, 7.0)
    np.testing.assert_allclose(weights[1:5] / given[1:5], weights[1] / given[1])


def test_auto_is_scikit_learns_balanced_where_rows_weigh_the_same():
    np.testing.assert_allclose(class_weights(y, "auto"), compute_sample_weight("balanced", y))


def test_a_dict_multiplies_the_classes_that_it_names():
    assert class_weights(y, {"ill": 3.0, "dead": 0}).tolist() == [3, 1, 1, 1, 1, 0]


def test_none_leaves_the_weights_as_they_are():
    given = np.ones(6)
    assert class_weights(y, None) is None
    assert class_weights(y, None, given) is given


def test_a_class_without_weight_is_left_at_none():
    weights = class_weights(np.array([0, 0, 1]), "auto", np.array([1.0, 1.0, 0.0]))
    assert weights.tolist() == [1, 1, 0]


@pytest.mark.parametrize("kind", [Refit, Pooled, TargetOnly])
def test_balanced_learners_find_more_of_the_rare_class(kind, rng):
    labels = np.repeat([0, 1], [180, 20])
    X = rng.normal(size=(200, 2)) + labels[:, None]
    plain, balanced = (
        kind(LogisticRegression(), class_weight=weight).fit(Carried(X, labels), X, labels)
        for weight in (None, "auto")
    )
    recall = [(learner.predict(X)[labels == 1] == 1).mean() for learner in (plain, balanced)]
    assert recall[1] > recall[0] + 0.2
    ours = balanced.learner_.coef_
    theirs = LogisticRegression(class_weight="balanced").fit(X, labels).coef_
    assert kind is Pooled or np.abs(ours - theirs).max() < 1e-3


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ("balanced", "must be None, \"auto\" or a dict of classes: found 'balanced'"),
        ({"sick": 2.0}, r"names \['sick'\], which do not occur: the classes are \['dead', 'ill'"),
        ({"ill": -1.0}, "numbers from 0 up: found {'ill': -1.0}"),
    ],
)
def test_wrong_class_weights_are_refused(weight, message):
    with pytest.raises(ValueError, match=message):
        class_weights(y, weight)
