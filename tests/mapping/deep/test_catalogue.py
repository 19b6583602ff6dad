"""What holds for every alignment of the catalogue."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from landbridge import DeepTransfer, Training  # noqa: E402
from landbridge.mapping.deep import ALIGNMENTS, make_alignment  # noqa: E402
from landbridge.mapping.deep.base import DeepNet  # noqa: E402
from landbridge.training.batches import Batch, TwoBatches  # noqa: E402
from landbridge.training.losses import make_loss  # noqa: E402
from landbridge.training.networks import TwoBodies, cut, make_network  # noqa: E402

N_S, N_T, D, WIDTH = 13, 9, 4, 6


def made(name):
    if name == "deep-jdot":
        pytest.importorskip("ot", reason="POT is not installed")
    return make_alignment(name)


def batches(classifies):
    """Batches of two sizes; of three classes the source's batch lacks the last."""
    torch.manual_seed(0)
    Xs, Xt = torch.randn(N_S, D), torch.randn(N_T, D) + 1
    if classifies:
        ys, yt = torch.arange(N_S) % 2, torch.full((N_T,), -1)
    else:
        ys, yt = Xs[:, 0], torch.full((N_T,), math.nan)
    weights = torch.ones(N_S), None
    source, target = (
        Batch(X, y, w, torch.arange(len(X))) for X, y, w in zip((Xs, Xt), (ys, yt), weights)
    )
    return TwoBatches(source, target)


def deep_net(alignment, classifies):
    """The alignment in a small network, as ``DeepTransfer`` puts it there."""
    torch.manual_seed(0)
    n_outputs = len(alignment.classes(np.arange(3))) if classifies else 1
    network = cut(make_network((WIDTH,), (D,), n_outputs), torch.zeros(2, D))
    network = TwoBodies(network) if alignment.has_two_bodies else network
    alignment.build(network.n_features, n_outputs, (N_S, N_T))
    shares = torch.full((n_outputs,), 1 / n_outputs) if classifies else None
    return DeepNet(network, alignment, make_loss("cross-entropy", shares), 1.0)


LABELLED = ("source", "target")
CASES = [(name, classifies) for name in ALIGNMENTS for classifies in (True, False)]


@pytest.mark.parametrize(("name", "classifies"), CASES)
def test_it_gives_finite_terms_and_gradients_for_either_kind_of_label(name, classifies):
    alignment = made(name)
    if alignment.needs_classes and not classifies:
        net = DeepTransfer((4,), alignment=name, task="regression")
        with pytest.raises(ValueError, match="aligns classes, and task is 'regression'"):
            net.fit(np.eye(4), np.eye(4), ys=np.arange(4.0))
        return
    net = deep_net(alignment, classifies)
    both, slopes = batches(classifies), []
    for player in net.players():
        terms = player.terms(both, 0.9)
        assert all(value.isfinite() and value.ndim == 0 for value in terms.values())
        parameters = [p for group in player.groups for p in group["params"]]
        own = [v for k, v in terms.items() if k not in LABELLED and v.requires_grad]
        for term in own:
            found = torch.autograd.grad(term, parameters, retain_graph=True, allow_unused=True)
            slopes += [slope for slope in found if slope is not None]
    assert all(slope.isfinite().all() for slope in slopes)
    assert any(slope.abs().max() > 0 for slope in slopes) == (name != "none")


@pytest.mark.parametrize("name", ALIGNMENTS)
def test_it_trains_in_half_precision(name, rng):
    made(name)
    Xs, Xt = rng.normal(size=(2, 60, D)).astype(np.float32)
    training = Training(max_epochs=2, batch_size=32, precision="bfloat16", device="cpu")
    net = DeepTransfer((WIDTH,), alignment=name, training=training, random_state=0)
    net.fit(Xs, Xt, ys=(Xs[:, 0] > 0).astype(int))
    assert all(math.isfinite(value) for figures in net.history_ for value in figures.values())
    assert np.isfinite(net.predict_proba(Xt)).all()


@pytest.mark.parametrize("name", ALIGNMENTS)
def test_it_says_what_it_does_and_whose_it_is(name):
    kind, alignment = ALIGNMENTS[name], made(name)
    assert type(alignment).__name__ == kind.name
    assert type(alignment).__doc__.strip() and kind.summary
    author = kind.paper.split()[0]
    assert name == "none" or author in type(alignment).__doc__, f"its docstring cites no {author}"
    assert name == "none" or kind.paper[-4:].isdigit()


@pytest.mark.parametrize("name", ALIGNMENTS)
def test_a_resumed_run_ends_with_the_same_weights(name, rng, tmp_path):
    made(name)
    Xs, Xt = rng.normal(size=(2, 40, D)).astype(np.float32)

    def run(**options):
        training = Training(max_epochs=3, batch_size=20, learning_rate=0.01, **options)
        net = DeepTransfer((WIDTH,), alignment=name, training=training, random_state=0)
        return net.fit(Xs, Xt, ys=(Xs[:, 0] > 0).astype(int)).weights_

    def interrupt(epoch, *_):
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(folder=tmp_path, progress=interrupt)
    resumed, whole = run(folder=tmp_path), run()
    for key, value in whole.items():
        np.testing.assert_array_equal(value, resumed[key], err_msg=key)
