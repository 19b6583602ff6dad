import numpy as np
import pytest
from scipy.special import log_softmax

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from landbridge.training import losses  # noqa: E402


@pytest.fixture
def batch(rng):
    return rng.normal(size=(8, 3)), rng.integers(3, size=8), rng.uniform(0.5, 2, 8)


def as_tensors(batch):
    return [torch.from_numpy(values) for values in batch]


def log_p(logits, y):
    return log_softmax(logits, axis=1)[np.arange(len(y)), y]


def test_cross_entropy_is_the_mean_weighted_log_probability(batch):
    logits, y, w = batch
    expected = -np.mean(w * log_p(logits, y))
    assert float(losses.cross_entropy(*as_tensors(batch))) == pytest.approx(expected, rel=1e-12)


def test_focal_loss_is_equation_4_and_cross_entropy_at_gamma_0(batch):
    logits, y, w = batch
    p = np.exp(log_p(logits, y))
    expected = -np.mean(w * (1 - p) ** 2 * np.log(p))
    tensors = as_tensors(batch)
    assert float(losses.focal(*tensors)) == pytest.approx(expected, rel=1e-12)
    plain = float(losses.cross_entropy(*tensors))
    assert float(losses.focal(*tensors, gamma=0.0)) == pytest.approx(plain, rel=1e-12)


def test_logit_adjustment_adds_the_log_shares(batch):
    logits, y, w = batch
    shares = np.array([0.7, 0.2, 0.1])
    expected = -np.mean(w * log_p(logits + np.log(shares), y))
    found = losses.logit_adjusted(*as_tensors(batch), shares=torch.from_numpy(shares))
    assert float(found) == pytest.approx(expected, rel=1e-12)


def test_ldam_gives_rarer_classes_wider_margins(batch):
    logits, y, w = batch
    shares = np.array([0.7, 0.2, 0.1])
    margins = shares**-0.25 / (0.1**-0.25) * 0.5
    moved = logits.copy()
    moved[np.arange(8), y] -= margins[y]
    found = losses.ldam(*as_tensors(batch), shares=torch.from_numpy(shares))
    assert float(found) == pytest.approx(-np.mean(w * log_p(moved, y)), rel=1e-12)


def test_the_squared_error_is_the_mean_over_outputs(rng):
    F, Y, w = rng.normal(size=(6, 2)), rng.normal(size=(6, 2)), rng.uniform(size=6)
    expected = np.mean(w * np.mean((F - Y) ** 2, axis=1))
    assert float(losses.squared_error(*as_tensors((F, Y, w)))) == pytest.approx(expected)


@pytest.mark.parametrize("name", [*losses.LOSSES, "squared error"])
def test_no_weights_are_weights_of_1_each(name, batch):
    logits, y, _ = as_tensors(batch)
    shares = torch.tensor([0.5, 0.3, 0.2]) if name in losses.LOSSES else None
    y = y if name in losses.LOSSES else logits.flip(0)
    loss = losses.make_loss(name, shares)
    expected = float(loss(logits, y, torch.ones(len(logits))))
    assert float(loss(logits, y, None)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", losses.LOSSES)
def test_gradients_are_those_of_finite_differences(name, batch):
    logits, y, w = as_tensors(batch)
    loss = losses.make_loss(name, torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64))
    assert torch.autograd.gradcheck(lambda z: loss(z, y, w), logits.requires_grad_())
