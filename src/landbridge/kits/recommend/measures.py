"""What models are measured by: errors and lists of each user, and intervals over users."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.evidence.verdict.corrected_test import Interval

METRICS = ("rmse", "mae", "ndcg", "recall")
N_DRAWS = 1000


@dataclass
class Tally:
    """What one model did for each user: sums of errors, and the quality of their list."""

    squared: NDArray[np.float64]
    absolute: NDArray[np.float64]
    entries: NDArray[np.float64]
    ndcg: NDArray[np.float64]
    recall: NDArray[np.float64]

    @classmethod
    def empty(cls, n_users: int) -> "Tally":
        """Nothing known of any user."""
        return cls(*(np.full(n_users, np.nan) for _ in range(5)))

    def value(self, metric: str, counts: NDArray | None = None) -> Any:
        """The metric over all users, or over each draw of them (draws, n_users)."""
        counts = np.ones(len(self.entries)) if counts is None else counts
        if metric in ("ndcg", "recall"):
            values = getattr(self, metric)
            known = ~np.isnan(values)
            return counts[..., known] @ values[known] / counts[..., known].sum(axis=-1)
        sums = self.squared if metric == "rmse" else self.absolute
        known = ~np.isnan(sums)
        mean = counts[..., known] @ sums[known] / (counts[..., known] @ self.entries[known])
        return np.sqrt(mean) if metric == "rmse" else mean

    def has(self, metric: str) -> bool:
        """Whether the metric is known of any user."""
        values = {"rmse": self.squared, "mae": self.absolute}.get(metric, self.ndcg)
        return bool((~np.isnan(values)).any())


def gain_interval(better: Tally, base: Tally, metric: str, draws: NDArray) -> Interval:
    """How much better one model is, larger is better, with its interval over users."""
    sign = -1 if metric in ("rmse", "mae") else 1
    gains = sign * (better.value(metric, draws) - base.value(metric, draws))
    gain = sign * (better.value(metric) - base.value(metric))
    return interval_of(gain + 0.0, gains + 0.0)  # no gain is 0 and not −0


def draws_of(n_users: int, seed: int) -> NDArray[np.float64]:
    """How often each user is in each bootstrap sample (draws, n_users)."""
    rng = np.random.default_rng(seed)
    chance = np.full(n_users, 1 / n_users)
    return rng.multinomial(n_users, chance, size=N_DRAWS).astype(np.float64)


def interval_of(value: float, draws: NDArray) -> Interval:
    """A value with the 95 % bootstrap interval of its draws."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a draw without any user who took one
        low, high = np.nanquantile(draws, [0.025, 0.975])
    return Interval(float(value), float(low), float(high))


def per_user(better: Tally, base: Tally, metric: str) -> NDArray[np.float64]:
    """Each user's part in the difference of two models."""
    if metric == "ndcg":
        both = ~np.isnan(better.ndcg) & ~np.isnan(base.ndcg)
        return better.ndcg[both] - base.ndcg[both]
    both = ~np.isnan(better.squared) & ~np.isnan(base.squared)
    return (better.squared - base.squared)[both] / better.entries[both].mean()


def metric_name(metric: str, k: int) -> str:
    """What a metric is called, with the length of the lists."""
    return {"rmse": "RMSE", "mae": "MAE", "ndcg": f"NDCG@{k}", "recall": f"Recall@{k}"}[metric]
