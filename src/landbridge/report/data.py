"""What went in: both tables, their features, and the settings of the run."""

from typing import Any


def data_facts(data: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """The two tables side by side, the label, the features' columns, and the settings."""
    features = data.get("features") or {}
    sides = [(side, data.get(side)) for side in ("source", "target")]
    return {
        "tables": [_table(side, table) for side, table in sides if table],
        "label": data.get("label"),
        "task": data.get("task"),
        "classes": data.get("classes") or [],
        "used": features.get("used"),
        "made": features.get("made"),
        "columns": [_column(column) for column in features.get("columns") or []],
        "notes": data.get("notes") or [],
        "settings": list(settings.items()),
    }


def _table(side: str, table: dict[str, Any]) -> dict[str, Any]:
    keys = ("name", "path", "rows", "labelled", "sha256")
    return {key: table.get(key) for key in keys} | {
        "side": side,
        "notes": table.get("notes") or [],
    }


def _column(column: dict[str, Any]) -> dict[str, Any]:
    keys = ("name", "kind", "missing_source", "missing_target", "n_out")
    return {key: column.get(key) for key in keys}
