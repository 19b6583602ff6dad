"""Several sources, each aligned with the target by itself."""

import copy
from collections.abc import Iterable
from itertools import combinations
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

from landbridge.mapping.deep.base import Alignment, View

FEWEST_ROWS = 2
"""A source with fewer rows in a batch sits the step out: one row has neither spread nor shape."""


def each_source(alignment: Alignment, groups: NDArray) -> Alignment:
    """The alignment of each source with the target; a game of several players stays as it is.

    Parameters
    ----------
    alignment : Alignment
        Not built yet.
    groups : ndarray of shape (n_source,)
        The number of each row's source, from 0.
    """
    return alignment if alignment.is_game else EachSource(alignment, groups)


class EachSource(Alignment):
    r"""The mean of an alignment's terms over the sources, each with the target by itself.

    Of a distance of two samples, the mean over all pairs of sources is added, which brings them
    together with one another: :math:`\frac1N \sum_i a(S_i, T) + \binom{N}{2}^{-1} \sum_{i<j}
    a(S_i, S_j)` (Peng et al. 2019, eq. 1). Each source has a copy of what the alignment trains,
    such as a discriminator (Zhao et al. 2018, MDAN).
    """

    groups: torch.Tensor

    def __init__(self, alignment: Alignment, groups: NDArray):
        super().__init__()
        n_sources = int(groups.max()) + 1
        self.parts: Any = nn.ModuleList(copy.deepcopy(alignment) for _ in range(n_sources))
        self.needs_classes, self.is_ramped = alignment.needs_classes, alignment.is_ramped
        self.has_two_bodies = alignment.has_two_bodies
        self.compares_samples = alignment.compares_samples
        self.register_buffer("groups", torch.as_tensor(groups))

    def build(self, n_features: int, n_outputs: int, n_rows: tuple[int, int]) -> None:
        """Build each source's copy; each may meet any row of the source."""
        for part in self.parts:
            part.build(n_features, n_outputs, n_rows)

    def forward(self, source: View, target: View, done: float) -> dict[str, torch.Tensor]:
        """The mean of the terms over the sources, and over their pairs."""
        group = self.groups[source.rows]
        views = {k: rows_of(source, group == k) for k in range(len(self.parts))}
        views = {k: view for k, view in views.items() if len(view.X) >= FEWEST_ROWS}
        if not views:  # all sources have one row: the batch says no more of each than of all
            return self.parts[0](source, target, done)
        terms = mean_of(self.parts[k](view, target, done) for k, view in views.items())
        if not self.compares_samples or len(views) < 2:
            return terms
        pairs = combinations(views, 2)
        among = mean_of(self.parts[i](views[i], views[j], done) for i, j in pairs)
        return {name: value + among[name] for name, value in terms.items()}


def rows_of(view: View, chosen: torch.Tensor) -> View:
    """Some rows of a view, by a mask (b,)."""
    parts: Any = (None if values is None else values[chosen] for values in view)
    return View(*parts)


def mean_of(terms: Iterable[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The mean of each term."""
    found = list(terms)
    return {name: torch.stack([part[name] for part in found]).mean() for name in found[0]}
