import numpy as np
import pytest
from sklearn.datasets import make_blobs


@pytest.fixture
def shifted_blobs():
    """Three classes, and the same moved by more than half of their distance; labels of both."""
    centres = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]])
    Xs, ys = make_blobs(450, centers=centres, cluster_std=0.7, random_state=0)
    Xt, yt = make_blobs(
        450, centers=centres + np.array([2.6, 2.0]), cluster_std=0.7, random_state=1
    )
    return Xs, ys, Xt, yt
