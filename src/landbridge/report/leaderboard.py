"""The leaderboard: every model's score as a dot and an interval, best first, failures last."""

from typing import Any

from landbridge.report import drawing
from landbridge.report.words import METRICS, is_number, terms

SCORE = ("score", "low", "high")


def leaderboard_facts(leaderboard: dict[str, Any], baseline: str | None) -> dict[str, Any]:
    """The rows in order, their places on one axis, and a line at the score to beat."""
    rows = leaderboard.get("rows") or []
    scored = [row for row in rows if not row.get("error") and is_number(row.get("score"))]
    failed = [row for row in rows if row not in scored]
    greater_is_better = leaderboard.get("greater_is_better") is not False
    scored.sort(key=lambda row: row["score"], reverse=greater_is_better)
    scale = drawing.limits([row.get(key) for row in scored for key in SCORE])
    to_beat = next((row["score"] for row in scored if row.get("name") == baseline), None)
    metric = leaderboard.get("metric")
    return {
        "metric": metric or "score",
        "metric_line": METRICS.get(metric or ""),
        "greater_is_better": greater_is_better,
        "n_labelled": leaderboard.get("n_labelled"),
        "folds": leaderboard.get("folds"),
        "repeats": leaderboard.get("repeats"),
        "baseline": baseline,
        "to_beat": scale.percent(to_beat),
        "axis": drawing.axis(scale),
        "rows": [_row(row, scale) for row in scored],
        "failed": [_failure(row) for row in failed],
        "timed": any(is_number(row.get("seconds")) for row in scored),
        "terms": _terms(leaderboard, greater_is_better),
    }


def _terms(leaderboard: dict[str, Any], greater_is_better: bool) -> list[tuple[str, str]]:
    """What the words above the rows mean; without folds, baselines are told beside their names."""
    if leaderboard.get("folds") is not None:
        return terms("baseline", "candidate", "interval", "gain", "p-value", "fold")
    gain = "gain" if greater_is_better else "gain of an error"
    return terms("interval", gain, "p-value")


def _row(row: dict[str, Any], scale: drawing.Limits) -> dict[str, Any]:
    keys = (*SCORE, "gain", "gain_low", "gain_high", "p_value", "seconds", "dropped")
    return (
        {key: row.get(key) for key in keys}
        | _name(row)
        | {"whisker": drawing.whisker(scale, *(row.get(key) for key in SCORE))}
    )


def _failure(row: dict[str, Any]) -> dict[str, Any]:
    return _name(row) | {"error": row.get("error") or "It gave no score."}


def _name(row: dict[str, Any]) -> dict[str, Any]:
    steps = [row.get("mapping"), row.get("learner")]
    return {
        "name": row.get("name") or "unnamed",
        # Parameters of a mapping are in the results, and too long for a table.
        "steps": " → ".join(str(step).partition("(")[0] for step in steps if step),
        "is_baseline": row.get("role") == "baseline",
        "chosen": bool(row.get("chosen")),
    }
