from itertools import pairwise

import numpy as np
import pytest

from landbridge import SHOT, NetworkSource, Training

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

BLANK = -1


def softmax(logits):
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    return grown / grown.sum(axis=1, keepdims=True)


def labels_by_numpy(X, P):
    """Liang et al. 2020, equations 4 to 6, line by line."""
    n, k = P.shape
    centres = np.array([sum(P[i, c] * X[i] for i in range(n)) / P[:, c].sum() for c in range(k)])
    for last in (False, True):
        distance = 1 - X @ centres.T / (
            np.linalg.norm(X, axis=1)[:, None] * np.linalg.norm(centres, axis=1)
        )
        found = distance.argmin(axis=1)
        if not last:
            own = [found == c for c in range(k)]
            centres = np.array([X[m].mean(axis=0) if m.any() else c for m, c in zip(own, centres)])
    return found


def test_diversity_is_numpys_and_its_gradient_right(rng):
    from landbridge.target.source_free.hypothesis import negative_diversity

    logits = rng.normal(size=(6, 3)) * 3
    mean = softmax(logits).mean(axis=0)
    tensor = torch.tensor(logits, requires_grad=True)
    np.testing.assert_allclose(negative_diversity(tensor).item(), (mean * np.log(mean)).sum())
    assert torch.autograd.gradcheck(negative_diversity, (tensor,))


@pytest.mark.parametrize("k", [2, 3, 7])
def test_pseudo_labels_are_those_of_the_paper_by_numpy(k, rng):
    from landbridge.target.source_free.hypothesis import centre_labels

    X = rng.normal(size=(80, 5)) + 3 * np.eye(7, 5)[rng.integers(k, size=80)]
    P = rng.dirichlet(np.ones(k), size=80)
    found = centre_labels(torch.tensor(X), torch.tensor(P), torch.full((80,), BLANK))
    np.testing.assert_array_equal(found, labels_by_numpy(X, P))


def test_a_class_that_no_row_is_given_keeps_its_first_centre():
    from landbridge.target.source_free.hypothesis import centre_labels

    X = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]], dtype=torch.float64)
    P = torch.tensor([[0.9, 0.0, 0.1], [0.9, 0.0, 0.1], [0.1, 0.8, 0.1]], dtype=torch.float64)
    found = centre_labels(X, P, torch.full((3,), BLANK))
    assert found.tolist() == [0, 0, 1]
    np.testing.assert_array_equal(found, labels_by_numpy(X.numpy(), P.numpy()))


def test_rows_with_a_label_keep_it_and_draw_the_centres(rng):
    from landbridge.target.source_free.hypothesis import centre_labels

    X = np.repeat(np.eye(2), 20, axis=0) + 0.1 * rng.normal(size=(40, 2))
    P = np.tile([0.49, 0.51], (40, 1))
    known = np.full(40, BLANK)
    known[[0, 1, 2, 20, 21, 22]] = [0, 0, 0, 1, 1, 1]
    found = centre_labels(torch.tensor(X), torch.tensor(P), torch.tensor(known))
    assert found.tolist() == [0] * 20 + [1] * 20


def test_the_first_loss_is_what_numpy_says(task):
    """One batch of all rows: every term by its formula, after the target's statistics."""
    from landbridge import AdaBN

    whole = Training(max_epochs=1, batch_size=400)
    model = SHOT(
        task.source, information_weight=0.7, pseudo_weight=0.2, training=whole, random_state=0
    ).fit(task.Xt)
    W, start = task.source.weights_, AdaBN(task.source).fit(task.Xt)
    features = start._run(start.network_.body, task.Xt.astype(np.float32)).astype(np.float64)
    y = labels_by_numpy(features, start.predict_proba(task.Xt))
    Z = task.Xt  # in training, variances are divided by n
    for linear, norm in ((0, 1), (3, 4)):
        Z = Z @ W[f"body.{linear}.weight"].T + W[f"body.{linear}.bias"]
        Z = (Z - Z.mean(axis=0)) / np.sqrt(Z.var(axis=0) + 1e-5)
        Z = np.maximum(Z * W[f"body.{norm}.weight"] + W[f"body.{norm}.bias"], 0)
    P = softmax(Z @ W["head.weight"].T + W["head.bias"])
    mean = P.mean(axis=0)
    expected = {
        "batch entropy": -0.7 * (P * np.log(P)).sum(axis=1).mean(),
        "batch diversity": 0.7 * (mean * np.log(mean)).sum(),
        "pseudo-labels": -0.2 * np.log(P[np.arange(400), y]).mean(),
        "labels": 0.0,
    }
    for name, value in expected.items():
        assert model.history_[0][name] == pytest.approx(value, rel=1e-3, abs=1e-6), name
    assert model.history_[0]["loss"] == pytest.approx(sum(expected.values()), rel=1e-3)


def test_the_head_stays_as_it_is_to_the_bit_and_the_body_moves(task):
    model = SHOT(task.source, training=Training(max_epochs=3, weight_decay=0.1), random_state=0)
    model.fit(task.Xt)
    for name, value in task.source.weights_.items():
        if name.startswith("head."):
            np.testing.assert_array_equal(model.weights_[name], value)
        elif name.endswith("weight"):
            assert (model.weights_[name] != value).any()


def test_pseudo_labels_are_renewed_every_epoch_and_lie_in_the_checkpoint(moons, tmp_path):
    from safetensors.numpy import load_file

    from landbridge.target.source_free.base import _order

    task, kept = moons[0], []
    training = Training(
        max_epochs=8,
        folder=tmp_path,
        progress=lambda epoch, *_: (
            epoch > 1
            and kept.append(load_file(tmp_path / "checkpoint.safetensors")["module.pseudo_labels"])
        ),
    )
    model = SHOT(task.source, training=training, random_state=0).fit(task.Xt)
    kept.append(load_file(tmp_path / "checkpoint.safetensors")["module.pseudo_labels"])
    assert len(kept) == 8 and any((a != b).any() for a, b in pairwise(kept))
    rows = task.Xt[_order(task.Xt.astype(np.float32), model._seed())].astype(np.float32)
    features = model._run(model.network_.body, rows).astype(np.float64)
    np.testing.assert_array_equal(kept[-1], labels_by_numpy(features, model.predict_proba(rows)))


@pytest.mark.parametrize("name", ["moons", "blobs"])
def test_it_beats_the_source_alone_over_ten_seeds(name, request):
    tasks = request.getfixturevalue(name)
    scores = [SHOT(t.source, random_state=0).fit(t.Xt).score(t.Xt, t.yt) for t in tasks]
    assert sum(scores) > sum(t.source.score(t.Xt, t.yt) for t in tasks) + 0.6


def test_without_normalising_layers_it_beats_the_source_too(blobs):
    scores = []
    for t in blobs:
        net = NetworkSource((16, 8), training=Training(max_epochs=15, learning_rate=0.01))
        net.set_params(random_state=0).fit(t.Xs, t.ys)
        model = SHOT(net, random_state=0).fit(t.Xt)
        scores.append([net.score(t.Xt, t.yt), model.score(t.Xt, t.yt)])
    source, adapted = np.sum(scores, axis=0)
    assert adapted > source + 0.3


@pytest.mark.parametrize("weights", [{"information_weight": 0}, {"pseudo_weight": 0}])
def test_either_half_can_be_left_out(weights, task):
    model = SHOT(task.source, random_state=0, **weights).fit(task.Xt)
    assert model.score(task.Xt, task.yt) > task.source.score(task.Xt, task.yt)
    gone = ["pseudo-labels"] if "pseudo_weight" in weights else ["batch entropy", "batch diversity"]
    assert all(figures[name] == 0 for figures in model.history_ for name in gone)


def test_labels_join_the_loss_and_help_over_ten_seeds(moons):
    plain, few = [], []
    for t in moons:
        labels = np.where(np.arange(400) < 40, t.yt, None)
        rest = slice(40, None)
        for scores, y in ((plain, None), (few, labels)):
            model = SHOT(t.source, random_state=0).fit(t.Xt, y)
            scores.append(model.score(t.Xt[rest], t.yt[rest]))
    assert sum(few) > sum(plain) + 0.1


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("information_weight", -1), ("pseudo_weight", "x"), ("least_diversity", 1.0)],
)
def test_a_parameter_out_of_range_is_named(parameter, value, task):
    with pytest.raises(ValueError, match=f"{parameter} must be a number from 0"):
        SHOT(task.source, **{parameter: value}).fit(task.Xt)


def test_a_network_that_is_all_head_is_refused(task):
    net = NetworkSource(None, training=Training(max_epochs=1)).fit(task.Xs, task.ys)
    with pytest.raises(ValueError, match=r"nothing but a head\. Use a source network with hidden"):
        SHOT(net).fit(task.Xt)
