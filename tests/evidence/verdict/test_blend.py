import numpy as np
import pytest
from scipy.special import softmax
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.linear_model import LinearRegression, LogisticRegression

from landbridge import AutoTransfer, Transfer, compare, load, save
from landbridge.evidence.verdict import blend as module
from landbridge.evidence.verdict.blend import Blend, blend_weights, class_losses, held_out_blend
from landbridge.evidence.verdict.candidates import baselines

LEARNER = LogisticRegression()


@pytest.fixture
def domains(rng):
    Xs, Xt = rng.normal(size=(120, 4)), rng.normal(size=(90, 4))
    yt = np.where(np.arange(90) < 30, Xt[:, 0] > 0, np.nan)
    return Xs, (Xs[:, 0] > 0).astype(int), Xt, yt


def test_weights_are_likelihoods_to_the_rate_where_rows_are_many_alike(rng):
    """Equal rows make the bootstrap moot: what is left is the formula."""
    losses = np.repeat([[0.2], [0.25], [0.4]], 10, axis=1)
    expected = softmax(-module.RATE * losses.sum(axis=1))
    np.testing.assert_allclose(blend_weights(losses), expected, rtol=1e-9)


def test_losses_are_minus_the_log_of_the_chance_of_what_came(rng):
    chances, codes = rng.dirichlet(np.ones(3), 20), rng.integers(0, 3, 20)
    expected = [-np.log(0.99 * chances[i, c] + 0.01 / 3) for i, c in enumerate(codes)]
    np.testing.assert_allclose(class_losses(chances, codes), expected)


def test_one_row_does_not_decide():
    losses = np.zeros((2, 10))
    losses[1, 0] = 5.0
    plain = softmax(-module.RATE * losses.sum(axis=1))
    assert plain[1] < blend_weights(losses)[1] < 0.5


def test_held_out_rows_have_no_say_in_their_own_weights(rng):
    classes = np.array([0, 1])
    observed = np.tile([0, 1], 10)
    chances = rng.dirichlet(np.ones(2), (3, 20))
    folds = [np.arange(10), np.arange(10, 20)]
    predicted, _ = held_out_blend(chances, observed, folds, classes, balance=False)
    turned = observed.copy()
    turned[:10] = 1 - turned[:10]
    again, _ = held_out_blend(chances, turned, folds, classes, balance=False)
    np.testing.assert_array_equal(again[:10], predicted[:10])
    assert not np.allclose(again[10:], predicted[10:])


def test_rare_classes_count_as_much_where_balance_is_asked_for():
    observed = np.array([0] * 18 + [1] * 2)
    knows = {0: [0.9, 0.1], 1: [0.1, 0.9]}
    for_common = np.array([[0.9, 0.1]] * 20)
    right = np.array([knows[c] for c in observed])
    both = np.stack([for_common, 0.85 * right + 0.075])
    folds, classes = [np.arange(0, 20, 2), np.arange(1, 20, 2)], np.array([0, 1])
    plain = held_out_blend(both, observed, folds, classes, balance=False)[1]
    balanced = held_out_blend(both, observed, folds, classes, balance=True)[1]
    assert balanced[1] > plain[1]


def test_a_blend_is_the_weighted_mean_of_its_members(domains):
    models = [Transfer(LEARNER), Transfer(LEARNER, "recentre"), Transfer(LEARNER, "coral")]
    blend = Blend(models, [0.7, 0.29, 0.01]).fit(*domains)
    assert len(blend.models_) == 2
    parts = [clone(model).fit(*domains).predict_proba(domains[2]) for model in models[:2]]
    expected = (0.7 * parts[0] + 0.29 * parts[1]) / 0.99
    np.testing.assert_allclose(blend.predict_proba(domains[2]), expected)
    assert is_classifier(blend)
    numbers = Blend([Transfer(LinearRegression())], [1.0])
    assert is_regressor(numbers) and not hasattr(numbers, "predict_proba")


def test_a_blend_is_used_where_nothing_is_proved_and_can_be_saved(domains, tmp_path):
    model = AutoTransfer(LEARNER, ["recentre", "coral"], n_repeats=2).fit(*domains)
    assert model.verdict_.outcome == "no evidence"
    assert model.verdict_.chosen == "blend"
    assert "keep the baseline" in model.verdict_.sentence
    again = load(save(model.best_, tmp_path / "model.landbridge"))
    np.testing.assert_array_equal(again.predict(domains[2]), model.predict(domains[2]))
    assert model.score(domains[2], domains[2][:, 0] > 0) > 0.8


def test_the_blend_is_scored_on_the_same_folds_as_all_others(domains):
    found = compare(*domains, learner=LEARNER, candidates=["recentre"], blend=True, n_repeats=2)
    assert found["blend"].scores.shape == found["source only"].scores.shape
    assert found["blend"].predicted.shape == found["source only"].predicted.shape
    assert "blend" not in [
        t.name for t in compare(*domains, learner=LEARNER, candidates=["recentre"]).trials
    ]


def test_numbers_are_blended_too(domains):
    Xs, _, Xt, _ = domains
    yt = np.where(np.arange(90) < 30, Xt[:, 0] + 1.0, np.nan)
    found = compare(Xs, Xs[:, 0], Xt, yt, learner=LinearRegression(), candidates=[], blend=True)
    assert found["blend"].scores.mean() > found["source only"].scores.mean()


def test_too_few_labels_to_weigh_models_give_their_plain_mean_without_the_guard(domains):
    Xs, ys, Xt, yt = domains
    yt[3:] = np.nan
    model = AutoTransfer(LEARNER, ["coral", "procrustes"], guard=False).fit(Xs, ys, Xt, yt)
    assert model.verdict_.outcome == "unknown"
    assert model.verdict_.chosen == "blend"
    assert len(np.unique(model.best_.weights_)) == 1
    assert "paired mapping" in model.comparison_["procrustes"].error
    both = baselines(LEARNER, has_labels=True)["pooled"].fit(Xs, ys, Xt, yt)
    for safe in ({"blend": False, "guard": False}, {}):
        plain = AutoTransfer(LEARNER, ["coral"], **safe).fit(Xs, ys, Xt, yt)
        assert plain.verdict_.chosen == "pooled"
        assert "from the labels of both domains" in plain.verdict_.sentence
        np.testing.assert_array_equal(plain.predict_proba(Xt), both.predict_proba(Xt))


def test_without_labels_the_guard_keeps_to_the_source_only(domains):
    Xs, ys, Xt, _ = domains
    model = AutoTransfer(LEARNER, ["coral", "recentre"]).fit(Xs[:60], ys[:60], 3 * Xt + 5)
    assert (model.verdict_.outcome, model.verdict_.chosen) == ("unknown", "source only")


def test_without_labels_and_guard_the_mean_is_used_where_nothing_explains_the_target(domains):
    Xs, ys, Xt, _ = domains
    twisted = np.where(np.arange(Xt.shape[1]) % 2, np.abs(Xt) ** 3, Xt)
    model = AutoTransfer(LEARNER, ["coral"], guard=False).fit(Xs, ys, twisted)
    assert model.verdict_.chosen == "blend"
