import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn

from landbridge import NetworkSource, Training  # noqa: E402
from landbridge.training.networks import cut, make_network, run_once, upto  # noqa: E402

SHAPES = {
    "mlp": (6,),
    "residual-mlp": (6,),
    "cnn": (3, 9, 7),
    "gru": (5, 4),
    "transformer": (5, 4),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_named_network_takes_its_rows_and_is_cut_before_its_head(name):
    rows = torch.randn(4, *SHAPES[name])
    module = make_network(name, SHAPES[name], 3)
    before = run_once(module, rows)
    parted = cut(module, rows)
    assert before.shape == (4, 3)
    torch.testing.assert_close(run_once(parted, rows), before)
    features = parted.eval().body(rows)
    assert features.shape == (4, parted.n_features)
    torch.testing.assert_close(parted.head(features), before)


def test_a_module_is_copied_with_its_weights():
    mine = nn.Linear(2, 3)
    made = make_network(mine, (2,), 3)
    assert made is not mine and torch.equal(made.weight, mine.weight)


@pytest.mark.parametrize("network", [None, (), (8,), [8, 8]])
def test_widths_are_those_of_the_hidden_layers(network):
    layers = [m for m in make_network(network, (5,), 2).modules() if isinstance(m, nn.Linear)]
    assert [layer.out_features for layer in layers] == [*(network or ()), 2]


def test_what_follows_the_head_is_refused():
    module = nn.Sequential(nn.Linear(3, 2), nn.Softmax(dim=1))
    with pytest.raises(ValueError, match="goes on after its layer '0': a head must come last"):
        cut(module, torch.randn(2, 3))


def test_the_head_is_named_where_it_is_not_the_last_layer_written_down():
    class Twisted(nn.Module):
        def __init__(self):
            super().__init__()
            self.top = nn.Linear(4, 2)
            self.bottom = nn.Linear(3, 4)

        def forward(self, X):
            return self.top(self.bottom(X))

    with pytest.raises(ValueError, match="goes on after"):
        cut(Twisted(), torch.randn(2, 3))
    assert cut(Twisted(), torch.randn(2, 3), head="top").n_features == 4
    with pytest.raises(ValueError, match="found 'middle'; its linear layers are top, bottom"):
        cut(Twisted(), torch.randn(2, 3), head="middle")


def test_the_layer_that_does_not_fit_is_named():
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(5, 2))
    with pytest.raises(ValueError, match=r"rows of shape \(3,\): its layer '2' fails"):
        run_once(module, torch.randn(2, 3))


def test_the_body_as_far_as_a_layer_gives_what_that_layer_gives():
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    rows = torch.randn(5, 3)
    torch.testing.assert_close(upto(module, "0")(rows), module[0](rows))
    with pytest.raises(ValueError, match="no layer 'x': its layers are 0, 1, 2"):
        upto(module, "x")


@pytest.mark.parametrize(
    ("network", "shape", "error", "match"),
    [
        ("cnn", (5,), ValueError, r"takes rows of shape \(channels, height, width\): found"),
        ("gru", (5,), ValueError, r"takes rows of shape \(steps, features\)"),
        ("magic", (5,), ValueError, "Unknown network 'magic': the names are mlp"),
        (3, (5,), TypeError, "network must be None, a tuple of hidden widths"),
    ],
)
def test_what_makes_no_network_is_refused(network, shape, error, match):
    with pytest.raises(error, match=match):
        make_network(network, shape, 2)


def test_small_pictures_pass_through_the_convolutions():
    module = make_network("cnn", (1, 4, 4), 2)
    assert run_once(module, torch.zeros(2, 1, 4, 4)).shape == (2, 2)
    assert np.prod(run_once(make_network("cnn", (1, 28, 28), 10), torch.zeros(2, 1, 28, 28)).shape)


@pytest.mark.parametrize("name", SHAPES)
def test_a_trained_network_gives_the_same_when_it_is_compiled(name, rng):
    X = rng.normal(size=(20, *SHAPES[name])).astype(np.float32)
    model = NetworkSource(name, training=Training(max_epochs=1), random_state=0)
    network = model.fit(X, X.reshape(20, -1)[:, 0] > 0).network_
    rows = torch.from_numpy(X).to(next(network.parameters()).device)
    with torch.no_grad():
        expected = network(rows)
        found = torch.compile(network, backend="aot_eager")(rows)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)


def test_a_compiled_network_is_trained_like_a_plain_one(rng):
    X = rng.normal(size=(60, 6)).astype(np.float32)
    module = make_network("mlp", (6,), 2)
    plain, compiled = (
        NetworkSource(network, training=Training(max_epochs=2), random_state=0)
        .fit(X, X[:, 0] > 0)
        .predict_proba(X)
        for network in (module, torch.compile(module, backend="aot_eager"))
    )
    np.testing.assert_allclose(compiled, plain, atol=1e-6)
