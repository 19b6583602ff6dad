"""A learner in a module of its own, which other processes can import (tests they cannot)."""

import os
import sys
import time

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin


class Troubled(ClassifierMixin, BaseEstimator):
    """A learner that does something that it should not when fitted."""

    def __init__(self, trouble):
        self.trouble = trouble

    def fit(self, X, y):
        if self.trouble == "killed":
            os._exit(1)
        if self.trouble == "slow":
            time.sleep(20)
        if self.trouble == "greedy":
            raise MemoryError("no room for 1 TB")
        if self.trouble == "exits":
            sys.exit(3)
        if self.trouble == "interrupted":
            raise KeyboardInterrupt
        if self.trouble == "writes":
            X *= 0
            y[:] = y[0]
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.repeat(self.classes_[:1], len(X))
