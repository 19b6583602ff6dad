"""Networks: the trainer beside a bare loop, a map streamed from disk, digits without labels.

*overhead* trains the same network by the same steps with ``Trainer`` and with the shortest loop
that PyTorch allows, in turn. *stream* learns an MLP map on pairs that lie in files, and shows the
most memory that the process took. *digits* carries a small convolutional network from one kind of
digits to another: target labels only score, and the epoch is the last one.

    python benchmarks/networks.py                        # hours on two cores; needs the data
    python benchmarks/networks.py --parts overhead stream
    python benchmarks/networks.py --parts digits --quick # one seed, 2,000 rows, two epochs
"""

import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from _machine import alternate, machine, options, ratio, show_goals, show_machine, show_table, write

CRITERIA = ("none", "deep-coral", "mmd", "dann", "cdan", "mcc")
DIGITS_GOAL, COLOUR_GOAL = 95.0, 15.0
LARGEST_OVERHEAD = 1.05


def bare_loop(X: Any, y: Any, make: Callable[[], Any], epochs: int, batch: int) -> None:
    """The shortest loop over the same batches: AdamW, a cosine of step sizes, cross-entropy."""
    import math

    import torch
    from torch.nn import functional as F

    net = make().train()
    steps = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-4, fused=True)
    n_batches = math.ceil(len(X) / batch)
    for epoch in range(epochs):
        order = torch.from_numpy(np.random.default_rng(epoch).permutation(len(X)))
        for k, rows in enumerate(order.tensor_split(n_batches)):
            done = (epoch + k / n_batches) / epochs
            steps.param_groups[0]["lr"] = 1e-3 * (1 + math.cos(math.pi * done)) / 2
            steps.zero_grad()
            F.cross_entropy(net(X[rows]), y[rows]).backward()
            steps.step()


def trained(X: Any, y: Any, make: Callable[[], Any], epochs: int, batch: int) -> None:
    """The same by ``NetworkSource``, nothing held out."""
    from landbridge import NetworkSource, Training

    training = Training(max_epochs=epochs, batch_size=batch)
    NetworkSource(make(), validation_share=0, training=training, random_state=0).fit(X, y)


def overhead(chosen: Any) -> dict[str, float]:
    """Time of the trainer by that of the bare loop: an MLP of small steps, and the small CNN."""
    import torch

    from landbridge.training.networks import make_network

    rng = np.random.default_rng(chosen.seed)
    n = 2000 if chosen.quick else 10_000
    rows, found = [], {}
    for name, shape, epochs in (("mlp", (64,), 10), ("cnn", (1, 28, 28), 1)):
        X, y = rng.normal(size=(n, *shape)).astype(np.float32), rng.integers(10, size=n)
        tensors = torch.from_numpy(X), torch.from_numpy(y)

        def make(name: str = name, shape: tuple[int, ...] = shape) -> Any:
            return make_network(name, shape, 10)

        times = alternate(
            {
                "bare": lambda: bare_loop(*tensors, make, epochs, 64),  # noqa: B023
                "ours": lambda: trained(X, y, make, epochs, 64),  # noqa: B023
            },
            rounds=3 if chosen.quick else 7,
        )
        found[name] = ratio(times["ours"], times["bare"])
        rows.append([name, *(f"{np.median(t):.2f}" for t in times.values()), f"{found[name]:.3f}"])
    print("\nOverhead, seconds")
    show_table(["", "bare loop", "landbridge", "ratio"], rows)
    show_goals([(f"trainer by bare loop, {k}", v, LARGEST_OVERHEAD) for k, v in found.items()])
    return found


def write_pairs(where: Path, n: int, d: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A curved map's pairs in two files, written and mapped a block at a time."""
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(d, d)).astype(np.float32) / d**0.5
    files = [
        np.memmap(where / name, np.float32, "w+", shape=(n, d)) for name in ("source", "target")
    ]
    for start in range(0, n, 10_000):
        X = rng.normal(size=(min(10_000, n - start), d)).astype(np.float32)
        files[0][start : start + len(X)] = X
        files[1][start : start + len(X)] = np.tanh(X @ A)
    for file in files:
        file.flush()
    return tuple(
        np.memmap(where / name, np.float32, "r", shape=(n, d)) for name in ("source", "target")
    )


def stream(chosen: Any) -> dict[str, float]:
    """An MLP map on pairs in files: seconds an epoch, and memory beyond what the files take."""
    from landbridge import GradientMapping

    n, d, epochs = (50_000 if chosen.quick else 1_000_000), 384, 2
    with tempfile.TemporaryDirectory() as folder:
        X, Y = write_pairs(Path(folder), n, d, chosen.seed)
        before = own_memory()
        start = perf_counter()
        model = GradientMapping(
            (256,), max_epochs=epochs, learning_rate=2e-3, batch_size=1024, random_state=0
        ).fit(X, Y)
        took = perf_counter() - start
        grown = own_memory() - before
        score = model.score(X[:10_000], Y[:10_000])
    facts = {"rows": n, "epochs": epochs, "seconds": took, "MB": grown, "R2": score}
    print(f"\nStream: {n:,} × {d} pairs ({2 * 4 * n * d / 1e6:,.0f} MB in files)")
    print(f"{epochs} epochs in {took:.0f} s, {grown:,.0f} MB of its own, R² {score:.3f}")
    return facts


def own_memory() -> float:
    """Megabytes that the process holds by itself, pages of mapped files aside."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1e3


def digit_tasks(chosen: Any) -> dict[str, tuple[Any, ...]]:
    """Source rows and labels, target rows to adapt to, target rows and labels to score."""
    from _digits import in_colour, mnist, mnist_m, usps

    sets = mnist(), usps(), mnist_m()
    most = 2000 if chosen.quick else chosen.rows
    (M, U, C) = ({k: (X[:most], y[:most]) for k, (X, y) in shuffled(s).items()} for s in sets)
    tasks = {
        "MNIST-USPS": (*M["train"], U["train"][0], *U["test"]),
        "USPS-MNIST": (*U["train"], M["train"][0], *M["test"]),
        "MNIST-MNIST-M": (in_colour(M["train"][0]), M["train"][1], C["train"][0], *C["test"]),
    }
    return {name: tasks[name] for name in chosen.tasks}


def shuffled(parts: dict[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
    orders = {k: np.random.default_rng(1).permutation(len(y)) for k, (_, y) in parts.items()}
    return {k: (X[orders[k]], y[orders[k]]) for k, (X, y) in parts.items()}


def digit_trial(task: tuple[Any, ...], alignment: str, seed: int, epochs: int) -> dict[str, float]:
    """Accuracy at the last epoch, at the best by target labels, and seconds."""
    from landbridge import DeepTransfer, Training

    Xs, ys, Xt, X_test, y_test = task
    training = Training(max_epochs=epochs, batch_size=128, learning_rate=1e-3)
    start = perf_counter()
    model = DeepTransfer("cnn", alignment=alignment, training=training, random_state=seed)
    accuracy = 100 * model.fit(Xs, Xt, ys=ys).score(X_test, y_test)
    return {"accuracy": accuracy, "seconds": perf_counter() - start}


def digits(chosen: Any) -> dict[str, Any]:
    """Every alignment on every task, over seeds."""
    epochs = 2 if chosen.quick else chosen.epochs
    found: dict[str, Any] = {}
    for name, task in digit_tasks(chosen).items():
        rows = []
        for alignment in chosen.alignments:
            seeds = range(1 if chosen.quick else chosen.seeds)
            trials = [digit_trial(task, alignment, seed, epochs) for seed in seeds]
            scores = [trial["accuracy"] for trial in trials]
            found[f"{name} {alignment}"] = trials
            rows.append(
                [
                    "source only" if alignment == "none" else alignment,
                    f"{np.mean(scores):.1f}",
                    f"{np.std(scores):.1f}",
                    f"{np.mean([trial['seconds'] for trial in trials]):.0f}",
                ]
            )
            sys.stdout.flush()
        print(
            f"\n{name}: {len(task[0]):,} rows of the source, {len(task[2]):,} of the target, "
            f"{epochs} epochs"
        )
        show_table(["", "accuracy", "std", "s"], rows)
    return found


PARTS: dict[str, Callable[[Any], Any]] = {"overhead": overhead, "stream": stream, "digits": digits}


def main() -> None:
    parser = options(__doc__, "small sizes, one seed, a minute or two")
    parser.add_argument("--parts", nargs="*", default=[*PARTS], choices=[*PARTS])
    tasks = ["MNIST-USPS", "USPS-MNIST", "MNIST-MNIST-M"]
    parser.add_argument("--tasks", nargs="*", default=tasks, choices=tasks)
    parser.add_argument("--alignments", nargs="*", default=CRITERIA)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=60_000, help="at most so many of each domain")
    chosen = parser.parse_args()
    facts = machine(["numpy", "torch", "landbridge"])
    show_machine(facts)
    figures = {part: PARTS[part](chosen) for part in chosen.parts}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"\npeak of the whole process, mapped files with it: {peak:,.0f} MB")
    write(chosen.output, {"machine": facts, "figures": figures})


if __name__ == "__main__":
    main()
