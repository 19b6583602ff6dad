import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der
from sklearn.exceptions import ConvergenceWarning

from landbridge.moments.minimise import minimise


def valley(X):
    """Rosenbrock's function of all entries, least where they are one."""
    return rosen(X.ravel()), rosen_der(X.ravel()).reshape(X.shape)


def test_the_minimum_is_found_in_the_shape_of_the_start():
    found = minimise(valley, np.zeros((2, 3)), 500, "Test", 1e-8)
    np.testing.assert_allclose(found, np.ones((2, 3)), atol=1e-5)


def test_too_few_steps_are_said_with_the_gradient_that_is_left():
    message = r"The valley stopped after 2 steps with a gradient of .*tol=1e-07\. Raise max_iter or"
    with pytest.warns(ConvergenceWarning, match=message):
        minimise(valley, np.zeros(4), 2, "The valley")


def test_what_to_do_then_is_for_the_caller_to_say():
    with pytest.warns(ConvergenceWarning, match=r"tol=0\.001\. Scale the features\.$"):
        minimise(valley, np.zeros(4), 2, "Test", 1e-3, "Scale the features.")
