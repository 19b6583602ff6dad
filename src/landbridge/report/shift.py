"""How source and target differ: tests of the whole, each feature, and the label."""

from itertools import pairwise
from typing import Any

from landbridge.report import drawing
from landbridge.report.label import label_facts
from landbridge.report.words import NOT_KNOWN, is_number, number, plain, share, spoken, terms

SHOWN_AT_ONCE = 12
HISTOGRAM = (150.0, 56.0)


def shift_facts(shift: dict[str, Any]) -> dict[str, Any]:
    """Statements and tests, the features by size of effect, and the shares of the label."""
    features = sorted(shift.get("features") or [], key=_by_effect)
    rows = [_feature(feature) for feature in features]
    return {
        "statements": shift.get("statements") or [],
        "advice": [one["sentence"] for one in shift.get("advice") or []],
        "support": shift.get("support") or {},
        "n_source": shift.get("n_source"),
        "n_target": shift.get("n_target"),
        "c2st": shift.get("c2st") or {},
        "mmd": shift.get("mmd") or {},
        "proxy_a_distance": shift.get("proxy_a_distance"),
        "features": rows[:SHOWN_AT_ONCE],
        "more_features": rows[SHOWN_AT_ONCE:],
        "label": label_facts(shift.get("label") or {}),
        "concept": _pairs(shift.get("concept")),
        "label_free": _pairs(shift.get("label_free")),
        "test_terms": terms("C2ST", "MMD", "proxy A-distance", "p-value"),
        "feature_terms": terms("effect", "KS", "PSI", "adjusted p"),
    }


def _by_effect(feature: dict[str, Any]) -> float:
    effect = feature.get("effect")
    return -abs(effect) if is_number(effect) else 1.0


def _feature(feature: dict[str, Any]) -> dict[str, Any]:
    keys = ("kind", "effect", "ks", "psi", "p_adjusted")
    return {key: feature.get(key) for key in keys} | {
        "name": feature.get("name", "unnamed"),
        "missing_source": feature.get("missing_source"),
        "missing_target": feature.get("missing_target"),
        "only_source": [plain(one) for one in feature.get("only_source") or []],
        "only_target": [plain(one) for one in feature.get("only_target") or []],
        "histogram": _histogram(feature),
    }


def _histogram(feature: dict[str, Any]) -> dict[str, Any] | None:
    source, target = feature.get("source_share"), feature.get("target_share")
    if not source or not target or len(source) != len(target):
        return None
    up, down = drawing.mirrored_bars(source, target, *HISTOGRAM)
    return {
        "width": HISTOGRAM[0],
        "height": HISTOGRAM[1],
        "source": up,
        "target": down,
        "text": _histogram_in_words(feature, source, target),
    }


def _histogram_in_words(feature: dict[str, Any], source: list, target: list) -> str:
    widest = max(range(len(source)), key=lambda k: abs(source[k] - target[k]))
    where = _bin_names(feature.get("bins") or [], len(source))[widest]
    return (
        f"{feature.get('name')}: shares of the source above the line, of the target below. "
        f"They differ most at {where}: {share(source[widest])} of the source, "
        f"{share(target[widest])} of the target."
    )


def _bin_names(bins: list, n: int) -> list[str]:
    """Names of ``n`` bins, given either by their ``n + 1`` edges or one by one."""
    if len(bins) == n + 1:
        return [f"{_edge(low)} to {_edge(high)}" for low, high in pairwise(bins)]
    if len(bins) == n:
        return [plain(one) for one in bins]
    return [f"bin {k + 1}" for k in range(n)]


def _edge(value: Any) -> str:
    return plain(float(value)) if is_number(value) else plain(value)


def _pairs(block: dict[str, Any] | None) -> list[tuple[str, str]]:
    """A block of figures as names and text, blocks inside it led by their name."""
    if not block:
        return []
    pairs: list[tuple[str, str]] = []
    for key, value in block.items():
        if isinstance(value, dict):
            pairs += [(f"{spoken(key)}, {name}", text) for name, text in _pairs(value)]
        else:
            pairs.append((spoken(key), number(value) if isinstance(value, float) else plain(value)))
    return [(name, text) for name, text in pairs if text != NOT_KNOWN]
