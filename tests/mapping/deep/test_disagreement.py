"""Heads that disagree: MCD and MDD."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from landbridge.mapping.deep.base import DeepNet, View  # noqa: E402
from landbridge.mapping.deep.disagreement import (  # noqa: E402
    MCD,
    MDD,
    discrepancy,
    log_of_the_others,
)
from landbridge.training import Batch  # noqa: E402
from landbridge.training.batches import TwoBatches  # noqa: E402
from landbridge.training.losses import cross_entropy  # noqa: E402
from landbridge.training.networks import Cut  # noqa: E402

nn = torch.nn
N, D, K = 8, 4, 3


@pytest.fixture
def batches():
    torch.manual_seed(0)
    return TwoBatches(
        Batch(torch.randn(N, 2), torch.arange(N) % K),
        Batch(torch.randn(N, 2) + 1, torch.full((N,), -1)),
    )


def net_with(alignment):
    torch.manual_seed(1)
    network = Cut(nn.Linear(2, D), nn.Linear(D, K))
    alignment.build(D, K, (N, N))
    return DeepNet(network, alignment, cross_entropy, 1.0)


def softmax(Z):
    grown = np.exp(Z)
    return grown / grown.sum(axis=1, keepdims=True)


def test_discrepancy_is_the_mean_absolute_difference(rng):
    first, second = (rng.dirichlet(np.ones(K), N) for _ in range(2))
    found = discrepancy(torch.from_numpy(first), torch.from_numpy(second))
    assert float(found) == pytest.approx(np.abs(first - second).sum() / (N * K))


def test_the_game_of_mcd_begins_when_the_source_is_learned(batches):
    net = net_with(MCD(source_share=0.3))
    for done, plays in ((0.1, False), (0.3, True)):
        learned, parted, united = (player.terms(batches, done) for player in net.players())
        assert all(learned[name].requires_grad for name in ("source", "two heads"))
        assert parted["parting"].requires_grad == plays
        assert united["disagreement"].requires_grad == plays
        assert parted["parting"] == -united["disagreement"]


def test_the_heads_part_and_the_body_unites_them(batches):
    net = net_with(alignment := MCD(source_share=0.0))
    parting, uniting = net.players()[1:]
    before = float(alignment.apart(net.view(batches.target)).detach())
    for player, grows in ((parting, True), (uniting, False)):
        moved = [p for group in player.groups for p in group["params"]]
        kept = {name: value.clone() for name, value in net.state_dict().items()}
        step = torch.optim.SGD(moved, lr=0.05)
        sum(player.terms(batches, 1.0).values()).backward()
        step.step()
        apart = float(alignment.apart(net.view(batches.target)).detach())
        if not grows:
            assert apart < before
        changed = {n for n, value in net.state_dict().items() if not torch.equal(value, kept[n])}
        homes = {name.split(".")[0] + "." + name.split(".")[1] for name in changed}
        assert homes == ({"alignment.first", "alignment.second"} if grows else {"network.body"})
        net.load_state_dict(kept)
        net.zero_grad()


def test_target_labels_join_the_loss_of_mcd(batches):
    labelled = batches._replace(target=batches.target._replace(y=torch.arange(N) % K))
    net = net_with(MCD())
    learned = net.players()[0].terms
    assert learned(batches, 0.0)["target"] == 0
    expected = cross_entropy(net.network(labelled.target.X), labelled.target.y, None)
    torch.testing.assert_close(learned(labelled, 0.0)["target"], expected)


def test_the_log_of_the_other_classes_is_exact_where_one_class_is_sure(rng):
    Z, y = rng.normal(size=(N, K)), np.arange(N) % K
    found = log_of_the_others(torch.from_numpy(Z), torch.from_numpy(y))
    np.testing.assert_allclose(found, np.log(1 - softmax(Z)[np.arange(N), y]))
    sure = log_of_the_others(torch.tensor([[200.0, 0.0, 1.0]]), torch.tensor([0]))
    assert float(sure[0]) == pytest.approx(np.log(1 + np.e) - 200, rel=1e-5)
    logits = torch.randn(N, K, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda Z: log_of_the_others(Z, torch.arange(N) % K), logits)


def views_of(features, logits):
    n = len(features)
    return View(features, logits, torch.zeros(n).long(), torch.ones(n), torch.arange(n), features)


def test_mdd_is_the_papers_margin_disparity(rng):
    alignment = MDD(gamma=3.0)
    alignment.build(D, K, (N, N))
    source, target = (views_of(torch.randn(N, D), torch.randn(N, K)) for _ in range(2))
    with torch.no_grad():
        found = alignment(source, target, 1.0)["margin"]
        second = [softmax(alignment.adversary(v.features).numpy()) for v in (source, target)]
    own = [v.logits.argmax(dim=1).numpy() for v in (source, target)]
    on_source, on_target = (p[np.arange(N), y] for p, y in zip(second, own))
    expected = -3.0 * np.log(on_source).mean() - np.log(1 - on_target).mean()
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_the_margin_goes_to_its_optimum_where_both_domains_are_one():
    r"""There :math:`p' = \gamma / (1 + \gamma)` is best: its odds are the margin's exponential."""
    torch.manual_seed(0)
    alignment = MDD(gamma=4.0, width=8)
    alignment.build(1, 2, (1, 1))
    rows = views_of(torch.ones(2, 1), torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    step = torch.optim.Adam(alignment.parameters(), lr=0.05)
    for _ in range(300):
        step.zero_grad()
        alignment(rows, rows, 1.0)["margin"].backward()
        step.step()
    p = alignment.adversary(torch.ones(1, 1)).softmax(dim=1)[0, 0]
    assert float(p.detach()) == pytest.approx(0.8, abs=0.01)


def test_the_gradient_of_mdd_is_reversed_for_the_body_and_ramped():
    alignment = MDD()
    alignment.build(D, K, (N, N))
    features = torch.randn(N, D, requires_grad=True)
    logits, target = torch.randn(N, K), views_of(torch.randn(N, D), torch.randn(N, K))

    def slope(done):
        found = alignment(views_of(features, logits), target, done)["margin"]
        return torch.autograd.grad(found, features)[0]

    plain = nn.functional.cross_entropy(alignment.adversary(features), logits.argmax(dim=1))
    (straight,) = torch.autograd.grad(alignment.gamma * plain, features)
    assert (slope(0.0) == 0).all()
    torch.testing.assert_close(slope(1.0), -straight, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", ["mcd", "mdd"])
def test_they_beat_the_source_alone_on_turned_moons(turned_moons_over_ten_seeds, name):
    assert turned_moons_over_ten_seeds(name) > turned_moons_over_ten_seeds("none") + 0.4
