"""The state of a training on disk, written beside and renamed, read back without running code."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from landbridge.saving import write_beside
from landbridge.training.engine import need_torch

FORMAT = "landbridge.checkpoint/1"
FILE = "checkpoint.safetensors"
BEST, MODULE, OPTIMISER = "best", "module", "optimiser"

ToBytes = Callable[[dict[str, Any], dict[str, str]], bytes]
"""From tensors and text, by name, to a file."""


def state_of(module: Any, best: dict[str, Any], optimisers: list[Any]) -> dict[str, Any]:
    """All tensors that a training needs to go on exactly: weights, the best so far, optimisers."""
    tensors = {f"{MODULE}.{name}": value for name, value in module.state_dict().items()}
    tensors |= {f"{BEST}.{name}": value for name, value in best.items()}
    for k, optimiser in enumerate(optimisers):
        for number, state in optimiser.state_dict()["state"].items():
            for key, value in state.items():
                if value is not None:
                    tensors[f"{OPTIMISER}.{k}.{number}.{key}"] = value
    return tensors


def torch_bytes(tensors: dict[str, Any], metadata: dict[str, str]) -> bytes:
    """PyTorch's tensors and text as a file in safetensors' format."""
    from safetensors.torch import save

    as_tensor = need_torch().as_tensor
    plain = {
        name: as_tensor(value).detach().cpu().clone().contiguous()
        for name, value in tensors.items()
    }
    return save(plain, metadata=metadata)


def write_checkpoint(
    folder: Path,
    tensors: dict[str, Any],
    facts: dict[str, Any],
    to_bytes: ToBytes = torch_bytes,
) -> None:
    """Put tensors and facts into the folder's checkpoint, all of it or nothing."""
    data = to_bytes(tensors, {"format": FORMAT, "facts": json.dumps(facts)})
    with write_beside(folder / FILE) as beside:
        beside.write(data)


def read_checkpoint(
    folder: Path, framework: str = "pt"
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The tensors and the facts of a checkpoint, ``None`` where the folder has none.

    ``framework`` says what the tensors are to be, as safetensors names it.

    Raises
    ------
    ValueError
        If the file is damaged or something else.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / FILE
    if not path.exists():
        return None
    try:
        with safe_open(path, framework=framework) as file:
            header = file.metadata() or {}
            if header.get("format") != FORMAT:
                raise ValueError(f"its format is {header.get('format')!r}, not {FORMAT!r}")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return tensors, json.loads(header["facts"])
    except (SafetensorError, ValueError, KeyError, OSError) as error:
        raise ValueError(
            f"{path} is not a checkpoint of Landbridge, or is damaged: {error}. Move it away, or "
            "name another folder, to train from the start."
        ) from error


def check_own(path: Path, written: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuse the checkpoint of another run.

    Raises
    ------
    ValueError
        Naming what differs: options, seed, network or rows.
    """
    other = [name for name in now if json.dumps(written.get(name)) != json.dumps(now[name])]
    if other:
        shown = ", ".join(f"{name} ({written.get(name)!r}, now {now[name]!r})" for name in other)
        raise ValueError(
            f"{path / FILE} belongs to another run: it differs in {shown}. Name another folder, "
            "or move it away to train from the start."
        )


def restore(tensors: dict[str, Any], module: Any, optimisers: list[Any]) -> dict[str, Any]:
    """Put module and optimisers back where they were; the best weights so far are returned."""
    module.load_state_dict(_part(tensors, MODULE))
    for k, optimiser in enumerate(optimisers):
        state: dict[int, dict[str, Any]] = {}
        for name, value in _part(tensors, f"{OPTIMISER}.{k}").items():
            number, key = name.split(".", 1)
            state.setdefault(int(number), {})[key] = value
        optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
    return _part(tensors, BEST)


def _part(tensors: dict[str, Any], name: str) -> dict[str, Any]:
    start = f"{name}."
    return {key[len(start) :]: value for key, value in tensors.items() if key.startswith(start)}
