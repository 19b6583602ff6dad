"""A diagnosis in plain sentences: what was found, and what cannot be known."""

import math
from typing import Any

from landbridge.evidence.shift.concept_shift import (
    CONCEPT_LEVEL,
    FEW_LABELS,
    LEAST_LABELS,
    why_unknown,
)
from landbridge.evidence.shift.kinds import LEVEL, explained_by, feature_level, whole_differs
from landbridge.evidence.shift.label_shift import LEAST_ROWS

N_NAMED = 3
ILL_CONDITIONED = 100.0


def statements(facts: dict[str, Any]) -> list[str]:
    """Sentences on covariate shift, support, features, label shift and concept shift, in order.

    ``facts`` has the entries of ``Diagnosis.to_dict()`` without the statements.
    """
    return [
        *_on_covariates(facts),
        *_on_explanation(facts),
        *_on_support(facts["support"]),
        *_on_features(facts["features"], feature_level(facts)),
        *_on_labels(facts["label"]),
        *_on_concept(facts),
    ]


def on_repeats(distinct_s: int, distinct_t: int, facts: dict[str, Any]) -> list[str]:
    """A sentence where rows repeat each other, by the number of distinct rows in either domain."""
    counts = [
        ("source", facts["n_source"], distinct_s),
        ("target", facts["n_target"], distinct_t),
    ]
    parts = [f"{n} {name} rows only {few} are distinct" for name, n, few in counts if few < n]
    if not parts:
        return []
    return [
        f"Of {' and of '.join(parts)}: rows that repeat others are no further evidence, so the "
        "p-values and intervals below are too sure. Give each row once."
    ]


def _on_covariates(facts: dict[str, Any]) -> list[str]:
    c2st, mmd = facts["c2st"], facts["mmd"]
    if c2st is None:
        return [
            "Whether the features differ as a whole cannot be tested on "
            f"{facts['n_source']} source and {facts['n_target']} target rows: at least two of "
            "each are needed."
        ]
    figures = (
        f"a classifier tells target rows from source rows with AUC {c2st['auc']:.2f} "
        f"({c2st['low']:.2f} to {c2st['high']:.2f}; p = {c2st['p_value']:.2g}), "
        f"and MMD² is {mmd['mmd2']:.2g} ({_range(mmd, 'low', 'high')}p = {mmd['p_value']:.2g})"
    )
    if whole_differs(facts):
        return [f"The features differ between the domains: {figures}."]
    return [
        f"No difference between the domains' features as a whole was found: {figures}. "
        f"With {facts['n_target']} target rows a small one may go unseen."
    ]


def _on_explanation(facts: dict[str, Any]) -> list[str]:
    found = explained_by(facts)
    if found is None:
        return []
    left = "nothing more is seen" if found["p_value"] > LEVEL else "some is left"
    return [
        f"Bringing the source's {found['change']} to the target's takes away "
        f"{min(found['explained'], 1.0):.0%} of the difference (MMD², on rows kept from it): "
        f"{left} (p = {found['p_value']:.2g})."
    ]


def _on_support(support: dict[str, Any] | None) -> list[str]:
    if support is None or support["p_value"] > LEVEL:
        return []
    return [
        f"About {support['share_outside']:.0%} of target rows ({support['low']:.0%} to "
        f"{support['high']:.0%}) lie where the source has none (p = {support['p_value']:.2g})."
    ]


def _on_features(features: list[dict[str, Any]], level: float) -> list[str]:
    found = [row for row in features if row["p_adjusted"] <= level]
    lines = [_most_shifted(found, len(features), level)]
    unseen = [row for row in features if row["only_target"]]
    if unseen:
        lines.append(
            f"{len(unseen)} of {len(features)} features have categories in the target that the "
            f"source never shows: {_list(_new_categories(row) for row in unseen[:N_NAMED])}."
        )
    empty = [row["name"] for row in features if max(_missing(row)) == 1.0 > min(_missing(row))]
    if empty:
        lines.append(f"Wholly missing in one domain: {_list(empty[:N_NAMED], len(empty))}.")
    return lines


def _most_shifted(found: list[dict[str, Any]], n_features: int, level: float) -> str:
    if not found:
        return f"None of {n_features} features differs by itself at the {level:.2g} level (Holm)."
    named = [f"{row['name']} ({_effect(row)})" for row in found[:N_NAMED]]
    return (
        f"Features that differ by themselves at the {level:.2g} level (Holm): {len(found)} of "
        f"{n_features}; the most: {_list(named)}."
    )


def _effect(row: dict[str, Any]) -> str:
    missing_s, missing_t = _missing(row)
    if row["effect"] == abs(missing_s - missing_t):
        return f"missing in {missing_s:.0%} of source rows, {missing_t:.0%} of target rows"
    return f"{'KS' if row['kind'] == 'number' else 'total variation'} {row['effect']:.2f}"


def _missing(row: dict[str, Any]) -> tuple[float, float]:
    return row["missing_source"], row["missing_target"]


def _new_categories(row: dict[str, Any]) -> str:
    names = row["only_target"]
    return f"{row['name']} ({_list(names[:N_NAMED], len(names))})"


def _on_labels(label: dict[str, Any] | None) -> list[str]:
    if label is None:
        return ["Nothing can be said of the labels: the source has none."]
    if label["kind"] == "regression":
        return _on_numbers(label)
    lines = [_observed_classes(label)] if label["target_observed"] else []
    strange = [c for c, s in zip(label["classes"], label["source"], strict=True) if s == 0]
    if strange:
        lines.append(f"The source has no rows of {_list(strange)}: no source model can predict it.")
    return [*lines, *_estimated_classes(label)]


def _on_numbers(label: dict[str, Any]) -> list[str]:
    source, target = label["source"], label["target_observed"]
    if target is None:
        return []
    return [
        f"The label's mean is {source['mean']:.4g} in the source and {target['mean']:.4g} on "
        f"{label['n_target_labelled']} labelled target rows (standard deviations "
        f"{source['std']:.4g} and {target['std']:.4g}; p = {label['p_value']:.2g})."
    ]


def _observed_classes(label: dict[str, Any]) -> str:
    return (
        f"On {label['n_target_labelled']} labelled target rows, "
        f"{_largest_change(label, 'target_observed')} (p = {label['p_value']:.2g} for all)."
    )


def _estimated_classes(label: dict[str, Any]) -> list[str]:
    if label["target_estimated"] is None:
        return [
            "The target's class shares cannot be estimated: that takes two classes or more in "
            f"the source, two labelled rows of each, and {LEAST_ROWS} target rows."
        ]
    lines = [
        f"If class shares alone have changed, {_largest_change(label, 'target_estimated')} (EM "
        f"estimate, from unlabelled target rows{_contradiction(label)})."
    ]
    if label["condition"] is None or label["condition"] > ILL_CONDITIONED:
        lines.append("The source model hardly tells some classes apart: the estimate is weak.")
    return lines


def _contradiction(label: dict[str, Any]) -> str:
    """Whether the observed shares are further from the estimate than three standard errors."""
    n, observed = label["n_target_labelled"], label["target_observed"]
    if not observed:
        return ""
    pairs = zip(label["target_estimated"], observed, strict=True)
    far = any(abs(e - o) > 3 * math.sqrt((e * (1 - e) + 1 / n) / n) for e, o in pairs)
    return "; the labelled rows contradict it, so more than the shares has changed" if far else ""


def _largest_change(label: dict[str, Any], key: str) -> str:
    rows = list(zip(label["classes"], label["source"], label[key], strict=True))
    name, source, target = max(rows, key=lambda row: abs(row[1] - row[2]))
    low, high = (label.get(f"{key.removeprefix('target_')}_{end}") for end in ("low", "high"))
    k = [row[0] for row in rows].index(name)
    between = f", {low[k]:.0%} to {high[k]:.0%}" if low and high else ""
    return f"class {name} makes up {target:.0%} (source: {source:.0%}){between}, the largest change"


def _on_concept(facts: dict[str, Any]) -> list[str]:
    concept, label, why = facts["concept"], facts["label"], why_unknown(facts)
    if why == FEW_LABELS:
        n = 0 if label is None else label["n_target_labelled"]
        return [
            f"Whether labels depend on the features in the same way in both domains cannot be "
            f"known from {n} target labels (at least {LEAST_LABELS} are checked, beside a source "
            "model); nor, without it, whether transfer helps."
        ]
    if concept is None:
        return [f"Whether labels depend on the features in the same way cannot be told: {why}."]
    scores = (
        f"the source model's {concept['metric']} is {concept['target']:.3g} on "
        f"{concept['n_target_labelled']} labelled target rows and {concept['source']:.3g} out of "
        f"fold in the source ({_range(concept, 'difference_low', 'difference_high', 'change ')}"
        f"p = {concept['p_value']:.2g} where both have rows)"
    )
    if why:
        return [
            "Whether labels depend on the features in the same way cannot be told: "
            f"{why}; {scores}."
        ]
    with_shares = concept["p_value_with_shares"]
    if concept["p_value"] <= CONCEPT_LEVEL and (with_shares or 0.0) > CONCEPT_LEVEL:
        return [
            f"Labels follow the source model once it knows the target's class shares (p = "
            f"{with_shares:.2g}), but not as it is: {scores}."
        ]
    if concept["p_value"] <= CONCEPT_LEVEL:
        return [
            f"Labels do not follow the source model in the target: {scores}. They differ even "
            "where both domains have rows, so that they depend on the features differently."
        ]
    return [f"No clear sign that labels depend on the features differently: {scores}."]


def _range(block: dict[str, Any], low: str, high: str, lead: str = "") -> str:
    """A 95 % interval to begin a bracket with, or nothing where there is none."""
    if block.get(low) is None:
        return ""
    return f"{lead}{block[low]:.2g} to {block[high]:.2g}; "


def _list(names: Any, n: int | None = None) -> str:
    shown = [str(name) for name in names]
    more = 0 if n is None else n - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
