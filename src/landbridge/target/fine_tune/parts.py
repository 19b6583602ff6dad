"""A body as parts in order, from the input up: what is unfrozen when, and how fast each learns.

This module imports PyTorch; recipes import it when they run.
"""

from typing import Any, NamedTuple

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from landbridge.training.trainer import Trainer

CONTAINERS = (nn.Sequential, nn.ModuleList)
NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm)


class Part(NamedTuple):
    """A layer or block, and what normalises it."""

    name: str
    modules: list[nn.Module]
    parameters: list[nn.Parameter]
    """Those that are trained; each belongs to one part only."""


def parts_of(body: nn.Module) -> list[Part]:
    """The body's parts, in the order in which its layers were made: the input's end first.

    Sequences and lists of layers are opened up, and so is the body itself; other modules with
    weights are parts as a whole. A normalising layer belongs to the part before it, and what the
    body holds besides layers to its first part.
    """
    parts: list[Part] = []
    seen: set[int] = set()
    for name, module in _blocks(body):
        own = [p for p in module.parameters() if p.requires_grad and id(p) not in seen]
        seen.update(map(id, own))
        if parts and isinstance(module, NORMS):
            parts[-1].modules.append(module)
            parts[-1].parameters.extend(own)
        elif own:
            parts.append(Part(name, [module], own))
    loose = [p for p in body.parameters() if p.requires_grad and id(p) not in seen]
    if parts:
        parts[0].parameters.extend(loose)
    elif loose:
        parts.append(Part("", [body], loose))
    return parts


def _blocks(module: nn.Module, path: str = "") -> list[tuple[str, nn.Module]]:
    found = []
    for name, child in module.named_children():
        here = f"{path}.{name}" if path else name
        if isinstance(child, CONTAINERS) or _is_wrapper(child):
            found += _blocks(child, here)
        else:
            found.append((here, child))
    return found


def _is_wrapper(module: nn.Module) -> bool:
    """Whether all weights of a module lie in one list of layers, as in a transformer's encoder."""
    weighty = [c for c in module.children() if any(True for _ in c.parameters())]
    own = list(module.parameters(recurse=False))
    return len(weighty) == 1 and not own and isinstance(weighty[0], nn.ModuleList)


def layer_wise_groups(parts: list[Part], decay: float) -> list[dict[str, Any]]:
    r"""Step sizes :math:`\eta_l = \eta \, d^{L - l}`: the top part's is η d, and so on down.

    Examples
    --------
    >>> from torch import nn
    >>> from landbridge.target.fine_tune.parts import layer_wise_groups, parts_of
    >>> body = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    >>> [group["pace"] for group in layer_wise_groups(parts_of(body), decay=0.5)]
    [0.25, 0.5]
    """
    n_parts = len(parts)
    return [
        {"params": part.parameters, "pace": decay ** (n_parts - k)} for k, part in enumerate(parts)
    ]


def thaw(parts: list[Part], n_open: int) -> list[nn.Module]:
    """Let so many parts from the top learn, the others not; the modules that do not."""
    closed, opened = parts[: len(parts) - n_open], parts[len(parts) - n_open :]
    for group, learns in ((closed, False), (opened, True)):
        for part in group:
            for parameter in part.parameters:
                parameter.requires_grad_(learns)
    return [module for part in closed for module in part.modules]


class Unfreezing(Trainer):
    """A trainer under which the parts of its module's body learn one after the other, top first.

    Over the first half of training one more part joins at equal distances; the head learns
    alone until the first does, and all learn in the second half.
    """

    def begin(self) -> None:
        """Find the parts before anything is trained."""
        self.parts = parts_of(self.module.network.body)
        super().begin()

    def epoch(self) -> None:
        """Open what is due, then train."""
        n_open = n_due(len(self.parts), self.ramp.done(self.n_epochs))
        self.module.frozen = thaw(self.parts, n_open)
        super().epoch()

    def loop(self) -> None:
        """Epoch after epoch; all is open in the end."""
        try:
            super().loop()
        finally:
            self.module.frozen = thaw(self.parts, len(self.parts))


def n_due(n_parts: int, done: float) -> int:
    """How many parts learn with the share ``done`` of training behind.

    Examples
    --------
    >>> from landbridge.target.fine_tune.parts import n_due
    >>> [n_due(2, done) for done in (0.0, 0.2, 0.25, 0.5, 0.9)]
    [0, 0, 1, 2, 2]
    """
    return min(n_parts, int(2 * done * n_parts + 1e-9))
