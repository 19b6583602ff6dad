from functools import cache

import numpy as np
import pytest
from sklearn.datasets import make_blobs, make_moons

from landbridge import DeepTransfer, Training


@pytest.fixture
def shifted_blobs():
    """Three classes, and the same moved by more than half of their distance; labels of both."""
    centres = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]])
    Xs, ys = make_blobs(450, centers=centres, cluster_std=0.7, random_state=0)
    Xt, yt = make_blobs(
        450, centers=centres + np.array([2.6, 2.0]), cluster_std=0.7, random_state=1
    )
    return Xs, ys, Xt, yt


def summed_score(alignment, Xs, ys, Xt, yt, *, network=(16, 16), max_epochs=30, **parameters):
    """Score on the target of a small network, summed over ten seeds."""
    training = Training(max_epochs=max_epochs, batch_size=100, learning_rate=0.01)
    nets = (
        DeepTransfer(
            network, alignment=alignment, training=training, random_state=seed, **parameters
        )
        for seed in range(10)
    )
    return sum(net.fit(Xs, Xt, ys=ys).score(Xt, yt) for net in nets)


CENTRES = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]])


@pytest.fixture(scope="session")
def accuracy_over_ten_seeds():
    """Accuracy by an alignment, summed over ten seeds, on classes that lie elsewhere."""
    Xs, ys = make_blobs(200, centers=CENTRES, cluster_std=0.7, random_state=0)
    Xt, yt = make_blobs(
        200, centers=CENTRES + np.array([2.6, 2.0]), cluster_std=0.7, random_state=1
    )
    return cache(lambda alignment: summed_score(alignment, Xs, ys, Xt, yt))


@pytest.fixture(scope="session")
def turned_moons_over_ten_seeds():
    """The same on two moons that are turned by 30 degrees: what games of more steps need."""
    Xs, ys = make_moons(200, noise=0.1, random_state=0)
    Xt, yt = make_moons(200, noise=0.1, random_state=1)
    angle = np.pi / 6
    turned = Xt @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    longer = {"network": (32, 32), "max_epochs": 100}
    return cache(lambda alignment: summed_score(alignment, Xs, ys, turned, yt, **longer))


@pytest.fixture(scope="session")
def accuracy_on_faint_rows():
    """The same on classes that lie nearer to one another, and a little aside."""
    centres = np.array([[4.0, 0.0], [-2.0, 3.5], [-2.0, -3.5]])
    Xs, ys = make_blobs(200, centers=centres, cluster_std=0.7, random_state=0)
    Xt, yt = make_blobs(200, centers=centres / 2 + 1, cluster_std=0.35, random_state=1)
    return cache(lambda alignment: summed_score(alignment, Xs, ys, Xt, yt))


@pytest.fixture(scope="session")
def r2_over_ten_seeds():
    """R² by an alignment, summed over ten seeds, on a curve that lies elsewhere."""
    rng = np.random.default_rng(0)
    Xs, Xt = rng.normal(size=(2, 200, 2))
    ys, yt = (X[:, 0] + X[:, 1] ** 2 for X in (Xs, Xt))
    moved = Xt + np.array([2.0, 0.0])
    return cache(lambda alignment: summed_score(alignment, Xs, ys, moved, yt, task="regression"))
