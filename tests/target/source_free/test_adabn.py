import numpy as np
import pytest

from landbridge import AdaBN, NetworkSource, Training

torch = pytest.importorskip("torch", reason="PyTorch is not installed")


def test_the_statistics_become_those_of_the_target_and_no_weight_changes(task):
    model = AdaBN(task.source).fit(task.Xt)
    before, after = task.source.weights_, model.weights_
    moved = {name for name in before if (before[name] != after[name]).any()}
    assert {name.split(".")[-1] for name in moved} <= {
        *("running_mean", "running_var", "num_batches_tracked")
    }
    seen = task.Xt @ before["body.0.weight"].T + before["body.0.bias"]
    np.testing.assert_allclose(after["body.1.running_mean"], seen.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(after["body.1.running_var"], seen.var(axis=0, ddof=1), rtol=1e-4)


def test_predictions_are_what_numpy_makes_of_the_targets_statistics(task):
    model, W = AdaBN(task.source).fit(task.Xt), task.source.weights_
    seen = Z = task.Xt  # what statistics are taken of is normalised as in training, by n
    for linear, norm in ((0, 1), (3, 4)):
        seen, Z = (V @ W[f"body.{linear}.weight"].T + W[f"body.{linear}.bias"] for V in (seen, Z))
        mean, scale, shift = seen.mean(axis=0), W[f"body.{norm}.weight"], W[f"body.{norm}.bias"]
        seen, Z = (
            np.maximum((V - mean) / np.sqrt(part.var(axis=0, ddof=ddof) + 1e-5) * scale + shift, 0)
            for V, part, ddof in ((seen, seen, 0), (Z, seen, 1))
        )
    logits = Z @ W["head.weight"].T + W["head.bias"]
    P = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(task.Xt), P, atol=1e-4)


def test_a_change_of_units_is_undone_altogether(task):
    model, start = (AdaBN(task.source).fit(X) for X in (100 * task.Xs - 7, task.Xs))
    np.testing.assert_allclose(
        model.predict_proba(100 * task.Xs - 7), start.predict_proba(task.Xs), atol=1e-3
    )
    assert model.score(100 * task.Xs - 7, task.ys) > 0.95


@pytest.mark.parametrize("name", ["moons", "blobs"])
def test_it_beats_the_source_alone_over_ten_seeds(name, request):
    tasks = request.getfixturevalue(name)
    scores = [AdaBN(t.source).fit(t.Xt).score(t.Xt, t.yt) for t in tasks]
    assert sum(scores) > sum(t.source.score(t.Xt, t.yt) for t in tasks) + 0.4


def test_a_regression_is_adapted_too(rng):
    X = rng.normal(size=(300, 2))
    y = X[:, 0] + X[:, 1]

    def make():
        return torch.nn.Sequential(
            torch.nn.Linear(2, 16),
            torch.nn.BatchNorm1d(16),
            torch.nn.ReLU(),
            torch.nn.Linear(16, 1),
        )

    training = Training(max_epochs=40, learning_rate=0.02)
    net = NetworkSource(make, task="regression", training=training, random_state=0).fit(X, y)
    model = AdaBN(net, task="regression").fit(3 * X + 5)
    assert not hasattr(model, "predict_proba")
    assert model.score(3 * X + 5, y) > 0.9 > net.score(3 * X + 5, y)
    with pytest.raises(ValueError, match=r'is for regression: found .*Set task="regression"'):
        AdaBN(net).fit(X)


def test_a_task_that_is_not_the_networks_is_refused(task):
    with pytest.raises(
        ValueError, match=r"for classification: found task='regression'\. Set task="
    ):
        AdaBN(task.source, task="regression").fit(task.Xt)


def test_labels_are_passed_over_with_a_note(task):
    labels = np.where(np.arange(400) < 5, task.yt, None)
    model = AdaBN(task.source).fit(task.Xt, labels)
    assert "those of 5 target rows are passed over" in model.notes_[0]
    plain = AdaBN(task.source).fit(task.Xt)
    np.testing.assert_array_equal(model.predict_proba(task.Xt), plain.predict_proba(task.Xt))


def test_a_network_without_batch_normalisation_is_refused(task):
    net = NetworkSource((8,), training=Training(max_epochs=1)).fit(task.Xs, task.ys)
    with pytest.raises(
        ValueError, match=r"AdaBN replaces the statistics .* no such layer. Use SHOT"
    ):
        AdaBN(net).fit(task.Xt)
