from typing import NamedTuple

import numpy as np
import pytest


class Shifted(NamedTuple):
    """Two samples with labels, and the true ratio at the source rows, of mean 1."""

    Xs: np.ndarray
    Xt: np.ndarray
    ys: np.ndarray
    yt: np.ndarray
    ratio: np.ndarray

    def fit(self, mapping, **weights):
        return mapping.fit(self.Xs, self.Xt, ys=self.ys, yt=self.yt, **weights)

    def error(self, weights):
        """Mean squared error of the weights, as a share of that of weights of 1."""
        return np.mean((weights - self.ratio) ** 2) / np.mean((1 - self.ratio) ** 2)


def draw(n_source, n_target, n_features=2, seed=0):
    """From N(0, I) to N((1, 0, …), 0.7² I)."""
    rng = np.random.default_rng(seed)
    centre, scale = np.eye(n_features)[0], 0.7
    Xs = rng.normal(size=(n_source, n_features))
    Xt = centre + scale * rng.normal(size=(n_target, n_features))
    logs = 0.5 * (Xs**2).sum(axis=1) - 0.5 * ((Xs - centre) ** 2).sum(axis=1) / scale**2
    labels = [np.where(X[:, 0] > 0.5, "high", "low") for X in (Xs, Xt)]
    return Shifted(Xs, Xt, *labels, np.exp(logs) / np.exp(logs).mean())


@pytest.fixture(scope="session")
def two_normals():
    return draw


@pytest.fixture(scope="session")
def shifted():
    return draw(600, 500)
