import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from landbridge import Training  # noqa: E402
from landbridge.keras.framework import keras, tf  # noqa: E402
from landbridge.keras.optimisers import make_optimiser, shortened  # noqa: E402
from landbridge.training.trainer import make_optimiser as make_torch  # noqa: E402


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_every_step_is_that_of_pytorch(optimiser):
    options = Training(optimiser=optimiser, weight_decay=0.1, learning_rate=0.05)
    rng = np.random.default_rng(0)
    start = rng.normal(size=(4, 3)).astype(np.float32)
    expected, found = torch.nn.Parameter(torch.from_numpy(start.copy())), keras.Variable(start)
    theirs = make_torch(options, [{"params": [expected]}], torch.device("cpu"))
    ours = make_optimiser(options, [{"params": [found]}])
    for k in range(50):
        size = 10.0 ** rng.integers(-9, 2)
        gradient = (rng.normal(size=(4, 3)) * size).astype(np.float32)
        expected.grad = torch.from_numpy(gradient)
        for group in (*theirs.param_groups, *ours.param_groups):
            group["lr"] = 0.05 / (1 + k)
        theirs.step()
        ours.apply([tf.constant(gradient)], ours.sizes())
        np.testing.assert_allclose(
            found.value.numpy(), expected.detach(), rtol=1e-5, atol=1e-6, err_msg=f"step {k}"
        )


def test_a_variable_without_gradient_stays_and_paces_differ():
    still, slow, fast = (keras.Variable(np.ones(2, np.float32)) for _ in range(3))
    groups = [{"params": [still, slow], "pace": 0.1, "lr": 0.1}, {"params": [fast], "lr": 1.0}]
    optimiser = make_optimiser(Training(optimiser="sgd", weight_decay=0.0), groups)
    optimiser.apply([None, tf.ones(2), tf.ones(2)], optimiser.sizes())
    np.testing.assert_array_equal(still.value.numpy(), 1.0)
    np.testing.assert_allclose(slow.value.numpy(), 1 - 0.1 * 1.9, rtol=1e-6)
    np.testing.assert_allclose(fast.value.numpy(), 1 - 1.9, rtol=1e-6)


def test_gradients_are_shortened_together_and_only_if_too_long():
    short, long = [tf.constant([0.3, 0.4]), None], [tf.constant([3.0]), tf.constant([4.0])]
    np.testing.assert_array_equal(shortened(short, 1.0)[0], short[0])
    assert shortened(short, 1.0)[1] is None
    np.testing.assert_allclose([float(g[0]) for g in shortened(long, 1.0)], [0.6, 0.8], rtol=1e-5)
