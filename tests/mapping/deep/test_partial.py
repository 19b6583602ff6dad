"""Targets with fewer classes than the source, and with others."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from landbridge import DeepTransfer, Training, load, save  # noqa: E402
from landbridge.mapping.deep.adversaries import domain_loss  # noqa: E402
from landbridge.mapping.deep.base import DeepNet, View  # noqa: E402
from landbridge.mapping.deep.partial import (  # noqa: E402
    IWAN,
    OSBP,
    PADA,
    boundary_loss,
    likeness_weights,
)
from landbridge.training import Batch  # noqa: E402
from landbridge.training.batches import TwoBatches  # noqa: E402
from landbridge.training.losses import make_loss  # noqa: E402
from landbridge.training.networks import Cut, TwoBodies  # noqa: E402

nn = torch.nn
N, D, K = 12, 4, 3


@pytest.fixture
def batches():
    torch.manual_seed(0)
    return TwoBatches(
        Batch(torch.randn(N, 2), torch.arange(N) % K),
        Batch(torch.randn(N, 2) + 1, torch.full((N,), -1)),
    )


def net_with(alignment, n_outputs=K, two_bodies=False):
    torch.manual_seed(1)
    network = Cut(nn.Linear(2, D), nn.Linear(D, n_outputs))
    alignment.build(D, n_outputs, (N, N))
    loss = make_loss("cross-entropy", torch.ones(n_outputs) / n_outputs)
    return DeepNet(TwoBodies(network) if two_bodies else network, alignment, loss, 1.0)


def test_pada_follows_the_mean_prediction_of_the_target():
    alignment = PADA(memory=0.9)
    alignment.build(D, K, (1, 1))
    torch.testing.assert_close(alignment.class_weights(), torch.ones(K))
    logits = torch.tensor([[2.0, 0.0, -3.0], [1.0, 0.5, -2.0]])
    nobody = torch.zeros(2)
    target = View(torch.zeros(2, D), logits, nobody, nobody, None, nobody)
    mean, shares = logits.softmax(dim=1).mean(dim=0), torch.full((K,), 1 / K)
    for _ in range(5):
        alignment.follow(target)
        shares = 0.9 * shares + 0.1 * mean
    torch.testing.assert_close(alignment.shares, shares)
    torch.testing.assert_close(alignment.class_weights(), shares / shares.max())
    assert "shares" in alignment.state_dict()


def test_pada_weighs_labels_and_domains_of_the_source_by_class(batches):
    net = net_with(alignment := PADA(memory=1.0))
    alignment.shares.copy_(torch.tensor([0.5, 0.25, 0.0]))
    terms = net.players()[0].terms(batches, 1.0)
    weight = torch.tensor([1.0, 0.5, 0.0])[batches.source.y]
    source, target = net.views(batches)
    each = nn.functional.cross_entropy(source.logits, source.y, reduction="none")
    torch.testing.assert_close(terms["source"], (weight * each).mean())
    told = (alignment.discriminator(view.features) for view in (source, target))
    torch.testing.assert_close(terms["domain"], domain_loss(*told, weight))


def test_source_rows_weigh_by_how_little_they_look_like_the_source():
    logits = torch.tensor([[3.0], [0.0], [-3.0]])
    p = 1 / (1 + np.exp(-logits.numpy()[:, 0]))
    found = likeness_weights(logits)
    np.testing.assert_allclose(found, (1 - p) / (1 - p).mean(), rtol=1e-6)


def test_the_second_classifier_of_iwan_sees_the_weights_of_the_first(batches):
    net = net_with(alignment := IWAN(source_share=0.0), two_bodies=True)
    alignment.begin(net)
    source, target = (view.features for view in net.views(batches))
    judged = alignment.weigher(source)
    p = judged.sigmoid()[:, 0]
    weight = (1 - p) / (1 - p).mean()
    expected = domain_loss(judged, alignment.weigher(target)) + domain_loss(
        alignment.opponent(source), alignment.opponent(target), weight
    )
    torch.testing.assert_close(alignment.told(net, batches), expected)


def test_the_target_body_of_iwan_wants_to_be_taken_for_the_source_and_sure(batches):
    net = net_with(alignment := IWAN(certainty=0.2), two_bodies=True)
    alignment.begin(net)
    target = net.view(batches.target)
    fooling = nn.functional.softplus(-alignment.opponent(target.features)).mean()
    p = target.probabilities
    expected = fooling - 0.2 * (p * p.log()).sum(dim=1).mean()
    torch.testing.assert_close(alignment.fooled(net, batches), expected)


@pytest.fixture(scope="module")
def one_class_of_six():
    """Accuracy on a target that has one class of the source's six, over ten seeds."""
    angles = 2 * np.pi * np.arange(6) / 6
    centres = 5 * np.column_stack([np.cos(angles), np.sin(angles)])
    Xs, ys = make_blobs(240, centers=centres, cluster_std=0.7, random_state=0)
    Xt, yt = make_blobs(240, centers=centres[:1] - [2.2, 1.0], cluster_std=0.7, random_state=1)

    def accuracy(alignment):
        training = Training(max_epochs=60, batch_size=100, learning_rate=0.01)
        nets = (
            DeepTransfer((16, 16), alignment=alignment, training=training, random_state=seed)
            for seed in range(10)
        )
        return np.mean([net.fit(Xs, Xt, ys=ys).score(Xt, yt) for net in nets])

    return {name: accuracy(name) for name in ("none", "dann", "pada", "iwan")}


@pytest.mark.parametrize("name", ["pada", "iwan"])
def test_where_classes_are_missing_they_beat_plain_dann(one_class_of_six, name):
    assert one_class_of_six[name] > one_class_of_six["dann"] + 0.03
    assert one_class_of_six[name] > one_class_of_six["none"] + 0.03


def test_the_boundary_is_a_cross_entropy_with_the_probability_of_the_unknown(rng):
    Z = rng.normal(size=(7, 4))
    p = np.exp(Z[:, 1]) / np.exp(Z).sum(axis=1)
    expected = -(0.3 * np.log(p) + 0.7 * np.log(1 - p)).mean()
    assert float(boundary_loss(torch.from_numpy(Z), 1, 0.3)) == pytest.approx(expected)


def test_head_and_body_go_opposite_ways_at_the_boundary(batches):
    alignment = OSBP()
    alignment.classes(np.arange(K))
    net = net_with(alignment, K + 1)
    term = net.players()[0].terms(batches, 0.5)["boundary"]
    plain = boundary_loss(net.network(batches.target.X), alignment.place, 0.5)
    layers = net.network.body.weight, net.network.head.weight
    found, straight = (torch.autograd.grad(loss, layers) for loss in (term, plain))
    torch.testing.assert_close(found[0], -straight[0])
    torch.testing.assert_close(found[1], straight[1])


@pytest.mark.parametrize(
    ("found", "unknown", "classes", "place"),
    [
        ([0, 1, 2], None, [-1, 0, 1, 2], 0),
        ([0, 1, 2], 9, [0, 1, 2, 9], 3),
        ([0, 1, 2], 2, [0, 1, 2], 2),
        (["cat", "zebra"], None, ["cat", "unknown", "zebra"], 1),
        ([False, True], None, [-1, 0, 1], 0),
    ],
)
def test_the_unknown_is_a_class_in_its_place(found, unknown, classes, place):
    alignment = OSBP(unknown)
    assert alignment.classes(np.array(found)).tolist() == classes
    assert alignment.place == place


@pytest.mark.parametrize(
    ("found", "unknown", "match"),
    [
        ([0, 1], "other", r"found 'other' with the classes \[0, 1\]. Give another"),
        (["a", "b"], 7, "found 7 with the classes"),
        ([-1, 1], None, r"found -1 with the classes \[-1, 1\]"),
    ],
)
def test_an_unknown_without_a_label_of_its_own_is_refused(found, unknown, match):
    with pytest.raises(ValueError, match=match):
        OSBP(unknown).classes(np.array(found))


@pytest.fixture(scope="module")
def open_set():
    """Three classes of five in the source; the other two are unknown there."""
    angles = 2 * np.pi * np.arange(5) / 5
    centres = 5 * np.column_stack([np.cos(angles), np.sin(angles)])
    Xs, ys = make_blobs(300, centers=centres[:3], cluster_std=0.7, random_state=0)
    Xt, yt = make_blobs(
        300, centers=centres + np.array([0.8, 0.5]), cluster_std=0.7, random_state=100
    )
    names = np.array(["red", "green", "blue", "unknown", "unknown"])
    return Xs, names[ys], Xt, names[yt]


def fitted(open_set, seed):
    Xs, ys, Xt, _ = open_set
    training = Training(max_epochs=60, learning_rate=0.01)
    net = DeepTransfer((32, 32), alignment="osbp", training=training, random_state=seed)
    return net.fit(Xs, Xt, ys=ys)


def test_unknown_rows_are_found_and_known_ones_kept(open_set):
    _, _, Xt, yt = open_set
    is_unknown = yt == "unknown"
    found, wrongly, right = np.mean(
        [
            (
                (predicted[is_unknown] == "unknown").mean(),
                (predicted[~is_unknown] == "unknown").mean(),
                (predicted == yt)[~is_unknown].mean(),
            )
            for predicted in (fitted(open_set, seed).predict(Xt) for seed in range(10))
        ],
        axis=0,
    )
    assert found > 0.4 and wrongly < 0.15 and right > 0.85


def test_the_unknown_is_saved_and_has_a_probability(open_set, tmp_path):
    Xs, _, Xt, _ = open_set
    net = fitted(open_set, 0)
    assert net.classes_.tolist() == ["blue", "green", "red", "unknown"]
    assert net.predict_proba(Xt).shape == (300, 4)
    assert (net.predict_proba(Xs)[:, 3] < 0.5).mean() > 0.95
    again = load(save(net, tmp_path / "net.landbridge"))
    np.testing.assert_array_equal(again.predict(Xt), net.predict(Xt))
    assert (net.predictor.predict(net.transform_target(Xt)) == net.predict(Xt)).all()


def test_target_rows_may_be_labelled_as_unknown(open_set):
    Xs, ys, Xt, yt = open_set
    some = np.full(300, None, dtype=object)
    some[:60] = yt[:60]
    training = Training(max_epochs=40, learning_rate=0.01)
    alignment = OSBP(unknown="unknown")
    net = DeepTransfer((32, 32), alignment=alignment, training=training, random_state=0)
    assert net.fit(Xs, Xt, ys=ys, yt=some).score(Xt[60:], yt[60:]) > 0.95
