import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der
from sklearn.exceptions import ConvergenceWarning

from landbridge.mapping.alignment.descent import minimise


def valley(X):
    """Rosenbrock's function of all entries, least where they are one."""
    return rosen(X.ravel()), rosen_der(X.ravel()).reshape(X.shape)


def test_the_minimum_is_found_in_the_shape_of_the_start():
    found = minimise(valley, np.zeros((2, 3)), 500, 1e-8, "Test")
    np.testing.assert_allclose(found, np.ones((2, 3)), atol=1e-5)


def test_too_few_steps_are_said_with_the_gradient_that_is_left():
    with pytest.warns(ConvergenceWarning, match=r"Test stopped after 2 steps with a gradient of"):
        minimise(valley, np.zeros(4), 2, 1e-8, "Test")
