"""Which family of transfer fits what was found, and why: in the order in which to try them."""

from typing import Any

from landbridge.evidence.shift.concept_shift import FEW_LABELS, LEAST_LABELS, why_unknown
from landbridge.evidence.shift.explanations import CLASS_SHARES, MEANS
from landbridge.evidence.shift.kinds import (
    LEVEL,
    explained_by,
    features_differ,
    is_label_shift,
    missing_classes,
)

MUCH_OUTSIDE = 0.05
FEW_ROWS_COUNT = 0.1
"""Weights that leave less than this share of the source rows worth something rest on too few."""

MOMENTS = "alignment of moments"

Advice = dict[str, Any]


def advise(facts: dict[str, Any]) -> list[Advice]:
    """What to try, most fitting first: ``family``, the names to ``try``, ``why``, and all of it
    as a ``sentence``.

    The names are of mappings and target learners, as ``make_candidate`` and
    ``landbridge run --candidates`` take them. ``facts`` are those that ``kinds`` reads, and these.
    """
    found = {row["kind"]: row["found"] for row in facts["kinds"]}
    by_shares, on_features = _on_shares(facts), _on_features(facts, found)
    moved = bool(on_features) and on_features[0]["family"] == MOMENTS
    advice = [
        *_on_classes(facts["label"]),
        *_on_rules(found["concept"]),
        *by_shares,
        # Rows that moments bring back lie nowhere new; others do, whatever else is done.
        *([*on_features, *_on_support(facts)] if moved else [*_on_support(facts), *on_features]),
    ]
    why = why_unknown(facts)
    if not advice and features_differ(facts) is False and why in ("", FEW_LABELS):
        advice.append(_nothing(found["concept"]))
    if why:
        advice.append(_label_some(facts) if why == FEW_LABELS else _on_target_alone(why))
    return advice


def _on_classes(label: dict[str, Any] | None) -> list[Advice]:
    classes = missing_classes(label)
    if not classes:
        return []
    return [
        _advice(
            "target labels",
            ["pooled", "target-only"],
            f"the source has no rows of {', '.join(map(str, classes))}; only labelled target rows "
            "can teach it",
        )
    ]


def _on_support(facts: dict[str, Any]) -> list[Advice]:
    support = facts["support"]
    if support is None or support["p_value"] > LEVEL or support["low"] <= MUCH_OUTSIDE:
        return []
    return [
        _advice(
            "target labels where the source has no rows",
            ["pooled", "tradaboost"],
            f"{support['share_outside']:.0%} of target rows ({support['low']:.0%} to "
            f"{support['high']:.0%}) lie where the source has none: no weights reach them, and "
            "a source model guesses there",
        )
    ]


def _on_rules(concept: bool | None) -> list[Advice]:
    if not concept:
        return []
    return [
        _advice(
            "learn from target labels, regularised towards the source",
            ["regular", "stacking", "target-only"],
            "labels do not follow the source model, even where both domains have rows: no "
            "reweighting of rows changes that, only target labels do",
        )
    ]


def _on_shares(facts: dict[str, Any]) -> list[Advice]:
    if not is_label_shift(facts) or missing_classes(facts["label"]):
        return []
    return [
        _advice(
            "label-shift correction",
            ["label-shift", "mmd-target-shift"],
            "the class shares have changed, and bringing the source's to the target's leaves no "
            "difference of the features to be seen",
        )
    ]


def _on_features(facts: dict[str, Any], found: dict[str, bool | None]) -> list[Advice]:
    if not features_differ(facts) or is_label_shift(facts):
        return []
    moved = _move(explained_by(facts, but=CLASS_SHARES))
    weighed = [] if found["concept"] else _weigh(facts)
    # Labels that still follow the source model speak for rows drawn anew, not for rows moved.
    ordered = [*weighed, *moved] if found["concept"] is False else [*moved, *weighed]
    if ordered:
        return ordered
    return [
        _advice(
            "compare several",
            ["coral", "sinkhorn", "tca", *([] if found["concept"] else ["classifier-ratio"])],
            "the features differ, and neither class shares nor means and covariances explain how",
        )
    ]


def _move(explanation: dict[str, Any] | None) -> list[Advice]:
    if explanation is None:
        return []
    names = ["recentre", "standardise"] if explanation["change"] == MEANS else ["coral", "monge"]
    return [
        _advice(
            MOMENTS,
            names,
            f"moving the source's {explanation['change']} to the target's takes away "
            f"{min(explanation['explained'], 1.0):.0%} of the difference; right if labels moved "
            "along with the rows",
        )
    ]


def _weigh(facts: dict[str, Any]) -> list[Advice]:
    support, block = facts["support"], facts["label_free"] or {}
    size = block.get("effective_sample_size")
    if support is None or support["low"] > MUCH_OUTSIDE or size is None:
        return []
    share = size / block["rows_weighted"]
    if share < FEW_ROWS_COUNT:
        return []
    return [
        _advice(
            "reweighting",
            ["kmm", "ulsif", "classifier-ratio"],
            "the source has rows where the target lies, and weights by a linear domain classifier "
            f"are worth {share:.0%} of them; right if the same row means the same label",
        )
    ]


def _nothing(concept: bool | None) -> Advice:
    why = "no difference of the features was found"
    if concept is False:
        why += ", and labels follow the source model"
    return _advice("nothing to carry over: the source as it is", ["identity", "pooled"], why)


def _on_target_alone(why: str) -> Advice:
    return _advice(
        "compare with target labels alone",
        ["target-only", "pooled"],
        f"whether labels follow the source cannot be told, since {why}",
    )


def _label_some(facts: dict[str, Any]) -> Advice:
    label = facts["label"]
    n = 0 if label is None else label["n_target_labelled"]
    return _advice(
        "label some target rows",
        [],
        f"with {n} labels nobody can know whether the same row means the same label; "
        f"{LEAST_LABELS} allow a check",
    )


def _advice(family: str, names: list[str], why: str) -> Advice:
    shown = f" ({', '.join(names)})" if names else ""
    sentence = f"{family[0].upper()}{family[1:]}{shown}: {why}."
    return {"family": family, "try": names, "why": why, "sentence": sentence}
