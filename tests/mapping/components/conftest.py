from typing import NamedTuple

import numpy as np
import pytest
from scipy.linalg import eigh, subspace_angles
from sklearn.metrics.pairwise import rbf_kernel

from landbridge.mapping.components import eigen

GAMMA = 0.1


class Domains(NamedTuple):
    """Two labelled samples, their kernel written out, and what the papers make of it."""

    Xs: np.ndarray
    ys: np.ndarray
    Xt: np.ndarray
    yt: np.ndarray

    @property
    def K(self):
        return rbf_kernel(np.vstack([self.Xs, self.Xt]), gamma=GAMMA)

    @property
    def H(self):
        n = len(self.Xs) + len(self.Xt)
        return np.eye(n) - 1 / n

    def mmd_matrix(self, in_source=None, in_target=None):
        """M or M_c (n, n), as JDA's paper writes it."""
        here = np.ones(len(self.Xs)) if in_source is None else in_source.astype(float)
        there = np.ones(len(self.Xt)) if in_target is None else in_target.astype(float)
        e = np.concatenate([here / here.sum(), -there / there.sum()])
        return np.outer(e, e)


@pytest.fixture
def domains():
    """Three classes in five dimensions; the target is turned, scaled and shifted."""
    rng = np.random.default_rng(1)
    centres = 2 * rng.standard_normal((3, 5))
    ys, yt = np.arange(90) % 3, np.arange(60) % 3
    Xs = centres[ys] + rng.standard_normal((90, 5))
    Xt = (centres[yt] + rng.standard_normal((60, 5))) @ (
        np.eye(5) + 0.2 * rng.standard_normal((5, 5))
    )
    return Domains(Xs, ys, Xt + 1.0, yt)


@pytest.fixture(params=["dense", "block"])
def path(request, monkeypatch):
    """Either way through the solver."""
    if request.param == "block":
        monkeypatch.setattr(eigen, "DENSE_FEATURES", 4)
    return request.param


@pytest.fixture
def leading():
    """The leading generalised eigenvectors, by the solver that nobody doubts."""

    def solve(S, A, k):
        values, W = eigh(S, A)
        return values[::-1][:k], W[:, ::-1][:, :k]

    return solve


@pytest.fixture
def angle():
    return lambda A, B: subspace_angles(A, B).max()
