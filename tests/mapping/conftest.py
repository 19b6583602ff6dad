import pytest


@pytest.fixture
def two_domains(rng):
    """Correlated samples of 300 and 200 rows with other means and covariances."""
    Xs = rng.standard_normal((300, 4)) @ rng.standard_normal((4, 4)) + [1.0, 2.0, 3.0, 4.0]
    Xt = rng.standard_normal((200, 4)) @ rng.standard_normal((4, 4)) - 5.0
    return Xs, Xt


@pytest.fixture
def pairs(rng):
    """200 noisy pairs of five and three features."""
    X = rng.standard_normal((200, 5)) * [1, 2, 3, 4, 5] + 7.0
    Y = X @ rng.standard_normal((5, 3)) + rng.standard_normal((200, 3)) - 2.0
    return X, Y
