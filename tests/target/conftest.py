"""Two domains whose classes have moved a little, and a few target labels."""

from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from landbridge.mapping import Carried


class Task(NamedTuple):
    """A problem of the third step, and what the target rows truly are."""

    carried: Carried
    Xt: NDArray
    yt: NDArray
    truth: NDArray


def hide(y, labelled):
    """Labels of the rows ``labelled``, ``None`` for the others."""
    hidden = np.full(len(y), None)
    hidden[labelled] = y[labelled]
    return hidden


def classes_task(names, n_source=120, n_target=60, n_labelled=24, seed=0):
    rng = np.random.default_rng(seed)
    k = len(names)
    centres = 3.0 * np.eye(k, 3)
    codes_s, codes_t = np.arange(n_source) % k, np.arange(n_target) % k
    Xs = centres[codes_s] + rng.normal(size=(n_source, 3))
    Xt = centres[codes_t] + rng.normal(size=(n_target, 3)) + 0.3
    names = np.array(names)
    yt = hide(names[codes_t], np.arange(n_labelled))
    return Task(Carried(Xs, names[codes_s]), Xt, yt, names[codes_t])


def numbers_task(n_source=120, n_target=60, n_labelled=20, seed=0):
    rng = np.random.default_rng(seed)
    Xs, Xt = rng.normal(size=(n_source, 3)), rng.normal(size=(n_target, 3)) + 0.3
    ys = Xs @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=n_source)
    truth = Xt @ [1.2, -2.0, 0.5] + 1.0 + 0.1 * rng.normal(size=n_target)
    yt = np.where(np.arange(n_target) < n_labelled, truth, np.nan)
    return Task(Carried(Xs, ys), Xt, yt, truth)


@pytest.fixture
def two_classes():
    return classes_task(["no", "yes"])


@pytest.fixture
def three_classes():
    return classes_task([7, 8, 9])


@pytest.fixture
def numbers():
    return numbers_task()
