import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier

from landbridge import CORAL, Refit, Transfer, compare, group_influence
from landbridge.evidence.verdict.trying import OutOfTime

TRANSFER = Transfer(LogisticRegression(), target=Refit(LogisticRegression()))


@pytest.fixture
def wards():
    """Three wards; in one the label is of another feature."""
    rng = np.random.default_rng(0)
    Xs, Xt = rng.normal(size=(240, 3)), rng.normal(size=(120, 3))
    ys, yt = (Xs[:, 0] > 0).astype(int), (Xt[:, 0] > 0).astype(float)
    names = np.repeat(["good", "other", "more"], [60, 120, 60])
    ys[names == "other"] = (Xs[:, 1] > Xs[:, 0])[names == "other"]
    yt[90:] = np.nan
    return Xs, ys, Xt, yt, names


def test_what_hurts_comes_first_and_what_helps_last(wards):
    *data, names = wards
    found = group_influence(TRANSFER, *data, groups=names)
    assert found.index[0] == "other"
    assert found.loc["other", "verdict"] == "hurts"
    assert sorted(found["rows"]) == [60, 60, 120]
    assert (found["effect"].diff().dropna() >= 0).all()
    assert ((found["low"] <= found["effect"]) & (found["effect"] <= found["high"])).all()


def test_the_effect_is_the_difference_of_two_comparisons(wards):
    Xs, ys, Xt, yt, names = wards
    found = group_influence(TRANSFER, *wards[:4], groups=names, n_repeats=1)
    kept = names != "other"
    options = {"learner": TRANSFER.source, "candidates": {"it": TRANSFER}, "n_repeats": 1}
    all_rows = compare(Xs, ys, Xt, yt, **options)["it"].scores
    rest = compare(Xs[kept], ys[kept], Xt, yt, **options)["it"].scores
    assert found.loc["other", "effect"] == pytest.approx((all_rows - rest).mean())


def test_groups_that_do_not_matter_are_not_claimed_to(wards):
    Xs, ys, Xt, yt, names = wards
    ys = (Xs[:, 0] > 0).astype(int)
    drawn = np.random.default_rng(1).permutation(names)
    found = group_influence(TRANSFER, Xs, ys, Xt, yt, groups=drawn)
    assert found["verdict"].tolist() == ["no evidence"] * 3


def test_classes_and_clusters_are_groups(wards):
    Xs, _, Xt, yt, _ = wards
    ys = np.digitize(Xs[:, 0], [-0.5, 0.5])
    by_class = group_influence(TRANSFER, Xs, ys, Xt, np.where(np.isnan(yt), np.nan, 2 * yt))
    assert sorted(by_class.index) == [0, 1, 2]
    assert by_class["rows"].sum() == 240
    clusters = group_influence(TRANSFER, *wards[:4], groups="clusters", n_clusters=3, n_repeats=1)
    assert sorted(clusters.index) == ["cluster 0", "cluster 1", "cluster 2"]


def test_a_class_that_cannot_be_left_out_says_why(wards):
    found = group_influence(TRANSFER, *wards[:4], groups="classes", n_repeats=1)
    assert found["effect"].isna().all()
    assert all("at least 2 classes" in reason for reason in found["error"])


def test_numbers_are_grouped_by_fifths(wards):
    Xs, _, Xt, _, _ = wards
    yt = np.where(np.arange(120) < 60, Xt[:, 0], np.nan)
    found = group_influence(Transfer(LinearRegression()), Xs, Xs[:, 0], Xt, yt, n_repeats=1)
    assert found["rows"].tolist() == [48] * 5


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ("wards", 'groups must be "classes", "clusters" or a column'),
        (["a"] * 240, "Two groups or more"),
        (["a"] * 239 + [None], "groups has blanks"),
        (["a"] * 3, "a label for each of 240 rows: found 3"),
    ],
)
def test_groups_that_are_none_are_refused(wards, groups, message):
    with pytest.raises(ValueError, match=message):
        group_influence(TRANSFER, *wards[:4], groups=groups)


def test_too_few_target_labels_are_refused(wards):
    Xs, ys, Xt, yt, names = wards
    yt[3:] = np.nan
    with pytest.raises(ValueError, match="yt has 3, and 6 are the least"):
        group_influence(TRANSFER, Xs, ys, Xt, yt, groups=names)


def test_with_two_classes_the_groups_are_clusters_unless_asked_for(wards):
    usual = group_influence(TRANSFER, *wards[:4], n_repeats=1)
    assert usual.index.str.startswith("cluster").all()
    assert usual["effect"].notna().all()
    asked = group_influence(TRANSFER, *wards[:4], groups="clusters", n_repeats=1)
    pd.testing.assert_frame_equal(usual, asked)


class Odd(Transfer):
    """Fails when told to, by the source rows that it gets or by the number of its fit."""

    fits = 0

    def __init__(self, source, fewest=0, error=RuntimeError, until=np.inf):
        super().__init__(source)
        self.fewest = fewest
        self.error = error
        self.until = until

    def fit(self, Xs, ys, Xt, yt):
        Odd.fits += 1
        if len(Xs) < self.fewest:
            raise self.error("it broke")
        if Odd.fits > self.until:
            raise OutOfTime
        return super().fit(Xs, ys, Xt, yt)


@pytest.mark.parametrize("error", [RuntimeError, ValueError, SystemExit])
def test_a_group_without_which_the_transfer_fails_says_why(wards, error):
    *data, names = wards
    odd = Odd(LogisticRegression(), 150, error)
    found = group_influence(odd, *data, groups=names, n_repeats=1)
    assert "it broke" in found.loc["other", "error"]
    assert found.loc["other", ["effect", "low", "high", "verdict"]].isna().all()
    good = group_influence(Transfer(LogisticRegression()), *data, groups=names, n_repeats=1)
    others, figures = ["good", "more"], ["rows", "effect", "low", "high"]
    pd.testing.assert_frame_equal(found.loc[others, figures], good.loc[others, figures])
    assert found.loc[others, "error"].isna().all()


def test_a_transfer_that_fails_with_all_rows_is_refused_with_its_reason(wards):
    *data, names = wards
    with pytest.raises(ValueError, match=r"with all source rows: RuntimeError: it broke"):
        group_influence(Odd(LogisticRegression(), 1000), *data, groups=names)


def test_a_metric_that_says_nothing_on_a_fold_is_no_lack_of_evidence(wards):
    Xs, ys, Xt, yt, names = wards
    yt[:89], yt[89] = 1.0, 0.0
    with pytest.raises(ValueError, match="the metric is not defined on every fold"):
        group_influence(TRANSFER, Xs, ys, Xt, yt, groups=names, metric="roc_auc")


def test_time_that_is_over_leaves_the_folds_that_were_done(wards, monkeypatch):
    *data, names = wards
    monkeypatch.setattr(Odd, "fits", 0)
    late = Odd(LogisticRegression(), until=3 * 4 + 2)  # whole, and without each of three groups
    found = group_influence(late, *data, groups=names, n_repeats=1, budget="1h")
    assert found["dropped"].unique().tolist() == ["the 3600 s for it were over after 3 of 5 folds"]
    assert np.isfinite(found[["effect", "low", "high"]].to_numpy(dtype=float)).all()
    assert found["error"].isna().all()
    whole = group_influence(Odd(LogisticRegression()), *data, groups=names, n_repeats=1)
    assert whole["dropped"].isna().all()


def test_a_single_fold_in_time_gives_no_interval_and_so_no_verdict(wards, monkeypatch):
    *data, names = wards
    monkeypatch.setattr(Odd, "fits", 0)
    late = Odd(LogisticRegression(), until=4)
    found = group_influence(late, *data, groups=names, budget="1h")
    assert found[["effect", "low", "high", "verdict"]].isna().all(axis=None)
    assert found["dropped"].str.contains("after 1 of 10 folds").all()


@pytest.mark.parametrize(
    ("transfer", "options", "message"),
    [
        ("coral", {}, r"found the text 'coral'. Give make_candidate\('coral', learner\)"),
        (LogisticRegression(), {}, r"found LogisticRegression\(\). Give Transfer\(Log"),
        (SGDClassifier(), {}, "transfer must be a Transfer, which learns from two domains"),
        (CORAL(), {}, "transfer must be a Transfer, which learns from two domains"),
        (Transfer, {}, "transfer must be a Transfer, which learns from two domains"),
        (None, {}, "transfer must be a Transfer, which learns from two domains: found None"),
        (TRANSFER, {"level": 2}, "level must be a number above 0 and below 1: found 2"),
        (TRANSFER, {"level": np.nan}, "level must be a number above 0 and below 1: found nan"),
        (TRANSFER, {"level": "x"}, "level must be a number above 0 and below 1: found 'x'"),
        (TRANSFER, {"n_folds": 1}, "n_folds must be a whole number from 2 up: found 1"),
        (TRANSFER, {"n_repeats": 0}, "n_repeats must be a whole number from 1 up: found 0"),
        (TRANSFER, {"n_clusters": 1}, "n_clusters must be a whole number from 2 up: found 1"),
        (TRANSFER, {"budget": -1}, "budget must be a span of time above zero: found -1"),
    ],
)
def test_what_does_not_fit_is_refused_before_any_work(
    wards, monkeypatch, transfer, options, message
):
    monkeypatch.setattr(Transfer, "fit", lambda *_, **__: pytest.fail("a model was fitted"))
    with pytest.raises((TypeError, ValueError), match=message):
        group_influence(transfer, *wards[:4], **options)
