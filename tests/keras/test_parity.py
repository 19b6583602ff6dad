import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from landbridge import DeepTransfer, GradientMapping, NetworkSource, Training  # noqa: E402
from landbridge import keras as twin  # noqa: E402
from landbridge.target.fine_tune import FineTune  # noqa: E402

CLOSE = {"rtol": 2e-5, "atol": 2e-5}
NETWORKS = [
    (None, (5,)),
    ((8, 6), (5,)),
    ("mlp", (5,)),
    ("residual-mlp", (5,)),
    ("cnn", (2, 7, 6)),
    ("gru", (4, 3)),
]


def classes(shape, n=90, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, *shape)).astype(np.float32)
    first = X.reshape(n, -1)[:, 0]
    return X, np.digitize(first, np.quantile(first, np.linspace(0, 1, n_classes + 1)[1:-1]))


def options(**changed):
    return Training(**{"max_epochs": 4, "batch_size": 16, "learning_rate": 3e-3, **changed})


def assert_same_networks(of_torch, of_keras, translated):
    expected = translated({k: torch.as_tensor(v) for k, v in of_torch.weights_.items()})
    found = list(of_keras.weights_.values())
    assert len(found) == len(expected)
    for name, a, b in zip(of_keras.weights_, found, expected):
        np.testing.assert_allclose(a, b, err_msg=name, **CLOSE)


def assert_same_figures(of_torch, of_keras):
    for a, b in zip(of_torch.history_, of_keras.history_):
        assert a.keys() == b.keys()
        assert a.get("stage") == b.get("stage")
        for name in a.keys() - {"seconds", "stage"}:
            assert b[name] == pytest.approx(a[name], rel=1e-4, abs=1e-5), name


def fit_both(networks, X, y, **parameters):
    parameters = {"training": options(), "random_state": 0, "validation_share": 0.2, **parameters}
    return tuple(
        kind(network, **parameters).fit(X, y)
        for kind, network in zip((NetworkSource, twin.NetworkSource), networks)
    )


@pytest.mark.parametrize(("network", "shape"), NETWORKS)
def test_named_networks_give_the_same_outputs_and_gradients(network, shape, twins, translated):
    import tensorflow as tf

    module, model = twins(network, shape, 3)
    X, _ = classes(shape, 12)
    rows = torch.from_numpy(X)
    module.train()
    module(rows).square().sum().backward()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(X, training=True) ** 2)
    gradients = tape.gradient(loss, [v.value for v in model.trainable_weights])
    expected = translated({name: p.grad for name, p in module.named_parameters()})
    for found, gradient in zip(gradients, expected):
        np.testing.assert_allclose(found, gradient, rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        np.testing.assert_allclose(model(X, training=False), module.eval()(rows), **CLOSE)
    assert_same_state(module, model, translated)


def assert_same_state(module, model, translated):
    for found, expected in zip(model.weights, translated(module.state_dict())):
        np.testing.assert_allclose(found.value.numpy(), expected, **CLOSE)


@pytest.mark.parametrize(("network", "shape"), NETWORKS)
def test_a_source_network_ends_with_the_same_weights(network, shape, twins, translated):
    """By plain steps: Adam makes whole steps of the rounding where a gradient is zero."""
    X, y = classes(shape)
    training = options(optimiser="sgd", learning_rate=0.02)
    both = fit_both(twins(network, shape, 3), X, y, training=training)
    assert_same_figures(*both)
    assert_same_networks(*both, translated)
    assert both[0].best_epoch_ == both[1].best_epoch_
    np.testing.assert_allclose(both[0].predict_proba(X), both[1].predict_proba(X), atol=2e-5)


@pytest.mark.parametrize("loss", ["cross-entropy", "focal", "logit-adjusted", "ldam"])
def test_every_loss_and_its_gradient_are_the_same(loss):
    import tensorflow as tf

    from landbridge.keras.losses import make_loss as make_keras
    from landbridge.training.losses import make_loss

    rng = np.random.default_rng(0)
    logits, y = rng.normal(size=(20, 3)).astype(np.float32) * 2, rng.integers(0, 3, 20)
    weight, shares = rng.random(20).astype(np.float32), np.array([0.7, 0.2, 0.1], np.float32)
    given = torch.from_numpy(logits).requires_grad_()
    expected = make_loss(loss, torch.from_numpy(shares))(
        given, torch.from_numpy(y), torch.from_numpy(weight)
    )
    expected.backward()
    Z = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(Z)
        found = make_keras(loss, shares)(Z, y, weight)
    assert float(found) == pytest.approx(float(expected.detach()), rel=1e-5)
    np.testing.assert_allclose(tape.gradient(found, Z), given.grad, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    "parameters",
    [
        {"loss": "focal"},
        {"loss": "logit-adjusted"},
        {"loss": "ldam", "class_weight": "auto"},
        {"balanced_batches": True},
        {"task": "regression"},
        {"training": options(optimiser="sgd", weight_decay=0.01, schedule="constant")},
        {"training": options(clip=0.05)},
        {"training": options(patience=1, max_epochs=8, learning_rate=0.1)},
    ],
    ids=str,
)
def test_every_way_to_train_ends_with_the_same_weights(parameters, twins, translated):
    X, y = classes((5,))
    if parameters.get("task") == "regression":
        y = X[:, 0] ** 2
    n_outputs = 1 if "task" in parameters else 3
    both = fit_both(twins((8,), (5,), n_outputs), X, y, **parameters)
    assert_same_figures(*both)
    assert_same_networks(*both, translated)


def fixed(kind, **parameters):
    """An alignment of either framework whose own first weights are drawn by NumPy."""

    class Fixed(kind):
        def build(self, n_features, n_outputs, n_rows):
            super().build(n_features, n_outputs, n_rows)
            if not hasattr(self, "discriminator"):
                return
            rng = np.random.default_rng(5)
            if isinstance(self, torch.nn.Module):
                for _, value in sorted(self.named_parameters()):
                    value.data = torch.from_numpy(rng.normal(size=value.shape)).float() * 0.2
                buffers = [self.of_features, self.of_classes] if list(self.buffers()) else []
                for buffer in buffers:
                    buffer.copy_(torch.from_numpy(rng.normal(size=buffer.shape)))
                return
            weights = self.discriminator.layer.weights
            pairs = sorted((k // 2, w.name != "bias", w) for k, w in enumerate(weights))
            for *_, weight in pairs:
                weight.assign((rng.normal(size=weight.shape[::-1]) * 0.2).T)
            if self.variables().keys() & {"of_features"}:
                for variable in (self.of_features, self.of_classes):
                    variable.assign(rng.normal(size=variable.shape))

    return Fixed(**parameters)


def two_domains(shape=(5,)):
    Xs, ys = classes(shape, 90)
    Xt, yt = classes(shape, 70, seed=1)
    return Xs, ys, Xt + 0.5, yt


ALIGNED = [
    ("Alignment", {}),
    ("MMD", {}),
    ("DeepCORAL", {}),
    ("DANN", {"width": 12}),
    ("CDAN", {"width": 12}),
    ("CDAN", {"width": 12, "entropy": True}),
    ("CDAN", {"width": 12, "largest_product": 4, "n_random": 10}),
]


def fit_both_aligned(networks, kind, own, Xs, ys, Xt, yt=None, **parameters):
    from landbridge.keras import alignments
    from landbridge.mapping.deep import adversaries, base, distances

    homes = {"Alignment": base, "MMD": distances, "DeepCORAL": distances}
    home = homes.get(kind, adversaries)
    common = {"random_state": 0, "training": options(), "validation_share": 0.2, **parameters}
    return tuple(
        estimator(network, alignment=fixed(getattr(module, kind), **own), **common).fit(
            Xs, Xt, ys=ys, yt=yt
        )
        for estimator, network, module in zip(
            (DeepTransfer, twin.DeepTransfer), networks, (home, alignments)
        )
    )


@pytest.mark.parametrize(("kind", "own"), ALIGNED, ids=str)
def test_every_alignment_ends_with_the_same_weights(kind, own, twins, translated):
    Xs, ys, Xt, _ = two_domains()
    both = fit_both_aligned(twins((8, 6), (5,), 3), kind, own, Xs, ys, Xt)
    assert_same_figures(*both)
    assert_same_networks(*both, translated)
    np.testing.assert_allclose(both[0].transform(Xs), both[1].transform(Xs), **CLOSE)
    np.testing.assert_allclose(
        both[0].predictor.predict_proba(both[0].transform_target(Xt)),
        both[1].predictor.predict_proba(both[1].transform_target(Xt)),
        atol=2e-5,
    )


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_some_labels_of_the_target_count_the_same(task, twins, translated):
    Xs, ys, Xt, yt = two_domains()
    few = np.where(np.arange(70) < 12, yt, None)
    if task == "regression":
        ys, few = Xs[:, 0], np.where(np.arange(70) < 12, Xt[:, 0], np.nan)
    n_outputs = 1 if task == "regression" else 3
    both = fit_both_aligned(twins((8,), (5,), n_outputs), "MMD", {}, Xs, ys, Xt, few, task=task)
    assert_same_figures(*both)
    assert_same_networks(*both, translated)


@pytest.mark.parametrize("validator", ["source", "information"])
def test_the_same_epoch_is_chosen(validator, twins):
    Xs, ys, Xt, _ = two_domains()
    training = options(max_epochs=8, learning_rate=0.03)
    both = fit_both_aligned(
        twins((8,), (5,), 3), "MMD", {}, Xs, ys, Xt, validator=validator, training=training
    )
    assert_same_figures(*both)
    assert both[0].best_epoch_ == both[1].best_epoch_


def test_domains_are_normalised_apart_in_both(twins, translated):
    Xs, ys, Xt, _ = two_domains((2, 5, 4))
    training = options(optimiser="sgd", learning_rate=0.02)
    both = fit_both_aligned(twins("cnn", (2, 5, 4), 3), "MMD", {}, Xs, ys, Xt, training=training)
    assert_same_figures(*both)
    assert_same_networks(*both, translated)
    np.testing.assert_allclose(both[0].transform(Xs), both[1].transform(Xs), atol=1e-4)
    assert not np.allclose(both[1].transform(Xs), both[1].transform_target(Xs), atol=1e-2)


def fine_tuned(networks, recipe, X, y, **parameters):
    parameters = {"training": options(), "random_state": 0, "validation_share": 0.2, **parameters}
    sources = fit_both(networks, *classes((5,)), training=options(max_epochs=2))
    return tuple(
        estimator(source, recipe=recipe, **parameters).fit(X, y)
        for estimator, source in zip((FineTune, twin.FineTune), sources)
    )


@pytest.mark.parametrize("recipe", ["linear-probe", "full", "lp-ft", "l2-sp"])
@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_every_recipe_ends_with_the_same_weights(recipe, optimiser, twins, translated):
    X, y = classes((5,), 60, seed=2)
    training = options(optimiser=optimiser)
    both = fine_tuned(twins((8, 6), (5,), 3), recipe, X, y, training=training)
    assert_same_figures(*both)
    assert_same_networks(*both, translated)
    np.testing.assert_allclose(both[0].predict_proba(X), both[1].predict_proba(X), atol=2e-5)


@pytest.mark.parametrize("loss", ["focal", "logit-adjusted", "ldam"])
def test_losses_for_rare_classes_tune_to_the_same_weights(loss, twins, translated):
    X, y = classes((5,), 60, seed=2)
    rare = np.flatnonzero(y == 0)[4:]
    X, y = np.delete(X, rare, axis=0), np.delete(y, rare)
    parameters = {"loss": loss, "class_weight": "auto", "validation_share": 0}
    both = fine_tuned(twins((8,), (5,), 3), "full", X, y, **parameters)
    plain = fine_tuned(twins((8,), (5,), 3), "full", X, y, validation_share=0)
    assert_same_figures(*both)
    assert_same_networks(*both, translated)
    assert both[1].history_[0]["loss"] != pytest.approx(plain[1].history_[0]["loss"], rel=0.01)


def test_classes_that_are_left_out_of_a_loss_get_no_gradient_in_either():
    import tensorflow as tf

    from landbridge.keras import losses as keras_losses
    from landbridge.training import losses

    rng = np.random.default_rng(0)
    logits, y = rng.normal(size=(20, 3)).astype(np.float32), rng.integers(0, 2, 20)
    present = np.array([True, True, False])
    given = torch.from_numpy(logits).requires_grad_()
    of_two = losses.among(losses.cross_entropy, torch.from_numpy(present))
    of_two(given, torch.from_numpy(y), None).backward()
    Z = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(Z)
        found = keras_losses.among(keras_losses.cross_entropy, present)(Z, y, None)
    gradient = tape.gradient(found, Z).numpy()
    np.testing.assert_allclose(gradient, given.grad, rtol=1e-4, atol=1e-7)
    assert not gradient[:, 2].any()


def test_fewer_classes_keep_their_outputs_in_both(twins, translated):
    X, y = classes((5,), 60, seed=2)
    both = fine_tuned(twins((8,), (5,), 3), "l2-sp", X[y > 0], y[y > 0])
    assert both[1].weights_["head.kernel"].shape == (8, 2)
    assert_same_networks(*both, translated)


def test_low_rank_updates_end_with_the_same_weights(twins, translated, monkeypatch):
    """With the first factor of each update drawn by NumPy."""
    from landbridge.keras import lora
    from landbridge.target.fine_tune.lora import LowRank

    def drawn(n_inputs, rank):
        return np.random.default_rng(n_inputs).normal(size=(n_inputs, rank)).astype(np.float32)

    first = LowRank.__init__

    def init(self, weight, rank, scale):
        first(self, weight, rank, scale)
        self.A.data = torch.from_numpy(drawn(weight[0].numel(), rank).T.copy())

    monkeypatch.setattr(LowRank, "__init__", init)
    monkeypatch.setattr(lora, "uniform", lambda n: lambda shape, dtype=None: drawn(n, shape[-1]))
    X, y = classes((5,), 60, seed=2)
    both = fine_tuned(twins((8, 6), (5,), 3), "lora", X, y)
    assert_same_figures(*both)
    names = sorted(both[0].weights_, key=lambda name: name.replace("weight", "a"))
    both[0].weights_ = {name: both[0].weights_[name] for name in names}  # merged ones come last
    assert_same_networks(*both, translated)


def test_auto_chooses_the_same_recipe(twins):
    X, y = classes((5,), 45, seed=2)
    training = options(max_epochs=3)
    both = fine_tuned(
        twins((8,), (5,), 3),
        "auto",
        X,
        y,
        candidates=("linear-probe", "full"),
        budget=4,
        training=training,
    )
    assert both[0].recipe_ == both[1].recipe_
    assert both[0].notes_ == both[1].notes_
    for a, b in zip(both[0].choice_, both[1].choice_):
        assert b["loss"] == pytest.approx(a["loss"], rel=1e-4)


@pytest.mark.parametrize(
    ("network", "optimiser"),
    [(None, "adam"), (None, "sgd"), ((8,), "adam"), ((8,), "sgd"), ("residual-mlp", "sgd")],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_map_between_pairs_ends_with_the_same_weights(network, optimiser, twins, translated):
    X, _ = classes((5,))
    Y = np.column_stack([np.sin(X[:, 0]), 3 * X[:, 1] - X[:, 2], X[:, 3] ** 2])
    rate = 0.02 if optimiser == "adam" else 0.002
    chosen = {"max_epochs": 5, "optimiser": optimiser, "learning_rate": rate, "random_state": 0}
    module, keras_model = twins(network, (5,), 3)
    if network is None:
        module = module[-1]  # a linear layer by itself is a linear map to either
    both = (
        GradientMapping(module, validation_share=0.2, **chosen).fit(X, Y),
        twin.GradientMapping(keras_model, validation_share=0.2, **chosen).fit(X, Y),
    )
    for name in ("loss_curve_", "validation_curve_"):
        np.testing.assert_allclose(getattr(both[1], name), getattr(both[0], name), rtol=1e-4)
    assert_same_networks(*both, translated)
    assert both[0].is_affine_ == both[1].is_affine_ == (network is None)
    effects = [both_._effects() for both_ in both]
    np.testing.assert_allclose(*effects, rtol=1e-3, atol=1e-3)
