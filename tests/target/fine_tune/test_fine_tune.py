import pickle

import numpy as np
import pytest
from sklearn.base import clone, is_regressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from landbridge import DeepTransfer, FineTune, NetworkSource, Training, Transfer, load, save
from landbridge.mapping import Carried

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn
QUICK = Training(max_epochs=30, learning_rate=0.005)
SHORT = Training(max_epochs=3, learning_rate=0.01)


def tuned(network=None, recipe="full", **parameters):
    return FineTune(network, recipe=recipe, **{"training": QUICK, "random_state": 0, **parameters})


def hidden(y, known):
    some = np.full(len(y), None, dtype=object)
    some[known] = y[known]
    return some


def source():
    return NetworkSource((16, 8), training=SHORT, random_state=0)


def test_transfer_goes_on_from_the_source_network_as_one_does_by_hand(task):
    few = np.concatenate([np.flatnonzero(task.four == c)[:5] for c in range(4)])
    model = Transfer(source(), target=tuned())
    model.fit(task.Xs, task.ys, task.Xt, hidden(task.four, few))
    by_hand = tuned(model.source_).fit(task.Xt[few], task.four[few])
    found, expected = (m.predict_proba(task.Xt) for m in (model, by_hand))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert model.target_.notes_ == []


def test_rows_are_carried_back_to_where_the_network_was_trained(task):
    few = np.concatenate([np.flatnonzero(task.four == c)[:5] for c in range(4)])
    there = task.Xt * 10 + 50
    labels = hidden(task.four, few)
    plain = Transfer(task.source, target=tuned(recipe="linear-probe"))
    moved = Transfer(task.source, "standardise", tuned(recipe="linear-probe"))
    scores = [
        m.fit(task.Xs, task.ys, there, labels).score(there, task.four) for m in (plain, moved)
    ]
    assert scores[1] > scores[0] + 0.2


@pytest.mark.parametrize("mapping", ["ulsif", "pseudo-labels", "subspace-alignment"])
def test_other_mappings_give_it_a_network_trained_on_what_they_carry(mapping, task):
    few = np.arange(30)
    model = Transfer(source(), mapping, tuned())
    model.fit(task.Xs[:200], task.ys[:200], task.Xt, hidden(task.four, few))
    assert model.predict(task.Xt).shape == (600,)


def test_after_a_deep_mapping_the_head_is_tuned_and_by_itself_all_of_it(task):
    few = np.concatenate([np.flatnonzero(task.four == c)[:5] for c in range(4)])
    deep = DeepTransfer((16, 8), alignment="none", training=SHORT, random_state=0)
    model = Transfer(source(), deep, tuned())
    model.fit(task.Xs, task.ys, task.Xt, hidden(task.four, few))
    assert sorted(model.target_.weights_) == ["head.bias", "head.weight"]
    assert model.target_.weights_["head.weight"].shape == (4, 8)
    net = tuned(model.mapping_).fit(task.Xt[few], task.four[few])
    assert (net.weights_["body.1.weight"] != model.mapping_.weights_["body.1.weight"]).any()
    assert net.score(task.Xt[few], task.four[few]) >= 0.5


def test_a_scaler_before_the_network_stays_before_it(task):
    few = np.arange(40)
    scaled = make_pipeline(StandardScaler(), source())
    model = Transfer(scaled, target=tuned())
    model.fit(task.Xs * 100, task.ys, task.Xt * 100, hidden(task.four, few))
    by_hand = tuned(model.source_).fit(task.Xt[few] * 100, task.four[few])
    np.testing.assert_allclose(
        model.predict_proba(task.Xt * 100), by_hand.predict_proba(task.Xt * 100), atol=1e-5
    )


def test_known_classes_keep_their_rows_of_the_head_and_new_ones_begin_anew(task):
    names = np.array([0, 7, 2, 9])[task.four]
    none = Training(max_epochs=1, learning_rate=1e-12)
    net = tuned(task.source, training=none).fit(task.Xt, names)
    assert net.classes_.tolist() == [0, 2, 7, 9]
    head, before = (n.weights_["head.weight"] for n in (net, task.source))
    np.testing.assert_allclose(head[:2], before[[0, 2]], atol=1e-6)
    assert (np.abs(head[2:, None] - before) > 1e-3).any(axis=2).all()
    assert "begins anew for 2 of 4 classes: 7, 9." in net.notes_[0]


@pytest.mark.parametrize(
    ("classes", "labels", "expected"),
    [
        ("auto", [1, 2], [0, 1, 2, 3]),
        ("auto", [8, 9], [8, 9]),
        ("both", [8, 9], [0, 1, 2, 3, 8, 9]),
        ("target", [1, 2], [1, 2]),
    ],
)
def test_the_source_classes_are_told_apart_too_or_not(classes, labels, expected, task):
    some = np.array([*labels] * 10 + [None] * 580, dtype=object)
    model = Transfer(source(), target=tuned(classes=classes, training=SHORT))
    model.fit(task.Xs, task.ys, task.Xt, some)
    assert model.target_.classes_.tolist() == expected
    assert model.predict_proba(task.Xt).shape == (600, len(model.classes_))


def test_one_labelled_class_that_the_source_knows_is_enough(task):
    model = Transfer(source(), target=tuned(recipe="linear-probe", training=SHORT))
    model.fit(task.Xs, task.ys, task.Xt, hidden(np.zeros(600, int), np.arange(5)))
    assert model.predict_proba(task.Xt).shape == (600, 4)
    with pytest.raises(ValueError, match="one class only"):
        tuned(task.source).fit(task.Xt, np.zeros(600))


def test_a_module_of_ones_own_begins_with_a_new_head(task):
    module = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 11))
    net = tuned(module, "linear-probe").fit(task.Xt, task.yt)
    np.testing.assert_array_equal(net.weights_["body.0.weight"], module[0].weight.detach())
    assert net.weights_["head.weight"].shape == (3, 8)
    made = tuned(lambda: module, "distillation").fit(task.Xt, task.yt)
    assert made.predict(task.Xt).shape == (600,)


def test_a_classifier_is_turned_into_a_regressor(task):
    net = tuned(task.source, task="regression", training=Training(max_epochs=30))
    assert is_regressor(net) and not hasattr(net, "predict_proba")
    y = task.Xt[:, 0] * task.Xt[:, 1]
    assert net.fit(task.Xt[:400], y[:400]).score(task.Xt[400:], y[400:]) > 0.5


def test_blank_labels_are_passed_over_by_itself_too(task):
    known = np.arange(40)
    first = tuned(task.source).fit(task.Xt, hidden(task.yt, known))
    second = tuned(task.source).fit(task.Xt[known], task.yt[known])
    np.testing.assert_array_equal(first.predict_proba(task.Xt), second.predict_proba(task.Xt))


def test_the_order_of_rows_does_not_matter_and_nothing_given_is_changed(task):
    X, y = task.Xt[:80].copy(), task.yt[:80].copy()
    before = {name: value.copy() for name, value in task.source.weights_.items()}
    order = np.random.default_rng(1).permutation(80)
    a, b = (tuned(task.source).fit(X[rows], y[rows]) for rows in (np.arange(80), order))
    np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), atol=1e-4)
    np.testing.assert_array_equal(X, task.Xt[:80])
    for name, value in before.items():
        np.testing.assert_array_equal(value, task.source.network_.state_dict()[name].cpu())


def test_rare_classes_are_found_by_weights_balanced_batches_and_losses(rng):
    X = np.concatenate([rng.normal(0, 1, (190, 2)), rng.normal(1.5, 1, (10, 2))])
    y = np.repeat([0, 1], [190, 10])
    start = NetworkSource((8,), training=SHORT, random_state=0).fit(X[::2], y[::2])
    plain, *others = (
        tuned(start, training=Training(max_epochs=20, learning_rate=0.01), **options).fit(X, y)
        for options in (
            {},
            {"class_weight": "auto"},
            {"balanced_batches": True},
            {"loss": "logit-adjusted"},
        )
    )
    rare = X[y == 1]
    recalls = [(net.predict(rare) == 1).mean() for net in (plain, *others)]
    assert all(recall > recalls[0] for recall in recalls[1:])


def test_rows_without_weight_do_not_count(task):
    weight = np.ones(80)
    weight[:20] = 0
    changed = task.Xt[:80].copy()
    changed[:20] += 100
    first, second = (
        tuned(task.source, validation_share=0).fit(X, task.yt[:80], sample_weight=weight)
        for X in (task.Xt[:80], changed)
    )
    np.testing.assert_array_equal(first.predict(task.Xt), second.predict(task.Xt))


@pytest.mark.parametrize("recipe", ["full", "lora", "auto"])
def test_a_copy_from_disk_or_pickle_predicts_the_same(recipe, task, tmp_path):
    net = tuned(task.source, recipe, training=SHORT).fit(task.Xt[:60], task.yt[:60])
    for again in (load(save(net, tmp_path / "net.landbridge")), pickle.loads(pickle.dumps(net))):
        np.testing.assert_array_equal(again.predict_proba(task.Xt), net.predict_proba(task.Xt))
        assert again.choice_ == net.choice_


def test_a_whole_transfer_is_saved(task, tmp_path):
    model = Transfer(source(), target=tuned(training=SHORT))
    model.fit(task.Xs, task.ys, task.Xt, hidden(task.four, np.arange(30)))
    again = load(model.save(tmp_path / "model.landbridge"))
    np.testing.assert_array_equal(again.predict_proba(task.Xt), model.predict_proba(task.Xt))


def test_a_search_chooses_among_recipes_of_a_frozen_start(task):
    frozen = FrozenEstimator(task.source)
    search = GridSearchCV(tuned(frozen, training=SHORT), {"recipe": ["linear-probe", "full"]}, cv=2)
    assert search.fit(task.Xt[:60], task.yt[:60]).best_params_["recipe"] in ("linear-probe", "full")
    plain = tuned(task.source).fit(task.Xt[:60], task.yt[:60])
    again = clone(tuned(frozen)).fit(task.Xt[:60], task.yt[:60])
    np.testing.assert_array_equal(plain.predict_proba(task.Xt), again.predict_proba(task.Xt))


@pytest.mark.parametrize("recipe", ["lp-ft", "gradual-unfreezing", "soup"])
def test_an_interrupted_run_that_is_resumed_ends_with_the_same_weights(recipe, task, tmp_path):
    X, y = task.Xt[:60], task.yt[:60]
    whole = tuned(task.source, recipe, training=Training(max_epochs=6)).fit(X, y)
    told = []

    def interrupt(*_):
        told.append(1)
        if len(told) == 10 or (recipe == "gradual-unfreezing" and len(told) == 4):
            raise KeyboardInterrupt

    halves = Training(max_epochs=6, folder=tmp_path, progress=interrupt)
    with pytest.raises(KeyboardInterrupt):
        tuned(task.source, recipe, training=halves).fit(X, y)
    resumed = tuned(task.source, recipe, training=Training(max_epochs=6, folder=tmp_path))
    resumed.fit(X, y)
    for name, value in whole.weights_.items():
        np.testing.assert_array_equal(value, resumed.weights_[name])
    assert sorted(p.name for p in tmp_path.iterdir())[0].startswith("1-")


def test_an_interrupt_keeps_plain_weights_of_what_was_learned(task):
    def interrupt(epoch, *_):
        if epoch == 2:
            raise KeyboardInterrupt

    net = tuned(task.source, "lora", training=Training(max_epochs=9, progress=interrupt))
    with pytest.raises(KeyboardInterrupt):
        net.fit(task.Xt[:60], task.yt[:60])
    assert net.n_epochs_ == 2 and set(net.weights_) == set(task.source.weights_)
    assert net.predict(task.Xt).shape == (600,)


def test_few_rows_get_enough_steps_and_many_the_usual_epochs(task):
    net = tuned(task.source, "lp-ft", training=None).fit(task.Xt[:40], task.yt[:40])
    assert [f["stage"] for f in net.history_] == ["probe"] * 300 + ["tune"] * 300
    assert net.n_epochs_ == 600


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda task: tuned(), "goes on from a network: found no source model"),
        (lambda task: tuned(NetworkSource()), "NetworkSource that is not fitted. Fit it first"),
        (lambda task: tuned(task.source, classes="all"), 'classes must be "auto", "target" or'),
        (lambda task: tuned(task.source, head_pace=0), "head_pace must be a number above 0"),
        (lambda task: tuned(task.source, budget=1), "budget must be a whole number from 2"),
        (lambda task: tuned(task.source, "auto", candidates=["x"]), "recipe must be"),
        (lambda task: tuned(nn.Linear(5, 2)), "does not take rows"),
    ],
)
def test_what_does_not_fit_is_named(make, match, task):
    with pytest.raises(ValueError, match=match):
        make(task).fit(task.Xt, task.yt)


def test_a_source_without_a_network_is_named(task):
    model = Transfer(LogisticRegression(), target=tuned())
    with pytest.raises(ValueError, match="found LogisticRegression"):
        model.fit(task.Xs, task.ys, task.Xt, task.four)


def test_labels_are_needed(task):
    model = Transfer(source(), target=tuned())
    with pytest.raises(ValueError, match="FineTune needs labelled target rows"):
        model.fit(task.Xs, task.ys, task.Xt)
    with pytest.raises(ValueError, match="needs labelled target rows"):
        tuned(task.source).fit(Carried(task.Xs, task.ys), task.Xt, np.full(600, None))


def test_rows_of_another_width_are_refused(task):
    net = tuned(task.source, training=SHORT).fit(task.Xt[:30], task.yt[:30])
    with pytest.raises(ValueError, match="3 features"):
        net.predict(task.Xt[:, :3])
    with pytest.raises(ValueError, match="takes 6 numbers a row: X has 3"):
        tuned(task.source).fit(task.Xt[:, :3], task.yt)


@parametrize_with_checks(
    [
        FineTune(
            (8,),
            recipe="full",
            task=task,
            training=Training(max_epochs=20, learning_rate=0.05),
            random_state=0,
        )
        for task in ("classification", "regression")
    ],
    expected_failed_checks=lambda estimator: {
        "check_sample_weight_equivalence_on_dense_data": "batches are drawn from fewer rows",
    },
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)
