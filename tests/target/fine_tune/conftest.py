import numpy as np
import pytest

from landbridge import NetworkSource, Training

QUICK = Training(max_epochs=60, learning_rate=0.005)


class Task:
    """Two products of features say the class; the target has other classes of the same kind."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.Xs, self.Xt = rng.normal(size=(800, 6)), rng.normal(size=(600, 6))
        self.ys, four = (
            2 * (X[:, 0] * X[:, 1] > 0) + (X[:, 2] * X[:, 3] > 0) for X in (self.Xs, self.Xt)
        )
        self.yt = np.array(["none", "one", "one", "both"])[four]
        self.four = four
        self.few = np.concatenate([np.flatnonzero(self.yt == c)[:5] for c in np.unique(self.yt)])
        self.rest = np.setdiff1d(np.arange(600), self.few)
        training = Training(max_epochs=20, learning_rate=0.01)
        self.source = NetworkSource((32, 16), training=training, random_state=seed)
        self.source.fit(self.Xs, self.ys)

    def score(self, model):
        """Accuracy on the other rows, after learning from five of each class."""
        model.fit(self.Xt[self.few], self.yt[self.few])
        return model.score(self.Xt[self.rest], self.yt[self.rest])


@pytest.fixture(scope="session")
def tasks():
    pytest.importorskip("torch", reason="PyTorch is not installed")
    return [Task(seed) for seed in range(10)]


@pytest.fixture
def task(tasks):
    return tasks[0]
