import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn

from landbridge.target.fine_tune.stochastic import stochastic_normalisation  # noqa: E402


@pytest.fixture(params=["flat", "pictures"])
def layer_and_rows(request):
    torch.manual_seed(0)
    layer = nn.BatchNorm1d(40) if request.param == "flat" else nn.BatchNorm2d(40)
    rows = torch.randn(16, 40) if request.param == "flat" else torch.randn(16, 40, 2, 3)
    with torch.no_grad():
        layer.running_mean.normal_()
        layer.running_var.uniform_(0.5, 2.0)
        layer.weight.normal_()
        layer.bias.normal_()
    return layer, rows


def by(rows, layer, mean, var):
    shape = [1, 40, *[1] * (rows.ndim - 2)]
    mean, var, weight, bias = (
        v.detach().reshape(shape) for v in (mean, var, layer.weight, layer.bias)
    )
    return (rows - mean) / (var + layer.eps).sqrt() * weight + bias


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_each_channel_is_normalised_one_way_or_the_other(chance, layer_and_rows):
    layer, rows = layer_and_rows
    axes = [k for k in range(rows.ndim) if k != 1]
    moving = by(rows, layer, layer.running_mean.clone(), layer.running_var.clone())
    of_batch = by(rows, layer, rows.mean(axes), rows.var(axes, correction=0))
    with stochastic_normalisation(layer, chance) as n_layers:
        found = layer.train()(rows)
    assert n_layers == 1

    def channels(expected):
        return np.array([torch.allclose(found[:, c], expected[:, c], atol=1e-4) for c in range(40)])

    assert (channels(moving) ^ channels(of_batch)).all()
    assert channels(moving).mean() == pytest.approx(chance, abs=0.25)


def test_evaluation_is_as_ever_and_nothing_remains(layer_and_rows):
    layer, rows = layer_and_rows
    before = layer.eval()(rows)
    with stochastic_normalisation(layer, 0.5):
        assert torch.equal(layer(rows), before)
    assert not layer._forward_hooks and not layer._forward_pre_hooks


def test_gradients_flow_through_both(layer_and_rows):
    layer, rows = layer_and_rows
    rows.requires_grad_()
    with stochastic_normalisation(layer, 0.5):
        layer.train()(rows).square().sum().backward()
    assert rows.grad.isfinite().all() and layer.weight.grad.abs().min() > 0
