"""Pictures: a backbone trained on one set, for a new set with few labels, against none.

Every target set gives k labels a class, drawn anew (``--draws``; a quarter of them but at ten); the
other pictures of its training part are bare, and its test part, which nothing else sees, only
scores. From scratch are a network of the same form, trained on these labels by as many steps, and
a linear model on histograms of oriented gradients. Prints accuracy in per cent, and for each way
to transfer the gain over the network from scratch with its 95 % interval (paired t over draws).
"""

import io
import math
import tempfile
import time
import zipfile
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from _digits import in_colour, mnist, mnist_m, usps
from _machine import machine, options, show_machine, write
from _tasks import folder
from scipy import stats
from sklearn.datasets import load_digits

from landbridge import NetworkSource
from landbridge.kits.image import (
    Backbone,
    HandmadeFeatures,
    ImageTransfer,
    Pictures,
    near_duplicates,
    read_pictures,
)
from landbridge.kits.image.job import apart
from landbridge.kits.image.near import groups_of
from landbridge.training import Training

LABELS = (1, 3, 5, 10, 20)
AT = 10
"""Labels a class at which gains are told, from all draws; elsewhere from a quarter of them."""
DOMAINS = ("amazon", "caltech10", "dslr", "webcam")
N_SOURCE, N_BARE, N_TEST = 8000, 300, 1000
SOURCE_STEPS = 1500
FEWEST_STEPS, BATCH = 300, 64


class Task(NamedTuple):
    """A labelled source, and a target's training and test part; pictures of one size."""

    name: str
    source: Pictures
    train: Pictures
    test: Pictures


def small(pictures: np.ndarray, side: int) -> np.ndarray:
    """Pictures (n, channels, h, w) from 0 to 1 as bytes (n, side, side, 3)."""
    from PIL import Image

    rows = in_colour(pictures) if pictures.shape[1] == 1 else pictures
    rows = np.rint(255 * rows.clip(0, 1)).astype(np.uint8).transpose(0, 2, 3, 1)
    return np.stack([np.asarray(Image.fromarray(row).resize((side, side))) for row in rows])


def some(pictures: np.ndarray, labels: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    rows = np.random.default_rng(0).permutation(len(labels))[:most]
    return pictures[rows], labels[rows]


def digit_tasks(side: int = 16) -> list[Task]:
    """MNIST as source; USPS, MNIST-M and the digits of scikit-learn as targets."""
    bunch = load_digits()
    own = bunch.images[:, None].astype(np.float32) / 16
    order = np.random.default_rng(0).permutation(len(own))
    tables: dict[str, Any] = {"USPS": usps(), "MNIST-M": mnist_m()}
    tables["sklearn digits"] = {
        part: (own[rows], bunch.target[rows])
        for part, rows in (("train", order[:1000]), ("test", order[1000:]))
    }
    X, y = some(*mnist()["train"], N_SOURCE)
    source = read_pictures((small(X, side), y), name="MNIST")
    tasks = []
    for name, parts in tables.items():
        read = {}
        for part, most in (("train", 1500), ("test", N_TEST)):
            X, y = some(*parts[part], most)
            read[part] = read_pictures((small(X, side), y), name=name)
        train, test, twins = apart(read["train"], read["test"])
        print(f"{name}: {len(twins)} pictures are nearly the same as another: left out")
        tasks.append(Task(f"MNIST → {name}", source, train, test))
    return tasks


def office() -> dict[str, Pictures]:
    """The pictures of Office–Caltech10, by domain; one of each group that is nearly the same."""
    from PIL import Image

    items: dict[str, list[Any]] = {name: [] for name in DOMAINS}
    labels: dict[str, list[str]] = {name: [] for name in DOMAINS}
    path = folder("office_caltech10_images") / "office_caltech10_128px.zip"
    with zipfile.ZipFile(path) as file:
        for name in sorted(file.namelist()):
            if name.lower().endswith((".jpg", ".png")):
                domain, kind, _ = name.split("/")[-3:]
                items[domain].append(
                    np.asarray(Image.open(io.BytesIO(file.read(name))).convert("RGB"))
                )
                labels[domain].append(kind)
    read = {name: read_pictures((items[name], labels[name]), name=name) for name in DOMAINS}
    hashes, thumbs = (
        np.concatenate([getattr(p, what) for p in read.values()]) for what in ("hashes", "small")
    )
    groups = groups_of(len(hashes), near_duplicates(hashes, thumbs))
    first = np.zeros(len(groups), dtype=bool)
    first[np.unique(groups, return_index=True)[1]] = True
    print(f"Office–Caltech10: {(~first).sum()} of {len(first)} pictures are nearly the same as one")
    kept, start = {}, 0
    for name, pictures in read.items():
        kept[name] = pictures.take(first[start : start + len(pictures)])
        start += len(pictures)
    return kept


def together(parts: list[Pictures], size: int) -> Pictures:
    labels = np.concatenate([part.labels for part in parts]).tolist()
    return read_pictures((np.concatenate([p.pixels(size) for p in parts]), labels), name="source")


def office_tasks(side: int = 32) -> list[Task]:
    """Each of the two large domains as a target, and webcam; the others as the source.

    The webcam and the mirror camera (dslr) saw the same things: neither is source to the other.
    """
    read, tasks = office(), []
    for target in ("amazon", "caltech10", "webcam"):
        left_out = {target, "dslr"} if target == "webcam" else {target}
        source = together([p for name, p in read.items() if name not in left_out], side)
        of_target = together([read[target]], side)
        order = np.random.default_rng(0).permutation(len(of_target))
        cut = len(order) // 2
        name = f"Office–Caltech10 → {target}"
        tasks.append(Task(name, source, of_target.take(order[:cut]), of_target.take(order[cut:])))
    return tasks


SETS: dict[str, tuple[Any, int]] = {"digits": (digit_tasks, 16), "office": (office_tasks, 32)}
"""Tasks, and the pixels a side of their pictures."""


def network(side: int) -> Any:
    """A small convolutional network, as the library has it, of ten classes."""
    from landbridge.training.networks import convolutional

    return partial(convolutional, (3, side, side), 10, (16, 32, 64))


def steps(n_rows: int, least: int = FEWEST_STEPS) -> Training:
    """So many epochs that there are 300 steps, as ``FineTune`` takes, or more."""
    n_epochs = math.ceil(least / math.ceil(n_rows / BATCH))
    return Training(max_epochs=n_epochs, batch_size=BATCH)


def few_labels(train: Pictures, n: int, seed: int) -> Pictures:
    """n labelled pictures of each class, and some without labels."""
    rng = np.random.default_rng(seed)
    labels = np.array(train.labels.tolist())
    chosen = [rng.permutation(np.flatnonzero(labels == c))[:n] for c in np.unique(labels)]
    rows = np.concatenate(chosen)
    bare = rng.permutation(np.setdiff1d(np.arange(len(labels)), rows))[:N_BARE]
    known = labels.astype(object)
    known[bare] = None
    drawn = train.take(np.concatenate([rows, bare]))
    drawn.labels[:] = np.concatenate([known[rows], known[bare]])
    return drawn


def scores(task: Task, side: int, backbone: Any, n: int, seed: int, cache: str) -> dict[str, float]:
    """Accuracy on the test part of every way, with n labels a class."""
    target = few_labels(task.train, n, seed)
    known = target.take(target.is_labelled)
    hog = HandmadeFeatures("hog", side, cell=side // 4)
    fitted = Backbone(backbone, side)
    pixels = HandmadeFeatures("pixels", side).fit()
    scratch = NetworkSource(
        network(side),
        input_shape=(3, side, side),
        validation_share=0.0,
        training=steps(len(known)),
        random_state=seed,
    ).fit(pixels.transform(known.pixels(side)), np.array(known.labels.tolist()))
    truth = np.array(task.test.labels.tolist())
    found = {
        "network from scratch": float(
            scratch.score(pixels.transform(task.test.pixels(side)), truth)
        )
    }
    ways: dict[str, tuple[Any, str, Any]] = {
        "HOG from scratch": (hog, "probe", None),
        "HOG, pooled with source": (hog, "pooled", task.source.take(slice(1000))),
        "backbone, probe": (fitted, "probe", None),
        "backbone, prototypes": (fitted, "prototype", task.source.take(slice(1000))),
        "backbone, LP-FT": (fitted, "lp-ft", None),
    }
    for name, (features, way, source) in ways.items():
        model = ImageTransfer(features, target=way, cache=cache, random_state=seed)
        found[name] = model.fit(source, target).score(task.test)
    return found


def run_task(task: Task, side: int, draws: int, counts: tuple[int, ...], seed: int) -> dict:
    """Accuracies by number of labels and way: a list over the draws."""
    start = time.process_time()
    pixels, labels = task.source.pixels(side), np.array(task.source.labels.tolist())
    rows = HandmadeFeatures("pixels", side).fit().transform(pixels)
    backbone = NetworkSource(
        network(side),
        input_shape=(3, side, side),
        training=steps(len(labels), SOURCE_STEPS),
        random_state=seed,
    ).fit(rows, labels)
    test = HandmadeFeatures("pixels", side).fit().transform(task.test.pixels(side))
    bare = float(backbone.score(test, np.array(task.test.labels.tolist())))
    print(
        f"\n{task.name}: {len(labels)} source pictures, {len(task.test)} to test; the source's "
        f"network alone {100 * bare:.1f} ({time.process_time() - start:.0f} s)",
        flush=True,
    )
    table: dict[str, dict[int, list[float]]] = {}
    with tempfile.TemporaryDirectory() as cache:
        for n in counts:
            for draw in range(draws if n == AT else math.ceil(draws / 4)):
                for name, score in scores(task, side, backbone, n, seed + draw, cache).items():
                    table.setdefault(name, {}).setdefault(n, []).append(score)
    show(table, counts)
    print(f"{time.process_time() - start:.0f} s", flush=True)
    return {"source only": bare, "table": table}


def interval(gains: list[float]) -> tuple[float, float, float]:
    """Mean of paired differences with its 95 % interval."""
    mean, error = float(np.mean(gains)), float(stats.sem(gains))
    reach = float(stats.t.ppf(0.975, len(gains) - 1)) * error
    return mean, mean - reach, mean + reach


def show(table: dict[str, dict[int, list[float]]], counts: tuple[int, ...]) -> None:
    """Means by labels, and gains at ten."""
    width = max(map(len, table))
    print(f"{'labels a class':<{width}}  {'  '.join(f'{n:>5}' for n in counts)}   gain at {AT}")
    base = table["network from scratch"]
    for name, row in table.items():
        shown = "  ".join(f"{100 * np.mean(row[n]):5.1f}" for n in counts)
        if row is base:
            print(f"{name:<{width}}  {shown}")
            continue
        mean, low, high = interval([100 * (a - b) for a, b in zip(row[AT], base[AT])])
        print(f"{name:<{width}}  {shown}   {mean:+5.1f} ({low:+.1f} to {high:+.1f})")


def main() -> None:
    parser = options(__doc__, "one task of each kind, two draws of 1 and 10 labels")
    parser.add_argument("--draws", type=int, default=16)
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS))
    given = parser.parse_args()
    facts = machine(["numpy", "scikit-learn", "torch", "landbridge"])
    show_machine(facts)
    counts, draws = (LABELS, given.draws) if not given.quick else ((1, 10), 2)
    results, missed = {}, []
    for make, side in (SETS[name] for name in given.sets):
        try:
            tasks = make(side)
        except FileNotFoundError as error:
            print(f"left out: {error}")
            continue
        for task in tasks[:1] if given.quick else tasks:
            results[task.name] = run_task(task, side, draws, counts, given.seed)
    for name, found in results.items():
        table = found["table"]
        pairs = zip(table["backbone, LP-FT"][AT], table["network from scratch"][AT])
        mean, low, high = interval([100 * (a - b) for a, b in pairs])
        said = "reached" if low > 0 else "MISSED"
        missed += [name] if low <= 0 else []
        print(
            f"{said}: {name}: LP-FT over scratch at {AT} labels a class {mean:+.1f} points "
            f"({low:+.1f} to {high:+.1f}; goal: above 0)"
        )
    write(given.output, {"machine": facts, "results": results, "missed": missed})


if __name__ == "__main__":
    main()
