"""Several processes that train one network together, each on its part of every batch.

They are those of ``torch.distributed``, which ``torchrun`` scripts and ``accelerate launch`` set
up: once ``torch.distributed.init_process_group()`` or ``accelerate.Accelerator()`` has been
called, every fit of a network is shared. Each process is given all the rows, takes its part of
every batch, and moves by the mean of all gradients, so that all hold the same weights. What is a
mean over rows (the losses over labels) comes out as from one process; batch normalisation, the
distance of two batches and dropout see the part only, and normalising statistics are averaged
after every epoch.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from landbridge.training.batches import Batch
from landbridge.training.engine import need_torch
from landbridge.training.options import Training

FEWEST_ROWS = 2
"""Parts of fewer rows have no variance: then every process takes the whole batch."""


@dataclass
class Processes:
    """The processes that train together, as one of them sees it; by itself, one alone."""

    count: int = 1
    number: int = 0
    """Of this process, from 0."""
    device: Any = None
    share: float = 1.0
    """How much the last part dealt counts: its rows among those of all parts."""

    @property
    def is_first(self) -> bool:
        """Whether this process writes checkpoints and logs, and draws bars."""
        return self.number == 0

    def heard(self, options: Training) -> Training:
        """The options, those of the first process only where something is written or shown."""
        if self.is_first:
            return options
        return clone(options).set_params(folder=None, tensorboard=False, progress=False)

    def part(self, batch: Any) -> Any:
        """This process's part of a batch, or of each batch of a tuple; ``share`` is set by it.

        Examples
        --------
        >>> import numpy as np
        >>> from landbridge.training.batches import Batch
        >>> from landbridge.training.processes import Processes
        >>> second = Processes(count=2, number=1)
        >>> second.part(Batch(np.arange(5))).X, second.share
        (array([2, 3, 4]), 0.6)
        """
        if self.count == 1:
            return batch
        if not isinstance(batch, Batch):
            parts = [self.part(one) for one in reversed(batch)]  # the first's share counts
            return type(batch)(*reversed(parts))
        n_rows = len(batch.X)
        if n_rows < FEWEST_ROWS * self.count:
            self.share = 1 / self.count
            return batch
        own = slice(*(n_rows * k // self.count for k in (self.number, self.number + 1)))
        self.share = (own.stop - own.start) / n_rows
        return Batch(*(None if values is None else values[own] for values in batch))

    def average_gradients(self, optimiser: Any, has_gradient: bool) -> bool:
        """Give an optimiser's parameters the gradient over all parts; whether there is one.

        A parameter that no process has a gradient for keeps none: it is not to be moved.
        """
        if self.count == 1:
            return has_gradient
        torch = need_torch()
        moved = [p for group in optimiser.param_groups for p in group["params"]]
        parts = [torch.zeros_like(p) if p.grad is None else p.grad * self.share for p in moved]
        marks = [float(p.grad is not None) for p in moved]
        flat = [*(part.flatten() for part in parts), torch.tensor(marks, device=self.device)]
        sizes = [part.numel() for part in flat]
        *found, marked = self._sum(torch.cat(flat)).split(sizes)
        for p, gradient, mark in zip(moved, found, marked.tolist()):
            # Laid out as the parameter: fused optimisers go through both memories side by side.
            p.grad = torch.empty_like(p).copy_(gradient.reshape(p.shape)) if mark else None
        return bool(marked.any())

    def joined(
        self, terms: dict[str, NDArray], n_rows: list[int]
    ) -> tuple[dict[str, NDArray], list[int]]:
        """Terms (n_steps,) as means over all parts, and the rows of all parts at each step."""
        if self.count == 1:
            return terms, n_rows
        here = np.array([*(values * n_rows for values in terms.values()), n_rows])
        *sums, rows = self._sum(need_torch().tensor(here, device=self.device)).cpu().numpy()
        return {name: values / rows for name, values in zip(terms, sums)}, rows.tolist()

    def average_statistics(self, module: Any) -> None:
        """Give all processes the mean of what a module remembers besides weights."""
        if self.count > 1:
            for buffer in module.buffers():
                if buffer.is_floating_point():
                    buffer.copy_(self._sum(buffer.clone()) / self.count)

    def of_first(self, value: float) -> float:
        """The first process's value: one decides when to stop, and what is best."""
        if self.count == 1:
            return value
        return float(self._from_first(need_torch().tensor(value, device=self.device)))

    def share_start(self, module: Any) -> None:
        """Give all processes the weights of the first."""
        if self.count > 1:
            for value in module.state_dict().values():
                self._from_first(value)

    def check_alike(self, facts: Callable[[], dict[str, Any]]) -> None:
        """Refuse to start where the processes were given different things.

        Raises
        ------
        ValueError
            In all of them, naming what differs.
        """
        if self.count == 1:
            return
        own = {name: json.dumps(value, default=repr) for name, value in facts().items()}
        all_of_them: list[Any] = [None] * self.count
        need_torch().distributed.all_gather_object(all_of_them, own)
        other = [name for name in own if len({facts[name] for facts in all_of_them}) > 1]
        if other:
            raise ValueError(
                f"The {self.count} processes that train together must be given the same: they "
                f"differ in {', '.join(other)}. Give each all rows in the same order, the same "
                "options, a number as random_state, and a folder that all of them see."
            )

    def _sum(self, tensor: Any) -> Any:
        need_torch().distributed.all_reduce(tensor)
        return tensor

    def _from_first(self, tensor: Any) -> Any:
        need_torch().distributed.broadcast(tensor, src=0)
        return tensor


def processes_here(device: Any) -> Processes:
    """Those that ``torch.distributed`` has set up, or this one alone."""
    distributed = need_torch().distributed
    if not (distributed.is_available() and distributed.is_initialized()):
        return Processes()
    return Processes(distributed.get_world_size(), distributed.get_rank(), device)
