"""Games against classifiers of domains and critics, on toys whose answers are known."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from landbridge import DeepTransfer, Training, Transfer, load, save  # noqa: E402
from landbridge.mapping.deep.adversaries import (  # noqa: E402
    ADDA,
    CDAN,
    WDGRL,
    between,
    certainty_weights,
    discriminator,
    domain_loss,
    gradient_penalty,
    reverse_gradient,
)
from landbridge.mapping.deep.base import DeepNet, View  # noqa: E402
from landbridge.training import ArrayBatches, Batch, Trainer, TwoDomains  # noqa: E402
from landbridge.training.batches import TwoBatches  # noqa: E402
from landbridge.training.losses import cross_entropy  # noqa: E402
from landbridge.training.networks import Cut, TwoBodies  # noqa: E402
from landbridge.training.schedule import warm_up  # noqa: E402
from landbridge.training.trainer import Player, parameters_of  # noqa: E402

nn = torch.nn


def view(features, logits):
    n = len(features)
    return View(features, logits, torch.zeros(n).long(), torch.ones(n), torch.arange(n), features)


def plain_net(alignment, n_features=1, n_classes=2):
    """Rows are their own features; the head is linear."""
    network = Cut(nn.Flatten(), nn.Linear(n_features, n_classes))
    alignment.build(n_features, n_classes, (1, 1))
    return DeepNet(network, alignment, lambda logits, y, weight: logits.sum() * 0.0, 1.0)


def play(net, players, Xs, Xt, epochs=100):
    """Train some players on rows alone."""
    no_labels = np.zeros(len(Xs), dtype=np.intp), np.full(len(Xt), -1)
    both = TwoDomains(*(ArrayBatches(X, y, batch_size=256) for X, y in zip((Xs, Xt), no_labels)))
    options = Training(max_epochs=epochs, learning_rate=3e-3)
    Trainer(net, players, both, options, 0, torch.device("cpu"), keeps_best=False).fit()


def test_reversal_is_the_identity_forwards_and_turns_the_gradient_round():
    X = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    assert torch.equal(reverse_gradient(X, 0.3), X)
    (slope,) = torch.autograd.grad((reverse_gradient(X, 0.3) ** 3).sum(), X)
    torch.testing.assert_close(slope, -0.3 * 3 * X.detach() ** 2)


@pytest.mark.parametrize("done", [0.0, 0.1, 0.5, 1.0])
def test_the_strength_of_the_reversal_follows_the_papers_schedule(done):
    alignment = CDAN()
    alignment.build(3, 2, (1, 1))
    features = torch.randn(6, 3, requires_grad=True)
    rows = view(features, torch.zeros(6, 2))
    slopes = [
        torch.autograd.grad(alignment(rows, rows, d)["domain"], features)[0] for d in (1, done)
    ]
    expected = (2 / (1 + np.exp(-10 * done)) - 1) / warm_up(1.0)
    torch.testing.assert_close(slopes[1], expected * slopes[0])


def test_the_best_classifier_of_two_gaussians_is_their_log_ratio(rng):
    Xs, Xt = (rng.normal(m, 1, size=(2000, 1)).astype(np.float32) for m in (0.0, 2.0))
    net = nn.Sequential(discriminator(1, 32))

    def terms(batches, done):
        return {"domain": domain_loss(net(batches.source.X), net(batches.target.X))}

    play(net, [Player(terms, parameters_of(net))], Xs, Xt, epochs=40)
    grid = np.linspace(-0.5, 2.5, 13, dtype=np.float32)
    with torch.no_grad():
        found = net(torch.from_numpy(grid)[:, None]).sigmoid().numpy()[:, 0]
    p, q = norm.pdf(grid, 0), norm.pdf(grid, 2)
    np.testing.assert_allclose(found, p / (p + q), atol=0.08)


def test_weighted_rows_count_as_repeated_ones():
    torch.manual_seed(0)
    source, target = torch.randn(4, 1), torch.randn(3, 1)
    repeated = torch.cat([source, source[:2]])
    weight = torch.tensor([2.0, 2.0, 1.0, 1.0])
    weighted = domain_loss(source, target, weight / weight.mean())
    torch.testing.assert_close(weighted, domain_loss(repeated, target))


def test_cdan_sees_every_feature_times_every_probability(rng):
    alignment = CDAN()
    alignment.build(3, 2, (1, 1))
    features, logits = torch.randn(5, 3), torch.randn(5, 2)
    p = logits.softmax(dim=1).numpy()
    expected = np.einsum("bi,bj->bij", features.numpy(), p).reshape(5, 6)
    np.testing.assert_allclose(alignment.joint(view(features, logits)), expected, rtol=1e-5)


def test_random_maps_keep_the_inner_products_of_large_products():
    torch.manual_seed(0)
    alignment = CDAN(largest_product=5, n_random=40_000)
    alignment.build(3, 2, (1, 1))
    rows = view(torch.randn(4, 3), torch.randn(4, 2))
    drawn = alignment.joint(rows)
    f, p = rows.features, rows.probabilities
    torch.testing.assert_close(drawn @ drawn.T, (f @ f.T) * (p @ p.T), atol=0.15, rtol=0.05)
    assert {"of_features", "of_classes"} <= set(alignment.state_dict())


def test_sure_rows_count_up_to_twice_as_much():
    logits = torch.tensor([[50.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    weights = certainty_weights(logits.softmax(dim=1))
    assert weights.mean() == pytest.approx(1.0)
    assert weights[0] / weights[1] == pytest.approx(2 / (1 + 1 / 3))
    plain, sure = CDAN(), CDAN(entropy=True)
    plain.build(2, 3, (1, 1))
    sure.build(2, 3, (1, 1))
    sure.load_state_dict(plain.state_dict())
    rows, others = view(torch.randn(2, 2), logits), view(torch.randn(2, 2), 0 * logits)
    losses = [alignment(rows, others, 1.0)["domain"] for alignment in (plain, sure)]
    assert losses[0] != losses[1]
    torch.testing.assert_close(*(a(others, others, 1.0)["domain"] for a in (plain, sure)))


def test_the_penalty_is_the_squared_distance_of_slopes_from_one():
    critic = nn.Linear(2, 1).double()
    critic.weight.data = torch.tensor([[3.0, 4.0]], dtype=torch.float64)
    rows = torch.randn(6, 2, dtype=torch.float64)
    assert float(gradient_penalty(critic, rows).detach()) == pytest.approx((5 - 1) ** 2)

    def penalty(weight, bias):
        bent = lambda X: torch.tanh(nn.functional.linear(X, weight, bias)).sum(dim=1)  # noqa: E731
        return gradient_penalty(bent, rows)

    weight = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(penalty, (weight, bias))


def test_points_between_lie_on_lines_of_rows():
    A, B = torch.zeros(5, 2), torch.ones(3, 2) * torch.tensor([1.0, 2.0])
    points = between(A, B)
    assert points.shape == (3, 2)
    torch.testing.assert_close(points[:, 1], 2 * points[:, 0])
    assert ((points[:, 0] >= 0) & (points[:, 0] <= 1)).all()


def test_the_critic_estimates_the_wasserstein_distance_of_shifted_rows(rng):
    r"""With slope s it gains :math:`s D - \gamma (s - 1)^2`, so that it sees D + D² / 2γ."""
    Xs = rng.normal(size=(1000, 1)).astype(np.float32)
    net = plain_net(alignment := WDGRL(width=32))
    play(net, alignment.players(net)[:1], Xs, Xs + 3, epochs=30)
    with torch.no_grad():
        found = alignment.distance(torch.from_numpy(Xs), torch.from_numpy(Xs + 3))
    assert float(found) == pytest.approx(3 + 9 / 20, rel=0.02)


@pytest.fixture(scope="module")
def adda():
    """A run on rows with a shift, where both bodies normalise, and its rows."""
    rng = np.random.default_rng(0)
    Xs, Xt = rng.normal(size=(2, 120, 3)).astype(np.float32)
    Xt += 1
    network = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    training = Training(max_epochs=4, learning_rate=0.01)
    net = DeepTransfer(network, alignment="adda", training=training, random_state=0)
    return net.fit(Xs, Xt, ys=Xs[:, 0] > 0), Xs, Xt


def test_adda_carries_each_domain_by_a_body_of_its_own(adda):
    net, Xs, Xt = adda
    assert isinstance(net.network_, TwoBodies)
    assert np.abs(net.transform(Xs) - net.transform_target(Xs)).max() > 0.01
    carried = net.transform_target(Xt)
    np.testing.assert_array_equal(net.predictor.predict(carried), net.predict(Xt))
    first = net.weights_["source_body.0.weight"]
    assert np.abs(first - net.weights_["body.0.weight"]).max() > 1e-4
    bent = net.transform(Xs)
    normal = Xs @ first.T
    normal = (normal - normal.mean(axis=0)) / normal.std(axis=0, ddof=1)
    scale, shift = (net.weights_[f"source_body.1.{name}"] for name in ("weight", "bias"))
    np.testing.assert_allclose(bent, np.maximum(normal * scale + shift, 0), atol=1e-3)


def test_both_bodies_are_saved(shifted_blobs, tmp_path):
    Xs, ys, Xt, _ = shifted_blobs
    training = Training(max_epochs=4, learning_rate=0.01)
    net = DeepTransfer((8,), alignment="adda", training=training, random_state=0)
    net.fit(Xs, Xt, ys=ys)
    again = load(save(net, tmp_path / "net.landbridge"))
    np.testing.assert_array_equal(again.transform(Xs), net.transform(Xs))
    np.testing.assert_array_equal(again.predict_proba(Xt), net.predict_proba(Xt))
    model = Transfer(LogisticRegression(), net).fit(Xs, ys, Xt)
    assert model.predict_proba(Xt[:3]).shape == (3, 3)


def two_bodies(alignment):
    torch.manual_seed(0)
    network = TwoBodies(Cut(nn.Linear(3, 4), nn.Linear(4, 2)))
    alignment.build(4, 2, (8, 8))
    return DeepNet(network, alignment, cross_entropy, 1.0)


def test_adda_learns_the_source_first_and_then_lets_it_be():
    net = two_bodies(alignment := ADDA(source_share=0.5))
    rows = (
        Batch(torch.randn(8, 3), torch.arange(8) % 2),
        Batch(torch.randn(8, 3), -torch.ones(8).long()),
    )
    batches = TwoBatches(*rows)
    learner, *game = net.players()
    early = [player.terms(batches, 0.2) for player in (learner, *game)]
    assert early[0]["source"].requires_grad
    assert not any(value.requires_grad for terms in early[1:] for value in terms.values())
    with torch.no_grad():
        net.network.source_body.weight.add_(1.0)  # what the source learns meanwhile
    late = [player.terms(batches, 0.5) for player in (learner, *game)]
    assert not late[0]["source"].requires_grad
    assert all(value.requires_grad for terms in late[1:] for value in terms.values())
    assert torch.equal(net.network.body.weight, net.network.source_body.weight)
    assert alignment.state_dict()["has_begun"]
    with torch.no_grad():
        net.network.body.weight.add_(1.0)
    game[0].terms(batches, 0.6)  # begins no second time
    assert not torch.equal(net.network.body.weight, net.network.source_body.weight)


def test_the_body_of_the_target_wants_its_rows_taken_for_the_source():
    net = two_bodies(alignment := ADDA(source_share=0.0))
    batches = TwoBatches(
        Batch(torch.randn(8, 3), torch.arange(8) % 2),
        Batch(torch.randn(8, 3), -torch.ones(8).long()),
    )
    alignment.begin(net)
    logits = alignment.discriminator(net.network.body(batches.target.X))
    expected = nn.functional.softplus(-logits).mean()
    torch.testing.assert_close(alignment.fooled(net, batches), expected)


@pytest.mark.parametrize("name", ["cdan", "cdan-e", "adda"])
def test_they_beat_the_source_alone_on_turned_moons(turned_moons_over_ten_seeds, name):
    assert turned_moons_over_ten_seeds(name) > turned_moons_over_ten_seeds("none") + 0.5


def test_wdgrl_beats_the_source_alone(accuracy_over_ten_seeds):
    assert accuracy_over_ten_seeds("wdgrl") > accuracy_over_ten_seeds("none") + 0.5
