"""The verdict: the sentence, its figure, and what it rests on."""

from typing import Any

from landbridge.report import drawing
from landbridge.report.words import is_number, terms

OUTCOMES = {
    "helps": "Transfer helps",
    "no evidence": "No evidence that transfer helps",
    "hurts": "Transfer hurts",
    "unknown": "Not known",
}


def verdict_facts(verdict: dict[str, Any], leaderboard: dict[str, Any]) -> dict[str, Any]:
    """What the verdict says, with the gain as a dot and an interval around zero."""
    outcome = verdict.get("outcome") or "unknown"
    return {
        "outcome": outcome,
        "heading": OUTCOMES.get(outcome, outcome),
        "sentence": verdict.get("sentence") or "The run gave no sentence.",
        "details": verdict.get("details") or [],
        "chosen": verdict.get("chosen"),
        "baseline": verdict.get("baseline"),
        "p_value": verdict.get("p_value"),
        "level": verdict.get("level"),
        "gain": _gain(verdict.get("gain") or {}),
        "metric": leaderboard.get("metric"),
        "greater_is_better": leaderboard.get("greater_is_better") is not False,
        "n_labelled": leaderboard.get("n_labelled"),
        "folds": leaderboard.get("folds"),
        "repeats": leaderboard.get("repeats"),
        "terms": terms("guard", "interval", "p-value"),
    }


def _gain(gain: dict[str, Any]) -> dict[str, Any] | None:
    mean, low, high = gain.get("mean"), gain.get("low"), gain.get("high")
    if not is_number(mean):
        return None
    scale = drawing.limits([0.0, mean, low, high], pad=0.12)
    return {
        "mean": mean,
        "low": low,
        "high": high,
        "zero": scale.percent(0.0),
        "whisker": drawing.whisker(scale, mean, low, high),
        "axis": drawing.axis(scale, 4),
    }
