import os

import numpy as np
import pytest

# Threads of several test processes wait for one another: small networks take minutes, not seconds.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture
def rng():
    return np.random.default_rng(0)
