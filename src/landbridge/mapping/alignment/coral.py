"""Correlation alignment."""

import numpy as np
from numpy.typing import NDArray

from landbridge.mapping.affine import Affine
from landbridge.mapping.base import MomentMapping
from landbridge.moments import Moments, power_psd, regularised_covariance
from landbridge.moments.matrices import without_noise


def coral_matrix(Cs: NDArray, Ct: NDArray) -> NDArray[np.float64]:
    """Matrix ``A`` (d, d) with ``A.T @ Cs @ A = Ct``: whiten, then re-colour."""
    return power_psd(Cs, -0.5) @ power_psd(Ct, 0.5)


class CORAL(Affine, MomentMapping):
    r"""Correlation alignment: give the source the mean and covariance of the target.

    Source rows :math:`x` become :math:`(x - \mu_s) A + \mu_t` with
    :math:`A = C_s^{-1/2} C_t^{1/2}` and covariances :math:`C`, regularised (Sun, Feng & Saenko
    2016, algorithm 1, which adds the identity and expects features standardised in each domain;
    here the means are carried too).

    Parameters
    ----------
    reg : "auto" or float, default="auto"
        What is added to the diagonal of both covariances, in squared units of the features;
        larger values carry less of the correlations. ``"auto"`` shrinks by the oracle rule of
        Chen et al. (2010), the more the fewer rows there are.
    move_mean : bool, default=True
        Whether the mean is carried too; without, x becomes x A, as in the paper: where classes
        are less frequent than they were, means differ though nothing has moved.

    Attributes
    ----------
    matrix_ : ndarray of shape (d, d)
    source_mean_, target_mean_, source_std_ : ndarray of shape (d,)
        ``target_mean_`` is where the source's mean goes.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.mapping import CORAL
    >>> rng = np.random.default_rng(0)
    >>> Xs, Xt = rng.normal(0, 1, (500, 2)), rng.normal(3, [1, 5], (500, 2))
    >>> moved = CORAL(reg=0.0).fit(Xs, Xt).transform(Xs)
    >>> np.allclose(np.cov(moved.T), np.cov(Xt.T)), np.allclose(moved.mean(0), Xt.mean(0))
    (True, True)
    """

    cost = "n d² + d³"
    when = "correlations that differ; the plainest strong baseline"

    def __init__(self, reg: float | str = "auto", move_mean: bool = True):
        self.reg = reg
        self.move_mean = move_mean

    def _fit_moments(self, source: Moments, target: Moments) -> None:
        Cs, Ct = (regularised_covariance(m, self.reg) for m in (source, target))
        self._set_between(without_noise(coral_matrix(Cs, Ct)), source, target, self.move_mean)
