import numpy as np
import pytest


def gates(W):
    """PyTorch's gates of a GRU (reset, update, new) in Keras's order (update, reset, new)."""
    reset, update, new = np.split(W, 3)
    return np.concatenate([update, reset, new])


def as_keras(state):
    """A PyTorch state, in the order and the layouts of Keras's weights."""
    found, held = [], None
    for name, tensor in state.items():
        value = tensor.detach().numpy()
        if name.endswith("num_batches_tracked"):
            continue
        if "weight_ih" in name or "weight_hh" in name:
            found.append(gates(value).T)
        elif "bias_ih" in name:
            held = gates(value)
        elif "bias_hh" in name:
            found.append(np.stack([held, gates(value)]))
        elif value.ndim == 4:
            found.append(value.transpose(2, 3, 1, 0))
        else:
            found.append(value.T)
    return found


@pytest.fixture
def translated():
    return as_keras


@pytest.fixture
def twins():
    """A network by name in both frameworks, with the same first weights, drawn by PyTorch."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from landbridge.keras.networks import make_network as make_keras
    from landbridge.training.networks import make_network as make_torch

    def make(network, input_shape, n_outputs, seed=0):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            module = make_torch(network, input_shape, n_outputs)
        model = make_keras(network, input_shape, n_outputs)
        model.set_weights(as_keras(module.state_dict()))
        return module, model

    return make
