"""The kinds of shift are told apart, and the advice fits the kind."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from landbridge.evidence import make_candidate
from landbridge.evidence.shift.advice import advise
from landbridge.evidence.shift.diagnosis import diagnose


def rule(X, rng):
    return (X[:, 0] + rng.logistic(size=len(X)) / 3 > 0).astype(int)


def domains(kind, seed, n=300):
    """A source and a labelled target that differ in one way alone."""
    rng = np.random.default_rng(seed)
    if kind == "label":
        ys, yt = rng.random(n) < 0.5, rng.random(n) < 0.85
        Xs, Xt = (rng.normal(size=(n, 3)) + 1.2 * y[:, None] for y in (ys, yt))
        return Xs, ys.astype(int), Xt, yt.astype(int)
    Xs, Xt = rng.normal(size=(n, 3)), rng.normal(size=(n, 3))
    if kind == "covariate":
        Xt = 0.7 * Xt + [0.6, -0.6, 0]
    yt = rule(-Xt if kind == "concept" else Xt, rng)
    return Xs, rule(Xs, rng), Xt, yt


@pytest.mark.parametrize("kind", ["none", "label", "covariate", "concept"])
def test_kinds_are_told_apart_with_labels(kind):
    right = sum(diagnose(*domains(kind, seed, 200)).main_kind == kind for seed in range(4))
    assert right >= 3


def test_without_labels_the_rules_stay_unknown():
    for kind, said in (("none", "none seen"), ("covariate", "covariate or concept")):
        diagnosis = diagnose(*domains(kind, 0)[:3])
        assert diagnosis.main_kind == said
        assert diagnosis.kinds[3]["found"] is None
        assert diagnosis.advice[-1]["family"] == "label some target rows"
    assert diagnose(*domains("label", 0)[:3]).main_kind == "label"


@pytest.mark.parametrize(
    ("kind", "family", "name"),
    [
        ("none", "nothing to carry over: the source as it is", "identity"),
        ("label", "label-shift correction", "label-shift"),
        ("covariate", "reweighting", "kmm"),
        ("concept", "learn from target labels, regularised towards the source", "regular"),
    ],
)
def test_the_first_advice_fits_the_kind(kind, family, name):
    first = diagnose(*domains(kind, 0)).advice[0]
    assert first["family"] == family
    assert name in first["try"]


def test_moved_rows_without_labels_are_advised_to_be_moved_back():
    Xs, ys, Xt, _ = domains("none", 0)
    first = diagnose(Xs, ys, Xt @ np.diag([3, 1, 0.5]) + 1).advice[0]
    assert (first["family"], first["try"]) == ("alignment of moments", ["coral", "monge"])


def test_rows_beyond_the_source_ask_for_labels():
    Xs, ys, Xt, _ = domains("none", 0)
    Xt[:60] += 9
    diagnosis = diagnose(Xs, ys, Xt)
    assert diagnosis.advice[0]["family"] == "target labels where the source has no rows"
    assert "reweighting" not in [one["family"] for one in diagnosis.advice]
    support = diagnosis.kinds[1]
    assert support["found"] and support["low"] < 0.2 < support["high"]


def test_a_class_of_the_target_alone_asks_for_labels():
    Xs, ys, Xt, yt = domains("none", 0)
    yt = np.where(Xt[:, 2] > 1, 2, yt)
    first = diagnose(Xs, ys, Xt, yt).advice[0]
    assert first["why"].startswith("the source has no rows of 2")


def test_every_name_in_the_advice_can_be_tried():
    names = set()
    for kind in ("none", "label", "covariate", "concept"):
        for labelled in (True, False):
            Xs, ys, Xt, yt = domains(kind, 0, 150)
            advice = diagnose(Xs, ys, Xt, yt if labelled else None).advice
            names |= {name for one in advice for name in one["try"]}
    assert len(names) > 6
    for name in names:
        assert make_candidate(name, LogisticRegression()).get_params()


def test_sizes_lie_in_their_intervals():
    for kind in ("label", "covariate", "concept"):
        for row in diagnose(*domains(kind, 1)).kinds:
            assert row["low"] <= row["size"] <= row["high"]
            assert 0 <= row["p_value"] <= 1


def test_numbers_have_kinds_too():
    rng = np.random.default_rng(0)
    Xs, Xt = rng.normal(size=(200, 3)), rng.normal(size=(200, 3))
    ys, yt = (X @ [1.0, 2.0, 0.0] + rng.normal(size=200) for X in (Xs, Xt))
    assert diagnose(Xs, ys, Xt, yt).main_kind == "none"
    found = diagnose(Xs, ys, Xt, yt + 3)
    assert found.main_kind == "concept"
    assert found.kinds[2]["low"] < 3 / ys.std() < found.kinds[2]["high"]


def test_advice_reads_as_a_sentence():
    first = diagnose(*domains("concept", 0)).advice[0]
    assert first["sentence"].startswith(
        "Learn from target labels, regularised towards the source ("
    )
    assert first["sentence"].endswith(first["why"] + ".")


def test_what_cannot_be_tested_is_unknown():
    diagnosis = diagnose(np.zeros((30, 2)) + np.arange(30)[:, None], [0, 1] * 15, [[1.0, 2.0]])
    assert diagnosis.main_kind == "unknown"
    assert [one["family"] for one in diagnosis.advice] == ["label some target rows"]
    assert advise(diagnosis.to_dict()) == diagnosis.advice


def bent(kind, seed, n):
    """Rows whose labels follow a rule that no straight line can: a cross, a ring."""
    rng = np.random.default_rng(seed)
    Xs, Xt = rng.normal(size=(n, 3)), rng.normal(size=(n, 3))
    if kind == "cross":
        return Xs, Xs[:, 0] * Xs[:, 1] > 0, Xt, Xt[:, 0] * Xt[:, 1] > 0
    return Xs, (Xs[:, :2] ** 2).sum(1) > 1.4, Xt, (Xt[:, :2] ** 2).sum(1) > 1.4


@pytest.mark.parametrize("kind", ["cross", "ring"])
def test_a_bent_rule_that_is_turned_round_is_found(kind):
    for seed in range(3):
        Xs, ys, Xt, yt = bent(kind, seed, 300)
        diagnosis = diagnose(Xs, ys, Xt, ~yt)
        assert diagnosis.main_kind == "concept"
        assert diagnosis.concept["target"] < 0.4 < 0.7 < diagnosis.concept["source"]
        assert "identity" not in str(diagnosis.advice)
        assert diagnose(Xs, ys, Xt, yt).kinds[3]["found"] is False


@pytest.mark.parametrize("numbers", [True, False])
def test_another_place_under_a_bent_rule_is_no_other_rule(numbers):
    found = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        Xs, Xt = rng.normal(size=(300, 4)), rng.normal(size=(200, 4)) + 0.7 * np.eye(4)[0]
        heights = [X[:, 0] ** 2 for X in (Xs, Xt)]
        if numbers:
            ys, yt = (h + 0.3 * rng.normal(size=len(h)) for h in heights)
        else:
            ys, yt = (rng.random(len(h)) < 1 / (1 + np.exp(3 - 3 * h)) for h in heights)
        found.append(diagnose(Xs, ys, Xt, yt).main_kind)
    assert found.count("covariate") >= 5


def test_a_source_model_that_guesses_tells_nothing_of_rules():
    rng = np.random.default_rng(0)
    Xs, Xt = rng.normal(size=(200, 3)), rng.normal(size=(150, 3))
    diagnosis = diagnose(Xs, rng.integers(0, 2, 200), Xt, rng.integers(0, 2, 150))
    assert diagnosis.main_kind == "none seen"
    assert diagnosis.kinds[3]["found"] is None
    assert "no better than guessing" in diagnosis.statements[-1]
    assert [one["family"] for one in diagnosis.advice] == ["compare with target labels alone"]


def test_domains_without_rows_in_common_tell_nothing_of_rules():
    Xs, ys, Xt, yt = domains("none", 0, 600)
    diagnosis = diagnose(Xs, ys, Xt + 12, 1 - yt)
    assert diagnosis.main_kind == "covariate or concept"
    assert "lie where the source does are worth no more than" in diagnosis.statements[-1]


def test_with_another_rule_no_reweighting_is_advised():
    Xs, ys, Xt, yt = domains("covariate", 0)
    diagnosis = diagnose(Xs, ys, Xt, 1 - yt)
    assert diagnosis.main_kind == "concept"
    assert diagnosis.kinds[0]["found"]
    assert not {"kmm", "ulsif", "classifier-ratio"} & {
        name for one in diagnosis.advice for name in one["try"]
    }


def test_a_source_of_one_class_gets_no_correction_of_shares():
    Xs, _, Xt, yt = domains("none", 0, 150)
    diagnosis = diagnose(Xs, np.zeros(150, dtype=int), Xt, yt)
    said = str(diagnosis)
    assert "nobody can know" not in said
    assert "leaves no difference" not in said
    assert "there is no source model to compare them with" in said
    assert diagnosis.advice[0]["why"].startswith("the source has no rows of 1")


def test_a_class_of_one_source_row_leaves_the_others_checked():
    Xs, ys, Xt, yt = domains("none", 0, 150)
    ys[0] = 9
    diagnosis = diagnose(Xs, ys, Xt, yt)
    assert diagnosis.label["classes"] == [0, 1, 9]
    assert diagnosis.concept["n_target_labelled"] == 150
    assert diagnosis.label["target_estimated"][2] == 0.0
    assert diagnosis.label_free["source_accuracy"] > 0.7


def test_headline_and_sentences_never_part():
    calls = set()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        step = 0.12 * (seed % 4)
        diagnosis = diagnose(rng.normal(size=(120, 2)), None, rng.normal(size=(120, 2)) + step)
        said = " ".join(diagnosis.statements)
        told = "The features differ" in said or "Features that differ by themselves" in said
        assert told == diagnosis.kinds[0]["found"]
        calls.add(told)
    assert calls == {True, False}
