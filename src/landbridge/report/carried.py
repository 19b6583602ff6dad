"""The mapping explained: which source features make up each target feature."""

from typing import Any

from landbridge.report import drawing
from landbridge.report.words import terms

MOST_ROWS = 40


def mapping_facts(mapping: dict[str, Any]) -> dict[str, Any]:
    """What the mapping does, and its largest weights as bars from zero."""
    rows = (mapping.get("rows") or [])[:MOST_ROWS]
    scale = drawing.limits([0.0, *(row.get("weight") for row in rows)], pad=0.02)
    return {
        "name": mapping.get("name") or "unnamed",
        "summary": mapping.get("summary"),
        "zero": scale.percent(0.0),
        "rows": [
            {key: row.get(key) for key in ("target_feature", "source_feature", "weight", "share")}
            | {"bar": drawing.bar(scale, row.get("weight"))}
            for row in rows
        ],
        "left_out": max(len(mapping.get("rows") or []) - MOST_ROWS, 0),
        "terms": terms("weight", "share of a weight"),
    }
