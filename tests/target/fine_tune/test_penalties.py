import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from landbridge.target.fine_tune.penalties import (  # noqa: E402
    bss,
    channel_attention,
    class_contrastive,
    contrastive_cross_entropy,
    delta,
    distillation,
    l2_sp,
    soft_cross_entropy,
)


@pytest.fixture
def draw(rng):
    def drawn(*shape):
        return torch.from_numpy(rng.normal(size=shape)).requires_grad_()

    return drawn


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def n(tensor):
    return tensor.detach().numpy()


def test_l2_sp_is_half_the_squared_distance_from_the_start(draw):
    now, start = [draw(3, 2), draw(4)], [draw(3, 2), draw(4)]
    expected = sum(np.sum((n(a) - n(b)) ** 2) for a, b in zip(now, start)) / 2
    np.testing.assert_allclose(n(l2_sp(now, start)), expected)


def test_delta_weighs_the_squared_movement_of_features(draw):
    z, start, a = draw(5, 3), draw(5, 3), draw(3)
    expected = np.mean([np.sum(n(a) * (x - y) ** 2) for x, y in zip(n(z), n(start))])
    np.testing.assert_allclose(n(delta(z, start, a)), expected)


@pytest.mark.parametrize("classes", [True, False])
def test_attention_is_the_softmax_of_what_each_feature_is_worth(classes, rng):
    X = torch.from_numpy(rng.normal(size=(6, 4)))
    head = torch.nn.Linear(4, 3 if classes else 1).double()
    y = torch.from_numpy(rng.integers(0, 3, 6) if classes else rng.normal(size=6))

    def loss(features):
        found = n(features) @ n(head.weight).T + n(head.bias)
        if classes:
            return -np.log(softmax(found)[np.arange(6), n(y)]).mean()
        return np.mean((found[:, 0] - n(y)) ** 2)

    gains = []
    for j in range(4):
        without = X.clone()
        without[:, j] = 0
        gains.append(loss(without) - loss(X))
    found = n(channel_attention(X, head, y))
    np.testing.assert_allclose(found, softmax(np.array([gains]))[0])


@pytest.mark.parametrize("k", [1, 3])
def test_bss_is_the_energy_in_the_smallest_singular_values(k, draw):
    z = draw(8, 5)
    expected = np.sum(np.linalg.svd(n(z), compute_uv=False)[-k:] ** 2)
    np.testing.assert_allclose(n(bss(z, k)), expected)


def test_soft_cross_entropy_is_that_of_distributions(draw, rng):
    logits, q = draw(4, 3), rng.dirichlet(np.ones(3), 4)
    expected = -np.mean(np.sum(q * np.log(softmax(n(logits))), axis=1))
    np.testing.assert_allclose(n(soft_cross_entropy(logits, torch.from_numpy(q))), expected)


def test_distillation_is_cross_entropy_to_softened_predictions_of_the_start(draw):
    logits, start = draw(4, 3), draw(4, 3)
    expected = -np.mean(np.sum(softmax(n(start) / 2) * np.log(softmax(n(logits) / 2)), axis=1))
    np.testing.assert_allclose(n(distillation(logits, start)), expected)
    entropy = distillation(start, start.detach())  # the least there is
    (slope,) = torch.autograd.grad(entropy, start)
    np.testing.assert_allclose(n(slope), 0, atol=1e-12)


Y = np.array([0, 1, 0, 2, 1, 0])


def test_a_class_must_pick_its_rows_out_of_the_batch(draw):
    z, w, tau = draw(6, 4), draw(3, 4), 0.5
    h = n(z) / np.linalg.norm(n(z), axis=1, keepdims=True)
    each = []
    for y in Y:
        log_p = np.log(softmax((n(w)[y] @ h.T / tau)[None])[0])
        each.append(-log_p[y == Y].mean())
    found = contrastive_cross_entropy(z, torch.from_numpy(Y), w, tau)
    np.testing.assert_allclose(n(found), np.mean(each))


def test_rows_of_a_class_are_drawn_together(draw):
    z, tau = draw(6, 4), 0.5
    h = n(z) / np.linalg.norm(n(z), axis=1, keepdims=True)
    each = []
    for i, y in enumerate(Y):
        others = np.delete(np.arange(6), i)
        log_p = np.log(softmax((h[i] @ h[others].T / tau)[None])[0])
        if (Y[others] == y).any():
            each.append(-log_p[Y[others] == y].mean())
    assert len(each) == 5  # the third class has one row, which says nothing
    found = class_contrastive(z, torch.from_numpy(Y), tau)
    np.testing.assert_allclose(n(found), np.mean(each))


def test_every_gradient_is_right(draw):
    y = torch.from_numpy(Y)
    check = torch.autograd.gradcheck
    assert check(lambda a, b: l2_sp([a], [b]), (draw(3, 2), draw(3, 2)))
    assert check(delta, (draw(5, 3), draw(5, 3), draw(3)))
    assert check(lambda z: bss(z, 2), (draw(8, 5),))
    assert check(distillation, (draw(4, 3), draw(4, 3)))
    assert check(lambda z, w: contrastive_cross_entropy(z, y, w, 0.5), (draw(6, 4), draw(3, 4)))
    assert check(lambda z: class_contrastive(z, y, 0.5), (draw(6, 4),))


def test_a_batch_in_which_every_class_is_alone_has_no_contrast_and_a_finite_gradient(draw):
    z = draw(3, 4)
    value = class_contrastive(z, torch.arange(3))
    (slope,) = torch.autograd.grad(value, z)
    assert value == 0 and slope.isfinite().all()
