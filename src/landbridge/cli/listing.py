"""What there is to choose from: mappings, learners, data sets."""

import os
import re
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from landbridge.cli.lines import heading, indented
from landbridge.domains import DATASETS, DataSet
from landbridge.domains.fetching import FOLDER_VARIABLE, cache_folder
from landbridge.mapping import ALIGNMENTS, MAPPINGS, DeepTransfer, make_mapping
from landbridge.source import LEARNERS
from landbridge.source.learners import TASKS
from landbridge.target import TARGETS

_PAPER = re.compile(r"\(([^()\d]{3,}\b(?:19|20)\d\d)\b")


def catalogue() -> dict[str, list[dict[str, Any]]]:
    """Mappings, target learners and learners as plain rows."""
    return {
        "mappings": [
            {
                "name": name,
                "class": type(mapping).__name__,
                "kind": "paired" if mapping.is_paired else mapping.how,
                "does": first_line(mapping),
                "paper": paper(mapping),
                "labels": mapping.needs_labels or "none",
                "cost": mapping.cost,
                "when": mapping.when,
            }
            for name, mapping in ((name, make_mapping(name)) for name in MAPPINGS)
        ]
        + [_alignment(name) for name in ALIGNMENTS if name != "none"],
        "targets": [
            {
                "name": name,
                "class": target.__name__,
                "does": first_line(target),
                "paper": paper(target),
            }
            for name, target in TARGETS.items()
        ],
        "learners": [
            {"name": name, "tasks": [task for task in TASKS if getattr(kind, task)]}
            for name, kind in LEARNERS.items()
        ],
    }


def _alignment(name: str) -> dict[str, Any]:
    kind = ALIGNMENTS[name]
    return {
        "name": name,
        "class": kind.name,
        "kind": "train",
        "does": f"{kind.summary}.",
        "paper": kind.paper,
        "labels": DeepTransfer.needs_labels,
        "cost": DeepTransfer.cost,
        "when": DeepTransfer.when,
    }


def first_line(documented: Any) -> str:
    """The first sentence of a docstring in plain text."""
    line = documented.__doc__.strip().split("\n\n")[0]
    return re.sub(r":\w+:`(.*?)`|``(.*?)``", r"\1\2", " ".join(line.split()))


def paper(documented: Any) -> str | None:
    """The first reference in a docstring, as ``Sun, Feng & Saenko 2016``."""
    found = _PAPER.search(" ".join(documented.__doc__.split()))
    return found.group(1).strip() if found else None


def show_catalogue(console: Console, rows: dict[str, list[dict[str, Any]]]) -> None:
    """The catalogue in three tables."""
    for kind, about in KINDS.items():
        heading(console, f"Mappings that {about}")
        console.print(_table([row for row in rows["mappings"] if row["kind"] == kind]))
    heading(console, "Target learners: what goes on learning in the target")
    console.print(_table(rows["targets"]))
    heading(console, "Learners, of source and target")
    console.print(
        _table([{"name": row["name"], "does": ", ".join(row["tasks"])} for row in rows["learners"]])
    )


KINDS = {
    "move": "move source rows to where the target is, or both domains to a space between",
    "reweigh": "reweigh source rows, so that they are spread as the target is",
    "relabel": "give labels to target rows",
    "paired": "learn from pairs: row i of both tables is one thing seen twice",
    "train": "train a network on both domains, until they look alike in it (needs PyTorch)",
}


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="cyan", min_width=18)
    table.add_column()
    for row in rows:
        origin = "; ".join(row[key] for key in ("class", "paper") if row.get(key))
        table.add_row(row["name"], Text.assemble(row["does"], " ", (origin, "dim")))
    return table


def data_sets() -> list[dict[str, Any]]:
    """The data sets that are known by name as plain rows."""
    return [
        {
            "name": data.name,
            "title": data.title,
            "domains": list(data.domains),
            "label": data.label,
            "task": data.task,
            "licence": data.licence,
            "homepage": data.homepage,
            **_whereabouts(data),
        }
        for data in DATASETS.values()
    ]


def _whereabouts(data: DataSet) -> dict[str, Any]:
    """Where a data set's files are, and their bytes where they are on this machine."""
    if not data.files:
        return {"found": "with scikit-learn", "bytes": None}
    folders = {"in the cache": cache_folder()}
    if os.environ.get(FOLDER_VARIABLE):
        folders = {f"in {FOLDER_VARIABLE}": Path(os.environ[FOLDER_VARIABLE])} | folders
    for where, folder in folders.items():
        paths = [folder / file.path for file in data.files]
        if all(path.exists() for path in paths):
            return {"found": where, "bytes": sum(path.stat().st_size for path in paths)}
    by_hand = any(file.address is None for file in data.files)
    return {"found": "to be had by hand" if by_hand else "to be fetched", "bytes": None}


def show_data_sets(console: Console, rows: list[dict[str, Any]]) -> None:
    """Each data set in a few lines."""
    for row in rows:
        console.print(Text.assemble("\n", (row["name"], "bold cyan"), "  ", row["title"]))
        domains = ", ".join(row["domains"])
        size = f", {row['bytes'] / 1e3:,.0f} kB" if row["bytes"] else ""
        for line in (
            f"{domains} → {row['label']} ({row['task']})",
            f"{row['found']}{size}",
            row["licence"],
        ):
            indented(console, line, style="dim")
