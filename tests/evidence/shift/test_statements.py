"""The sentences: each finding has its own."""

import pytest

from landbridge.evidence.shift.statements import statements


@pytest.fixture
def facts():
    return {
        "n_source": 100,
        "n_target": 50,
        "c2st": {"auc": 0.5, "low": 0.4, "high": 0.6, "p_value": 0.4},
        "mmd": {"mmd2": 0.001, "p_value": 0.5},
        "support": None,
        "explanations": [],
        "features": [],
        "label": {
            "kind": "classification",
            "classes": ["a", "b"],
            "source": [0.5, 0.5],
            "target_observed": None,
            "p_value": 0.5,
            "n_target_labelled": 0,
            "target_estimated": [0.8, 0.2],
            "condition": 2.0,
        },
        "concept": None,
    }


@pytest.mark.parametrize(("p_value", "differs"), [(0.025, True), (0.03, False)])
def test_either_test_calls_a_shift_at_half_the_level(facts, p_value, differs):
    facts["mmd"]["p_value"] = p_value
    assert statements(facts)[0].startswith("The features differ") == differs


def test_the_largest_change_of_a_class_is_told(facts):
    assert any("class a makes up 80% (source: 50%)" in line for line in statements(facts))


@pytest.mark.parametrize(("condition", "weak"), [(99.0, False), (101.0, True), (None, True)])
def test_an_estimate_on_confused_classes_is_called_weak(facts, condition, weak):
    facts["label"]["condition"] = condition
    assert any("the estimate is weak" in line for line in statements(facts)) == weak


@pytest.mark.parametrize(("p_value", "start"), [(0.01, "Labels do not"), (0.02, "No clear sign")])
def test_the_rule_of_labels_is_doubted_at_one_percent(facts, p_value, start):
    facts["concept"] = {
        "metric": "accuracy",
        "source": 0.9,
        "target": 0.7,
        "n_target_labelled": 30,
        "p_value": p_value,
        "p_value_with_shares": None,
    }
    assert statements(facts)[-1].startswith(start)
    assert "accuracy is 0.7 on 30 labelled target rows and 0.9 out of fold" in statements(facts)[-1]


@pytest.mark.parametrize(("observed", "contradicted"), [([0.3, 0.7], True), ([0.75, 0.25], False)])
def test_an_estimate_that_the_labels_contradict_is_called_so(facts, observed, contradicted):
    facts["label"] |= {"target_observed": observed, "n_target_labelled": 100}
    said = " ".join(statements(facts))
    assert ("the labelled rows contradict it" in said) == contradicted


def test_label_shift_is_not_called_another_rule(facts):
    facts["concept"] = {
        "metric": "accuracy",
        "source": 0.9,
        "target": 0.8,
        "n_target_labelled": 90,
        "p_value": 0.001,
        "p_value_with_shares": 0.4,
    }
    assert statements(facts)[-1].startswith("Labels follow the source model once it knows")


def test_missing_support_is_told_with_its_interval(facts):
    facts["support"] = {"share_outside": 0.25, "low": 0.2, "high": 0.3, "p_value": 1e-9}
    assert statements(facts)[1] == (
        "About 25% of target rows (20% to 30%) lie where the source has none (p = 1e-09)."
    )


@pytest.mark.parametrize(
    ("p_value", "left"), [(0.4, "nothing more is seen"), (0.01, "some is left")]
)
def test_the_simplest_explanation_is_told(facts, p_value, left):
    facts["mmd"]["p_value"] = 0.001
    facts["explanations"] = [
        {"change": "means", "explained": 0.9, "p_value": p_value},
        {"change": "means and covariances", "explained": 0.85, "p_value": 0.01},
    ]
    assert "Bringing the source's means to the target's takes away 90%" in statements(facts)[1]
    assert left in statements(facts)[1]
