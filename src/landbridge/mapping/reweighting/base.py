"""What every reweighting does: a density ratio as a function, normalised, capped, and judged."""

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from landbridge.domains import as_labels, check_weights
from landbridge.domains.parameters import check_number
from landbridge.mapping.base import (
    Carried,
    UnpairedMapping,
    check_two_rows,
    warn_of_few_rows,
)
from landbridge.mapping.in_place import InPlace
from landbridge.mapping.reweighting.basis import row_blocks
from landbridge.mapping.transport.plans import masses
from landbridge.moments import effective_size

LARGEST_LOG = 700.0
"""Beyond this, ``exp`` overflows."""


def largest_weight(cap: float | str | None, n_rows: int) -> float:
    """The weight at which to truncate, in units of the mean weight: √n for ``"auto"``."""
    if cap is None:
        return np.inf
    return float(np.sqrt(n_rows)) if cap == "auto" else float(cap)


def log_of_positive(values: NDArray) -> NDArray[np.float64]:
    """Logarithms in float64, minus infinity where a value is zero or below."""
    with np.errstate(divide="ignore"):
        return np.log(np.maximum(values, 0.0), dtype=np.float64)


class Reweighting(InPlace, UnpairedMapping):
    r"""A mapping that leaves source rows where they are and weighs them like the target.

    The weight of a row is the density ratio :math:`r(x) = p_t(x) / p_s(x)`, as a function of
    the row, divided by its mean over the source rows of ``fit``, and truncated at ``cap`` times
    that mean; the weights that come out have mean 1 again. A method of one's own derives from
    this and gives ``_fit_ratio`` and ``_log_ratio``.

    Attributes
    ----------
    effective_size_ : float
        How many source rows of equal weight the weighted ones are worth (Kish 1965):
        :math:`(\sum w)^2 / \sum w^2`. Below 5 % of the rows, or 10, ``fit`` warns; data sets
        of fewer than 20 rows pass.
    effective_share_ : float
        The same as a share of the source rows.
    log_scale_, log_limit_ : float
        The logarithms of what normalises the ratio, and of where it is truncated.
    """

    how: ClassVar[str] = "reweigh"
    takes_sparse: ClassVar[bool] = True
    cap: float | str | None

    def weights(self, X: ArrayLike, y: ArrayLike | None = None) -> NDArray[np.float64]:
        """How much rows (n, d) count in the target: mean 1 over the source rows of ``fit``.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Any rows; they need not be those of ``fit``.
        y : array-like of shape (n,), optional
            Their labels, for a ratio that depends on labels.
        """
        rows = self._check_source(X)
        labels = None if y is None else as_labels(y, rows.shape[0])
        return self._weights(self._log_ratios(rows, labels))

    def carry(
        self,
        Xs: ArrayLike,
        ys: NDArray,
        sample_weight: NDArray | None = None,
        Xt: ArrayLike | None = None,
    ) -> Carried:
        """Labelled source rows as they are, each weight times the ratio; see ``Mapping.carry``."""
        weights = self.weights(Xs, ys)
        given = check_weights(sample_weight, len(weights), "sample_weight")
        return Carried(self.transform(Xs), ys, weights if given is None else weights * given)

    def _fit(self, Xs: Any, Xt: Any, ys: Any, yt: Any, sample_weight: Any) -> None:
        n_source = Xs.shape[0]
        check_two_rows(self, n_source, Xt.shape[0])
        check_number("cap", self.cap, words=("auto", None), least=1.0)
        self._check_parameters()
        shares = masses(sample_weight, n_source)
        log_ratios = self._fit_ratio(Xs, Xt, ys, yt, shares)
        self._normalise(self._log_ratios(Xs, ys) if log_ratios is None else log_ratios, shares)

    def _normalise(self, log_ratios: NDArray, shares: NDArray) -> None:
        counted = shares > 0
        top = log_ratios[counted].max()
        if not np.isfinite(top):
            raise ValueError(
                f"{type(self).__name__} finds no source row like the target: the ratio is zero "
                f"at all {len(shares)} of them, so the domains do not overlap. Bring them "
                "together first, by Recentre or CORAL, or take a wider kernel (a smaller gamma)."
            )
        log_mean = float(logsumexp(log_ratios[counted], b=shares[counted]))
        self.log_limit_ = log_mean + float(np.log(largest_weight(self.cap, len(shares))))
        capped = np.minimum(log_ratios[counted], self.log_limit_)
        self.log_scale_ = -float(logsumexp(capped, b=shares[counted]))
        self._judge(self._weights(log_ratios) * shares)

    def _judge(self, weights: NDArray) -> None:
        """Keep the effective sample size, and warn where it is small."""
        self.effective_size_ = effective_size(weights)
        self.effective_share_ = self.effective_size_ / len(weights)
        instead = (
            "Lower cap, regularise more, or bring the domains together first, by Recentre or CORAL."
        )
        warn_of_few_rows(weights, f"{type(self).__name__} leaves", instead=instead, stacklevel=6)

    def _weights(self, log_ratios: NDArray) -> NDArray[np.float64]:
        scaled = np.minimum(log_ratios, self.log_limit_) + self.log_scale_
        return np.exp(np.minimum(scaled, LARGEST_LOG))

    def _log_ratios(self, X: Any, y: Any) -> NDArray[np.float64]:
        parts = row_blocks(X.shape[0])
        return np.concatenate(
            [self._log_ratio(X[part], None if y is None else y[part]) for part in parts]
        )

    @abstractmethod
    def _check_parameters(self) -> None:
        """Refuse parameters that make no sense, before any work."""

    @abstractmethod
    def _fit_ratio(
        self, Xs: Any, Xt: Any, ys: Any, yt: Any, shares: NDArray
    ) -> NDArray[np.float64] | None:
        """Set the fitted attributes of the ratio; ``shares`` (n_s,) of source rows sum to 1.

        Returns the log ratios of the source rows (n_s,), if they are at hand.
        """

    @abstractmethod
    def _log_ratio(self, X: Any, y: Any) -> NDArray[np.float64]:
        """The logarithm of the ratio (n,), up to a constant, for a block of rows (n, d)."""
