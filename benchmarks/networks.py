"""Networks: the trainer beside a bare loop, a map streamed from disk, digits without labels.

*overhead* trains the same network by the same steps with ``Trainer`` and with the shortest loop
that PyTorch allows, in turn. *stream* learns an MLP map on pairs that lie in files, and shows the
most memory that the process took. *digits* carries a small convolutional network from one kind of
digits to another: source alone, AdaBN and SHOT from that network, and five alignments. Target
labels only score. The epoch is the last one, and *without labels* is the alignment whose
predictions on the target's training rows tell most (information maximisation). *few-shot* goes on
training a source network on 1, 5 and 10 target labels a class, drawn anew five times, by the recipe
that ``FineTune`` chooses and by each of those it chooses from; the rule of that choice was settled
on the first tasks, and on toys.

    python benchmarks/networks.py                        # hours on two cores; needs the data
    python benchmarks/networks.py --parts overhead stream
    python benchmarks/networks.py --parts digits --quick # one seed, 2,000 rows, two epochs
    python benchmarks/networks.py --parts digits few-shot --output FILE   # goes on from FILE
"""

import copy
import json
import resource
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, NamedTuple

import numpy as np
from _machine import alternate, machine, options, ratio, show_goals, show_machine, show_table, write

ALONE = ("source only", "adabn", "shot")
CRITERIA = ("deep-coral", "dann", "cdan", "dsan", "mcc")
DIGITS_GOAL, COLOUR_GOAL = 95.0, 15.0
RECIPES = ("linear-probe", "lp-ft", "l2-sp", "full", "wise-ft")
N_LABELS = (1, 5, 10)
WATCHED = 2000
"""Rows that every epoch is scored on, for the oracle that is shown beside."""
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
            clock=process_time,
        )
        found[name] = ratio(times["ours"], times["bare"])
        rows.append([name, *(f"{np.median(t):.2f}" for t in times.values()), f"{found[name]:.3f}"])
    print("\nOverhead, processor seconds")
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


class Task(NamedTuple):
    """Source rows and labels, target rows to adapt to, target rows and labels to score."""

    Xs: np.ndarray
    ys: np.ndarray
    Xt: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def digit_tasks(chosen: Any) -> dict[str, Task]:
    """Of each domain as many rows to learn from as are asked for; all of the target's to score."""
    from _digits import in_colour, mnist, mnist_m, usps

    most = 2000 if chosen.quick else chosen.rows
    M, U, C = (shuffled(digits, most) for digits in (mnist(), usps(), mnist_m()))
    tasks = {
        "MNIST-USPS": Task(*M["train"], U["train"][0], *U["test"]),
        "USPS-MNIST": Task(*U["train"], M["train"][0], *M["test"]),
        "MNIST-MNIST-M": Task(in_colour(M["train"][0]), M["train"][1], C["train"][0], *C["test"]),
    }
    return {name: tasks[name] for name in chosen.tasks}


def shuffled(parts: dict[str, tuple[np.ndarray, np.ndarray]], most: int) -> dict[str, Any]:
    """Every part in a drawn order, that to learn from cut short."""
    orders = {k: np.random.default_rng(1).permutation(len(y)) for k, (_, y) in parts.items()}
    orders["train"] = orders["train"][:most]
    return {k: (X[orders[k]], y[orders[k]]) for k, (X, y) in parts.items()}


def aligned(alignment: str, task: Task, seed: int, training: Any) -> Any:
    """A network trained on both domains."""
    from landbridge import DeepTransfer

    model = DeepTransfer("cnn", alignment=alignment, training=training, random_state=seed)
    return model.fit(task.Xs, task.Xt, ys=task.ys)


def source_network(task: Task, seed: int, training: Any) -> Any:
    """A network trained on the source."""
    from landbridge import NetworkSource

    return NetworkSource("cnn", training=training, random_state=seed).fit(task.Xs, task.ys)


def adapted(method: str, source: Any, task: Task, seed: int, training: Any) -> Any:
    """The source's network as it is, or adapted to the target's rows alone."""
    from landbridge import SHOT, AdaBN

    if method == "source only":
        return source
    if method == "adabn":
        return AdaBN(source).fit(task.Xt)
    return SHOT(source, training=training, random_state=seed).fit(task.Xt)


@contextmanager
def watched(score: Callable[[Any], float]) -> Iterator[list[float]]:
    """Score the network after every epoch; nothing that is trained hears of it."""
    from landbridge import training

    scores: list[float] = []
    take_stock = training.Trainer.take_stock

    def and_score(trainer: Any, *stock: Any) -> None:
        take_stock(trainer, *stock)
        if hasattr(trainer.module, "network"):  # aligned or adapted: the source's has none
            scores.append(score(copy.deepcopy(trainer.module.network)))

    training.Trainer.take_stock = and_score  # type: ignore[method-assign]
    try:
        yield scores
    finally:
        training.Trainer.take_stock = take_stock  # type: ignore[method-assign]


def digit_trial(
    task: Task, method: str, seed: int, epochs: int, sources: dict[int, Any]
) -> dict[str, Any]:
    """What a method reaches by the last epoch, what it thinks of itself, and what it took.

    ``sources`` keeps the source's network of every seed: AdaBN and SHOT start from it, and its
    training is not in their seconds.
    """
    from landbridge import Training
    from landbridge.evidence.validation.label_free import information_maximisation

    def score(network: Any) -> float:
        import torch

        from landbridge.training.normalisation import recalibrate
        from landbridge.training.rows import outputs, parts_of

        device = torch.device("cpu")
        recalibrate(network, parts_of(task.Xt[:WATCHED], device))
        found = outputs(network, task.X_test[:WATCHED], device).argmax(axis=1)
        return 100 * float(np.mean(found == task.y_test[:WATCHED]))

    training = Training(max_epochs=epochs, learning_rate=2e-3)
    start = process_time()
    if method in ALONE and seed not in sources:
        sources[seed] = source_network(task, seed, training)
    start = start if method == "source only" else process_time()
    with watched(score) as scores:
        if method in ALONE:
            model = adapted(method, sources[seed], task, seed, training)
        else:
            model = aligned(method, task, seed, training)
    return {
        "seconds": process_time() - start,
        "accuracy": 100 * model.score(task.X_test, task.y_test),
        "information": information_maximisation(model.predict_proba(task.Xt)),
        "epochs": scores,
    }


def digits(chosen: Any) -> None:
    """Every method on every task, over seeds; each trial is written down when it is done."""
    epochs = 2 if chosen.quick else chosen.epochs
    seeds = range(1 if chosen.quick else chosen.seeds)
    trials = known_trials(chosen.output)
    for name, task in digit_tasks(chosen).items():
        sources: dict[int, Any] = {}
        rows = f"{len(task.Xs):,} rows of the source, {len(task.Xt):,} of the target"
        size = f"{rows}, {epochs} epochs"
        keys = {
            (method, seed): f"{name}, {size}, {method}, seed {seed}"
            for seed in seeds
            for method in chosen.methods
        }
        for (method, seed), key in keys.items():
            if key not in trials:
                trials[key] = digit_trial(task, method, seed, epochs, sources)
                write(chosen.output, {"trials": trials})
        print(f"\n{name}: {size}")
        show_digits(name, {pair: trials[key] for pair, key in keys.items()})


def known_trials(path: Path | None) -> dict[str, Any]:
    """What an earlier run left in the file of figures."""
    return json.loads(path.read_text()).get("trials", {}) if path and path.exists() else {}


def show_digits(name: str, trials: dict[tuple[str, int], dict[str, Any]]) -> None:
    """The table of a task, and whether its goal is reached by what was chosen without labels."""
    methods, seeds = (list(dict.fromkeys(part)) for part in zip(*trials))
    by_method = {m: [trials[m, seed] for seed in seeds] for m in methods}
    offered = [m for m in methods if m not in ALONE]
    if offered:
        by_method["without labels"] = [
            max((trials[m, seed] for m in offered), key=lambda trial: trial["information"])
            for seed in seeds
        ]
    rows = []
    for method, found in by_method.items():
        scores = [trial["accuracy"] for trial in found]
        gaps = [max(curve) - curve[-1] for trial in found if (curve := trial["epochs"])]
        rows.append(
            [
                method,
                f"{np.mean(scores):.1f}",
                f"{np.std(scores):.1f}",
                f"{np.mean(gaps):.1f}" if gaps else "",
                f"{np.mean([trial['information'] for trial in found]):.2f}",
                f"{np.mean([trial['seconds'] for trial in found]):.0f}",
            ]
        )
    show_table(["", "accuracy", "std", "oracle gap", "information", "processor s"], rows)
    if offered and "source only" in methods:
        reached = float(np.mean([trial["accuracy"] for trial in by_method["without labels"]]))
        gain = reached - float(np.mean([t["accuracy"] for t in by_method["source only"]]))
        figure, goal = (gain, COLOUR_GOAL) if name == "MNIST-MNIST-M" else (reached, DIGITS_GOAL)
        what = "points over source only" if name == "MNIST-MNIST-M" else "accuracy"
        verdict = "reached" if figure >= goal else "MISSED"
        print(f"{verdict}: without labels, {what}: {figure:.1f} (goal: at least {goal:g})")


class FewShot(NamedTuple):
    """A network for the source, its rows, target rows that labels are drawn for, and others."""

    network: str
    source: tuple[np.ndarray, np.ndarray]
    pool: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def few_shot_tasks(chosen: Any) -> dict[str, FewShot]:
    """Digits in pictures of half the size, so that there is time for draws, and objects by SURF."""
    from _digits import in_colour, mnist, mnist_m, usps
    from _tasks import office_caltech_surf

    M, U, C = (shuffled(d, 2000 if chosen.quick else 6000) for d in (mnist(), usps(), mnist_m()))
    grey, labels = halved(M["train"][0]), M["train"][1]
    return {
        "MNIST-USPS": FewShot(
            "cnn",
            (grey, labels),
            (halved(U["train"][0]), U["train"][1]),
            (halved(U["test"][0]), U["test"][1]),
        ),
        "MNIST-MNIST-M": FewShot(
            "cnn",
            (in_colour(grey), labels),
            (halved(C["train"][0]), C["train"][1]),
            (halved(C["test"][0]), C["test"][1]),
        ),
        "C-A": in_halves(next(task for task in office_caltech_surf() if task.name == "C-A")),
    }


def other_few_shot_tasks(_: Any) -> dict[str, FewShot]:
    """Objects by two kinds of features, and patients: nothing was settled on these."""
    from _tasks import googlenet, heart_disease, office_caltech_surf

    surf = (task for task in office_caltech_surf() if task.name in ("A-C", "C-W", "D-A"))
    sets = {"SURF": surf, "net": googlenet()[::4], "heart": heart_disease()[:3]}
    return {f"{kind} {t.name}": in_halves(t) for kind, tasks in sets.items() for t in tasks}


def in_halves(task: Any) -> FewShot:
    """One half of the target's rows to draw labels for, the other to score by."""
    order = np.random.default_rng(1).permutation(len(task.y_test))
    X, y = task.X_test[order].astype(np.float32), task.y_test[order]
    half = len(X) // 2
    source = task.Xs.astype(np.float32), task.ys
    return FewShot("mlp", source, (X[:half], y[:half]), (X[half:], y[half:]))


def halved(pictures: np.ndarray) -> np.ndarray:
    """The means of two by two pixels."""
    n, k, height, width = pictures.shape
    return pictures.reshape(n, k, height // 2, 2, width // 2, 2).mean(axis=(3, 5))


def drawn(y: np.ndarray, n_labels: int, seed: int) -> np.ndarray:
    """Row numbers, so many of each class, or all that it has."""
    rng = np.random.default_rng(seed)
    rows = (np.flatnonzero(y == c) for c in np.unique(y))
    return np.concatenate(
        [rng.choice(some, min(n_labels, len(some)), replace=False) for some in rows]
    )


def few_shot(chosen: Any) -> None:
    """Every recipe on every task, over draws of the labels."""
    for what, make in (("few-shot", few_shot_tasks), ("few-shot, others", other_few_shot_tasks)):
        tasks, draws = make(chosen), 2 if chosen.quick else chosen.draws
        trials = few_shot_trials(tasks, draws, chosen.output)
        for n_labels in N_LABELS:
            print(f"\n{what}; labels a class: {n_labels}; mean ± standard error of {draws} draws")
            show_few_shot([*tasks], n_labels, draws, trials)


def few_shot_trials(
    tasks: dict[str, FewShot], draws: int, output: Path | None
) -> dict[str, dict[str, Any]]:
    """What is known from before, and the rest."""
    from landbridge import FineTune, NetworkSource, Training

    trials = known_trials(output)
    for name, task in tasks.items():
        training = Training(max_epochs=3 if task.network == "cnn" else 30, learning_rate=2e-3)
        source = NetworkSource(task.network, training=training, random_state=0).fit(*task.source)
        X, y = task.pool
        for n_labels, draw in ((k, draw) for k in N_LABELS for draw in range(draws)):
            rows = drawn(y, n_labels, draw)
            for recipe in ("source only", *RECIPES, "auto"):
                key = shot_key(name, n_labels, recipe, draw)
                if key in trials:
                    continue
                start, model = process_time(), source
                if recipe != "source only":
                    model = FineTune(source, recipe=recipe, random_state=draw)
                    model.fit(X[rows], y[rows])
                trials[key] = {
                    "seconds": process_time() - start,
                    "accuracy": 100 * model.score(*task.test),
                    "recipe": getattr(model, "recipe_", "none"),
                }
                write(output, {"trials": trials})
    return trials


def shot_key(name: str, n_labels: int, recipe: str, draw: int) -> str:
    return f"few-shot {name}, {n_labels} a class, {recipe}, draw {draw}"


def show_few_shot(names: list[str], n_labels: int, draws: int, trials: dict[str, Any]) -> None:
    """The table of a number of labels, and how far auto is from each recipe, pair by pair."""
    scores = {
        recipe: np.array(
            [
                [
                    trials[shot_key(name, n_labels, recipe, draw)]["accuracy"]
                    for draw in range(draws)
                ]
                for name in names
            ]
        )
        for recipe in ("source only", *RECIPES, "auto")
    }
    rows = [
        [
            recipe,
            *(f"{np.mean(row):.1f} ± {error(row):.1f}" for row in found),
            f"{found.mean():.1f}",
        ]
        for recipe, found in scores.items()
    ]
    show_table(["", *names, "mean"], rows)
    for recipe in RECIPES:
        gaps = scores["auto"] - scores[recipe]
        noise = float(np.sqrt(np.sum([error(row) ** 2 for row in gaps])) / len(names))
        verdict = "reached" if gaps.mean() >= -2 * noise else "MISSED"
        print(f"{verdict}: auto less {recipe}: {gaps.mean():+.1f} ± {noise:.1f}")


def error(values: np.ndarray) -> float:
    """The standard error of a mean."""
    return float(np.std(values, ddof=1) / len(values) ** 0.5)


PARTS: dict[str, Callable[[Any], Any]] = {
    "overhead": overhead,
    "stream": stream,
    "digits": digits,
    "few-shot": few_shot,
}


def main() -> None:
    parser = options(__doc__, "small sizes, one seed, a minute or two")
    parser.add_argument("--parts", nargs="*", default=[*PARTS], choices=[*PARTS])
    tasks = ["MNIST-USPS", "USPS-MNIST", "MNIST-MNIST-M"]
    parser.add_argument("--tasks", nargs="*", default=tasks, choices=tasks)
    methods = [*ALONE, *CRITERIA]
    parser.add_argument("--methods", nargs="*", default=methods, help="or any other alignment")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--draws", type=int, default=5, help="of labels, in few-shot")
    parser.add_argument("--rows", type=int, default=6000, help="at most so many of each domain")
    chosen = parser.parse_args()
    facts = machine(["numpy", "torch", "landbridge"])
    show_machine(facts)
    figures = {part: found for part in chosen.parts if (found := PARTS[part](chosen))}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"\npeak of the whole process, mapped files with it: {peak:,.0f} MB")
    trials = known_trials(chosen.output)
    write(chosen.output, {"machine": facts, "figures": figures, "trials": trials})


if __name__ == "__main__":
    main()
