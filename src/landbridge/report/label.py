"""How the label differs: the classes' shares as bars, or the spread of a number as boxes."""

from typing import Any

from landbridge.report import drawing
from landbridge.report.words import is_number, plain, terms

SERIES = (
    ("source", "Source", "source"),
    ("target_observed", "Target, observed", "target"),
    ("target_estimated", "Target, estimated", "guess"),
    ("bbse", "Target, by BBSE", "guess"),
)
QUANTILES = ("q05", "q25", "q50", "q75", "q95")


def label_facts(label: dict[str, Any]) -> dict[str, Any] | None:
    """Shares of the classes, or quantiles of a number, whichever the label has."""
    facts = _classes(label) if label.get("classes") else _numbers(label)
    return facts and facts | {
        "n_target_labelled": label.get("n_target_labelled"),
        "method": label.get("method"),
        "condition": label.get("condition"),
    }


def _classes(label: dict[str, Any]) -> dict[str, Any] | None:
    series = [(name, look, label[key]) for key, name, look in SERIES if label.get(key)]
    known = [one for _, _, shares in series for one in shares if is_number(one)]
    if not known:
        return None
    scale = drawing.Limits(0.0, max(known))
    rows = [_class(plain(c), k, series, scale) for k, c in enumerate(label["classes"])]
    estimated = ("estimated share",) if label.get("target_estimated") else ()
    bbse = ("BBSE",) if label.get("bbse") else ()
    return {"rows": rows, "boxes": [], "terms": terms("label shift", *estimated, *bbse)}


def _class(name: str, k: int, series: list[tuple], scale: drawing.Limits) -> dict[str, Any]:
    bars = [
        {"name": who, "look": look, "share": shares[k], "bar": drawing.bar(scale, shares[k])}
        for who, look, shares in series
    ]
    return {"name": name, "bars": bars}


def _numbers(label: dict[str, Any]) -> dict[str, Any] | None:
    series = [(name, look, label[key]) for key, name, look in SERIES[:2] if label.get(key)]
    if not series:
        return None
    scale = drawing.limits([found.get(q) for _, _, found in series for q in QUANTILES])
    boxes = [
        {"name": name, "look": look, "mean": found.get("mean"), "std": found.get("std")}
        | {q: scale.percent(found.get(q)) for q in QUANTILES}
        for name, look, found in series
    ]
    return {"rows": [], "boxes": boxes, "axis": drawing.axis(scale), "terms": terms("box")}
