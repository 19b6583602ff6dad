import numpy as np
import pytest
from sklearn.base import clone

from landbridge import FineTune, NetworkSource, Training
from landbridge.target.fine_tune import RECIPES
from landbridge.target.fine_tune.recipes import (
    L2SP,
    LayerWise,
    LinearProbe,
    LoRA,
    Recipe,
    Soup,
    StochNorm,
    WiSEFT,
)

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn
QUICK = Training(max_epochs=60, learning_rate=0.005)
CLASSES_ONLY = {name for name, recipe in RECIPES.items() if recipe.needs_classes}


@pytest.fixture(scope="module")
def from_scratch(tasks):
    """Accuracy summed over ten seeds, with nothing carried over."""
    return sum(
        task.score(FineTune((32, 16), recipe="full", training=QUICK, random_state=seed))
        for seed, task in enumerate(tasks)
    )


def tuned(network, recipe, seed=0, training=QUICK, **parameters):
    return FineTune(network, recipe=recipe, training=training, random_state=seed, **parameters)


@pytest.mark.parametrize("name", RECIPES)
def test_it_beats_learning_from_scratch_over_ten_seeds(name, tasks, from_scratch):
    found = sum(task.score(tuned(task.source, name, s)) for s, task in enumerate(tasks))
    assert found > from_scratch + 0.5


@pytest.mark.parametrize("name", RECIPES)
def test_pictures_with_batch_normalisation_are_tuned_too(name, rng):
    X = rng.normal(size=(40, 1, 6, 6)).astype(np.float32)
    y = (X.mean(axis=(1, 2, 3)) > 0).astype(int)
    quick = Training(max_epochs=2)
    source = NetworkSource("cnn", training=quick, random_state=0).fit(X, y)
    few = np.concatenate([np.flatnonzero(y == c)[:5] for c in (0, 1)])
    net = tuned(source, name, training=quick).fit(X[few], y[few])
    assert np.isfinite(net.predict_proba(X)).all()
    assert set(net.weights_) == set(source.weights_)  # plain weights, whatever was trained


@pytest.mark.parametrize("name", [name for name in RECIPES if name not in CLASSES_ONLY])
def test_regression_goes_on_from_the_source(name, rng):
    X = rng.normal(size=(330, 3))
    y = X[:, 0] * X[:, 1]
    source = NetworkSource(
        (32, 16),
        task="regression",
        training=Training(max_epochs=40, learning_rate=0.01),
        random_state=0,
    ).fit(X[:300], y[:300])
    training = Training(max_epochs=150, learning_rate=0.01)
    net = tuned(source, name, task="regression", training=training)
    net.fit(X[300:], y[300:] + 2.0)
    before = np.mean((source.predict(X) - y - 2.0) ** 2)
    assert np.mean((net.predict(X) - y - 2.0) ** 2) < before / 2


@pytest.mark.parametrize("name", sorted(CLASSES_ONLY))
def test_recipes_for_classes_refuse_regression(name, task):
    with pytest.raises(ValueError, match=f"{name}' is for classes"):
        tuned((4,), name, task="regression").fit(task.Xt, task.Xt[:, 0])


def test_the_probe_changes_nothing_but_the_head(task):
    net = tuned(task.source, "linear-probe")
    task.score(net)
    body = [name for name in net.weights_ if name.startswith("body.")]
    assert body
    for name in body:
        np.testing.assert_array_equal(net.weights_[name], task.source.weights_[name])


def test_a_strong_probe_leaves_the_rows_that_the_source_knows(task):
    few = task.few
    for strength, apart in ((0.0, 0.1), (1e4, 1e-3)):
        net = tuned(task.source, LinearProbe(strength)).fit(task.Xt[few], task.four[few])
        gap = np.abs(net.weights_["head.weight"] - task.source.weights_["head.weight"]).max()
        assert gap > apart if strength == 0 else gap < apart


def linear_source(rng, n=200):
    X = rng.normal(size=(n, 3))
    y = X @ np.array([1.0, -2.0, 0.5]) + 1.0
    training = Training(max_epochs=200, learning_rate=0.02, weight_decay=0)
    return NetworkSource(
        None, task="regression", validation_share=0, training=training, random_state=0
    ).fit(X, y)


@pytest.mark.parametrize("strength", [0.1, 1.0, 10.0])
def test_l2_sp_is_ridge_regression_about_the_start(strength, rng):
    """With the mean loss and α/2: (Z'Z/n + α/2) (w − w₀) = Z'(y − Zw₀)/n, Z with a column of 1."""
    source = linear_source(rng)
    start = np.append(source.weights_["head.weight"], source.weights_["head.bias"])
    X = rng.normal(size=(12, 3)).astype(np.float32)
    y = X @ np.array([-1.0, 1.0, 2.0]) + 3.0
    training = Training(max_epochs=400, batch_size=12, optimiser="sgd", learning_rate=0.05)
    net = tuned(source, L2SP(strength), training=training, task="regression").fit(X, y)
    Z = np.c_[X, np.ones(12)]
    A = Z.T @ Z / 12 + strength / 2 * np.eye(4)
    expected = start + np.linalg.solve(A, Z.T @ (y - Z @ start) / 12)
    found = np.append(net.weights_["head.weight"], net.weights_["head.bias"])
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_one_step_of_layer_wise_tuning_is_shorter_further_down(task):
    one = Training(max_epochs=1, optimiser="sgd", schedule="constant", weight_decay=0)
    steps = {}
    for decay in (1.0, 0.5):
        net = tuned(task.source, LayerWise(decay), training=one)
        task.score(net)
        steps[decay] = {
            name: net.weights_[name] - task.source.weights_[name]
            for name in ("body.1.weight", "body.3.weight")
        }
    for name, ratio in (("body.1.weight", 0.25), ("body.3.weight", 0.5)):
        expected = ratio * steps[1.0][name]
        assert np.abs(expected).max() > 1e-6
        np.testing.assert_allclose(steps[0.5][name], expected, atol=1e-7)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_wise_ft_has_its_end_points(alpha, task):
    few = task.few
    full = tuned(task.source, "full").fit(task.Xt[few], task.four[few])
    net = tuned(task.source, WiSEFT(alpha)).fit(task.Xt[few], task.four[few])
    for name, value in net.weights_.items():
        expected = (task.source if alpha == 0 else full).weights_[name]
        np.testing.assert_array_equal(value, expected)


def test_wise_ft_chooses_on_held_out_rows_and_says_so(task):
    few, many = (tuned(task.source, "wise-ft", validation_share=0.1) for _ in range(2))
    task.score(few)
    assert "0.5 of the tuned weights, as no rows are held out" in few.notes_[-1]
    many.fit(task.Xt[:200], task.yt[:200])
    assert "the best on held-out rows" in many.notes_[-1]


def test_a_uniform_soup_is_the_mean_of_its_networks(task):
    few = task.few
    X, y = task.Xt[few], task.four[few]
    soup = tuned(task.source, Soup(paces=(0.5, 1.0), kind="uniform")).fit(X, y)
    each = [
        tuned(task.source, "full", training=clone(QUICK).set_params(learning_rate=rate)).fit(X, y)
        for rate in (0.0025, 0.005)
    ]
    for name, value in soup.weights_.items():
        expected = np.mean([net.weights_[name] for net in each], axis=0)
        np.testing.assert_allclose(value, expected, atol=1e-6)


def test_a_greedy_soup_says_what_is_in_it(task):
    net = tuned(task.source, "soup", validation_share=0.1).fit(task.Xt[:200], task.yt[:200])
    assert "out of 3 networks" in net.notes_[-1]


def test_stochnorm_without_batch_normalisation_says_what_it_was(task):
    net, full = tuned(task.source, StochNorm()), tuned(task.source, "full")
    assert task.score(net) == task.score(full)
    assert "no batch normalisation" in net.notes_[-1]


def test_lora_trains_updates_of_that_rank_only(task):
    net = tuned(task.source, LoRA(rank=2))
    task.score(net)
    for name, value in net.weights_.items():
        change = value - task.source.weights_.get(name, 0) if "body" in name else None
        if name.endswith("weight") and change is not None:
            assert np.linalg.matrix_rank(change, tol=1e-4) == 2
        elif change is not None:
            assert not change.any()


def test_a_configuration_of_peft_is_followed(task):
    peft = pytest.importorskip("peft", reason="peft is not installed")
    config = peft.LoraConfig(r=2, target_modules=["1", "3"])
    net = tuned(task.source, LoRA(config=config))
    task.score(net)
    assert set(net.weights_) == set(task.source.weights_)
    change = net.weights_["body.1.weight"] - task.source.weights_["body.1.weight"]
    assert np.linalg.matrix_rank(change, tol=1e-4) == 2


def test_a_recipe_of_ones_own_is_a_few_lines(task):
    class OnlyHalf(Recipe):
        name = "half"

        def run(self, tuning):
            tuning.train()
            tuning.notes.append("half")

    net = tuned(task.source, OnlyHalf())
    assert task.score(net) == task.score(tuned(task.source, "full"))
    assert net.recipe_ == "half" and net.notes_[-1] == "half"


@pytest.mark.parametrize(
    ("recipe", "match"),
    [
        (RECIPES["l2-sp"](-1.0), "strength must be a number from 0 up"),
        (RECIPES["layer-wise"](0.0), "decay must be a number above 0 to 1"),
        (RECIPES["lora"](0), "rank must be a whole number from 1 up"),
        (RECIPES["wise-ft"](2.0), "alpha must be None or a number from 0 to 1"),
        (RECIPES["soup"](paces=()), "paces must have a factor"),
        (RECIPES["soup"](kind="thick"), 'kind must be "greedy" or "uniform"'),
        (RECIPES["bss"](n_smallest=0), "n_smallest must be a whole number from 1"),
        (RECIPES["stochnorm"](1.5), "chance must be a number from 0 to 1"),
        (RECIPES["bi-tuning"](temperature=0), "temperature must be a number above 0"),
        ("magic", 'recipe must be "auto", "linear-probe"'),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(recipe, match, task):
    with pytest.raises(ValueError, match=match):
        tuned(task.source, recipe).fit(task.Xt, task.yt)
