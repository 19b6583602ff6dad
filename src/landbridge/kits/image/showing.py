"""What the report shows of pictures: examples, mistakes, and pictures that are nearly the same."""

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landbridge.domains import class_names
from landbridge.kits.image.reading import Pictures, opened

SIDE = 56
N_EXAMPLES, N_MISTAKES, N_TWINS, MOST_CLASSES = 4, 12, 8, 20


def thumbnail(pictures: Pictures, row: int, said: str = "") -> dict[str, str]:
    """A small picture that a page can hold, and its name."""
    from PIL import Image, ImageOps

    picture = ImageOps.fit(opened(pictures.items[row]), (SIDE, SIDE), Image.Resampling.BILINEAR)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=80)
    coded = base64.b64encode(file.getvalue()).decode()
    return {"src": f"data:image/jpeg;base64,{coded}", "alt": said or pictures.names[row]}


def example_table(source: Pictures | None, target: Pictures, seed: int) -> dict[str, Any]:
    """A few pictures of each class, of both domains."""
    rng = np.random.default_rng(seed)
    domains = [one for one in (source, target) if one is not None]
    names = class_names(*(one.labels for one in domains)).tolist()
    rows = [
        [str(name), *(_some(one, one.labels == name, rng) for one in domains)]
        for name in names[:MOST_CLASSES]
    ]
    if not target.is_labelled.all():
        bare = _some(target, ~target.is_labelled, rng)
        rows.append(["no label", *[{"pictures": []}] * (len(domains) - 1), bare])
    left_out = len(names) - MOST_CLASSES
    return {
        "title": "Pictures by class",
        "about": "Drawn at random." + (f" {left_out} more classes." if left_out > 0 else ""),
        "columns": ["class", *(["source"] if source is not None else []), "target"],
        "rows": rows,
    }


def _some(pictures: Pictures, which: Any, rng: Any) -> dict[str, Any]:
    rows = rng.permutation(np.flatnonzero(which))[:N_EXAMPLES]
    return {"pictures": [thumbnail(pictures, int(row)) for row in rows]}


def mistake_table(
    known: Pictures, predicted: NDArray, observed: NDArray, model: str
) -> list[dict[str, Any]]:
    """Labelled target pictures that the chosen model took for something else; and how often."""
    wrong = np.flatnonzero(predicted != observed)
    if not len(wrong):
        return []
    pairs: dict[tuple[str, str], list[int]] = {}
    for row in wrong.tolist():
        pairs.setdefault((str(observed[row]), str(predicted[row])), []).append(row)
    ordered = sorted(pairs.items(), key=lambda item: (-len(item[1]), item[0]))
    rows = [
        [is_, seen_as, f"{len(where)} ×", _shown(known, where)]
        for (is_, seen_as), where in ordered[:N_MISTAKES]
    ]
    return [
        {
            "title": "What was mistaken for what",
            "about": f"{len(wrong)} of {len(observed)} labelled target pictures, each predicted by "
            f"{model} that had not seen it; the commonest first.",
            "columns": ["it is", "taken for", "how often", "pictures"],
            "rows": rows,
        }
    ]


def _shown(pictures: Pictures, rows: list[int]) -> dict[str, Any]:
    return {"pictures": [thumbnail(pictures, row) for row in rows[:N_EXAMPLES]]}


def twin_table(twins: list[tuple[Pictures, int, Pictures, int]]) -> list[dict[str, Any]]:
    """Pictures that were left out, beside those that they are nearly the same as."""
    if not twins:
        return []
    return [
        {
            "title": "Nearly the same",
            "about": f"{len(twins)} pictures are nearly the same as another and were left out, so "
            "that no score rests on pictures that a model has learned from.",
            "columns": ["kept", "", "left out", ""],
            "rows": [
                [
                    f"{kept.name}: {kept.names[k]}",
                    {"pictures": [thumbnail(kept, k)]},
                    f"{left.name}: {left.names[j]}",
                    {"pictures": [thumbnail(left, j)]},
                ]
                for kept, k, left, j in twins[:N_TWINS]
            ],
        }
    ]
