"""One pass over the rows, then nothing but (d, d) matrices.

``Moments`` sums up samples: weight, mean and scatter, jointly with a second view and per class
where wanted. Moments add and subtract, so streaming, distributed sums and cross-validation are
one and the same operation. ``FeatureMap`` makes moments of kernels; ``matrices`` holds the matrix
functions that closed forms need, ``minimise`` finds minima where there is no closed form.
"""

from landbridge.moments.feature_map import FeatureMap
from landbridge.moments.matrices import power_psd, regularised_covariance, shrink_covariance
from landbridge.moments.moments import Moments, effective_size, moments_of_rows

__all__ = [
    "FeatureMap",
    "Moments",
    "effective_size",
    "moments_of_rows",
    "power_psd",
    "regularised_covariance",
    "shrink_covariance",
]
