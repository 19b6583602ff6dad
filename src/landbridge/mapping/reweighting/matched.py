"""The form of the methods that match kernel means."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.domains.parameters import check_choice, check_number
from landbridge.mapping.reweighting.base import Reweighting
from landbridge.mapping.reweighting.held import HeldFeatures
from landbridge.mapping.reweighting.mean_matching import Link, match_means
from landbridge.moments import FeatureMap


class MatchedMeans(Reweighting):
    """A reweighting whose weights are a function of the witness ``g = E_s[w φ] − μ_t``."""

    kernel = "rbf"
    kind: str
    reg: float
    gamma: float | str
    n_features: int
    tol: float
    max_iter: int
    random_state: int

    def _check_parameters(self) -> None:
        check_number("reg", self.reg, above=True)
        check_number("tol", self.tol, above=True)
        check_number("max_iter", self.max_iter, least=1, whole=True)
        check_choice("kind", self.kind, ("nystroem", "fourier"))

    def _match(
        self, Xs: Any, Xt: Any, shares: NDArray, link: Callable[[NDArray, float], Link]
    ) -> NDArray[np.float64]:
        """Set ``features_`` and ``witness_``; ``z = φ(x)ᵀ g`` (n_s,) of the source rows."""
        self.features_ = FeatureMap(
            self.kernel, self.kind, self.n_features, self.gamma, self.random_state
        ).fit(Xs, Xt)
        features = HeldFeatures(self.features_.transform, Xs, self.features_.n_features_)
        self.witness_ = match_means(
            features,
            shares,
            self.features_.mean(Xt),
            link,
            self.reg,
            self.tol,
            self.max_iter,
            type(self).__name__,
        )
        return features.dot(self.witness_)
