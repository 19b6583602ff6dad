import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from landbridge import Refit, Transfer, compare, group_influence

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
    found = group_influence(TRANSFER, *wards[:4], n_repeats=1)
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
