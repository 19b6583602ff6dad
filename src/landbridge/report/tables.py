"""Further tables that a kit adds to the report: a title, a line on what it shows, and rows."""

from typing import Any

from landbridge.report.words import is_number


def tables_facts(tables: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each table with its cells, of which numbers and pictures are told from words."""
    return [
        {
            "title": table.get("title") or "Table",
            "about": table.get("about"),
            "columns": list(table.get("columns") or []),
            "rows": [[_cell(value) for value in row] for row in table.get("rows") or []],
        }
        for table in tables
    ]


def _cell(value: Any) -> dict[str, Any]:
    """A number, words, or ``{"pictures": [{"src": "data:image/...", "alt": "..."}, ...]}``."""
    pictures = value.get("pictures") if isinstance(value, dict) else None
    if pictures is not None:
        shown = [p for p in pictures if str(p.get("src")).startswith("data:image/")]
        return {"value": None, "is_number": False, "pictures": shown}
    return {"value": value, "is_number": is_number(value), "pictures": None}
