"""The softmax likelihood and its gradient."""

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.special import softmax
from sklearn.metrics import log_loss

from landbridge.target.softmax import cross_entropy


def test_the_loss_is_scikit_learns(rng):
    scores, codes, w = rng.normal(size=(20, 3)), np.arange(20) % 3, rng.uniform(0, 2, 20)
    theirs = log_loss(codes, softmax(scores, axis=1), sample_weight=w, normalize=False)
    assert cross_entropy(scores, codes, w)[0] == pytest.approx(theirs)


def test_the_gradient_is_that_of_finite_differences(rng):
    scores, codes, w = rng.normal(size=(5, 3)), np.arange(5) % 3, rng.uniform(0, 2, 5)

    def both(flat):
        value, slope = cross_entropy(flat.reshape(5, 3), codes, w)
        return value, slope.ravel()

    error = check_grad(lambda f: both(f)[0], lambda f: both(f)[1], scores.ravel())
    assert error < 1e-6


def test_scores_however_large_give_finite_losses():
    loss, slope = cross_entropy(np.array([[1e4, -1e4]]), np.array([1]))
    assert loss == 2e4
    assert slope.tolist() == [[1.0, -1.0]]
