"""Further tables that a kit adds to the report: a title, a line on what it shows, and rows."""

from typing import Any

from landbridge.report.words import is_number


def tables_facts(tables: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each table with its cells, of which numbers are told from words."""
    return [
        {
            "title": table.get("title") or "Table",
            "about": table.get("about"),
            "columns": list(table.get("columns") or []),
            "rows": [
                [{"value": value, "is_number": is_number(value)} for value in row]
                for row in table.get("rows") or []
            ],
        }
        for table in tables
    ]
