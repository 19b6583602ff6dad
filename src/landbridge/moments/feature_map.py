"""Feature maps: what makes a kernel method a matter of moments."""

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from scipy.sparse import vstack as sparse_vstack
from sklearn.base import BaseEstimator, clone
from sklearn.metrics.pairwise import euclidean_distances, laplacian_kernel, rbf_kernel

from landbridge.domains.folds import content_key
from landbridge.domains.memory import check_memory
from landbridge.domains.parameters import check_choice, check_number
from landbridge.moments.matrices import power_psd
from landbridge.moments.sharing import once

CHUNK_ROWS = 8192
PART_ROWS = 2048
"""Nyström features are made in float64, of so many rows at once."""
MEDIAN_ROWS = 1000
EXACT_ROWS = 8192
"""Up to so many rows all of them are landmarks, where that is left open: 512 MB at most."""
DEFAULT_FEATURES = 512
KERNELS = {"rbf": rbf_kernel, "laplacian": laplacian_kernel}


class FeatureMap(BaseEstimator):
    r"""Features :math:`\varphi(x)` whose inner products are a kernel, or come near it.

    Parameters
    ----------
    kernel : {"rbf", "laplacian", "linear"}, default="rbf"
        :math:`e^{-\gamma \|x-y\|^2}`, :math:`e^{-\gamma \|x-y\|_1}`, or :math:`x^\top y`, whose
        features are the rows themselves.
    kind : {"auto", "exact", "nystroem", "fourier"}, default="auto"
        ``"exact"``: the kernel with every fitted row, ``φ(x) = (k(x, x₁), …, k(x, xₙ))``;
        ``"nystroem"``: ``K_mm^{-1/2} k_m(x)`` on m landmarks, half of them from each sample
        (Williams & Seeger 2001); ``"fourier"``: random cosines and sines, for ``"rbf"`` (Rahimi
        & Recht 2007). ``"auto"`` is exact up to 8,192 rows and Nyström beyond.
    n_features : int, default=512
        Landmarks, or frequencies times two; more come nearer the kernel.
    gamma : "median" or float, default="median"
        The kernel's inverse width. ``"median"`` takes :math:`1 / 2h^2`, with h the median
        distance between rows of both samples together (:math:`1 / h` for ``"laplacian"``).
    random_state : int, default=0
        Seed of landmarks and frequencies; the order of rows changes neither.

    Attributes
    ----------
    gamma_ : float
    landmarks_ : array or CSR matrix of shape (m, d)
    n_features_ : int
        Length of φ.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.moments import FeatureMap
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> phi = FeatureMap(kind="nystroem", n_features=100, gamma=0.5).fit(X).transform(X)
    >>> exact = FeatureMap(kind="exact", gamma=0.5).fit(X).transform(X)
    >>> np.allclose(phi @ phi.T, exact, atol=1e-8)
    True
    """

    def __init__(
        self,
        kernel: str = "rbf",
        kind: str = "auto",
        n_features: int = DEFAULT_FEATURES,
        gamma: float | str = "median",
        random_state: int = 0,
    ):
        self.kernel = kernel
        self.kind = kind
        self.n_features = n_features
        self.gamma = gamma
        self.random_state = random_state

    def fit(self, *samples: Any) -> Self:
        """Set width and landmarks by the checked rows (n, d) of one or more samples.

        Raises
        ------
        ValueError
            If a parameter is none of those listed.
        MemoryError
            If the exact kernel of that many rows would not fit.
        """
        self._check()
        parts = ("feature map", self.get_params(), samples)
        self.__dict__ |= once(parts, lambda: vars(clone(self)._fit(samples)))
        return self

    def _fit(self, samples: tuple[Any, ...]) -> Self:
        self.kind_ = self._kind(sum(rows.shape[0] for rows in samples))
        self.n_features_ = samples[0].shape[1]
        if self.kernel == "linear":
            return self
        self.gamma_ = self._gamma(samples)
        rng = np.random.default_rng(self.random_state)
        if self.kind_ == "fourier":
            width = 1 / np.sqrt(2 * self.gamma_)
            self.frequencies_ = draw_frequencies(
                samples[0].shape[1], width, self.n_features // 2, rng
            )
            self.n_features_ = 2 * self.frequencies_.shape[1]
            return self
        if self.kind_ == "exact":
            self.landmarks_ = stack(samples)
        else:
            # Landmarks that nearly depend on each other need all the digits there are.
            landmarks = stack(draw_landmarks(samples, self.n_features, rng))
            self.landmarks_ = landmarks.astype(np.float64, copy=False)
            self.whitening_ = power_psd(self._kernel_with_landmarks(self.landmarks_), -0.5)
        self.n_features_ = self.landmarks_.shape[0]
        return self

    def transform(self, X: Any) -> Any:
        """Features (n, m) of checked rows; the rows themselves for the linear kernel."""
        if self.kernel == "linear":
            return X
        if self.kind_ == "fourier":
            return cosines_and_sines(X, self.frequencies_)
        check_memory(
            X.shape[0] * self.n_features_ * X.dtype.itemsize,
            f"The kernel of {X.shape[0]:,} x {self.n_features_:,} rows",
            "Take fewer rows at once.",
        )
        if self.kind_ == "exact":
            return self._kernel_with_landmarks(X)
        features = np.empty((X.shape[0], self.n_features_), dtype=X.dtype)
        for part, kernel in self._kernels(X):
            features[part] = kernel @ self.whitening_
        return features

    def chunks(self, X: Any, n_rows: int = CHUNK_ROWS) -> Iterator[Any]:
        """Features of the rows, so many at once."""
        for start in range(0, X.shape[0], n_rows):
            yield self.transform(X[start : start + n_rows])

    def project(self, X: Any, W: NDArray) -> NDArray[np.float64]:
        """``φ(X) @ W`` for W (m,) or (m, k), without whitening every row."""
        if not self._is_nystroem:
            return np.concatenate([np.asarray(features @ W) for features in self.chunks(X)])
        coef = self.whitening_ @ W
        return np.concatenate([kernel @ coef for _, kernel in self._kernels(X)])

    def mean(self, X: Any, weights: NDArray | None = None) -> NDArray[np.float64]:
        """The mean feature (m,) of the rows, weighted where weights (n,) are given."""
        weights = np.ones(X.shape[0]) if weights is None else weights
        if self._is_nystroem:
            sums = [weights[part] @ kernel for part, kernel in self._kernels(X)]
            return np.sum(sums, axis=0) @ self.whitening_ / weights.sum()
        total, start = np.zeros(self.n_features_), 0
        for features in self.chunks(X):
            part = weights[start : start + features.shape[0]]
            total += part.astype(features.dtype) @ features
            start += len(part)
        return total / weights.sum()

    @property
    def _is_nystroem(self) -> bool:
        return self.kernel != "linear" and self.kind_ == "nystroem"

    def _kernels(self, X: Any) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Some rows at a time, and their kernel with the landmarks in float64."""
        for start in range(0, X.shape[0], PART_ROWS):
            part = slice(start, start + PART_ROWS)
            yield part, self._kernel_with_landmarks(X[part].astype(np.float64, copy=False))

    def _kernel_with_landmarks(self, X: Any) -> NDArray:
        return KERNELS[self.kernel](X, self.landmarks_, gamma=self.gamma_)

    def _check(self) -> None:
        check_choice("kernel", self.kernel, (*KERNELS, "linear"))
        check_choice("kind", self.kind, ("auto", "exact", "nystroem", "fourier"))
        if self.kind == "fourier" and self.kernel == "laplacian":
            raise ValueError('kind="fourier" is for the kernel "rbf": found "laplacian".')
        check_number("n_features", self.n_features, least=2, whole=True)
        check_number("gamma", self.gamma, words=("median",), above=True)

    def _kind(self, n_rows: int) -> str:
        kind = self.kind
        if kind == "auto":
            kind = "exact" if n_rows <= EXACT_ROWS else "nystroem"
        if kind == "exact" and self.kernel != "linear":
            check_memory(
                8.0 * n_rows**2,
                f"The exact kernel of {n_rows:,} rows",
                'Choose kind="nystroem", whose memory grows with n_features instead.',
            )
        return kind

    def _gamma(self, samples: tuple[Any, ...]) -> float:
        power = 1 if self.kernel == "laplacian" else 2
        return kernel_gamma(self.gamma, samples, self.random_state, power)


def draw_landmarks(
    samples: tuple[Any, ...], n_landmarks: int, rng: np.random.Generator
) -> list[Any]:
    """As many rows of each sample as the others have, up to ``n_landmarks`` in all.

    A sample that has fewer gives all it has, and leaves its place to the others. The rows are
    drawn from their order by content, so that shuffling them draws the same.
    """
    drawn: dict[int, Any] = {}
    left = n_landmarks
    smallest_first = sorted(range(len(samples)), key=lambda k: samples[k].shape[0])
    for done, k in enumerate(smallest_first):
        rows = samples[k]
        size = min(rows.shape[0], -(-left // (len(samples) - done)))
        order = np.argsort(content_key(rows), kind="stable")
        drawn[k] = rows[order[draw_rows(rows.shape[0], size, rng)]]
        left -= size
    return [drawn[k] for k in range(len(samples))]


def stack(samples: Any) -> Any:
    """Rows of several samples in one array, sparse where they are."""
    samples = list(samples)
    if len(samples) == 1:
        return samples[0]
    if any(issparse(rows) for rows in samples):
        return sparse_vstack(samples, format="csr")
    return np.concatenate(samples)


def distances_of_pairs(rows: Any) -> NDArray:
    """The distance between each two different rows, once."""
    is_below = np.tri(rows.shape[0], k=-1, dtype=bool)
    return euclidean_distances(rows)[is_below]


def median_distance(rows: Any) -> float:
    """Median distance between two different rows; 1 if all agree."""
    distances = distances_of_pairs(rows)
    apart = distances[distances > 1e-12]
    return float(np.median(apart)) if len(apart) else 1.0


def kernel_gamma(
    gamma: float | str, samples: tuple[Any, ...], random_state: int, power: int = 2
) -> float:
    """The γ of ``exp(-γ dᵖ)``: as given, if no kernel underflows, or by the median distance."""

    def drawn() -> Any:
        return stack(draw_landmarks(samples, MEDIAN_ROWS, np.random.default_rng(random_state)))

    if gamma != "median":
        check_width(float(gamma), drawn(), power)
        return float(gamma)
    median = once(("median", samples, random_state), lambda: median_distance(drawn()))
    return 1 / (power * median**power)


def check_width(gamma: float, rows: Any, power: int) -> None:
    """Refuse a kernel ``exp(-γ dᵖ)`` so narrow that every row is alike to itself alone."""
    distances = distances_of_pairs(rows)
    apart = distances[distances > 1e-6 * distances.max(initial=0.0)]  # rows that are not the same
    if not len(apart) or gamma * apart.min() ** power < -np.log(np.finfo(float).eps):
        return
    raise ValueError(
        f"gamma is too large for these rows: found {gamma!r}, where the median distance between "
        f"rows is {np.median(apart):.3g}, so that the kernel of any two rows underflows to zero. "
        'Give gamma="median", or bring the features to a common scale.'
    )


def draw_rows(n_rows: int, max_rows: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Positions of at most ``max_rows`` rows, drawn without replacement and kept in order."""
    if n_rows <= max_rows:
        return np.arange(n_rows)
    return np.sort(rng.choice(n_rows, max_rows, replace=False))


def draw_frequencies(
    n_dimensions: int, width: float, n_frequencies: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Frequencies (d, n) whose cosines and sines stand for a Gaussian kernel of that width."""
    return rng.normal(size=(n_dimensions, n_frequencies)) / width


def cosines_and_sines(rows: Any, frequencies: NDArray) -> NDArray:
    """Random features (n, 2 n_frequencies) whose inner products near the Gaussian kernel."""
    angles = rows @ frequencies.astype(rows.dtype)
    n = frequencies.shape[1]
    features = np.empty((len(angles), 2 * n), dtype=angles.dtype)
    np.cos(angles, out=features[:, :n])
    np.sin(angles, out=features[:, n:])
    features /= np.sqrt(n)
    return features
