"""The data sets that skada's tests ask for by name; its wheel has the tests without them.

Of the same make, sizes and seeds as those of skada's repository, so that the figures in the tests
apply.
"""

import numpy as np
import pytest
from skada.datasets import make_shifted_blobs, make_shifted_datasets


def two_blobs():
    """Two narrow blobs, each a little off in the target."""
    return make_shifted_blobs(
        100,
        n_features=2,
        shift=0.13,
        centers=np.array([[0, 0], [1, 1]]),
        cluster_std=0.05,
        random_state=42,
        return_dataset=True,
    )


def clusters(label, n_source=20, n_target=21, seed=42, **parameters):
    """Eight times so many rows in the plane, shrunken and moved in the target."""
    return make_shifted_datasets(
        n_source,
        n_target,
        "conditional_shift",
        label=label,
        random_state=seed,
        return_dataset=True,
        **parameters,
    )


@pytest.fixture
def da_dataset():
    return two_blobs()


@pytest.fixture
def da_blobs_dataset():
    return two_blobs()


@pytest.fixture
def da_binary_dataset():
    return clusters("binary", noise=0.1)


@pytest.fixture
def da_multiclass_dataset():
    return clusters("multiclass", noise=0.1)


@pytest.fixture
def da_reg_dataset():
    return clusters("regression", seed=43, mean=0.5, noise=0.3)


@pytest.fixture
def da_reg_datasets():
    return [clusters("regression", *sizes, mean=0.5, noise=0.3) for sizes in ((5, 10), (10, 5))]
