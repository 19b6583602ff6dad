"""The table of features: each figure against a hand computation or scipy."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency, ks_2samp

from landbridge.evidence.shift.feature_shift import (
    chi_square_p,
    feature_shift,
    holm,
    kolmogorov_smirnov,
    mean_difference,
    quantile_counts,
    stability_index,
)

KEYS = {
    "name", "kind", "effect", "ks", "p_value", "p_adjusted", "psi", "mean_difference",
    "missing_source", "missing_target", "only_source", "only_target", "bins", "source_share",
    "target_share",
}  # fmt: skip


def one_row(source, target):
    [row] = feature_shift(pd.DataFrame({"a": source}), pd.DataFrame({"a": target}))
    return row


@pytest.mark.parametrize("sizes", [(40, 31), (700, 20), (900, 800)])
def test_kolmogorov_smirnov_is_scipys(sizes, rng):
    source, target = rng.normal(size=sizes[0]).round(1), rng.normal(size=sizes[1]) + 0.1
    expected = ks_2samp(source, target, method="exact" if max(sizes) <= 500 else "asymp")
    statistic, p_value = kolmogorov_smirnov(source, target)
    assert statistic == pytest.approx(expected.statistic, abs=1e-12)
    assert p_value == pytest.approx(expected.pvalue, rel=1e-9)


def test_kolmogorovs_limit_is_near_the_law_that_it_replaces(rng):
    source, target = rng.normal(size=25_000), rng.normal(size=25_000) + 0.01
    expected = ks_2samp(source, target, method="asymp").pvalue
    assert kolmogorov_smirnov(source, target)[1] == pytest.approx(expected, rel=0.02)


def test_stability_index_by_hand():
    # Shares (2.5, 0.5) / 3 and (1.5, 1.5) / 3 after half a row was added to each bin.
    by_hand = (1.5 - 2.5) / 3 * np.log(1.5 / 2.5) + (1.5 - 0.5) / 3 * np.log(1.5 / 0.5)
    assert stability_index(np.array([2, 0]), np.array([1, 1])) == pytest.approx(by_hand, abs=1e-15)


def test_the_bins_of_the_stability_index_hold_a_tenth_of_the_source_each():
    source, target = np.arange(1.0, 101.0), np.full(7, 1000.0)
    of_source, of_target = quantile_counts(source, target)
    assert of_source.tolist() == [10] * 10
    assert of_target.tolist() == [0] * 9 + [7]


def test_few_values_make_few_bins():
    of_source, of_target = quantile_counts(np.array([0.0, 0, 0, 1]), np.array([1.0, 1]))
    assert (of_source.tolist(), of_target.tolist()) == ([3, 1, 0], [0, 2, 0])


def test_mean_difference_is_in_standard_deviations():
    source, target = np.array([0.0, 2.0]), np.array([3.0, 9.0])
    assert mean_difference(source, target) == pytest.approx(5 / np.sqrt((1 + 9) / 2))


def test_mean_difference_of_constants():
    assert mean_difference(np.ones(3), np.ones(2)) == 0.0
    assert mean_difference(np.ones(3), np.zeros(2)) is None


def test_chi_square_is_scipys_where_no_category_is_rare():
    counts = np.array([[30, 20, 50], [25, 40, 10]])
    expected = chi2_contingency(counts, correction=False).pvalue
    assert chi_square_p(counts) == pytest.approx(expected, rel=1e-12)


def test_rare_categories_are_tested_together():
    counts = np.array([[30, 20, 1, 2, 7], [25, 40, 3, 0, 2]])
    together = np.array([[30, 20, 10], [25, 40, 5]])
    assert chi_square_p(counts) == chi_square_p(together)
    assert chi_square_p(np.array([[5], [7]])) == 1.0


def test_holm_by_hand_and_never_below_the_p_value(rng):
    assert holm([0.04, 0.01, 0.03, 0.9]).tolist() == pytest.approx([0.09, 0.04, 0.09, 0.9])
    p = rng.uniform(size=30)
    adjusted = holm(p)
    assert (adjusted >= p).all()
    assert (np.diff(adjusted[np.argsort(p)]) >= 0).all()
    assert holm([]).shape == (0,)


def test_numbers_that_move_are_first_and_the_rest_are_not_accused(rng):
    Xs, Xt = rng.normal(size=(300, 5)), rng.normal(size=(200, 5)) + 2 * np.eye(5)[2]
    rows = feature_shift(Xs, Xt)
    assert rows[0]["name"] == "x2"
    assert [row["p_adjusted"] <= 0.05 for row in rows] == [True, False, False, False, False]
    assert [row["effect"] for row in rows] == sorted((r["effect"] for r in rows), reverse=True)


def test_categories_by_hand():
    row = one_row(["a", "a", "b", "c"], ["a", "d"])
    assert row["kind"] == "category"
    assert row["effect"] == pytest.approx(0.5)  # |1/2 - 1/2| + 1/4 + 1/4 + 1/2, halved
    assert (row["only_source"], row["only_target"]) == (["b", "c"], ["d"])
    assert row["ks"] is None
    assert row["mean_difference"] is None
    assert dict(zip(row["bins"], row["source_share"])) == {"a": 0.5, "b": 0.25, "c": 0.25, "d": 0}
    assert row["psi"] == pytest.approx(
        stability_index(np.array([2, 1, 1, 0]), np.array([1, 0, 0, 1]))
    )


def test_many_categories_are_drawn_as_twelve_and_the_others():
    row = one_row([f"c{k}" for k in range(20)], ["c0"] * 5)
    assert len(row["bins"]) == 13
    assert row["bins"][-1] == "(other)"
    assert sum(row["source_share"]) == pytest.approx(1.0)
    assert sum(row["target_share"]) == pytest.approx(1.0)


def test_histograms_share_their_edges_and_lose_no_row(rng):
    row = one_row(np.r_[rng.normal(size=200), 1e6], rng.normal(size=50) + 1)
    assert len(row["bins"]) == 21
    assert row["bins"][-1] < 10  # one outlier does not flatten the drawing
    assert sum(row["source_share"]) == pytest.approx(1.0)
    assert sum(row["target_share"]) == pytest.approx(1.0)


def test_missing_values_are_a_shift_of_their_own(rng):
    values = rng.normal(size=100)
    row = one_row(values, np.where(np.arange(100) < 60, np.nan, values))
    assert (row["missing_source"], row["missing_target"]) == (0.0, 0.6)
    assert row["effect"] == pytest.approx(0.6)
    assert row["p_value"] < 1e-10


def test_a_column_that_one_table_lacks_counts_as_missing():
    source, target = pd.DataFrame({"a": [1, 2], "b": [1, 2]}), pd.DataFrame({"a": [1, 2]})
    lacking = feature_shift(source, target)[0]
    assert (lacking["name"], lacking["missing_target"], lacking["effect"]) == ("b", 1.0, 1.0)
    assert lacking["psi"] is None


@pytest.mark.parametrize(
    ("source", "target", "kind"),
    [
        ([1, 2], [1.5, None], "number"),
        (pd.array([1, None], dtype="Int64"), [3, 4], "number"),
        ([1, 2], ["x", "y"], "category"),
        ([True, False], [True, None], "category"),
        (pd.Categorical([1, 2]), pd.Categorical([2, 2]), "category"),
        (pd.to_datetime(["2020-01-01", None]), pd.to_datetime(["2021-01-01"] * 2), "number"),
        ([None, None], [1.0, 2.0], "number"),
        ([None, None], ["x", "y"], "category"),
        ([None, None], [None, None], "category"),
        ([1.0, np.inf], [1.0, 2.0], "number"),
    ],
)
def test_every_type_of_column_has_a_kind_and_a_row_fit_for_json(source, target, kind):
    row = one_row(source, target)
    assert row["kind"] == kind
    assert set(row) == KEYS
    assert json.loads(json.dumps(row, allow_nan=False)) == row


def test_dates_are_days_since_1970():
    row = one_row(pd.to_datetime(["1970-01-11"] * 3), pd.to_datetime(["1970-01-21"] * 3))
    assert (row["bins"][0], row["bins"][-1], row["ks"]) == (10.0, 20.0, 1.0)


def test_row_order_changes_no_figure(rng):
    source = pd.DataFrame({"a": rng.normal(size=40), "b": rng.choice(list("xyz"), 40)})
    target = pd.DataFrame({"a": rng.normal(size=30), "b": rng.choice(list("xyw"), 30)})
    mixed = feature_shift(source.sample(frac=1, random_state=0), target.iloc[::-1])
    for row, other in zip(feature_shift(source, target), mixed):
        assert other.pop("mean_difference") == pytest.approx(row.pop("mean_difference"))
        assert other == row


def test_a_constant_column_and_one_target_row_will_do():
    row = one_row([1.0, 1.0, 1.0], [1.0])
    assert (row["effect"], row["p_value"], row["mean_difference"]) == (0.0, 1.0, 0.0)
    assert sum(row["source_share"]) == sum(row["target_share"]) == 1.0


def test_bad_tables_are_named():
    table = pd.DataFrame({"a": [1.0]})
    with pytest.raises(ValueError, match="target has no rows"):
        feature_shift(table, table.iloc[:0])
    with pytest.raises(ValueError, match="source has more than one column called 'a'"):
        feature_shift(pd.concat([table, table], axis=1), table)
    with pytest.raises(ValueError, match="source has 2, target has 3"):
        feature_shift(np.zeros((4, 2)), np.zeros((4, 3)))
    with pytest.raises(ValueError, match="both be DataFrames or both be arrays"):
        feature_shift(np.zeros((4, 1)), table)
    with pytest.raises(ValueError, match=r"source must be a table.*found \(3,\)"):
        feature_shift(np.zeros(3), table)


def test_a_count_that_rounding_spoils_falls_back_without_a_warning():
    # SciPy's exact method gives up on these with a RuntimeWarning.
    rng = np.random.default_rng(197)
    rng.integers(60, 220, 2)
    source, target = (rng.poisson(0.05, 209).astype(float) for _ in range(2))
    with pytest.warns(RuntimeWarning, match="Exact calculation unsuccessful"):
        ks_2samp(source, target, method="exact")
    distance, p_value = kolmogorov_smirnov(source, target)
    assert distance == pytest.approx(ks_2samp(source, target, method="asymp").statistic)
    assert p_value == 1.0
