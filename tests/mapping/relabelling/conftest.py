import numpy as np
import pytest


@pytest.fixture
def shifted(rng):
    """Makes both domains' rows and classes; the target is shifted across the boundaries."""

    def make(names=("no", "yes"), shift=1.0, n=200):
        codes = np.arange(n) % len(names)
        centres = 4.0 * np.eye(len(names), 3)
        Xs = centres[codes] + rng.normal(size=(n, 3))
        Xt = centres[codes] + rng.normal(size=(n, 3)) + shift * np.array([1.0, -0.5, -0.5])
        labels = np.array(names)[codes]
        return Xs, labels, Xt, labels

    return make
