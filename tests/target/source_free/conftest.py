import numpy as np
import pytest
from sklearn.datasets import make_moons

from landbridge import NetworkSource, Training

CENTRES = np.array([[3.0, 0.0], [0.0, 3.0], [-3.0, -3.0]])
QUICK = Training(max_epochs=15, learning_rate=0.01)


def batch_normalised(n_classes):
    """A function that makes a small network with batch normalisation."""
    from torch import nn

    def make():
        return nn.Sequential(
            *(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU()),
            *(nn.Linear(16, 8), nn.BatchNorm1d(8), nn.ReLU()),
            nn.Linear(8, n_classes),
        )

    return make


class Task:
    """Labelled source rows, target rows, their hidden labels, and a fitted source network."""

    def __init__(self, Xs, ys, Xt, yt, seed):
        self.Xs, self.ys, self.Xt, self.yt = Xs, ys, Xt, yt
        self.source = NetworkSource(
            batch_normalised(len(np.unique(ys))),
            validation_share=0.1,
            training=QUICK,
            random_state=seed,
        ).fit(Xs, ys)


def turned_moons(seed):
    """Two moons, and the same turned by 35 degrees."""
    (Xs, ys), (Xt, yt) = (make_moons(400, noise=0.1, random_state=s) for s in (seed, seed + 100))
    turn = np.deg2rad(35)
    cos, sin = np.cos(turn), np.sin(turn)
    return Task(Xs, ys, Xt @ np.array([[cos, sin], [-sin, cos]]), yt, seed)


def moved_blobs(seed, noise=0.0):
    """Three blobs, and the same moved and stretched, in noise that the source has not."""
    rng = np.random.default_rng(seed)
    ys, yt = rng.integers(3, size=(2, 400))
    Xs, Xt = (CENTRES[y] + rng.normal(size=(400, 2)) for y in (ys, yt))
    Xt = 1.5 * Xt + [2.0, -1.0] + noise * rng.normal(size=(400, 2))
    return Task(Xs, ys, Xt, yt, seed)


@pytest.fixture(scope="session")
def moons():
    pytest.importorskip("torch", reason="PyTorch is not installed")
    return [turned_moons(seed) for seed in range(10)]


@pytest.fixture(scope="session")
def blobs():
    pytest.importorskip("torch", reason="PyTorch is not installed")
    return [moved_blobs(seed) for seed in range(10)]


@pytest.fixture(scope="session")
def noisy():
    pytest.importorskip("torch", reason="PyTorch is not installed")
    return [moved_blobs(seed, noise=3.0) for seed in range(6)]


@pytest.fixture
def task(blobs):
    return blobs[0]
