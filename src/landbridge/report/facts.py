"""The results of a run as the template wants them: one dict, nothing left to work out."""

from typing import Any

from landbridge.report.carried import mapping_facts
from landbridge.report.data import data_facts
from landbridge.report.leaderboard import leaderboard_facts
from landbridge.report.projection import projection_facts
from landbridge.report.quality import quality_facts
from landbridge.report.shift import shift_facts
from landbridge.report.tables import tables_facts
from landbridge.report.verdict import verdict_facts
from landbridge.report.worth import curve_facts, influence_facts

TITLES = {
    "verdict": "Verdict",
    "leaderboard": "Leaderboard",
    "learning_curve": "What more labels are worth",
    "influence": "Which source rows help",
    "shift": "How the domains differ",
    "projection": "Before and after",
    "quality": "Right and wrong",
    "mapping": "The mapping",
    "tables": "In detail",
    "data": "Data and settings",
    "versions": "Versions",
    "reproduce": "Reproduce",
    "warnings": "Warnings",
}
OF_KITS = ("tables",)
"""Sections that only runs of some kinds of data have."""


def page_facts(results: dict[str, Any]) -> dict[str, Any]:
    """Everything the page shows; a section that has no results is ``None``."""
    facts = _sections(results)
    return facts | {
        "title": _title(results),
        "created": results.get("created"),
        "seconds": results.get("seconds"),
        "contents": [(name, title) for name, title in TITLES.items() if facts[name] is not None],
        "left_out": [
            title.lower()
            for name, title in TITLES.items()
            if facts[name] is None and name not in OF_KITS
        ],
    }


def _sections(results: dict[str, Any]) -> dict[str, Any]:
    verdict, board = results.get("verdict"), results.get("leaderboard")
    baseline, chosen = (verdict or {}).get("baseline"), (verdict or {}).get("chosen")
    return {
        "verdict": _made(lambda block: verdict_facts(block, board or {}), verdict),
        "leaderboard": _made(lambda block: leaderboard_facts(block, baseline), board),
        "learning_curve": _made(curve_facts, results.get("learning_curve")),
        "influence": _made(influence_facts, results.get("influence")),
        "shift": _made(shift_facts, results.get("shift")),
        "projection": _made(projection_facts, results.get("projection")),
        "quality": _made(lambda block: quality_facts(block, chosen), results.get("quality")),
        "mapping": _made(mapping_facts, results.get("mapping")),
        "tables": _made(tables_facts, results.get("tables")),
        "data": _data(results),
        "versions": results.get("versions") or None,
        "reproduce": _reproduce(results),
        "warnings": results.get("warnings") or [],
    }


def _made(make: Any, block: Any) -> Any:
    return make(block) if block else None


def _data(results: dict[str, Any]) -> dict[str, Any] | None:
    data, settings = results.get("data") or {}, results.get("settings") or {}
    return data_facts(data, settings) if data or settings else None


def _reproduce(results: dict[str, Any]) -> dict[str, Any] | None:
    command = results.get("command")
    return {"command": command, "seed": results.get("seed")} if command else None


def _title(results: dict[str, Any]) -> str:
    data = results.get("data") or {}
    names = [(data.get(side) or {}).get("name") or side for side in ("source", "target")]
    return " → ".join(str(name) for name in names)
