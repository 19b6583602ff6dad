"""Maps that move each class in a way of its own."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from landbridge.domains import as_labels, encode
from landbridge.mapping.base import Carried, UnpairedMapping
from landbridge.mapping.surrogate import Surrogate
from landbridge.moments import Moments, shrink_covariance


def linear_discriminant(parts: list[Moments]) -> tuple[NDArray, NDArray]:
    """Coefficients (d, C) and intercepts (C,) of the log posteriors of Gaussian classes.

    The classes share their covariance, shrunk by the oracle rule (Fisher 1936).
    """
    whole = sum(part.weight for part in parts)
    count = sum(part.effective_count for part in parts)
    inner = np.sum([part.scatter for part in parts], axis=0)
    C = shrink_covariance(inner / whole, count)[0]
    means = np.array([part.mean for part in parts])
    coefficients = np.linalg.pinv(C, hermitian=True) @ means.T
    priors = np.log([max(part.weight / whole, np.finfo(float).tiny) for part in parts])
    return coefficients, priors - 0.5 * np.einsum("cd,dc->c", means, coefficients)


class ClassWise(Surrogate, UnpairedMapping):
    """A map ``a_c x + b_c`` of the rows of each class c, feature by feature.

    A method of this form sets the attributes in ``_fit``. ``carry`` moves rows
    by their own class; rows without label, as in ``transform``, by the mean of the classes' maps,
    weighed by the classes' probabilities in the source under Gaussian classes of one covariance.
    """

    needs_classes = True
    reweigh = False
    classes_: NDArray
    scale_: NDArray[np.float64]
    shift_: NDArray[np.float64]
    importance_: NDArray[np.float64]
    coef_: NDArray[np.float64]
    intercept_: NDArray[np.float64]

    def carry(
        self,
        Xs: ArrayLike,
        ys: NDArray,
        sample_weight: NDArray | None = None,
        Xt: ArrayLike | None = None,
    ) -> Carried:
        """Source rows moved by the map of their own class, and weighed where shares were fitted."""
        rows = self._check_source(Xs)
        codes = encode(as_labels(ys, len(rows), "ys"), self.classes_)
        posteriors, known = self._posteriors(rows), ~np.isnan(codes)
        posteriors[known] = np.eye(len(self.classes_))[codes[known].astype(int)]
        weights = sample_weight
        if self.reweigh:
            weights = (1.0 if weights is None else weights) * (posteriors @ self.importance_)
        return Carried(self._move(rows, posteriors), ys, weights)

    def _posteriors(self, X: NDArray) -> NDArray[np.float64]:
        return softmax(X @ self.coef_ + self.intercept_, axis=1)

    def _move(self, X: NDArray, posteriors: NDArray) -> NDArray:
        return (X * (posteriors @ self.scale_) + posteriors @ self.shift_).astype(X.dtype)

    def _map(self, X: Any) -> NDArray:
        return self._move(X, self._posteriors(X))
