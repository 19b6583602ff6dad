import numpy as np
import pytest

from landbridge import TENT, AdaBN, NetworkSource, Training

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

MORE = Training(max_epochs=20, learning_rate=0.003)
LEARNED = {"body.1.weight", "body.1.bias", "body.4.weight", "body.4.bias"}


def test_the_entropy_is_numpys_and_its_gradient_right(rng):
    from landbridge.target.source_free.sharpening import mean_entropy

    logits = rng.normal(size=(6, 3)) * 3
    P = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    tensor = torch.tensor(logits, requires_grad=True)
    np.testing.assert_allclose(mean_entropy(tensor).item(), -(P * np.log(P)).sum(axis=1).mean())
    assert torch.autograd.gradcheck(mean_entropy, (tensor,))


def test_very_sure_predictions_have_no_entropy_and_a_finite_gradient():
    from landbridge.target.source_free.sharpening import mean_entropy

    logits = torch.tensor([[1000.0, -1000.0]], requires_grad=True)
    mean_entropy(logits).backward()
    assert mean_entropy(logits).item() == 0 and logits.grad.isfinite().all()


def test_only_scales_and_shifts_change_and_all_else_is_the_same_to_the_bit(task):
    model = TENT(task.source, training=MORE, random_state=0).fit(task.Xt)
    before, after = task.source.weights_, model.weights_
    weights = {name for name in before if name.endswith((".weight", ".bias"))}
    changed = {name for name in weights if (before[name] != after[name]).any()}
    assert changed == LEARNED


def test_one_step_is_what_numpy_says(task):
    """One batch, plain gradient descent: γ and β move against the gradient of the entropy."""
    training = Training(
        max_epochs=1, batch_size=400, optimiser="sgd", learning_rate=0.1, schedule="constant"
    )
    model = TENT(task.source, training=training, random_state=0).fit(task.Xt)
    W = {name: value.astype(np.float64) for name, value in task.source.weights_.items()}

    def entropy(W):
        Z = task.Xt
        for linear, norm in ((0, 1), (3, 4)):
            Z = Z @ W[f"body.{linear}.weight"].T + W[f"body.{linear}.bias"]
            Z = (Z - Z.mean(axis=0)) / np.sqrt(Z.var(axis=0) + 1e-5)
            Z = np.maximum(Z * W[f"body.{norm}.weight"] + W[f"body.{norm}.bias"], 0)
        logits = Z @ W["head.weight"].T + W["head.bias"]
        log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return -(np.exp(log_p) * log_p).sum(axis=1).mean()

    assert model.history_[0]["batch entropy"] == pytest.approx(entropy(W), rel=1e-4)
    name, k, h = "body.4.bias", 2, 1e-5
    up, down = ({**W, name: W[name] + s * h * np.eye(8)[k]} for s in (1, -1))
    slope = (entropy(up) - entropy(down)) / (2 * h)
    # Nesterov's first step is 1 + 0.9 times the plain one
    moved = model.weights_[name][k] - task.source.weights_[name][k]
    assert moved == pytest.approx(-0.1 * 1.9 * slope, rel=1e-2)


@pytest.mark.parametrize("name", ["moons", "blobs"])
def test_it_beats_the_source_alone_over_ten_seeds(name, request):
    tasks = request.getfixturevalue(name)
    scores = [TENT(t.source, random_state=0).fit(t.Xt).score(t.Xt, t.yt) for t in tasks]
    assert sum(scores) > sum(t.source.score(t.Xt, t.yt) for t in tasks) + 0.4


def test_more_epochs_beat_the_statistics_alone_over_ten_seeds(moons):
    more, none = (
        sum(model.fit(t.Xt).score(t.Xt, t.yt) for t, model in zip(moons, models))
        for models in (
            [TENT(t.source, training=MORE, random_state=0) for t in moons],
            [AdaBN(t.source) for t in moons],
        )
    )
    assert more > none


def test_by_default_it_goes_once_over_the_rows(task):
    model = TENT(task.source, random_state=0).fit(task.Xt)
    assert model.n_epochs_ == 1 and model.history_[0]["learning_rate"] == 1e-3


def test_dropout_stays_out_of_it(task):
    def make():
        return torch.nn.Sequential(
            *(torch.nn.Linear(2, 8), torch.nn.BatchNorm1d(8), torch.nn.Dropout(0.9)),
            torch.nn.Linear(8, 3),
        )

    net = NetworkSource(make, training=Training(max_epochs=3), random_state=0)
    net.fit(task.Xs, task.ys)
    whole = Training(max_epochs=3, batch_size=400)
    first, second = (TENT(net, training=whole, random_state=s).fit(task.Xt) for s in (0, 1))
    np.testing.assert_allclose(
        first.predict_proba(task.Xt), second.predict_proba(task.Xt), atol=1e-5
    )


@pytest.mark.parametrize("name", ["residual-mlp", "transformer"])
def test_layer_normalisation_will_do(name, task):
    shape = (1, 2) if name == "transformer" else None
    net = NetworkSource(
        name, input_shape=shape, training=Training(max_epochs=2), random_state=0
    ).fit(task.Xs, task.ys)
    model = TENT(net, training=MORE, random_state=0).fit(task.Xt)
    assert model.history_[-1]["entropy"] < model.before_["entropy"]
    changed = {n for n, v in net.weights_.items() if (v != model.weights_[n]).any()}
    assert changed and all("norm" in n or ".inner.0." in n for n in changed)


def test_labels_join_the_loss(task):
    wrong = (task.yt + 1) % 3  # so that nothing but labels can teach it
    fast = Training(max_epochs=60, learning_rate=0.05)
    model = TENT(task.source, training=fast, least_diversity=0, random_state=0)
    model.fit(task.Xt, wrong)
    assert model.history_[-1]["labels"] < model.history_[0]["labels"] / 2
    assert model.score(task.Xt, wrong) > 0.5 > task.source.score(task.Xt, wrong)


def test_a_network_without_normalising_layers_is_refused(task):
    net = NetworkSource((8,), training=Training(max_epochs=1)).fit(task.Xs, task.ys)
    with pytest.raises(ValueError, match=r"TENT learns the scales .* has none. Use SHOT, or a"):
        TENT(net).fit(task.Xt)
