"""Both domains as clouds of points in one plane, before the mapping and after it."""

import math
from typing import Any

from landbridge.report import drawing
from landbridge.report.words import plain, terms

MOST_CLASSES = 12
DOMAINS = ("source", "target")


def projection_facts(projection: dict[str, Any]) -> dict[str, Any] | None:
    """Two panels on the same axes, with the distance of the two centres in each."""
    stages = [(name, projection.get(name) or {}) for name in ("before", "after")]
    points = [p for _, stage in stages for domain in DOMAINS for p in stage.get(domain) or []]
    if not points:
        return None
    plane = drawing.equal_plane(points)
    classes = [plain(name) for name in projection.get("classes") or []]
    explained = projection.get("explained")
    return {
        "axes": projection.get("axes") or "two axes",
        "mapping": projection.get("mapping"),
        "same_axes": projection.get("same_axes", True),
        "explained": sum(explained) if explained else None,
        "classes": classes if 1 < len(classes) <= MOST_CLASSES else [],
        "width": plane.width,
        "height": plane.height,
        "panels": [_panel(name, stage, plane) for name, stage in stages if stage],
        "terms": terms("principal components"),
    }


def _panel(name: str, stage: dict[str, Any], plane: drawing.Plane) -> dict[str, Any]:
    clouds = {domain: stage.get(domain) or [] for domain in DOMAINS}
    return {
        "name": name,
        "clouds": [
            {"domain": domain, "n": len(points), "groups": _groups(points, plane)}
            for domain, points in clouds.items()
        ],
        "apart": _apart(*(drawing.centre(points) for points in clouds.values())),
    }


def _groups(points: list, plane: drawing.Plane) -> list[dict[str, Any]]:
    """The points of each class, so that one class can be picked out; none is class ``u``."""
    groups: dict[str, list] = {}
    for point in points:
        groups.setdefault(_class_of(point), []).append(plane.place(point))
    return [{"key": key, "places": groups[key]} for key in sorted(groups)]


def _class_of(point: list) -> str:
    known = len(point) > 2 and point[2] is not None and point[2] >= 0
    return str(int(point[2])) if known else "u"


def _apart(source: drawing.Point | None, target: drawing.Point | None) -> float | None:
    return math.dist(source, target) if source and target else None
