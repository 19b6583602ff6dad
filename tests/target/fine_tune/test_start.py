import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from landbridge import NetworkSource
from landbridge.source import CarriedModel, LinearHead
from landbridge.target.fine_tune.start import network_model, rows_of_head, rows_seen, with_head

torch = pytest.importorskip("torch", reason="PyTorch is not installed")


def test_the_network_is_found_in_what_is_wrapped_around_it():
    net = NetworkSource()
    scaler = StandardScaler().fit([[0.0], [2.0]])
    scaled = make_pipeline(scaler, net)
    for model in (net, FrozenEstimator(net), scaled, CarriedModel(FrozenEstimator(scaled), None)):
        assert network_model(model) is net
    assert network_model(scaler) is None and network_model(None) is None


def test_rows_are_carried_back_and_scaled_on_their_way_in():
    X = np.array([[0.0], [1.0]])
    scaler = StandardScaler().fit([[0.0], [2.0]])  # takes 1 off
    scaled = make_pipeline(scaler, NetworkSource())
    np.testing.assert_array_equal(rows_seen(None, X), X)
    np.testing.assert_array_equal(rows_seen(scaled, X), X - 1)
    np.testing.assert_array_equal(rows_seen(CarriedModel(scaled, scaler), X), X)
    np.testing.assert_array_equal(rows_seen(FrozenEstimator(NetworkSource()), X), X)


def test_each_class_has_its_row_of_the_head_or_none():
    known = np.array([3, 5, 9])
    assert rows_of_head(known, np.array([1, 3, 9])).tolist() == [-1, 0, 2]
    assert rows_of_head(None, None).tolist() == [0]
    assert rows_of_head(known, None).tolist() == [-1]
    assert rows_of_head(None, known).tolist() == [-1, -1, -1]


@pytest.mark.parametrize("bias", [True, False])
def test_a_head_keeps_the_rows_named_and_draws_the_others(bias):
    from landbridge.training.networks import Cut

    old = torch.nn.Linear(4, 3, bias=bias)
    network = with_head(Cut(torch.nn.Flatten(), old), np.array([2, -1, 0]))
    assert network.head.weight.shape == (3, 4)
    assert torch.equal(network.head.weight[[0, 2]], old.weight[[2, 0]])
    assert not (network.head.weight[1] == old.weight).all(dim=1).any()
    if bias:
        assert torch.equal(network.head.bias[[0, 2]], old.bias[[2, 0]])
    else:
        assert network.head.bias is None


def test_a_head_alone_is_a_network_whose_body_changes_nothing():
    from landbridge.target.fine_tune.start import classes_in, cut_in

    head = LinearHead(np.eye(2), np.array([1.0, 2.0]), np.array(["a", "b"]))
    network = cut_in(head)
    rows = torch.tensor([[3.0, 4.0]])
    assert torch.equal(network.body(rows), rows)
    assert network(rows).tolist() == [[4.0, 6.0]]
    assert classes_in(head).tolist() == ["a", "b"]
