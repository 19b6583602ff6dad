"""What is heard of a training while it runs: a bar, a callback, a log, TensorBoard."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from landbridge.training.options import OnEpoch, Training

LOG = "log.jsonl"


@contextmanager
def told(progress: bool | OnEpoch, max_epochs: int, title: str) -> Iterator[OnEpoch]:
    """What to call after each epoch: the caller's own function, a bar's advance, or nothing."""
    if callable(progress):
        yield progress
    elif progress:
        with _bar(max_epochs, title) as advance:
            yield advance
    else:
        yield lambda epoch, train_loss, valid_loss: None


@contextmanager
def _bar(max_epochs: int, title: str) -> Iterator[OnEpoch]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=max_epochs)

        def advance(epoch: int, train_loss: float, valid_loss: float | None) -> None:
            loss = train_loss if valid_loss is None else valid_loss
            bar.update(task, completed=epoch, description=f"{title}, loss {loss:.4g}")

        yield advance


@contextmanager
def logged(options: Training) -> Iterator[Callable[[dict[str, float]], None]]:
    """What writes an epoch's figures down: a line of JSON, TensorBoard's events, or nothing."""
    if options.folder is None:
        yield lambda figures: None
        return
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    writer = _tensorboard(folder) if options.tensorboard else None
    with (folder / LOG).open("a", encoding="utf-8") as file:

        def write(figures: dict[str, float]) -> None:
            file.write(json.dumps(figures) + "\n")
            file.flush()
            for name, value in figures.items():
                if writer is not None and name != "epoch":
                    writer.add_scalar(name, value, int(figures["epoch"]))

        try:
            yield write
        finally:
            if writer is not None:
                writer.close()


def _tensorboard(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ImportError(
            "tensorboard=True needs TensorBoard: pip install tensorboard, or leave it False; "
            "the same figures are in log.jsonl."
        ) from error
    return SummaryWriter(str(folder))
