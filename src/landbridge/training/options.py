"""How to train, whatever is trained: the options that all networks share."""

import os
from collections.abc import Callable
from typing import Any

from sklearn.base import BaseEstimator

from landbridge.domains.parameters import check_choice, check_number
from landbridge.training.engine import PRECISIONS
from landbridge.training.schedule import SCHEDULES

OnEpoch = Callable[[int, float, float | None], Any]


class Training(BaseEstimator):
    """How to train a network: steps, their size and number, where, and what is written down.

    Parameters
    ----------
    max_epochs : int, default=30
        The most times to go over the rows.
    batch_size : int, default=64
        Rows of each domain a step.
    learning_rate : float, default=1e-3
        The first step size. Larger is faster until it diverges.
    optimiser : {"adam", "sgd"}, default="adam"
        Adam with decoupled weight decay (Loshchilov & Hutter 2019), or stochastic gradient
        descent with Nesterov momentum 0.9.
    schedule : {"cosine", "constant"}, default="cosine"
        How the step size goes on: down to zero at the end along a half cosine, or level.
    weight_decay : float, default=1e-4
        Pull of the weights towards zero, relative to the step size; larger is smoother.
    patience : int or None, default=None
        Epochs without gain on held-out rows after which to end; ``None`` does all epochs.
    clip : float or None, default=None
        Longest gradient: a longer one is shortened to it.
    precision : {"float32", "bfloat16"}, default="float32"
        Of matrix products and convolutions; weights stay as they are.
    device : str, default="auto"
        Where to train and predict, as torch names it; ``"auto"`` is the GPU where CUDA sees
        one, else the CPU. Of several processes that train together
        (``landbridge.training.processes``), each trains on its own current one.
    folder : path, optional
        Where to keep a checkpoint after every epoch, ``checkpoint.safetensors``, and a line of
        figures for it, ``log.jsonl``. A run that finds its own checkpoint there goes on from it,
        and ends with the weights of a run that was never interrupted.
    tensorboard : bool, default=False
        Whether to write the figures to ``folder`` for TensorBoard too.
    progress : bool or callable, default=False
        ``True`` draws a bar on the standard error stream; a callable is called after each epoch
        with its number, the training loss and the held-out loss (``None`` without).

    Examples
    --------
    >>> from landbridge.training import Training
    >>> Training(max_epochs=5)
    Training(max_epochs=5)
    """

    def __init__(
        self,
        *,
        max_epochs: int = 30,
        batch_size: int = 64,
        learning_rate: float = 1e-3,
        optimiser: str = "adam",
        schedule: str = "cosine",
        weight_decay: float = 1e-4,
        patience: int | None = None,
        clip: float | None = None,
        precision: str = "float32",
        device: str = "auto",
        folder: str | os.PathLike | None = None,
        tensorboard: bool = False,
        progress: bool | OnEpoch = False,
    ):
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.optimiser = optimiser
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.patience = patience
        self.clip = clip
        self.precision = precision
        self.device = device
        self.folder = folder
        self.tensorboard = tensorboard
        self.progress = progress

    def check(self) -> None:
        """Refuse options out of their range."""
        check_choice("optimiser", self.optimiser, ("adam", "sgd"))
        check_choice("schedule", self.schedule, SCHEDULES)
        check_choice("precision", self.precision, PRECISIONS)
        check_number("learning_rate", self.learning_rate, above=True)
        check_number("batch_size", self.batch_size, least=1, whole=True)
        check_number("max_epochs", self.max_epochs, least=1, whole=True)
        check_number("patience", self.patience, words=(None,), least=1, whole=True)
        check_number("weight_decay", self.weight_decay)
        check_number("clip", self.clip, words=(None,), above=True)
        if self.tensorboard and self.folder is None:
            raise ValueError("tensorboard=True needs a folder to write to: found folder=None.")

    def decisive(self) -> dict[str, Any]:
        """The options that change what comes out, for a checkpoint to know its own run."""
        silent = ("device", "folder", "tensorboard", "progress")
        return {k: v for k, v in self.get_params(deep=False).items() if k not in silent}
