import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from landbridge import learning_curve
from landbridge.evidence.verdict.learning_curve import LearningCurve, power_law

LEARNER = LogisticRegression()


@pytest.fixture
def domains():
    rng = np.random.default_rng(0)
    w = rng.normal(size=15)
    Xs, Xt = rng.normal(size=(200, 15)), rng.normal(size=(180, 15))
    yt = (Xt @ w > 0).astype(float)
    yt[120:] = np.nan
    return Xs, (Xs @ -w > 0).astype(int), Xt, yt


def law(sizes, a=0.9, b=1.0, c=0.5, n_folds=10, noise=0.0):
    rng = np.random.default_rng(0)
    means = (a - b * np.asarray(sizes, float) ** -c)[:, None]
    scores = means + noise * rng.standard_normal((len(sizes), n_folds))
    return LearningCurve("accuracy", np.asarray(sizes), {"m": scores}, 0.25)


def test_more_labels_are_worth_what_the_power_law_that_made_the_scores_says():
    found = law([10, 20, 40, 80]).worth("m", 240)
    assert found.labels == 320
    assert found.mean == pytest.approx(80**-0.5 - 320**-0.5, rel=1e-3)
    assert found.low <= found.mean <= found.high
    assert found.reason == ""


@pytest.mark.parametrize("c", [0.2, 0.5, 1.0])
def test_the_power_law_is_found_again(c):
    m = np.geomspace(8, 200, 6)
    np.testing.assert_allclose(power_law(m, 0.8 - 1.3 * m**-c), [0.8, 1.3, c], rtol=0.02)


def test_noise_widens_the_interval_which_mostly_covers_the_truth():
    truth, covered, wide = 80**-0.5 - 160**-0.5, 0, []
    sizes = np.array([10, 20, 40, 80])
    for seed in range(10):
        rng = np.random.default_rng(seed)
        scores = (0.9 - sizes**-0.5)[:, None] + 0.02 * rng.standard_normal((4, 10))
        found = LearningCurve("accuracy", sizes, {"m": scores}, 0.25).worth("m", 80)
        covered += found.low <= truth <= found.high
        wide.append(found.high - found.low)
    assert covered >= 8
    exact = law([10, 20, 40, 80]).worth("m", 80)
    assert np.mean(wide) > 10 * (exact.high - exact.low)


@pytest.mark.parametrize(
    ("curve", "more", "reason"),
    [
        (law([10, 20, 40]), 10, "the curve has 3 sizes, and 4 are the least"),
        (law([10, 20, 40, 80]), 1000, "1080 labels are more than 10 times the 80 there are"),
        (law([10, 20, 40, 80], b=-1.0), 10, "does not grow with labels as a power law does"),
        (law([10, 20, 40, 80], b=0.0), 10, "the same at all sizes"),
    ],
)
def test_a_curve_that_cannot_be_followed_says_why(curve, more, reason):
    found = curve.worth("m", more)
    assert reason in found.reason
    assert np.isnan([found.mean, found.low, found.high]).all()


def test_target_only_grows_and_source_only_does_not(domains):
    curve = learning_curve(*domains, learner=LEARNER, n_repeats=1)
    table = curve.table.set_index(["model", "labels"])["score"]
    assert curve.sizes[-1] == 96
    assert table["target only"].iloc[-1] > table["target only"].iloc[0] + 0.1
    assert table["source only"].nunique() == 1
    assert curve.worth("target only", 96).mean > 0
    assert curve.worth("source only", 96).reason


def test_the_last_size_is_what_a_comparison_scores(domains):
    from landbridge import compare

    curve = learning_curve(*domains, learner=LEARNER, models=["coral"], n_repeats=1)
    found = compare(*domains, learner=LEARNER, candidates=["coral"], n_repeats=1)
    np.testing.assert_allclose(curve.scores["coral"][-1], found["coral"].scores)


def test_regression_and_fully_labelled_targets_have_curves(domains):
    Xs, _, Xt, _ = domains
    w = np.arange(15.0)
    curve = learning_curve(Xs, Xs @ w, Xt[:60], Xt[:60] @ w, learner=LinearRegression())
    assert curve.metric == "neg_root_mean_squared_error"
    assert np.isfinite(curve.scores["target only"]).all()


def test_too_few_labels_are_refused(domains):
    Xs, ys, Xt, yt = domains
    yt[8:] = np.nan
    with pytest.raises(ValueError, match="needs 12 labelled target rows or more: yt has 8"):
        learning_curve(Xs, ys, Xt, yt, learner=LEARNER)
    with pytest.raises(ValueError, match="n_sizes"):
        learning_curve(*domains, learner=LEARNER, n_sizes=1)
