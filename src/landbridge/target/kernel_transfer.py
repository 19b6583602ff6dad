"""Correct the source model by a smooth function of the features."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from landbridge.domains.labels import labelled_rows
from landbridge.domains.memory import check_memory
from landbridge.domains.parameters import check_number
from landbridge.mapping.base import Carried
from landbridge.moments.feature_map import kernel_gamma
from landbridge.target.base import TargetLearner
from landbridge.target.interpolation import source_model

PENALTIES = np.append(np.inf, np.logspace(4.0, -6.0, 21))


def posterior_weights(K: NDArray, rest: NDArray, reg: float) -> NDArray[np.float64]:
    """The weights (n,) of ``Σ aᵢ k(x, xᵢ)``, ``(K + reg I)⁻¹ rest``; zero at an infinite one."""
    if np.isinf(reg):
        return np.zeros(len(rest))
    return np.linalg.solve(K + reg * np.eye(len(rest)), rest)


def left_out_errors(K: NDArray, rest: NDArray, penalties: NDArray) -> NDArray[np.float64]:
    r"""Mean squared error of kernel regression for each penalty, each row left out in turn.

    With :math:`B = (K + \lambda I)^{-1}` the error of a row is :math:`(B r)_i / B_{ii}` (Allen
    1974), here from one eigendecomposition for all penalties.
    """
    values, vectors = np.linalg.eigh(K)
    values = np.maximum(values, 0.0)
    errors = np.empty(len(penalties))
    for k, reg in enumerate(penalties):
        # Of an infinite penalty the limit: nothing is predicted, and all of the rest remains.
        inverse = np.ones(len(values)) if np.isinf(reg) else 1.0 / (values + reg)
        along = vectors @ (inverse * (vectors.T @ rest))
        errors[k] = ((along / (vectors**2 @ inverse)) ** 2).mean()
    return errors


class KernelTransferRegressor(RegressorMixin, TargetLearner):
    r"""Gaussian-process regression on labelled target rows, with the source model as prior mean.

    Predicts :math:`h_s(x) + \sum_i a_i k(x, x_i)` with :math:`k(x, z) = e^{-\gamma \|x - z\|^2}`
    and :math:`a = (K + \lambda I)^{-1} (y - h_s(X))`: the posterior mean of a Gaussian process
    with prior mean :math:`h_s` (Rasmussen & Williams 2006, eq. 2.38), or kernel ridge regression
    on what the source model leaves of the labels. Far from labelled rows it is the source model.
    A fitted model keeps the labelled target rows.

    Parameters
    ----------
    source : scikit-learn regressor
        The source learner, fitted to the carried rows where ``fit`` is given no model.
    reg : "cv" or float, default="cv"
        The penalty λ, the variance of noise over that of the process; larger stays nearer to the
        source model. ``"cv"`` chooses it by the leave-one-out error, in closed form, from 21
        values, 1e-6 to 1e4, and infinity: then the source model is kept.
    gamma : "median" or float, default="median"
        The kernel's inverse width; larger corrects more locally. ``"median"`` takes
        :math:`1 / 2h^2`, with h the median distance between target rows.

    Attributes
    ----------
    source_ : fitted regressor
    rows_ : array or CSR matrix of shape (n_labelled, d)
    weights_ : ndarray of shape (n_labelled,)
    reg_, gamma_ : float
    notes_ : list of str

    Raises
    ------
    ValueError
        If ``reg`` or ``gamma`` is not a number above zero or the word allowed, or the kernel of
        any two rows underflows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from landbridge.mapping import Carried
    >>> from landbridge.target.kernel_transfer import KernelTransferRegressor
    >>> X = np.linspace(0.0, 6.0, 40)[:, None]
    >>> carried = Carried(X, 2.0 * X.ravel())
    >>> truth = 2.0 * X.ravel() + np.sin(X.ravel())
    >>> yt = np.where(np.arange(40) % 3 == 0, truth, np.nan)
    >>> learner = KernelTransferRegressor(LinearRegression()).fit(carried, X, yt)
    >>> float(np.abs(learner.predict(X) - truth).max()) < 0.01
    True
    """

    uses_model = True

    def __init__(self, source: Any, *, reg: float | str = "cv", gamma: float | str = "median"):
        self.source = source
        self.reg = reg
        self.gamma = gamma

    def predict(self, X: Any) -> NDArray:
        """The number (n,) expected for target rows (n, d)."""
        check_is_fitted(self)
        known = self.source_.predict(X)
        return known + self._kernel(X) @ self.weights_ if len(self.weights_) else known

    def _fit(self, carried: Carried, Xt: Any, yt: NDArray, model: Any) -> None:
        check_number("reg", self.reg, words=("cv",), above=True)
        check_number("gamma", self.gamma, words=("median",), above=True)
        self.source_ = source_model(self.source, carried, model)
        self.rows_, y = labelled_rows(Xt, yt)
        self.weights_, self.reg_ = np.empty(0), np.inf
        self.gamma_ = kernel_gamma(self.gamma, (Xt,), 0)
        if len(y):
            self._learn(y - self.source_.predict(self.rows_))
        else:
            self.notes_.append("No target row is labelled: this is the source model.")

    def _learn(self, rest: NDArray) -> None:
        K = self._kernel(self.rows_)
        if self.reg == "cv":
            self.reg_ = float(PENALTIES[left_out_errors(K, rest, PENALTIES).argmin()])
        else:
            self.reg_ = float(self.reg)
        self.weights_ = posterior_weights(K, rest, self.reg_)

    def _kernel(self, X: Any) -> NDArray[np.float64]:
        n, m = X.shape[0], self.rows_.shape[0]
        check_memory(8.0 * n * m, f"The kernel of {n:,} x {m:,} rows", "Take fewer rows.")
        return rbf_kernel(X, self.rows_, gamma=self.gamma_).astype(np.float64)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = get_tags(self.source).input_tags.sparse
        return tags
