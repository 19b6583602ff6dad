"""PyTorch itself: whether it is there, where it computes, and whose random numbers it draws."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

PRECISIONS = ("float32", "bfloat16")


def need_torch() -> Any:
    """PyTorch, imported when first needed.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "Networks are trained with PyTorch: pip install 'landbridge[torch]'."
        ) from error
    return torch


def usable_device(name: str) -> Any:
    """The torch device of that name; ``"auto"`` is the GPU where CUDA sees one, else the CPU.

    Raises
    ------
    ValueError
        If there is no such device here.
    """
    torch = need_torch()
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.zeros(1, device=name).item()
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ValueError(
            f'device must be "auto", "cpu", "cuda" or another device that PyTorch can use on '
            f"this machine: found {name!r} ({str(error).splitlines()[0]})."
        ) from error
    return torch.device(name)


@contextmanager
def own_chance(seed: int, device: Any) -> Iterator[None]:
    """Seed what torch draws inside (first weights, dropout); its global state is put back after.

    On a GPU, convolutions add up in an order that is always the same.
    """
    torch = need_torch()
    has_gpus = device.type == "cuda" or torch.cuda.is_initialized()
    gpus = range(torch.cuda.device_count()) if has_gpus else ()
    was_deterministic = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = True
    try:
        with torch.random.fork_rng(devices=gpus):
            reseed(seed)
            yield
    finally:
        torch.backends.cudnn.deterministic = was_deterministic


def reseed(seed: int) -> None:
    """Seed torch's global generators; only inside ``own_chance``."""
    torch = need_torch()
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)


def mixed_precision(precision: str, device: Any) -> AbstractContextManager:
    """Where matrix products are taken in ``precision``; float32 leaves all as it is."""
    if precision == "float32":
        return nullcontext()
    torch = need_torch()
    return torch.autocast(device.type, dtype=getattr(torch, precision))


def move(batch: Any, device: Any) -> Any:
    """The tensors of a batch, or of a tuple of batches, on the device; ``None`` stays."""
    return each_tensor(batch, lambda tensor: tensor.to(device, non_blocking=True))


def each_tensor(batch: Any, change: Callable[[Any], Any]) -> Any:
    """A batch, or a tuple of batches, with every tensor changed; ``None`` stays."""
    if batch is None:
        return None
    if isinstance(batch, tuple):
        return type(batch)(*(each_tensor(part, change) for part in batch))
    return change(batch)
