"""The kinds of shift told apart: which were found, how large, and which cannot be known."""

from typing import Any

from landbridge.evidence.shift.concept_shift import CONCEPT_LEVEL, concept_found
from landbridge.evidence.shift.explanations import CLASS_SHARES

LEVEL = 0.05
MOSTLY = 0.8
"""A simple change that takes away this much of the difference counts as its explanation."""

MAIN_KINDS = {
    "label": "label shift",
    "covariate": "covariate shift",
    "concept": "concept shift",
    "covariate or concept": "covariate shift, or concept shift too",
    "none": "no shift was found",
    "none seen": "no shift is seen, but whether labels follow the same rule is not known",
    "unknown": "too few rows to tell",
}
"""What each main kind is called."""


def kinds(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """One row each for covariate shift, missing support, label shift and concept shift.

    ``facts`` has the entries of ``Diagnosis.to_dict()`` that were measured. A row has the
    ``kind``; ``found``: True, False, or None where it cannot be known; ``measure``, what ``size``
    is, with its 95 % interval ``low`` to ``high``; and ``p_value``. Concept shift is found where
    neither the source model's probabilities nor those brought to the target's class shares
    are followed: the latter alone is label shift.
    """
    return [_covariate(facts), _support(facts), _label(facts), _concept(facts)]


def whole_differs(facts: dict[str, Any]) -> bool | None:
    """Whether either test of the features as a whole rejects; two tests share their level."""
    return None if facts["c2st"] is None else _whole_p(facts) <= feature_level(facts)


def features_differ(facts: dict[str, Any]) -> bool | None:
    """Whether the features differ, as a whole or one by one: half of the level for either."""
    return None if facts["c2st"] is None else covariate_p(facts) <= LEVEL


def feature_level(facts: dict[str, Any]) -> float:
    """The level of the tests of the whole, and that of the features one by one: they share 5 %.

    Sentences and headline go by the same level, so that neither calls what the other does not.
    """
    both = facts["c2st"] is not None and facts["features"]
    return LEVEL / 2 if both else LEVEL


def covariate_p(facts: dict[str, Any]) -> float:
    """The p-value of both tests of the whole and all of the features, by Bonferroni."""
    one_by_one = [row["p_adjusted"] for row in facts["features"]]
    least = min([_whole_p(facts), *one_by_one])
    return min(1.0, LEVEL / feature_level(facts) * least)


def _whole_p(facts: dict[str, Any]) -> float:
    return min(1.0, 2 * min(facts["c2st"]["p_value"], facts["mmd"]["p_value"]))


def explained_by(facts: dict[str, Any], but: str = "") -> dict[str, Any] | None:
    """The simplest change that leaves nothing to be seen, or else that which takes away most."""
    if not whole_differs(facts):
        return None
    changes = [one for one in facts["explanations"] if one["change"] != but]
    enough = [one for one in changes if one["explained"] >= MOSTLY]
    whole = [one for one in enough if one["p_value"] > LEVEL]
    return (whole or sorted(enough, key=lambda one: -one["explained"]) or [None])[0]


def missing_classes(label: dict[str, Any] | None) -> list[Any]:
    """Classes among the target's labels of which the source has no row."""
    if label is None or label["kind"] != "classification":
        return []
    pairs = zip(label["classes"], label["source"], strict=True)
    return [name for name, share in pairs if share == 0]


def main_kind(facts: dict[str, Any]) -> str:
    """What the findings come to, of one cause where one explains them.

    ``"concept"``: the same row means another label; ``"label"``: class shares have changed, and
    with them all else; ``"covariate"``: the features have, and labels follow them as before;
    ``"covariate or concept"``: the features have, and no labels tell the rest; ``"none"``:
    nothing was found, labels included; ``"none seen"``: nor, where labels do not tell; or
    ``"unknown"``.
    """
    found = {row["kind"]: row["found"] for row in facts["kinds"]}
    if found["concept"]:
        return "concept"
    if is_label_shift(facts):
        return "label"
    if found["covariate"] is None:
        return "unknown"
    if found["covariate"]:
        return "covariate or concept" if found["concept"] is None else "covariate"
    return "none seen" if found["concept"] is None else "none"


def is_label_shift(facts: dict[str, Any]) -> bool:
    """Whether class shares have changed and, brought to the target's, leave nothing to be seen."""
    row = next(row for row in facts["kinds"] if row["kind"] == "label")
    if not row["found"] or facts["label"]["kind"] != "classification":
        return False
    concept, explanation = facts["concept"], explained_by(facts)
    if features_differ(facts) and (explanation is None or explanation["change"] != CLASS_SHARES):
        return False
    return concept is None or concept["p_value_with_shares"] is None or (
        concept["p_value_with_shares"] > CONCEPT_LEVEL
    )  # fmt: skip


def _covariate(facts: dict[str, Any]) -> dict[str, Any]:
    c2st = facts["c2st"]
    row = _row("covariate", features_differ(facts), "AUC of a domain classifier")
    if c2st is None:
        return row
    p_value = covariate_p(facts)
    return row | {
        "size": c2st["auc"], "low": c2st["low"], "high": c2st["high"], "p_value": p_value
    }  # fmt: skip


def _support(facts: dict[str, Any]) -> dict[str, Any]:
    support = facts["support"]
    row = _row("missing support", None, "share of target rows where the source has none")
    if support is None:
        return row
    figures = {key: support[key] for key in ("low", "high", "p_value")}
    found = support["p_value"] <= LEVEL
    return row | figures | {"found": found, "size": support["share_outside"]}


def _label(facts: dict[str, Any]) -> dict[str, Any]:
    label = facts["label"]
    if label is None:
        return _row("label", None, "change of a class's share")
    if label["kind"] == "regression":
        row = _row("label", None, "change of the mean, in standard deviations")
        found = None if label["p_value"] is None else label["p_value"] <= LEVEL
        sizes = {"size": label["difference"], "low": label["low"], "high": label["high"]}
        return row | sizes | {"found": found, "p_value": label["p_value"]}
    row = _row("label", None, "change of a class's share, the largest")
    if label["target_observed"] is not None:
        found = label["p_value"] <= LEVEL
        return row | _change(label, "target_observed", "observed_low", "observed_high") | {
            "found": found, "p_value": label["p_value"]
        }  # fmt: skip
    if label["target_estimated"] is None:
        return row
    change = _change(label, "target_estimated", "estimated_low", "estimated_high")
    explanation = explained_by(facts)
    if features_differ(facts) is False:
        found = False
    else:
        alone = explanation is not None and explanation["change"] == CLASS_SHARES
        found = True if alone and not change["low"] <= 0 <= change["high"] else None
    return row | change | {"found": found}


def _change(label: dict[str, Any], key: str, low: str, high: str) -> dict[str, Any]:
    rows = list(zip(label[key], label["source"], label[low], label[high], strict=True))
    target, source, least, most = max(rows, key=lambda row: abs(row[0] - row[1]))
    return {"size": target - source, "low": least - source, "high": most - source}


def _concept(facts: dict[str, Any]) -> dict[str, Any]:
    concept = facts["concept"]
    row = _row("concept", None, "change of the source model's score")
    if concept is None:
        return row
    p_values = [concept["p_value"], concept["p_value_with_shares"]]
    p_value = max(p for p in p_values if p is not None)
    return row | {
        "found": concept_found(concept),
        "measure": f"change of the source model's {concept['metric']}",
        "size": concept["target"] - concept["source"],
        "low": concept["difference_low"],
        "high": concept["difference_high"],
        "p_value": p_value,
    }


def _row(kind: str, found: bool | None, measure: str) -> dict[str, Any]:
    nothing = {"size": None, "low": None, "high": None, "p_value": None}
    return {"kind": kind, "found": found, "measure": measure, **nothing}
