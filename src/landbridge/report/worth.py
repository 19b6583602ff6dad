"""What more target labels would be worth, and which groups of source rows help or hurt."""

from typing import Any

from landbridge.report import drawing
from landbridge.report.words import is_number, terms


def curve_facts(curve: dict[str, Any]) -> dict[str, Any]:
    """The scores at each number of labels as dots with intervals, and what more would bring."""
    rows = curve.get("rows") or []
    scale = drawing.limits([row.get(key) for row in rows for key in ("score", "low", "high")])
    return {
        "metric": curve.get("metric") or "score",
        "reason": curve.get("reason"),
        "rows": [
            {key: row.get(key) for key in ("model", "labels", "score", "low", "high")}
            | {"whisker": drawing.whisker(scale, *(row.get(k) for k in ("score", "low", "high")))}
            for row in rows
        ],
        "axis": drawing.axis(scale),
        "worth": [
            {key: one.get(key) for key in ("model", "more", "mean", "low", "high", "reason")}
            for one in curve.get("worth") or []
        ],
        "terms": terms("interval", "learning curve"),
    }


def influence_facts(influence: dict[str, Any]) -> dict[str, Any]:
    """Each group's effect as a dot with an interval around zero, the most harmful first."""
    rows = influence.get("rows") or []
    known = [row.get(key) for row in rows for key in ("effect", "low", "high")]
    scale = drawing.limits([0.0, *known])
    return {
        "model": influence.get("model"),
        "by": influence.get("by"),
        "reason": influence.get("reason"),
        "zero": scale.percent(0.0),
        "axis": drawing.axis(scale),
        "rows": [_group(row, scale) for row in rows if is_number(row.get("effect"))],
        "failed": [row for row in rows if not is_number(row.get("effect"))],
        "terms": terms("interval", "influence"),
    }


def _group(row: dict[str, Any], scale: drawing.Limits) -> dict[str, Any]:
    keys = ("group", "rows", "effect", "low", "high", "verdict")
    return {key: row.get(key) for key in keys} | {
        "whisker": drawing.whisker(scale, *(row.get(key) for key in ("effect", "low", "high")))
    }
