import numpy as np
import pytest
from scipy.sparse import csr_array

from landbridge.kits.recommend import make_item_features, make_shops


@pytest.fixture
def ratings():
    """Thirty users by twelve items, about half of the pairs rated from 1 to 5."""
    rng = np.random.default_rng(0)
    taste, kind = rng.normal(size=(30, 2)), rng.normal(size=(12, 2))
    values = np.clip(np.round(3 + rng.normal(size=(30, 1)) * 0.5 + taste @ kind.T), 1, 5)
    rated = rng.uniform(size=values.shape) < rng.uniform(0.1, 0.9, size=(30, 1))
    return csr_array((values[rated], np.nonzero(rated)), shape=values.shape)


@pytest.fixture(scope="session")
def shops():
    """Books and music of the same 120 users."""
    return make_shops(120, (40, 30), (20, 10), random_state=0)


@pytest.fixture(scope="session")
def item_features(shops):
    return make_item_features(*shops)
