"""Kernel ridge regression from source rows to target rows, out of the moments of features."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.domains.parameters import check_choice, check_number
from landbridge.mapping.base import PairedMapping, fold_rows
from landbridge.mapping.paired.ridge import Ridge
from landbridge.mapping.surrogate import Surrogate
from landbridge.moments import FeatureMap, Moments, moments_of_rows
from landbridge.moments.feature_map import CHUNK_ROWS, MEDIAN_ROWS, draw_landmarks

GAMMAS = (1 / 64, 1 / 16, 1 / 4, 1.0, 4.0)
"""What cross-validation tries, in units of the median's: mostly wider kernels, hence smoother."""


def feature_moments(
    features: FeatureMap, X: Any, Y: NDArray, weights: NDArray | None, rows: NDArray
) -> Moments:
    """Joint moments of ``φ(x)`` and y over the rows of those numbers, a chunk at a time."""
    total = Moments()
    for start in range(0, len(rows), CHUNK_ROWS):
        part = rows[start : start + CHUNK_ROWS]
        views = features.transform(X[part].astype(np.float64)), Y[part]
        w = None if weights is None else weights[part]
        total += moments_of_rows(views, w, variances_only="y")
    return total


class KernelRidgeMap(Surrogate, PairedMapping):
    r"""Kernel ridge regression: a smooth nonlinear map between pairs, its penalty from moments.

    :math:`f(x) = B^\top \varphi(x) + b` with the features φ of a kernel and
    :math:`B = (S_{\varphi\varphi} + \lambda I)^{-1} S_{\varphi y}` (Saunders, Gammerman & Vovk
    1998, by the features of Williams & Seeger 2001 or Rahimi & Recht 2007); intercept
    unpenalised. With every row as landmark it is kernel ridge regression itself, with the kernel
    centred. Beyond the reach of the pairs it falls back to a constant: where maps go on
    straight, use :class:`Ridge`.

    Parameters
    ----------
    kernel : {"rbf", "laplacian"}, default="rbf"
        As in :class:`FeatureMap`.
    kind : {"nystroem", "fourier"}, default="nystroem"
        The features, as in :class:`FeatureMap`.
    n_features : int, default=512
        Number of features m; as many as there are rows make Nyström's exact. More come nearer
        the kernel.
    gamma : "cv", "median" or float, default="cv"
        The kernel's inverse width; larger bends more. ``"cv"`` tries ``gammas``.
    gammas : sequence of float, optional
        The widths to choose from; by default 1/64, 1/16, 1/4, 1 and 4 times
        the median's.
    reg : "cv" or float, default="cv"
        The penalty λ, chosen as in :class:`Ridge`.
    penalties, cv
        As in :class:`Ridge`, on the features.
    random_state : int, default=0
        Seed of landmarks and frequencies; the order of rows changes neither.

    Attributes
    ----------
    features_ : FeatureMap
        m landmarks (m, d_s) or frequencies.
    ridge_ : Ridge
        The regression on them, with ``matrix_`` (m, d_t).
    gamma_, reg_ : float
        The width and the penalty used.
    gammas_, errors_ : ndarray
        The widths tried, and the least mean squared error (a row, all outputs) on left-out rows
        that a penalty reached with each, where the width was chosen.
    slopes_ : ndarray of shape (d_s, d_t)
        The linear map nearest to f, which ``explain`` reads.
    source_std_ : ndarray of shape (d_s,)

    Notes
    -----
    Rows are taken 8,192 at a time and in double precision; what is kept is m (d_s + d_t + m)
    numbers, whatever the number of rows.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.paired.kernel_ridge import KernelRidgeMap
    >>> X = np.random.default_rng(0).uniform(-3, 3, (300, 1))
    >>> map_ = KernelRidgeMap(n_features=50).fit(X, np.c_[np.sin(X), np.cos(X)])
    >>> map_.transform([[0.0], [np.pi / 2]]).round(3) + 0.0
    array([[0., 1.],
           [1., 0.]])
    """

    takes_sparse = True
    cost = "n m² + m³, for each width"
    when = "the two spaces differ by a curved but smooth map, and pairs are in the hundreds"

    def __init__(
        self,
        kernel: str = "rbf",
        *,
        kind: str = "nystroem",
        n_features: int = 512,
        gamma: float | str = "cv",
        gammas: Sequence[float] | None = None,
        reg: float | str = "cv",
        penalties: Sequence[float] | None = None,
        cv: Any = 5,
        random_state: int = 0,
    ):
        self.kernel = kernel
        self.kind = kind
        self.n_features = n_features
        self.gamma = gamma
        self.gammas = gammas
        self.reg = reg
        self.penalties = penalties
        self.cv = cv
        self.random_state = random_state

    def _fit(self, X: Any, Y: NDArray, sample_weight: NDArray | None) -> None:
        self._check_parameters()
        chooses = "cv" in (self.gamma, self.reg)
        folds = fold_rows(self.cv, X, Y) if chooses else [np.arange(X.shape[0])]
        fitted = [
            (features, self._regress(features, X, Y, sample_weight, folds))
            for features in self._candidates(X)
        ]
        if self.gamma == "cv":
            self.gammas_ = np.array([features.gamma_ for features, _ in fitted])
            self.errors_ = np.array([ridge.errors_.min() for _, ridge in fitted])
            fitted = fitted[self.errors_.argmin() :]
        self.features_, self.ridge_ = fitted[0]
        self.gamma_, self.reg_ = self.features_.gamma_, self.ridge_.reg_
        self._set_slopes(X)

    def _candidates(self, X: Any) -> Iterator[FeatureMap]:
        """Fitted features of every width to try."""
        rng = np.random.default_rng(self.random_state)
        sample = draw_landmarks((X,), max(self.n_features, MEDIAN_ROWS), rng)[0].astype(np.float64)
        for gamma in self._widths(sample):
            yield self._feature_map(gamma).fit(sample)

    def _widths(self, sample: Any) -> Sequence[Any]:
        if self.gamma != "cv":
            return [self.gamma]
        if self.gammas is not None:
            return self.gammas
        median = self._feature_map("median").fit(sample).gamma_
        return [share * median for share in GAMMAS]

    def _feature_map(self, gamma: float | str) -> FeatureMap:
        return FeatureMap(self.kernel, self.kind, self.n_features, gamma, self.random_state)

    def _regress(
        self, features: FeatureMap, X: Any, Y: NDArray, weights: NDArray | None, folds: Any
    ) -> Ridge:
        """Ridge regression on the features; given one penalty, its errors tell widths apart."""
        parts = [feature_moments(features, X, Y, weights, rows) for rows in folds]
        if len(parts) == 1:
            return Ridge(self.reg).fit_moments(*parts)
        penalties = self.penalties if self.reg == "cv" else [float(self.reg)]
        return Ridge(penalties=penalties).fit_moments(*parts)

    def _map(self, X: Any) -> NDArray:
        parts = [
            self.ridge_.predict(self.features_.transform(X[i : i + CHUNK_ROWS].astype(np.float64)))
            for i in range(0, X.shape[0], CHUNK_ROWS)
        ]
        return np.concatenate(parts).astype(X.dtype, copy=False)

    def _check_parameters(self) -> None:
        use_ridge = "For a linear map use Ridge."
        check_choice("kernel", self.kernel, ("rbf", "laplacian"), use_ridge)
        exact = "Nyström features are exact with n_features of at least the number of rows."
        check_choice("kind", self.kind, ("nystroem", "fourier"), exact)
        check_number("reg", self.reg, words=("cv",))
        check_number("gamma", self.gamma, words=("cv", "median"), above=True)
        for gamma in [] if self.gammas is None else self.gammas:
            check_number("Each of gammas", gamma, above=True)
