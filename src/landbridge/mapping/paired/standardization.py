"""Calibration transfer: direct and piecewise direct standardisation of instruments."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from landbridge.domains.memory import check_memory
from landbridge.domains.parameters import check_number
from landbridge.mapping.affine import Affine, apply_affine, contributions
from landbridge.mapping.base import PairedMomentMapping, fold_rows
from landbridge.mapping.paired.reduced_rank import (
    Factors,
    best_on_path,
    best_width,
    check_width,
    error_path,
    most_directions,
    seen_from,
)
from landbridge.moments import Moments


def principal_factors(S_xx: NDArray, S_xy: NDArray, k: int) -> Factors:
    r"""Factors of the regression on the leading k principal components, over any leading axes.

    :math:`V_k \Lambda_k^{-1}` and :math:`V_k^\top S_{xy}`, with :math:`S_{xx} = V \Lambda V^\top`;
    their product is the pseudo-inverse's solution where k is the rank. Directions without spread
    count for nothing.
    """
    values, vectors = np.linalg.eigh(S_xx)
    values, vectors = values[..., ::-1][..., :k], vectors[..., ::-1][..., :k]
    varies = values > S_xx.shape[-1] * np.finfo(float).eps * values[..., :1]
    inverse = np.divide(1.0, values, out=np.zeros_like(values), where=varies)
    return vectors * inverse[..., None, :], vectors.mT @ S_xy


class Windows(NamedTuple):
    """For each target channel the source channels beside it (d_t, p), and which of them exist."""

    channels: NDArray[np.intp]
    exist: NDArray[np.bool_]

    @classmethod
    def of(cls, n_source: int, n_target: int, half_width: int) -> "Windows":
        """Windows about the same place of the spectrum, whatever the two numbers of channels."""
        places = np.rint((np.arange(n_target) + 0.5) * n_source / n_target - 0.5).astype(int)
        channels = places[:, None] + np.arange(-half_width, half_width + 1)
        exist = (channels >= 0) & (channels < n_source)
        return cls(channels.clip(0, n_source - 1), exist)

    def cut(self, S_xx: NDArray, S_xy: NDArray) -> tuple[NDArray, NDArray]:
        """Each window's scatter (d_t, p, p) and cross scatter (d_t, p, 1); zero off the edge."""
        rows, columns = self.channels[:, :, None], self.channels[:, None, :]
        within = S_xx[rows, columns] * (self.exist[:, :, None] & self.exist[:, None, :])
        across = S_xy[self.channels, np.arange(len(self.channels))[:, None]] * self.exist
        return within, across[:, :, None]

    def band(self, coefficients: NDArray, n_source: int) -> csr_array:
        """Coefficients (d_t, p) of the windows as a banded matrix (d_s, d_t)."""
        targets = np.broadcast_to(np.arange(len(self.channels))[:, None], self.channels.shape)
        places = self.channels[self.exist], targets[self.exist]
        return csr_array((coefficients[self.exist], places), shape=(n_source, len(targets)))


def piecewise_factors(pairs: Moments, windows: Windows, k: int) -> Factors:
    """Factors (d_t, p, k) and (d_t, k, 1) of each target channel's regression on its window."""
    return principal_factors(*windows.cut(pairs.scatter, pairs.scatter_xy), k)


def piecewise_path_errors(
    train: Moments, fold: Moments, windows: Windows, most: int
) -> NDArray[np.float64]:
    """Squared error on a fold, over all channels, with 0, 1, …, ``most`` components a window."""
    S_xx, S_xy, constant = seen_from(train, fold)
    paths = error_path(*windows.cut(S_xx, S_xy), piecewise_factors(train, windows, most))
    return constant + paths.sum(axis=0)


class _Standardization(PairedMomentMapping):
    """A regression on principal components, their number given or by cross-validation."""

    n_components: int | str
    cv: Any

    def _folds(self, X: Any, Y: NDArray) -> Sequence[NDArray | None]:
        check_width("n_components", self.n_components, self.cv)
        return fold_rows(self.cv, X, Y) if self.n_components == "cv" else [None]

    def _unused_covariances(self, X: Any, Y: NDArray) -> str:
        return "y"

    def _fit_folds(self, folds: list[Moments]) -> None:
        check_width("n_components", self.n_components, self.cv)
        pairs = Moments.sum(folds)
        widest = self._widest(pairs)
        if self.n_components == "cv":
            most = most_directions(folds, widest)
            self.n_components_, self.errors_ = self._best(folds, most)
        else:
            self.n_components_ = min(int(self.n_components), widest, max(1, pairs.count - 1))
        self._solve(pairs)

    def _widest(self, pairs: Moments) -> int:
        """How many components there are."""
        return pairs.n_features

    @abstractmethod
    def _best(self, folds: list[Moments], most: int) -> tuple[int, NDArray]:
        """The number of components that predicts left-out folds best, and all errors."""

    @abstractmethod
    def _solve(self, pairs: Moments) -> None:
        """Set the map with ``n_components_`` components."""


def _spectrum_factors(pairs: Moments, k: int) -> Factors:
    return principal_factors(pairs.scatter, pairs.scatter_xy, k)


class DirectStandardization(Affine, _Standardization):
    r"""Carry whole spectra from one instrument to another, by a few standards measured on both.

    :math:`A = V_k \Lambda_k^{-1} V_k^\top S_{xy}`, with the leading k eigenvectors and
    eigenvalues of the standards' scatter :math:`S_{xx} = V \Lambda V^\top`: the pseudo-inverse
    solution on k principal components, with an additive background (Wang, Veltkamp & Kowalski
    1991, direct standardisation). Standards are far fewer than channels, so k is what keeps it
    from fitting their noise.

    Parameters
    ----------
    n_components : "cv" or int, default="cv"
        How many principal components of the source's standards, at most one less than there
        are standards; more fit finer differences and more noise. ``"cv"`` takes the number that
        predicts left-out standards best, out of their moments. What dominates spectra, such as
        scattered light, dominates that choice: for a calibration of c factors give at least c.
    cv : int or splitter, default=5
        As in :class:`Ridge`.

    Attributes
    ----------
    matrix_ : ndarray of shape (d_s, d_t)
    n_components_ : int
    errors_ : ndarray
        Mean squared error (a row, all channels) on left-out standards with 0, 1, …
        components, where their number was chosen.
    source_mean_, source_std_ : ndarray of shape (d_s,)
    target_mean_ : ndarray of shape (d_t,)

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.paired.standardization import DirectStandardization
    >>> rng = np.random.default_rng(0)
    >>> pure = np.exp(-(((np.arange(50) - np.array([[15], [30]])) / 8.0) ** 2))
    >>> master = rng.random((10, 2)) @ pure
    >>> map_ = DirectStandardization().fit(master, 0.9 * np.roll(master, 3, axis=1) + 0.1)
    >>> new = np.array([[0.2, 0.7]]) @ pure
    >>> off = map_.transform(new) - 0.9 * np.roll(new, 3, axis=1) - 0.1
    >>> bool(np.abs(off).max() < 1e-6)
    True
    """

    cost = "n d² + d³"
    when = "spectra of two instruments that differ all over, 10 or more standards on both"

    def __init__(self, n_components: int | str = "cv", *, cv: Any = 5):
        self.n_components = n_components
        self.cv = cv

    def _best(self, folds: list[Moments], most: int) -> tuple[int, NDArray]:
        return best_width(folds, _spectrum_factors, most)

    def _solve(self, pairs: Moments) -> None:
        left, right = _spectrum_factors(pairs, self.n_components_)
        self._set_affine(left @ right, pairs)


class PiecewiseDirectStandardization(_Standardization):
    r"""Carry spectra from one instrument to another, each channel by the channels around it.

    Target channel j is regressed on the source channels :math:`j - w, \dots, j + w` through
    their leading k principal components, so the map
    :math:`f(x) = (x - \mu_x) A + \mu_y` has a banded A (Wang, Veltkamp & Kowalski 1991,
    piecewise direct standardisation). What differs between the instruments must be local: a
    shift or broadening of the wavelengths, a change of intensity. Then very few standards do.
    Where the numbers of channels differ, both are taken to span the same range.

    Parameters
    ----------
    window : int, default=5
        Half-width w in channels; larger reaches farther and needs more standards, and from the
        number of channels on it is direct standardisation.
    n_components : "cv" or int, default="cv"
        How many principal components of each window; ``"cv"`` takes the number, one for all
        windows, that predicts left-out standards best, out of their moments.
    cv : int or splitter, default=5
        As in :class:`Ridge`.

    Attributes
    ----------
    matrix_ : csr_array of shape (d_s, d_t)
        The band: new rows cost n d_t (2 w + 1).
    n_components_ : int
    errors_ : ndarray
        Mean squared error (a row, all channels) on left-out standards with 0, 1, …
        components, where their number was chosen.
    source_mean_, source_std_ : ndarray of shape (d_s,)
    target_mean_ : ndarray of shape (d_t,)

    Notes
    -----
    It is not run backwards: for the way back fit it with both instruments changed over.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.paired.standardization import PiecewiseDirectStandardization
    >>> rng = np.random.default_rng(0)
    >>> master = rng.normal(size=(8, 60)).cumsum(axis=1)
    >>> second = 1.1 * np.roll(master, 1, axis=1) + 0.5
    >>> map_ = PiecewiseDirectStandardization(window=2, n_components=5).fit(master, second)
    >>> np.allclose(map_.transform(master)[:, 1:], second[:, 1:]), map_.matrix_.nnz
    (True, 294)
    """

    cost = "n d² + d w³, with w the window"
    when = "spectra of two instruments that differ channel by channel, a few standards on both"

    def __init__(self, window: int = 5, *, n_components: int | str = "cv", cv: Any = 5):
        self.window = window
        self.n_components = n_components
        self.cv = cv

    def _folds(self, X: Any, Y: NDArray) -> Sequence[NDArray | None]:
        self._check_window(X.shape[1], Y.shape[1])
        return super()._folds(X, Y)

    def _fit_folds(self, folds: list[Moments]) -> None:
        self._check_window(folds[0].n_features, len(folds[0].mean_y))
        super()._fit_folds(folds)

    def _widest(self, pairs: Moments) -> int:
        return min(2 * self.window + 1, pairs.n_features)

    def _best(self, folds: list[Moments], most: int) -> tuple[int, NDArray]:
        windows = self._windows(folds[0])
        return best_on_path(
            folds, lambda rest, fold: piecewise_path_errors(rest, fold, windows, most)
        )

    def _solve(self, pairs: Moments) -> None:
        windows = self._windows(pairs)
        left, right = piecewise_factors(pairs, windows, self.n_components_)
        self.matrix_ = windows.band((left @ right)[:, :, 0], pairs.n_features)
        self.source_mean_, self.target_mean_ = pairs.mean, pairs.mean_y
        self.source_std_ = pairs.std

    def _windows(self, pairs: Moments) -> Windows:
        half_width = min(int(self.window), pairs.n_features)
        return Windows.of(pairs.n_features, len(pairs.mean_y), half_width)

    def _map(self, X: Any) -> NDArray:
        if not issparse(X):
            return apply_affine(X, self.source_mean_, self.matrix_, self.target_mean_)
        offset = self.target_mean_ - self.source_mean_ @ self.matrix_
        return (X @ self.matrix_.astype(X.dtype)).toarray() + offset.astype(X.dtype)

    def _explain(self, top: int, source: list[str], target: list[str]) -> pd.DataFrame:
        return contributions(self.matrix_.toarray(), self.source_std_, source, target, top)

    def _check_window(self, n_source: int, n_target: int) -> None:
        check_number("window", self.window, whole=True)
        width = 2 * min(int(self.window), n_source) + 1
        check_memory(
            24.0 * n_target * width**2,
            f"The scatter of {n_target:,} windows of {width:,} channels",
            "Take a narrower window, or DirectStandardization, which sees all channels at once.",
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True  # columns in no order have no neighbours
        return tags
