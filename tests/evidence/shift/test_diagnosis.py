"""The whole diagnosis: its shape, its sentences, and what it says when little is known."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from landbridge.evidence.shift.diagnosis import diagnose


@pytest.fixture
def domains():
    rng = np.random.default_rng(0)
    Xs, Xt = rng.normal(size=(150, 3)), rng.normal(size=(80, 3)) + 1.5 * np.eye(3)[0]
    return Xs, np.where(Xs[:, 1] > 0, "yes", "no"), Xt, np.where(Xt[:, 1] > 0, "yes", "no")


def said(diagnosis):
    return " ".join(diagnosis.statements)


def test_the_dict_has_its_shape_and_survives_json(domains):
    found = diagnose(*domains).to_dict()
    assert list(found) == [
        "n_source", "n_target", "c2st", "mmd", "proxy_a_distance", "support", "explanations",
        "features", "label", "concept", "label_free", "kinds", "main_kind", "advice", "statements",
    ]  # fmt: skip
    assert list(found["c2st"]) == ["auc", "low", "high", "p_value", "n_permutations", "n_used"]
    assert list(found["mmd"]) == ["mmd2", "low", "high", "p_value", "bandwidth", "n_used"]
    assert [row["kind"] for row in found["kinds"]] == [
        "covariate", "missing support", "label", "concept",
    ]  # fmt: skip
    assert set(found["label"]) == {
        "kind", "classes", "source", "target_observed", "observed_low", "observed_high", "p_value",
        "n_target_labelled", "target_estimated", "estimated_low", "estimated_high", "method",
        "bbse", "condition",
    }  # fmt: skip
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_shift_of_one_feature_is_named(domains):
    diagnosis = diagnose(*domains)
    assert diagnosis.features[0]["name"] == "x0"
    assert "The features differ between the domains" in said(diagnosis)
    assert "1 of 3; the most: x0" in said(diagnosis)
    assert "No clear sign that labels depend on the features differently" in said(diagnosis)


def test_domains_that_are_alike_are_said_to_be_so():
    X = np.random.default_rng(3).normal(size=(200, 2))
    diagnosis = diagnose(X[:100], X[:100, 0] > 0, X[100:])
    assert "No difference between the domains' features as a whole was found" in said(diagnosis)
    assert "None of 2 features differs by itself" in said(diagnosis)


def test_features_that_differ_one_by_one_alone_are_a_shift_too():
    rng = np.random.default_rng(0)
    Xs, Xt = rng.normal(size=(300, 12)), rng.normal(size=(300, 12))
    Xt[:, 3] = np.sign(Xt[:, 3])  # the same mean and spread, in two points
    diagnosis = diagnose(Xs, Xs[:, 0] > 0, Xt)
    assert "No difference between the domains' features as a whole was found" in said(diagnosis)
    assert diagnosis.kinds[0]["found"] is True
    assert diagnosis.main_kind == "covariate or concept"


def test_without_target_labels_it_says_what_cannot_be_known(domains):
    diagnosis = diagnose(*domains[:3])
    assert diagnosis.concept is None
    assert diagnosis.label["target_observed"] is None
    assert "cannot be known from 0 target labels" in said(diagnosis)
    assert "whether transfer helps" in said(diagnosis)


def test_a_reversed_rule_is_called_out(domains):
    Xs, ys, Xt, yt = domains
    diagnosis = diagnose(Xs, ys, Xt, np.where(yt == "yes", "no", "yes"))
    assert "Labels do not follow the source model in the target" in said(diagnosis)


def test_blank_labels_are_no_labels(domains):
    Xs, ys, Xt, yt = domains
    few = yt.astype(object)
    few[25:] = None
    diagnosis = diagnose(Xs, ys, Xt, few)
    assert diagnosis.label["n_target_labelled"] == 25
    assert diagnosis.concept["n_target_labelled"] == 25
    assert diagnosis.label["classes"] == ["no", "yes"]


def test_minus_one_is_a_class(domains):
    Xs, ys, Xt, yt = domains
    signs = [np.where(y == "yes", 1, -1) for y in (ys, yt)]
    assert diagnose(Xs, signs[0], Xt, signs[1]).label["classes"] == [-1, 1]


def test_classes_of_the_target_alone_are_named(domains):
    Xs, ys, Xt, yt = domains
    strange = np.where(Xt[:, 2] > 0, "maybe", yt)
    diagnosis = diagnose(Xs, ys, Xt, strange)
    assert "The source has no rows of maybe" in said(diagnosis)
    assert diagnosis.concept["target"] < 0.8


def test_numbers_with_fractions_are_regression(domains):
    Xs, _, Xt, _ = domains
    diagnosis = diagnose(Xs, Xs[:, 1] + 0.1 * Xs[:, 2], Xt, Xt[:, 1] + 0.1 * Xt[:, 2])
    assert diagnosis.label["kind"] == "regression"
    assert diagnosis.concept["metric"] == "mean absolute error"
    assert "The label's mean is" in said(diagnosis)
    json.dumps(diagnosis.to_dict(), allow_nan=False)


def test_whole_numbers_are_regression_on_demand(domains):
    Xs, _, Xt, _ = domains
    label = diagnose(Xs, Xs[:, 0].round(), Xt, task="regression").label
    assert label["kind"] == "regression"


def test_one_target_row_gets_a_statement(domains):
    Xs, ys, Xt, _ = domains
    diagnosis = diagnose(Xs, ys, Xt[:1])
    assert (diagnosis.c2st, diagnosis.mmd, diagnosis.proxy_a_distance) == (None, None, None)
    assert "cannot be tested on 150 source and 1 target rows" in said(diagnosis)
    assert "class shares cannot be estimated" in said(diagnosis)


def test_one_class_gets_a_statement(domains):
    Xs, _, Xt, _ = domains
    diagnosis = diagnose(Xs, ["a"] * 150, Xt)
    assert diagnosis.label["target_estimated"] is None
    assert diagnosis.label_free is None
    assert "takes two classes or more" in said(diagnosis)


def test_no_labels_at_all_get_a_statement(domains):
    Xs, _, Xt, _ = domains
    diagnosis = diagnose(Xs, None, Xt)
    assert diagnosis.label is None
    assert "the source has none" in said(diagnosis)


def test_one_constant_float32_column_will_do(domains):
    rows = np.ones((20, 1), dtype=np.float32)
    diagnosis = diagnose(rows, [0, 1] * 10, rows[:12])
    assert diagnosis.c2st["p_value"] == diagnosis.mmd["p_value"] == 1.0


def test_original_columns_make_the_table_of_features(domains):
    Xs, ys, Xt, _ = domains
    raw_source = pd.DataFrame({"town": ["x", "y"] * 75, "empty": [1.0] * 150})
    raw_target = pd.DataFrame({"town": ["x", "z"] * 40, "empty": [np.nan] * 80})
    diagnosis = diagnose(Xs, ys, Xt, raw_source=raw_source, raw_target=raw_target)
    assert {row["name"] for row in diagnosis.features} == {"town", "empty"}
    assert "categories in the target that the source never shows: town (z)" in said(diagnosis)
    assert "Wholly missing in one domain: empty" in said(diagnosis)
    assert "missing in 0% of source rows, 100% of target rows" in said(diagnosis)


def test_the_same_seed_gives_the_same_diagnosis_and_inputs_stay(domains):
    before = [part.copy() for part in domains]
    assert diagnose(*domains) == diagnose(*domains)
    for part, was in zip(domains, before, strict=True):
        np.testing.assert_array_equal(part, was)


def test_it_prints_in_twenty_eight_lines():
    rng = np.random.default_rng(0)
    Xs, Xt = rng.normal(size=(90, 40)), rng.normal(size=(60, 40)) + 1
    text = str(diagnose(Xs, rng.integers(0, 3, 90), Xt, rng.integers(0, 4, 60)))
    assert text.startswith("Diagnosis of 90 source and 60 target rows: ")
    assert "… and 32 more" in text
    assert len(text.splitlines()) <= 28


def test_bad_input_is_named(domains):
    Xs, ys, Xt, yt = domains
    with pytest.raises(ValueError, match="Xs has 3, Xt has 2"):
        diagnose(Xs, ys, Xt[:, :2])
    with pytest.raises(ValueError, match="ys must have a label for each of 150 rows: found 10"):
        diagnose(Xs, ys[:10], Xt)
    with pytest.raises(ValueError, match="yt must have a label for each of 80 rows"):
        diagnose(Xs, ys, Xt, yt[:10])
    with pytest.raises(ValueError, match=r"task must be .* found 'ranking'"):
        diagnose(Xs, ys, Xt, task="ranking")
    with pytest.raises(ValueError, match="Give both raw_source and raw_target"):
        diagnose(Xs, ys, Xt, raw_source=pd.DataFrame(Xs))
    with pytest.raises(ValueError, match=r"ys must hold numbers for regression: found '(no|yes)'"):
        diagnose(Xs, ys, Xt, task="regression")
    with pytest.raises(ValueError, match="they part at 'a'"):
        diagnose(pd.DataFrame(Xs, columns=list("abc")), ys, pd.DataFrame(Xt, columns=list("bac")))
    with pytest.raises(ValueError, match="minimum of 1 is required"):
        diagnose(Xs, ys, Xt[:0])


def test_tables_with_gaps_and_words_are_taken_as_they_are():
    rng = np.random.default_rng(0)
    tables = [
        pd.DataFrame({"age": rng.normal(50, 9, n), "town": rng.choice(["x", "y"], n, p=shares)})
        for n, shares in ((200, [0.5, 0.5]), (150, [0.9, 0.1]))
    ]
    tables[0].loc[3, "age"] = np.nan
    diagnosis = diagnose(tables[0], tables[0]["town"] == "x", tables[1])
    assert {row["name"] for row in diagnosis.features} == {"age", "town"}
    assert diagnosis.features[0]["name"] == "town"
    assert diagnosis.main_kind in ("covariate or concept", "label")


def test_sparse_rows_and_several_sources_are_refused_with_a_way_out(domains):
    Xs, ys, Xt, _ = domains
    with pytest.raises(TypeError, match=r"Xs is sparse.*TruncatedSVD"):
        diagnose(csr_matrix(Xs), ys, Xt)
    with pytest.raises(TypeError, match="Xt is sparse"):
        diagnose(Xs, ys, csr_matrix(Xt))
    with pytest.raises(TypeError, match=r"dict of several.*rank_sources"):
        diagnose({"a": (Xs, ys)}, None, Xt)
    with pytest.raises(ValueError, match=r"Input Xt contains 1 NaN.*TableFeatures"):
        diagnose(Xs, ys, np.where(Xt == Xt[3, 1], np.nan, Xt))


@pytest.mark.parametrize("labels", ["classes", "numbers", "blank"])
def test_the_order_of_rows_changes_nothing(domains, labels):
    Xs, ys, Xt, yt = domains
    if labels == "numbers":
        ys, yt = Xs[:, 1] ** 2 + 0.1 * Xs[:, 2], Xt[:, 1]
    if labels == "blank":
        yt = np.where(np.arange(len(yt)) % 2, yt, None)
    mixed = [np.random.default_rng(seed).permutation(len(X)) for seed, X in ((1, Xs), (2, Xt))]
    before = diagnose(Xs, ys, Xt, yt).to_dict()
    after = diagnose(Xs[mixed[0]], ys[mixed[0]], Xt[mixed[1]], yt[mixed[1]]).to_dict()
    for key in ("c2st", "mmd", "support", "explanations", "concept", "label_free", "kinds"):
        assert after[key] == before[key]
    assert after["statements"] == before["statements"]


def test_rows_that_repeat_each_other_are_told(domains):
    Xs, ys, Xt, yt = domains
    diagnosis = diagnose(np.repeat(Xs, 5, axis=0), np.repeat(ys, 5), Xt, yt)
    assert diagnosis.statements[0].startswith("Of 750 source rows only 150 are distinct")
    assert "distinct" not in said(diagnose(*domains))
    whole = np.random.default_rng(0).integers(0, 3, size=(200, 2)).astype(float)
    assert "distinct" not in said(diagnose(whole[:100], None, whole[100:]))


def test_raw_tables_have_the_rows_they_stand_for(domains):
    Xs, ys, Xt, _ = domains
    raw = pd.DataFrame(Xs), pd.DataFrame(Xt)
    with pytest.raises(ValueError, match="raw_source must have the rows of Xs: found 2 for 150"):
        diagnose(Xs, ys, Xt, raw_source=raw[0][:2], raw_target=raw[1])
    with pytest.raises(ValueError, match="raw_target must have the rows of Xt: found 81 for 80"):
        diagnose(Xs, ys, Xt, raw_source=raw[0], raw_target=pd.DataFrame(Xs[:81]))


@pytest.mark.parametrize("gap", [0.5, np.nan])
def test_unlike_columns_are_named(domains, gap):
    Xs, ys, Xt, _ = domains
    frame_s, frame_t = pd.DataFrame(Xs, columns=list("abe")), pd.DataFrame(Xt, columns=list("abx"))
    frame_s.iloc[0, 0] = gap
    with pytest.raises(ValueError, match=r"Xs alone has 'e', Xt alone 'x'\. Name them alike"):
        diagnose(frame_s, ys, frame_t)
    with pytest.raises(ValueError, match="they part at 'a'"):
        diagnose(frame_s, ys, frame_s[["b", "a", "e"]])
    with pytest.raises(ValueError, match="Xt has more than one column called 'a'"):
        diagnose(frame_s, ys, frame_t.set_axis(["a", "a", "b"], axis=1))


def test_values_whose_squares_overflow_and_a_word_for_a_seed_are_refused(domains):
    Xs, ys, Xt, _ = domains
    Xt = Xt.copy()
    Xt[3, 1] = 1e160
    with pytest.raises(ValueError, match=r"Xt has values beyond 1e\+100"):
        diagnose(Xs, ys, Xt)
    with pytest.raises(ValueError, match=r"random_state must be .*found 'a'"):
        diagnose(Xs, ys, Xs, random_state="a")


def test_one_value_far_out_leaves_the_shares_alone_and_warns_of_nothing(domains):
    Xs, ys, Xt, yt = domains
    Xs, Xt = Xs.copy(), Xt.copy()
    Xs[7, 1] = Xt[5, 1] = 1e12
    label = diagnose(Xs, ys, Xt, yt).label
    assert label["target_estimated"][0] == pytest.approx(label["target_observed"][0], abs=0.12)


def test_intervals_are_printed_with_their_figures(domains):
    diagnosis = diagnose(*domains)
    label, concept, mmd = diagnosis.label, diagnosis.concept, diagnosis.mmd
    k = int(np.argmax(np.abs(np.subtract(label["source"], label["target_estimated"]))))
    low, high = (label[f"estimated_{end}"][k] for end in ("low", "high"))
    change = f"{concept['difference_low']:.2g} to {concept['difference_high']:.2g}"
    assert f"{low:.0%} to {high:.0%}, the largest change (EM" in said(diagnosis)
    assert f"change {change}; p =" in said(diagnosis)
    assert f"({mmd['low']:.2g} to {mmd['high']:.2g}; p =" in said(diagnosis)


def test_two_hospitals_differ():
    folder = os.environ.get("LANDBRIDGE_DATA")
    if not folder:
        pytest.skip("LANDBRIDGE_DATA names no folder of data sets")
    source, target = (
        pd.read_csv(Path(folder, "heart_disease", f"processed.{place}.data"), na_values="?")
        for place in ("cleveland", "hungarian")
    )
    diagnosis = diagnose(
        source[["age", "sex", "cp"]],
        source["target"] > 0,
        target[["age", "sex", "cp"]],
        target["target"] > 0,
        raw_source=source.drop(columns="target"),
        raw_target=target.drop(columns="target"),
    )
    assert diagnosis.c2st["p_value"] < 0.01
    assert {row["name"] for row in diagnosis.features[:3]} == {"ca", "thal", "slope"}
