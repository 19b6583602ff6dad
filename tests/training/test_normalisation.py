import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn

from landbridge.training.normalisation import (  # noqa: E402
    freeze,
    recalibrate,
    set_statistics,
    statistics,
)


def net():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.BatchNorm1d(4))


def test_recalibrated_statistics_are_those_of_the_rows():
    module, rows = net(), torch.randn(500, 3) * 3 + 1
    recalibrate(module, [rows])
    seen = module[0](rows)
    torch.testing.assert_close(module[1].running_mean, seen.mean(dim=0), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(module[1].running_var, seen.var(dim=0), rtol=1e-4, atol=1e-5)
    normal = module.eval()[1](seen)
    torch.testing.assert_close(normal.mean(dim=0), torch.zeros(4), atol=1e-4, rtol=0)


def test_several_batches_count_alike():
    module, parts = net(), [torch.randn(50, 3) + k for k in range(4)]
    recalibrate(module, parts)
    means = torch.stack([module[0](part).mean(dim=0) for part in parts])
    torch.testing.assert_close(module[1].running_mean, means.mean(dim=0), rtol=1e-4, atol=1e-5)


def test_weights_modes_and_momentum_are_left_as_they_were():
    module = net().train()
    module[3].eval()
    weights = [p.clone() for p in module.parameters()]
    recalibrate(module, [torch.randn(20, 3)])
    assert module.training and module[1].training and not module[3].training
    assert module[1].momentum == 0.1
    assert all(torch.equal(a, b) for a, b in zip(weights, module.parameters()))


def test_statistics_can_be_taken_and_put_back():
    module = net()
    before = statistics(module)
    recalibrate(module, [torch.randn(20, 3) + 5])
    assert not torch.equal(before["1.running_mean"], module[1].running_mean)
    set_statistics(module, before)
    assert torch.equal(before["1.running_mean"], module[1].running_mean)


def test_a_frozen_part_keeps_weights_and_statistics_in_training():
    module = nn.Sequential(net(), nn.Linear(4, 2))
    freeze(module[0])
    before = {name: value.clone() for name, value in module[0].state_dict().items()}
    module.train()
    loss = module(torch.randn(20, 3) + 3).square().sum()
    loss.backward()
    torch.optim.SGD([p for p in module.parameters() if p.requires_grad], lr=0.1).step()
    assert all(torch.equal(before[name], value) for name, value in module[0].state_dict().items())
    assert not module[0][1].training and module[1].training
