"""The trainer of source-free methods: it watches where predictions run, and stops in time.

This module imports PyTorch; estimators import it when they are fitted.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from landbridge.domains.labels import BLANK
from landbridge.target.source_free.collapse import Spread, has_collapsed, spread
from landbridge.training import Batch, Trainer
from landbridge.training.model import softmax
from landbridge.training.networks import Cut
from landbridge.training.normalisation import recalibrate
from landbridge.training.rows import outputs, parts_of


class Adapting(nn.Module):
    """A network on its way into the target: what it minimises over target rows alone.

    A method gives ``groups``, ``terms_of`` and, where it keeps something of each
    row, ``look``. Whatever it remembers from step to step must be a buffer.

    Parameters
    ----------
    network : Cut
        Body and head, as the source left them; trained in place.
    codes : ndarray of shape (n,)
        Class numbers of the target's rows, blank where unknown.
    """

    start: torch.Tensor
    """Entropy and diversity before the first step."""
    known: torch.Tensor

    def __init__(self, network: Cut, codes: NDArray):
        super().__init__()
        self.network = network
        self.register_buffer("start", torch.zeros(2, dtype=torch.float64))
        self.register_buffer("known", torch.from_numpy(codes))

    def groups(self) -> list[dict[str, Any]]:
        """What is learned, as torch's optimisers take it; all else gets no gradient."""
        raise NotImplementedError

    def terms_of(self, logits: torch.Tensor, batch: Batch) -> dict[str, torch.Tensor]:
        """What is minimised over a batch besides its labels."""
        raise NotImplementedError

    def look(self, features: torch.Tensor, P: torch.Tensor) -> None:
        """Take note of the features (n, d) and probabilities (n, k) of all rows, once an epoch."""

    def terms(self, batch: Batch, done: float) -> dict[str, torch.Tensor]:
        """What the method minimises, and the cross-entropy of the labels that the batch has."""
        logits = self.network(batch.X)
        return self.terms_of(logits, batch) | {"labels": labels_loss(logits, batch.y)}


def labels_loss(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of the rows that have a class number; zero where none has."""
    total = nn.functional.cross_entropy(logits, y, ignore_index=BLANK, reduction="sum")
    return total / (y != BLANK).sum().clamp(min=1)


@dataclass
class Guarded(Trainer):
    """A trainer that stops where predictions run into few classes, and takes that back.

    Before the first epoch and after each, the network gets the normalising statistics of all
    rows, and their predictions are looked at. The weights kept are the last ones; after a
    collapse, or an interrupt, those that were the most informative till then, the start's
    included: what is worth keeping has been lost some epochs before it shows.
    """

    X: NDArray = field(default_factory=lambda: np.empty(0))
    least_diversity: float = 0.65
    method: dict[str, Any] = field(default_factory=dict)
    """The method's parameters, for a checkpoint to know its own run."""
    now: Spread = field(default_factory=lambda: Spread(0.0, 0.0))

    @property
    def start(self) -> Spread:
        """The spread before the first step."""
        return Spread(*self.module.start.tolist())

    @property
    def has_collapsed(self) -> bool:
        """Whether the last epoch's predictions have run into few classes."""
        last = self.spreads[-1:]
        return any(has_collapsed(self.start, now, self.least_diversity) for now in last)

    @property
    def spreads(self) -> list[Spread]:
        """The spread after every epoch."""
        return [Spread(*(figures[name] for name in Spread._fields)) for figures in self.history]

    def fingerprint(self) -> dict[str, Any]:
        """What tells this run from others: the method's parameters too."""
        return super().fingerprint() | {"method": self.method}

    def begin(self) -> None:
        """Look at the predictions as they are at the start, unless a run is resumed."""
        super().begin()
        if not self.history:
            self.module.start.copy_(torch.tensor(self.look(), dtype=torch.float64))
            self.best_state = self.snapshot()

    def loop(self) -> None:
        """Epoch after epoch; the figures of each are written with the spread it ended with."""
        write = self._log

        def write_more(figures: dict[str, float]) -> None:
            figures.update(self.now._asdict())
            write(figures)

        self._log = write_more
        super().loop()
        if not self.has_collapsed:
            self.best_epoch, self.best_state = self.n_epochs, self.snapshot()

    def take_stock(self, terms: dict[str, float], start: float) -> None:
        """Look at all predictions; where they have collapsed, go back and end."""
        before = self.best_epoch, self.best_state
        most = max(found.information for found in (self.start, *self.spreads))
        self.now = self.look()
        try:
            super().take_stock(terms, start)
        finally:  # also where it is interrupted while it tells of the epoch
            if self.has_collapsed:
                self.ramp = self.ramp.shortened(self.n_epochs, 0)
            if self.has_collapsed or self.now.information < most:
                self.best_epoch, self.best_state = before

    def look(self) -> Spread:
        """Give the network the statistics of all rows, and see what it makes of them."""
        network = self.module.network
        recalibrate(network, parts_of(self.X, self.device))
        features = outputs(network.body, self.X, self.device)
        P = softmax(outputs(network.head, features, self.device))
        tensors = (torch.from_numpy(found).to(self.device) for found in (features, P))
        self.module.look(*tensors)
        return spread(P)
