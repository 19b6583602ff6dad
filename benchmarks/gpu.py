"""A GPU: a network the size of ResNet-50 trained by our trainer, and by loops written by hand.

Pictures of 224 × 224 lie in the processor's memory; convolutions and matrix products are taken in
bfloat16. *fine-tune* learns on from a source network with ``FineTune(recipe="full")``, *dann* draws
two domains together with ``DeepTransfer``. Beside them stand three loops over the same steps: a
*plain* one, which copies each batch to the GPU when its turn comes; one with a ``DataLoader``, its
workers and pinned memory; and one whose pictures *lie on the GPU* all the time, which is the limit.
The first epoch warms up, the others are timed, each whole: whatever is done between them counts.

    python benchmarks/gpu.py                     # ResNet-50 by timm, three minutes on an H100
    python benchmarks/gpu.py --quick             # a small network and pictures, on any device
"""

import copy
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import torch
from _machine import machine, options, show_machine, show_table, write
from torch import nn
from torch.nn import functional as F

from landbridge import DeepTransfer, FineTune, NetworkSource, Training
from landbridge.mapping.deep.adversaries import discriminator, domain_loss, reverse_gradient
from landbridge.training.networks import cut, make_network
from landbridge.training.schedule import warm_up

LEAST_SHARE = 0.95
N_CLASSES = 10
LOOPS = ("plain", "loader", "on the GPU")


class Setting(NamedTuple):
    """What is trained, on what, and how."""

    network: nn.Module
    shape: tuple[int, int, int]
    n_rows: int
    batch: int
    epochs: int
    device: torch.device

    @property
    def training(self) -> Training:
        """Our options for it."""
        return Training(
            max_epochs=self.epochs,
            batch_size=self.batch,
            precision="bfloat16",
            device=str(self.device),
        )

    @property
    def precision(self) -> AbstractContextManager:
        """The same in a loop."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16)


class Stopwatch:
    """When each epoch ended, and how busy the GPU was from the first one's end to the last's."""

    def __init__(self, n_epochs: int) -> None:
        self.n_epochs = n_epochs
        self.ends: list[float] = []
        self.watcher: Any = None

    def __call__(self) -> None:
        """An epoch is over."""
        self.ends.append(perf_counter())
        if len(self.ends) == 1 and torch.cuda.is_available():
            ask = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
            ask += ["-lms", "100"]
            self.watcher = subprocess.Popen(ask, stdout=subprocess.PIPE, text=True)
        if len(self.ends) == self.n_epochs and self.watcher is not None:
            self.watcher.terminate()

    def figures(self, n_pictures: int) -> dict[str, float]:
        """Pictures a second, of so many an epoch, and the GPU's mean utilisation in per cent."""
        found = {"pictures/s": n_pictures * (len(self.ends) - 1) / (self.ends[-1] - self.ends[0])}
        if self.watcher is not None:
            busy = [float(line) for line in self.watcher.communicate()[0].split()]
            found["busy %"] = float(np.mean(busy)) if busy else float("nan")
            found["peak GB"] = torch.cuda.max_memory_allocated() / 1e9
        return found


def dealt(kind: str, setting: Setting, X: Any, y: Any) -> Callable[[], Iterator[Any]]:
    """Batches on the device, epoch after epoch, as one would deal them by hand."""
    device, batch = setting.device, setting.batch
    if kind == "loader":
        data = torch.utils.data.TensorDataset(X, y)
        loader = torch.utils.data.DataLoader(
            data, batch, shuffle=True, num_workers=6, pin_memory=True, persistent_workers=True
        )
        return lambda: ([part.to(device, non_blocking=True) for part in item] for item in loader)
    if kind == "on the GPU":
        X, y = X.to(device), y.to(device)

    def epoch() -> Iterator[Any]:
        for rows in torch.randperm(len(X)).split(batch):
            yield [values[rows.to(values.device)].to(device) for values in (X, y)]

    return epoch


def by_hand(setting: Setting, net: nn.Module, loss: Callable[..., Any], *epochs: Any) -> Stopwatch:
    """AdamW, a cosine of step sizes, and the loss of a batch of each domain."""
    net.train()
    steps = torch.optim.AdamW(
        net.parameters(), lr=1e-3, weight_decay=1e-4, fused=setting.device.type == "cuda"
    )
    watch, n_steps = Stopwatch(setting.epochs), -(-setting.n_rows // setting.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(steps, setting.epochs * n_steps)
    for k in range(setting.epochs):
        losses = []
        for number, batches in enumerate(zip(*(epoch() for epoch in epochs))):
            steps.zero_grad()
            found = loss(*batches, done=(k + number / n_steps) / setting.epochs)
            found.backward()
            steps.step()
            schedule.step()
            losses.append(found.detach())
        assert torch.stack(losses).isfinite().all()  # waits for the GPU, as a report would
        watch()
    return watch


def rows(setting: Setting, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures of noise and labels: what they show does not change how long they take."""
    chance = torch.Generator().manual_seed(seed)
    X = torch.randn(setting.n_rows, *setting.shape, generator=chance)
    return X, torch.randint(N_CLASSES, (setting.n_rows,), generator=chance)


def fine_tune(setting: Setting) -> dict[str, dict[str, float]]:
    """One domain, cross-entropy."""
    X, y = rows(setting, 0)

    def ours() -> Stopwatch:
        first = setting.training.set_params(max_epochs=1)
        few = slice(0, 2 * setting.batch)
        source = NetworkSource(setting.network, validation_share=0, training=first, random_state=0)
        source.fit(X[few].numpy(), y[few].numpy())
        watch = Stopwatch(setting.epochs)
        training = setting.training.set_params(progress=lambda *_: watch())
        FineTune(source, recipe="full", validation_share=0, training=training, random_state=0).fit(
            X.numpy(), y.numpy()
        )
        return watch

    def loop(kind: str) -> Stopwatch:
        net = copy.deepcopy(setting.network).to(setting.device)

        def loss(batch: Any, done: float) -> Any:
            with setting.precision:
                return F.cross_entropy(net(batch[0]), batch[1])

        return by_hand(setting, net, loss, dealt(kind, setting, X, y))

    return side_by_side(ours, loop, setting.n_rows)


def dann(setting: Setting) -> dict[str, dict[str, float]]:
    """Two domains: cross-entropy of the source, and a classifier of domains to fool."""
    (Xs, ys), (Xt, yt) = rows(setting, 0), rows(setting, 1)

    def ours() -> Stopwatch:
        watch = Stopwatch(setting.epochs)
        training = setting.training.set_params(progress=lambda *_: watch())
        net = DeepTransfer(setting.network, alignment="dann", training=training, random_state=0)
        net.fit(Xs.numpy(), Xt.numpy(), ys=ys.numpy())
        return watch

    def loop(kind: str) -> Stopwatch:
        net = cut(copy.deepcopy(setting.network), Xs[:2])
        judge = discriminator(net.head.in_features, 128)
        both = nn.ModuleList([net, judge]).to(setting.device)

        def loss(source: Any, target: Any, done: float) -> Any:
            with setting.precision:
                features = [net.body(batch[0]) for batch in (source, target)]
                labelled = F.cross_entropy(net.head(features[0]), source[1])
            strength = warm_up(done)
            told = [judge(reverse_gradient(f.float(), strength)) for f in features]
            return labelled + domain_loss(*told)

        epochs = (dealt(kind, setting, *domain) for domain in ((Xs, ys), (Xt, yt)))
        return by_hand(setting, both, loss, *epochs)

    return side_by_side(ours, loop, 2 * setting.n_rows)


def side_by_side(
    ours: Callable[[], Stopwatch], loop: Callable[[str], Stopwatch], n_pictures: int
) -> dict[str, dict[str, float]]:
    """What each reaches, by name."""
    found = {}
    for name in ("landbridge", *LOOPS):
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        watch = ours() if name == "landbridge" else loop(name)
        found[name] = watch.figures(n_pictures)
    return found


def show(part: str, found: dict[str, dict[str, float]]) -> None:
    """The table of a part, and whether the goal is reached beside each loop."""
    columns = list(found["landbridge"])
    print(f"\n{part}")
    show_table(["", *columns], [[n, *(f"{f[c]:,.0f}" for c in columns)] for n, f in found.items()])
    rate = found["landbridge"]["pictures/s"]
    for loop in LOOPS:
        share = rate / found[loop]["pictures/s"]
        verdict = "reached" if share >= LEAST_SHARE else "MISSED"
        print(f"{verdict}: pictures/s by those of {loop!r}: {share:.2f} (goal: {LEAST_SHARE})")


def main() -> None:
    parser = options(__doc__, "a small network and pictures")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS))
    chosen = parser.parse_args()
    facts = machine(["landbridge", "torch", "timm"])
    show_machine(facts)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    print(torch.cuda.get_device_name() if device.type == "cuda" else "no GPU")
    if chosen.quick:
        setting = Setting(make_network("cnn", (3, 32, 32), 10), (3, 32, 32), 512, 64, 3, device)
    else:
        import timm

        network = timm.create_model("resnet50", num_classes=N_CLASSES)
        network = network.to(memory_format=torch.channels_last)
        setting = Setting(network, (3, 224, 224), 4096, 128, 4, device)
    found = {}
    for part in chosen.parts:
        found[part] = PARTS[part](setting)
        show(part, found[part])
    write(chosen.output, {"machine": facts, **found})


PARTS = {"fine-tune": fine_tune, "dann": dann}

if __name__ == "__main__":
    main()
