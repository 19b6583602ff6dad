import re

from landbridge.report import render_report

CURVE = {
    "metric": "balanced_accuracy",
    "reason": None,
    "rows": [
        {"model": "coral", "labels": 8, "score": 0.612, "low": 0.5, "high": 0.7},
        {"model": "coral", "labels": 32, "score": 0.734, "low": 0.7, "high": 0.8},
    ],
    "worth": [
        {"model": "coral", "more": 40, "mean": 0.031, "low": 0.011, "high": 0.052, "reason": ""},
        {"model": "pooled", "more": 40, "mean": None, "low": None, "high": None, "reason": "flat"},
    ],
}
INFLUENCE = {
    "model": "coral",
    "by": "classes",
    "reason": None,
    "rows": [
        {"group": "ill", "rows": 30, "effect": -0.081, "low": -0.1, "high": -0.05, "error": None}
        | {"verdict": "hurts"},
        {"group": "well", "rows": 9, "effect": None, "low": None, "high": None, "verdict": None}
        | {"error": "one class is left"},
    ],
}


def text_of(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_what_more_labels_bring_is_told_with_its_interval_or_the_reason():
    text = text_of(render_report({"learning_curve": CURVE}))
    assert "40 more labels for coral : +0.031 +0.011 to +0.052" in text
    assert "40 more labels for pooled : not known, flat" in text
    assert "0.612" in text and "0.734" in text


def test_groups_that_hurt_are_named_and_those_that_cannot_be_left_out_say_why():
    text = text_of(render_report({"influence": INFLUENCE}))
    assert "ill 30 −0.081 −0.100 to −0.050 hurts" in text
    assert "well: one class is left" in text


def test_a_block_without_figures_gives_its_reason():
    gone = {"rows": [], "reason": "the budget was used up"}
    html = render_report({"learning_curve": gone, "influence": gone})
    assert html.count("Not known: the budget was used up.") == 2


def test_a_part_of_a_block_is_shown_with_the_reason_for_what_is_missing():
    cut = {"reason": "the 9 s for it were over"}
    text = text_of(render_report({"learning_curve": CURVE | cut, "influence": INFLUENCE | cut}))
    assert text.count("Not all is known: the 9 s for it were over.") == 2
    assert "Not known:" not in text
    assert "+0.031 +0.011 to +0.052" in text and "ill 30 −0.081" in text


def test_a_candidate_that_left_early_says_why(results):
    results["leaderboard"]["rows"][0]["dropped"] = "worse than coral after 5 folds"
    assert "worse than coral after 5 folds" in render_report(results)
