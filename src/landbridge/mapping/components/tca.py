"""Transfer component analysis."""

import numpy as np
from numpy.typing import NDArray

from landbridge.mapping.components.base import KernelComponents, penalty_of
from landbridge.mapping.components.eigen import Components
from landbridge.mapping.components.feature_rows import FeatureRows


class TCA(KernelComponents):
    r"""Find a few nonlinear features in which both domains have the same mean and still vary.

    A row becomes :math:`\varphi(x)^\top W`, where W maximises :math:`\mathrm{tr}\,W^\top S W`
    subject to :math:`W^\top(\Delta\Delta^\top + \lambda I) W = I`: S is the scatter of the
    features φ of all rows, :math:`\Delta = \mu_s - \mu_t` the difference of the two mean features
    (its length is the MMD), λ is ``reg``. With φ the kernel with every row these are the
    eigenvectors of :math:`(KLK + \lambda I)^{-1} K H K` (Pan, Tsang, Kwok & Yang 2011, section
    IV). One factor for all components gives the first the variance 1.

    Parameters
    ----------
    n_components : int, optional
        How many features; up to 20 by default.
    reg : float, default=1.0
        λ: larger values let the means differ more. For Nyström and Fourier features it is divided
        by the mean eigenvalue of their scatter, which makes it comparable to that of the exact
        kernel.
    kernel, kind, n_features, gamma, random_state
        As in ``landbridge.moments.FeatureMap``: the default is a Gaussian kernel of median width,
        exact up to 8,192 rows and with 512 landmarks beyond. ``kernel="linear"`` gives the primal
        form, in which the map is affine.

    Attributes
    ----------
    matrix_ : ndarray of shape (m, k)
        W. Components beyond the rank of S are zero.
    n_components_ : int
        k.
    eigenvalues_ : ndarray of shape (k,)
        Scatter by penalty, largest first.
    feature_map_ : FeatureMap
        It holds the landmarks: all rows of both domains where the kernel is exact.
    slopes_ : ndarray of shape (d, k)
        Slopes of the nearest linear map.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping.components import TCA
    >>> rng = np.random.default_rng(0)
    >>> Xs, Xt = rng.normal(0, 1, (100, 2)), rng.normal([3, 0], 1, (100, 2))
    >>> mapping = TCA(n_components=2, reg=0.1).fit(Xs, Xt)
    >>> gap = mapping.transform(Xs).mean(axis=0) - mapping.transform_target(Xt).mean(axis=0)
    >>> (Xt.mean(axis=0) - Xs.mean(axis=0)).round(1), np.abs(gap).round(1)
    (array([ 2.9, -0.2]), array([0., 0.]))
    """

    when = "the domains differ in ways that a nonlinear choice of features can leave out"

    def __init__(
        self,
        n_components: int | None = None,
        reg: float = 1.0,
        kernel: str = "rbf",
        kind: str = "auto",
        n_features: int = 512,
        gamma: float | str = "median",
        random_state: int = 0,
    ):
        self.n_components = n_components
        self.reg = reg
        self.kernel = kernel
        self.kind = kind
        self.n_features = n_features
        self.gamma = gamma
        self.random_state = random_state

    def _components(
        self, features: FeatureRows, ys: NDArray | None, yt: NDArray | None
    ) -> Components:
        scatter, means = features.scatter_and_means()
        difference = means @ np.array([[1.0], [-1.0]])
        return self._solve(features, scatter, difference, penalty_of(features, self.reg, scatter))
