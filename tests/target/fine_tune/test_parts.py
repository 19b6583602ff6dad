from itertools import pairwise

import numpy as np
import pytest

from landbridge import FineTune, NetworkSource, Training

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn

from landbridge.target.fine_tune.parts import n_due, parts_of, thaw  # noqa: E402
from landbridge.training.networks import make_network  # noqa: E402
from landbridge.training.normalisation import statistics  # noqa: E402


@pytest.mark.parametrize(
    ("network", "shape", "n_parts"),
    [
        ((8, 4), (5,), 3),
        ("residual-mlp", (5,), 4),
        ("cnn", (1, 8, 8), 5),
        ("gru", (4, 3), 2),
        ("transformer", (4, 3), 4),
        (nn.Linear(2, 2), (2,), 1),
    ],
)
def test_every_weight_belongs_to_one_part(network, shape, n_parts):
    body = make_network(network, shape, 2)
    parts = parts_of(body)
    found = [id(p) for part in parts for p in part.parameters]
    assert len(parts) == n_parts
    assert sorted(found) == sorted(id(p) for p in body.parameters())


def test_what_normalises_belongs_to_the_part_before():
    body = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2))
    first, last = parts_of(body)
    assert first.modules == [body[0], body[1]] and last.modules == [body[3]]


def test_shared_weights_count_once():
    layer = nn.Linear(2, 2)
    assert len(parts_of(nn.Sequential(layer, nn.ReLU(), layer))) == 1


def test_parts_open_from_the_top():
    parts = parts_of(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2)))
    closed = thaw(parts, 1)
    assert [part.parameters[0].requires_grad for part in parts] == [False, False, True]
    assert closed == [parts[0].modules[0], parts[1].modules[0]]
    assert thaw(parts, 3) == [] and all(p.requires_grad for part in parts for p in part.parameters)


def test_all_parts_are_open_from_half_way():
    assert [n_due(4, k / 8) for k in range(9)] == [0, 1, 2, 3, 4, 4, 4, 4, 4]


def normalised(rng):
    module = nn.Sequential(
        nn.Linear(3, 6),
        nn.BatchNorm1d(6),
        nn.ReLU(),
        nn.Linear(6, 5),
        nn.BatchNorm1d(5),
        nn.ReLU(),
        nn.Linear(5, 2),
    )
    X = rng.normal(size=(60, 3)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    source = NetworkSource(module, training=Training(max_epochs=2), random_state=0).fit(X, y)
    return source, X, y


def states_while_tuning(source, X, y, recipe, epochs=8):
    """The weights before the first epoch and after each."""
    seen = [source.weights_]

    def look(*_):
        seen.append({k: v.clone().cpu().numpy() for k, v in network.state_dict().items()})

    net = FineTune(
        source, recipe=recipe, training=Training(max_epochs=epochs, progress=look), random_state=0
    )
    from landbridge.target.fine_tune import tuning

    whole = tuning.Tuned.__init__

    def caught(self, cut, *rest):
        nonlocal network
        whole(self, cut, *rest)
        network = cut

    network = None
    tuning.Tuned.__init__ = caught
    try:
        net.fit(X + 1, y)
    finally:
        tuning.Tuned.__init__ = whole
    return seen


def test_what_is_not_yet_open_stays_bit_for_bit_and_then_moves(rng):
    seen = states_while_tuning(*normalised(rng), "gradual-unfreezing")
    first = [name for name in seen[0] if name.startswith(("body.0.", "body.1."))]
    second = [name for name in seen[0] if name.startswith(("body.3.", "body.4."))]
    moved = {
        label: [
            any((then[name] != now[name]).any() for name in names) for then, now in pairwise(seen)
        ]
        for label, names in (("first", first), ("second", second))
    }
    # two parts over the first half of eight epochs: the second joins after 2, the first after 4
    assert moved["second"] == [False] * 2 + [True] * 6
    assert moved["first"] == [False] * 4 + [True] * 4
    assert "body.1.running_mean" in first


def test_tuned_parts_renew_their_statistics_and_frozen_ones_do_not(rng):
    source, X, y = normalised(rng)
    start = statistics(source.network_)
    for recipe, moves in (("full", True), ("linear-probe", False), ("lora", False)):
        net = FineTune(source, recipe=recipe, training=Training(max_epochs=3), random_state=0)
        found = statistics(net.fit(X + 5, y).network_)
        for name, value in start.items():
            assert torch.equal(value, found[name]) != moves, (recipe, name)
    assert all(torch.equal(v, statistics(source.network_)[k]) for k, v in start.items())
