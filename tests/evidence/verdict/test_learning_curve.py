import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.linear_model import LinearRegression, LogisticRegression

from landbridge import Transfer, learning_curve
from landbridge.evidence.verdict.learning_curve import LearningCurve, power_law
from landbridge.evidence.verdict.trying import OutOfTime

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


class Failing(Transfer):
    """Fails at its first fit with that many labels."""

    def __init__(self, source, at=0, error=RuntimeError):
        super().__init__(source)
        self.at = at
        self.error = error

    def fit(self, Xs, ys, Xt, yt):
        if sum(label is not None for label in yt.tolist()) >= self.at:
            raise self.error("it broke")
        return super().fit(Xs, ys, Xt, yt)


class Ringing(Transfer):
    """After twelve fits the time is over, as the alarm says it."""

    fits = 0

    def fit(self, Xs, ys, Xt, yt):
        Ringing.fits += 1
        if Ringing.fits > 12:
            raise OutOfTime
        return super().fit(Xs, ys, Xt, yt)


class Sleepy(Transfer):
    def fit(self, Xs, ys, Xt, yt):
        time.sleep(0.2)
        return super().fit(Xs, ys, Xt, yt)


class Endless(Transfer):
    def fit(self, Xs, ys, Xt, yt):
        time.sleep(60)


@pytest.mark.parametrize("error", [RuntimeError, ValueError, MemoryError, SystemExit])
def test_a_model_that_fails_leaves_a_reason_and_the_others_go_on(domains, error):
    models = {"odd": Failing(LEARNER, 50, error), "good": Transfer(LEARNER)}
    curve = learning_curve(*domains, learner=LEARNER, models=models, n_repeats=1)
    table = curve.table.set_index(["model", "labels"])
    assert table.loc["good", "error"].isna().all() and table.loc["good", "score"].notna().all()
    odd = table.loc["odd"]
    assert odd.index[odd["error"].notna()].tolist() == [96]
    assert odd["score"].isna().tolist() == odd["error"].notna().tolist()
    assert "it broke" in odd["error"].iloc[-1]
    assert "no score at some sizes" in curve.worth("odd", 10).reason
    assert "it broke" in curve.worth("odd", 10).reason


def test_where_no_model_can_be_fitted_the_reason_is_told(domains):
    Xs, ys, Xt, yt = domains
    with pytest.raises(
        ValueError, match=r"No model could be fitted and scored: .*Xs has 15, Xt has 2"
    ):
        learning_curve(Xs, ys, Xt[:, :2], yt, learner=LEARNER)


def test_a_metric_that_says_nothing_on_a_fold_is_a_reason(domains):
    Xs, ys, Xt, yt = domains
    yt[:119] = 1.0
    yt[119] = 0.0
    with pytest.raises(ValueError, match=r"No model could be fitted and scored: .*not defined"):
        learning_curve(Xs, ys, Xt, yt, learner=LEARNER, metric="roc_auc", n_repeats=1)


def test_intervals_stay_within_what_the_metric_can_say():
    scores = np.array([[0.9, 1.0, 1.0], [1.0, 0.95, 1.0], [1.0, 1.0, 0.97], [0.99, 1.0, 1.0]])
    curve = LearningCurve("accuracy", np.array([4, 8, 16, 32]), {"m": scores}, 0.25)
    assert curve.table["high"].max() == 1.0
    assert (curve.table["low"] < curve.table["score"]).all()
    errors = LearningCurve("neg_log_loss", curve.sizes, {"m": scores - 1.0}, 0.25)
    assert errors.table["high"].max() == 0.0 and errors.table["low"].min() < -0.05


def test_no_more_is_gained_than_the_metric_has_left():
    sizes = np.array([10, 20, 40, 80])
    found = law(sizes, a=1.2, b=1.0, c=0.3, noise=0.01).worth("m", 500)
    left = 1.0 - law(sizes, a=1.2, b=1.0, c=0.3, noise=0.01).scores["m"][-1].mean()
    assert found.low <= found.mean <= found.high == pytest.approx(left)


def test_time_that_is_over_leaves_whole_folds_of_the_first_models(domains, monkeypatch):
    monkeypatch.setattr(Ringing, "fits", 0)
    models = {"quick": Transfer(LEARNER), "slow": Ringing(LEARNER)}
    curve = learning_curve(*domains, learner=LEARNER, models=models, n_repeats=1, budget="1h")
    assert curve.scores["quick"].shape == (5, 5) and curve.scores["slow"].shape == (5, 2)
    np.testing.assert_array_equal(curve.scores["slow"], curve.scores["quick"][:, :2])
    assert curve.dropped == {"slow": "the 3600 s for the curve were over after 2 of 5 folds"}
    assert curve.table["error"].isna().all() and curve.table["low"].notna().all()
    assert "3 folds are the least, and the 3600 s" in curve.worth("slow", 10).reason


def test_a_fit_is_stopped_when_the_time_is_over(domains):
    models, start = {"slow": Endless(LEARNER)}, time.perf_counter()
    curve = learning_curve(*domains, learner=LEARNER, models=models, budget="0.2s")
    assert time.perf_counter() - start < 30
    assert curve.dropped == {"slow": "the 0.2 s for the curve were over after 0 of 10 folds"}


def test_in_a_thread_the_time_is_looked_at_between_fits(domains):
    models = {"slow": Sleepy(LEARNER), "never": Transfer(LEARNER)}
    with ThreadPoolExecutor(1) as pool:
        curve = pool.submit(
            learning_curve, *domains, learner=LEARNER, models=models, budget="0.1s"
        ).result()
    assert curve.scores["slow"].shape == curve.scores["never"].shape == (5, 0)


def test_a_model_whose_turn_never_came_says_so(domains):
    curve = learning_curve(*domains, learner=LEARNER, budget=1e-3)
    assert curve.scores["target only"].shape == (5, 0)
    table = curve.table
    assert table["score"].isna().all()
    assert table["error"].str.contains("0.001 s for the curve were over after 0 of 10 folds").all()
    assert "3 folds are the least, and the 0.001 s" in curve.worth("target only", 10).reason


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"models": "coral"}, "models must be a list of names .*: found 'coral'"),
        ({"models": 5}, "models must be a list of names .*: found 5"),
        ({"models": [3]}, "models must be named by text: found 3"),
        ({"models": []}, "models is empty"),
        ({"models": ["corral"]}, "Unknown candidate 'corral'"),
        (
            {"models": {"a": LEARNER}},
            r"models\['a'\] must be a Transfer.* found LogisticRegression",
        ),
        ({"models": {"a": "coral"}}, r"models\['a'\] must be a Transfer.* found the text 'coral'"),
        ({"learner": KMeans(2)}, "learner must be a scikit-learn classifier or regressor"),
        ({"learner": "logistic"}, "learner must be .*: found 'logistic'"),
        ({"metric": "acc"}, "Unknown metric 'acc': the nearest are"),
        ({"n_folds": "5"}, "n_folds must be a whole number from 2 up: found '5'"),
        ({"n_folds": 1}, "n_folds must be a whole number from 2 up: found 1"),
        ({"n_repeats": 0}, "n_repeats must be a whole number from 1 up: found 0"),
        ({"budget": "soon"}, "budget must be a span of time above zero: found 'soon'"),
    ],
)
def test_what_does_not_fit_is_refused_before_any_work(domains, monkeypatch, options, message):
    monkeypatch.setattr(Transfer, "fit", lambda *_: pytest.fail("a model was fitted"))
    with pytest.raises((TypeError, ValueError), match=message):
        learning_curve(*domains, **{"learner": LEARNER} | options)


def test_a_curve_that_is_not_there_names_those_that_are():
    with pytest.raises(KeyError, match="There is no curve of 'nope', but of m"):
        law([10, 20, 40, 80]).worth("nope", 4)
