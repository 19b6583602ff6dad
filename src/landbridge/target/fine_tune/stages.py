"""The stages of a recipe's training, whatever the framework of the network."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from landbridge.target.fine_tune.labelled import Labelled
from landbridge.training import ArrayBatches, Player, Trainer, Training
from landbridge.training.batches import unless_all_one


@dataclass(kw_only=True)
class Stages:
    """A network on its way from the source to the target, stage by stage.

    A framework gives its batches and trainer, and ``_mean_loss``.

    Attributes
    ----------
    history : list of dict
        The figures of every epoch of every stage.
    notes : list of str
        What the recipe decided.
    """

    network: Any
    """Body and head; to be trained in place."""
    is_new: NDArray[np.bool_]
    """Which outputs of the head begin anew (k,)."""
    rows: Labelled
    held_out: Labelled
    loss: Any
    plain_loss: Any
    """The loss that judges: without what is for rare classes."""
    options: Training
    seed: int
    device: Any
    head_pace: float = 10.0
    is_balanced: bool = False
    history: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    n_stages: int = 0
    trainer: Trainer | None = None

    batches_type: ClassVar[type[ArrayBatches]] = ArrayBatches
    trainer_type: ClassVar[type[Trainer]] = Trainer

    @property
    def has_learned(self) -> bool:
        """Whether there is something to keep: a whole stage, or an epoch of the first."""
        return len(self.history) > 0

    @property
    def pace(self) -> float:
        """How much larger the head's steps are: larger while it has new outputs."""
        return self.head_pace if self.is_new.any() else 1.0

    def stage(
        self,
        name: str,
        tuned: Any,
        rows: Labelled,
        held_out: Labelled,
        groups: list[dict[str, Any]],
        trainer: type[Trainer] | None = None,
        learning_rate: float | None = None,
    ) -> None:
        """Train what is ``tuned`` on rows, judged by those held out; figures are always kept."""
        self.n_stages += 1
        has_judge = len(held_out.y) > 0
        batches = self.batches_type(
            rows.X,
            rows.y,
            unless_all_one(rows.weight),
            batch_size=self.options.batch_size,
            is_balanced=self.is_balanced,
        )
        self.trainer = (trainer or self.trainer_type)(
            tuned,
            [Player(tuned.terms, groups)],
            batches,
            self._options(name, learning_rate),
            self.seed,
            self.device,
            judge=(lambda: self._mean_loss(tuned.network, held_out)) if has_judge else None,
            keeps_best=has_judge,
            rest=self.options.patience or 0,
            title=f"Fine-tuning, {name}",
        )
        with self._written_down(name):
            self.trainer.fit()

    @contextmanager
    def _written_down(self, name: str) -> Iterator[None]:
        """Keep a stage's figures, even where it is interrupted."""
        assert self.trainer is not None
        try:
            yield
        finally:
            self.history += [{"stage": name, **figures} for figures in self.trainer.history]

    def _options(self, name: str, learning_rate: float | None) -> Training:
        """The stage's options: a folder of its own, where there is one."""
        options = clone(self.options)
        if options.folder is not None:
            options.folder = Path(options.folder) / f"{self.n_stages}-{name}"
        if learning_rate is not None:
            options.learning_rate = learning_rate
        return options

    def _mean_loss(self, network: Any, rows: Labelled) -> float:
        """The plain loss of a network over rows."""
        raise NotImplementedError
