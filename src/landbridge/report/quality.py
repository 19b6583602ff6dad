"""How well the models do on labelled target rows that they were not trained on."""

from typing import Any

from landbridge.report import drawing
from landbridge.report.words import is_number, plain, terms

RESIDUALS = (400.0, 240.0)


def quality_facts(quality: dict[str, Any], chosen: str | None) -> dict[str, Any] | None:
    """Confusion matrices and recalls of classifiers, residuals of regressors, side by side."""
    models = quality.get("models") or []
    facts: dict[str, Any] = {
        "matrices": [_matrix(model, chosen) for model in models if model.get("confusion")],
        "recall": _recall([model for model in models if model.get("recall")], chosen),
        "residuals": _residuals([model for model in models if model.get("residuals")], chosen),
    }
    facts["terms"] = _terms(facts)
    return facts if facts["terms"] else None


def _terms(facts: dict[str, Any]) -> list[tuple[str, str]]:
    classes = ("confusion matrix",) if facts["matrices"] else ()
    recall = ("recall", "interval") if facts["recall"] else ()
    return terms(*classes, *recall, *(("residual",) if facts["residuals"] else ()))


def _named(model: dict[str, Any], chosen: str | None) -> dict[str, Any]:
    name = model.get("name") or "unnamed"
    return {"name": name, "chosen": name == chosen}


def _matrix(model: dict[str, Any], chosen: str | None) -> dict[str, Any]:
    counts = model["confusion"]
    classes = [plain(name) for name in model.get("classes") or range(len(counts))]
    right = sum(row[k] for k, row in enumerate(counts))
    return _named(model, chosen) | {
        "classes": classes,
        "rows": [_matrix_row(name, k, row) for k, (name, row) in enumerate(zip(classes, counts))],
        "right": right,
        "total": sum(map(sum, counts)),
    }


def _matrix_row(name: str, k: int, row: list) -> dict[str, Any]:
    total = sum(row) or 1
    cells = [{"n": n, "share": round(n / total, 3), "right": j == k} for j, n in enumerate(row)]
    return {"name": name, "cells": cells}


def _recall(models: list[dict[str, Any]], chosen: str | None) -> dict[str, Any] | None:
    if not models:
        return None
    scale = drawing.Limits(-0.04, 1.04)
    by_class: dict[str, dict[str, Any]] = {}
    for model in models:
        for row in model["recall"]:
            name = plain(row.get("class"))
            line = by_class.setdefault(name, {"name": name, "n": row.get("n"), "models": []})
            line["models"].append(_named(model, chosen) | _recall_of(row, scale))
    return {
        "models": [_named(model, chosen) for model in models],
        "axis": drawing.axis(scale, 4),
        "rows": list(by_class.values()),
    }


def _recall_of(row: dict[str, Any], scale: drawing.Limits) -> dict[str, Any]:
    recall, low, high = row.get("recall"), row.get("low"), row.get("high")
    return {
        "recall": recall,
        "low": low,
        "high": high,
        "whisker": drawing.whisker(scale, recall, low, high),
    }


def _residuals(models: list[dict[str, Any]], chosen: str | None) -> dict[str, Any] | None:
    """One plot a model, predicted against residual, all on the same axes."""
    clouds = [_residual_points(model) for model in models]
    if not any(clouds):
        return None
    plane = drawing.free_plane([p for cloud in clouds for p in cloud], *RESIDUALS)
    return {
        "width": plane.width,
        "height": plane.height,
        "zero": plane.place((plane.x.low, 0.0))[1],
        "x": drawing.axis(plane.x, 4),
        "y": [tick | {"at": round(100 - tick["at"], 2)} for tick in drawing.axis(plane.y, 4)],
        "models": [
            _named(model, chosen)
            | {key: model.get(key) for key in ("rmse", "mae", "r2")}
            | {"places": [plane.place(point) for point in cloud]}
            for model, cloud in zip(models, clouds)
        ],
    }


def _residual_points(model: dict[str, Any]) -> list[drawing.Point]:
    pairs = zip(model.get("predicted") or [], model["residuals"])
    return [(x, y) for x, y in pairs if is_number(x) and is_number(y)]
