"""Means of the weights of networks that share their start.

This module imports PyTorch; recipes import it when they run.
"""

from collections.abc import Callable, Sequence
from typing import Any

State = dict[str, Any]


def mixed(states: Sequence[State], shares: Sequence[float]) -> State:
    r""":math:`\sum_m s_m \theta_m`, weights and normalising statistics alike; counts of the last.

    Examples
    --------
    >>> import torch
    >>> from landbridge.target.fine_tune.mixing import mixed
    >>> start, tuned = {"w": torch.tensor([0.0])}, {"w": torch.tensor([4.0])}
    >>> mixed([start, tuned], [0.75, 0.25])
    {'w': tensor([1.])}
    """
    used = [(share, state) for share, state in zip(shares, states) if share != 0]

    def mean(name: str, last: Any) -> Any:
        if not last.is_floating_point():
            return last.clone()
        return sum(share * state[name] for share, state in used)

    return {name: mean(name, last) for name, last in states[-1].items()}


def interpolated(start: State, tuned: State, alpha: float) -> State:
    r""":math:`(1 - \alpha) \theta_0 + \alpha \theta_1` (Wortsman et al. 2022a, eq. 1)."""
    return mixed([start, tuned], [1 - alpha, alpha])


def uniform_soup(states: Sequence[State]) -> State:
    """The plain mean (Wortsman et al. 2022b, table 1)."""
    return mixed(states, [1 / len(states)] * len(states))


def greedy_soup(states: Sequence[State], loss: Callable[[State], float]) -> tuple[State, list[int]]:
    """Best first, each joins the mean where that loses no more on held-out rows.

    Wortsman et al. 2022b, recipe 1, with the loss in place of accuracy, which ties on few rows.
    Returns the mean, and which networks are in it.
    """
    losses = [loss(state) for state in states]
    order = sorted(range(len(states)), key=lambda k: losses[k])
    chosen, least = [order[0]], losses[order[0]]
    for k in order[1:]:
        found = loss(uniform_soup([states[m] for m in [*chosen, k]]))
        if found <= least:
            chosen, least = [*chosen, k], found
    return uniform_soup([states[m] for m in chosen]), chosen
