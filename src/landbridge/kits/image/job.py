"""The whole way for pictures: two folders in; a model, and whether transfer helped, out."""

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from landbridge.domains import class_names, common_labels
from landbridge.evidence import Comparison
from landbridge.job import Outcome
from landbridge.kits.image.encoder import PictureEncoder
from landbridge.kits.image.ground import Ground, checked_names
from landbridge.kits.image.near import MOST_BITS, groups_of, near_duplicates
from landbridge.kits.image.pretrained import METRIC
from landbridge.kits.image.reading import Pictures, check_classes, read_pictures
from landbridge.kits.image.showing import example_table, mistake_table, twin_table
from landbridge.kits.image.transfer import (
    ImageTransfer,
    make_encoder,
    plain_labels,
    unseen_note,
)
from landbridge.kits.judging import both_notes, check_judging
from landbridge.results import frame, leaderboard_block, plain
from landbridge.training import Training

Progress = Callable[[str, int, int], None]
SHOWN = 10
TWINS = list[tuple[Pictures, int, Pictures, int]]


def run_images(
    source: Any,
    target: Any,
    *,
    features: Any = "hog+colour",
    size: int | None = None,
    candidates: list[str] | None = None,
    cache: str | os.PathLike | None = None,
    training: Training | None = None,
    label: str = "label",
    path: str = "path",
    most_bits: int = MOST_BITS,
    metric: str | None = None,
    n_folds: int = 5,
    n_repeats: int = 1,
    level: float = 0.05,
    seed: int = 0,
    n_jobs: int | None = None,
    command: str = "",
    progress: Progress | None = None,
) -> Outcome:
    """The three steps on pictures of two domains, with the evidence, and pictures to look at.

    Of pictures that are nearly the same one is kept, those with target labels first: none is on
    both sides of a fold, nor in the source and among those that score. Where at least six target
    pictures have labels, every candidate is compared with source only, target only and both
    pooled, and the guard chooses. Else a candidate is chosen by what can be seen without labels.

    Parameters
    ----------
    source : what ``read_pictures`` takes, or None
        ``None`` with a pretrained backbone: its probe and prototypes are then judged against a
        probe on handmade features of the same pictures.
    target : what ``read_pictures`` takes
        Pictures, some with labels.
    features, size
        As of ``ImageTransfer``.
    candidates : list of str, optional
        On the rows of ``features``: names of mappings, ``"prototype"`` or other target learners;
        by default ``recentre``, ``augmentation`` and ``prototype``. Or, to train the backbone of
        ``features`` itself: recipes of ``FineTune``, ``"auto"`` and ``"deep:NAME"``; source only,
        target only and pooled are then networks too.
    cache, training
        As of ``ImageTransfer``.
    label, path : str
        Columns, where a domain is a table.
    most_bits : int, default=10
        Of ``near_duplicates``: more finds more of them.
    metric, n_folds, n_repeats, level, n_jobs
        As of :func:`landbridge.compare`.
    seed : int
        Of all that is drawn.
    command : str
        How to do it again, for the report.
    progress : callable, optional
        Called with what is being done, the steps done and their number (0 where not known).

    Raises
    ------
    FileNotFoundError
        If a file or folder is missing.
    ValueError
        If there are no pictures, the source has one class, a name is unknown, or what was asked
        for does not go together.
    """
    start = time.perf_counter()
    say = progress or (lambda what, done, total: None)
    check_judging(metric, n_folds, n_repeats, level)
    encoder = make_encoder(features, size, training, seed)
    names = checked_names(candidates, encoder, source is None)
    options: dict[str, Any] = {"label": label, "path": path, "progress": say}
    pictures_t = read_pictures(target, name="target", **options)
    pictures_s = None
    if source is not None:
        pictures_s = read_pictures(source, name="source", needs_labels=True, **options)
        check_classes(pictures_s)
        common_labels(plain_labels(pictures_s.labels), pictures_t.labels)
    say("Looking for pictures that are nearly the same", 0, 0)
    pictures_s, pictures_t, twins = apart(pictures_s, pictures_t, most_bits)
    if pictures_s is not None:
        _check_left(pictures_s)
    judged: dict[str, Any] = {
        "metric": metric,
        "n_folds": n_folds,
        "n_repeats": n_repeats,
        "level": level,
        "random_state": seed,
        "n_jobs": n_jobs,
        "progress": lambda done, total: say("Comparing models", done, total),
    }
    ground = Ground(encoder, names, pictures_s, pictures_t, cache, training, seed, say)
    comparison, verdict, model = (
        ground.compare(judged) if pictures_s is not None else ground.compare_alone(judged)
    )
    whole = ImageTransfer.of_parts(ground.used, model, is_network=ground.trains)
    say("Describing what was found", 0, 0)
    settings = {
        "features": features if isinstance(features, str) else repr(features),
        "size": encoder.size,
        "candidates": names,
        "metric": None if comparison is None else comparison.metric,
        "folds": n_folds,
        "repeats": n_repeats,
        "level": level,
        "seed": seed,
    }
    results = {
        **frame(_data(pictures_s, pictures_t, ground, settings, twins), settings, command, seed),
        "verdict": verdict,
        "leaderboard": _board(comparison, pictures_t),
        "shift": None if pictures_s is None else ground.shift(),
        "quality": None if comparison is None else ground.quality(comparison),
        "tables": [
            example_table(pictures_s, pictures_t, seed),
            *_mistakes(comparison, verdict["chosen"], pictures_t),
            *twin_table(twins),
        ],
        "warnings": [] if comparison is None else comparison.warnings,
        "seconds": time.perf_counter() - start,
    }
    return Outcome(plain(results), whole)


def apart(
    source: Pictures | None, target: Pictures, most_bits: int = MOST_BITS
) -> tuple[Pictures | None, Pictures, TWINS]:
    """One of each group of near-duplicates, and what was left out, beside what was kept.

    Labelled target pictures come first, then bare ones, then those of the source.
    """
    parts = [target] if source is None else [target, source]
    hashes, small = (
        np.concatenate([getattr(part, what) for part in parts]) for what in ("hashes", "small")
    )
    groups = groups_of(len(hashes), near_duplicates(hashes, small, most_bits))
    rank = np.zeros(len(hashes), dtype=int)
    rank[: len(target)] = np.where(target.is_labelled, 0, 1)
    rank[len(target) :] = 2
    order = np.lexsort((np.arange(len(rank)), rank))
    first = order[np.unique(groups[order], return_index=True)[1]]

    def place(row: int) -> tuple[Pictures, int]:
        return (target, row) if row < len(target) else (parts[1], row - len(target))

    kept = np.zeros(len(groups), dtype=bool)
    kept[first] = True
    twins = [(*place(int(first[groups[row]])), *place(int(row))) for row in np.flatnonzero(~kept)]
    left = None if source is None else source.take(kept[len(target) :])
    return left, target.take(kept[: len(target)]), twins


def _check_left(source: Pictures) -> None:
    """Refuse a source that is a copy of the target."""
    if len(class_names(source.labels)) < 2:
        raise ValueError(
            "Without those that are nearly the same as pictures of the target, the source has "
            f"{len(source)} pictures of {len(class_names(source.labels))} classes: give a source "
            "that is another set of pictures, of two classes at least."
        )


def _board(comparison: Comparison | None, target: Pictures) -> dict[str, Any]:
    if comparison is not None:
        return leaderboard_block(comparison)
    told = {"metric": METRIC, "greater_is_better": True, "n_labelled": target.n_labelled}
    return {**told, "folds": 0, "repeats": 0, "rows": []}


def _mistakes(comparison: Comparison | None, chosen: str, target: Pictures) -> list[dict[str, Any]]:
    if comparison is None or not comparison.n_folds:
        return []
    trial = next((t for t in comparison.trials if t.name == chosen and len(t.scores)), None)
    if trial is None:
        return []
    known = target.take(target.is_labelled)
    return mistake_table(known, trial.predicted[0], comparison.observed, chosen)


def _data(
    source: Pictures | None,
    target: Pictures,
    ground: Ground,
    settings: dict[str, Any],
    twins: TWINS,
) -> dict[str, Any]:
    """What the pictures are, and what was noted of them."""
    domain_s = _pretrained(settings, ground.encoder) if source is None else _domain(source)
    domain_t = _domain(target)
    classes = class_names(*(one.labels for one in (source, target) if one is not None))
    return {
        "source": domain_s,
        "target": domain_t,
        "label": "class of a picture",
        "task": "classification",
        "classes": [str(name) for name in classes],
        "features": {"used": None, "made": ground.Xt.shape[1], "columns": []},
        "notes": [
            *both_notes(domain_s, domain_t),
            *_twin_note(twins),
            *unseen_note(source, target),
            *ground.encoder.notes_,
            *_used_note(ground),
        ],
    }


def _used_note(ground: Ground) -> list[str]:
    if ground.used is ground.encoder:
        return []
    return [f"The model written is without the backbone: it rests on {ground.used!r}."]


def _domain(pictures: Pictures) -> dict[str, Any]:
    reasons = [f"{name}: {why}" for name, why in list(pictures.unreadable.items())[:SHOWN]]
    return {
        "name": pictures.name if pictures.path is None else os.path.basename(pictures.path),
        "path": pictures.path,
        "rows": len(pictures),
        "labelled": pictures.n_labelled,
        "sha256": pictures.sha256,
        "notes": [*pictures.notes, *reasons],
    }


def _pretrained(settings: dict[str, Any], encoder: PictureEncoder) -> dict[str, Any]:
    empty: dict[str, Any] = {"path": None, "rows": 0, "labelled": 0, "notes": []}
    return {"name": settings["features"], "sha256": encoder.fingerprint(), **empty}


def _twin_note(twins: TWINS) -> list[str]:
    if not twins:
        return []
    across = sum(kept.name != left.name for kept, _, left, _ in twins)
    clash = sum(
        None not in (one := kept.labels[k], other := left.labels[j]) and one != other
        for kept, k, left, j in twins
    )
    some = "1 picture is" if len(twins) == 1 else f"{len(twins)} pictures are"
    were = "was" if len(twins) == 1 else "were"
    note = f"{some} nearly the same as another and {were} left out"
    note += f", {across} of them in the source as in the target" if across else ""
    note += f"; {clash} had another label than the one that was kept" if clash else ""
    return [f"{note}."]
