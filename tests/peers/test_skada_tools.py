"""skada's splitters and scorers on a Transfer, as they are."""

import numpy as np
import pytest
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from landbridge import CORAL, Transfer

skada = pytest.importorskip("skada", reason="skada is not installed: make peers")
from skada import metrics, model_selection  # noqa: E402
from skada.datasets import make_shifted_datasets  # noqa: E402

SPLITTERS = ["SourceTargetShuffleSplit", "DomainShuffleSplit", "StratifiedDomainShuffleSplit"]
SCORERS = [
    "SupervisedScorer",
    "ImportanceWeightedScorer",
    "PredictionEntropyScorer",
    "SoftNeighborhoodDensity",
    "CircularValidation",
    "MixValScorer",
]
IN_PIPELINES = ["DeepEmbeddedValidation", "MaNoScorer"]
"""Scorers that look for features: in a pipeline, or in a network of skorch's."""

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.fixture
def table():
    """Rows, labels masked in the target, all labels, domains."""
    X, y, domain = make_shifted_datasets(
        20, 20, shift="covariate_shift", label="binary", random_state=0, return_dataset=False
    )
    masked = y.astype(int)
    masked[domain < 0] = -1
    return X, masked, y, domain


@pytest.fixture
def model():
    return (
        Transfer(LogisticRegression(), CORAL())
        .set_fit_request(sample_domain=True)
        .set_predict_request(sample_domain=True)
        .set_predict_proba_request(sample_domain=True, allow_source=True)
        .set_score_request(sample_domain=True, sample_weight=True)
    )


def scores(model, table, scorer, splitter):
    X, masked, y, domain = table
    given = {"target_labels": y} if scorer == "SupervisedScorer" else {}
    folds = getattr(model_selection, splitter)(n_splits=2, random_state=0)
    return cross_validate(
        model,
        X,
        masked,
        cv=folds,
        params={"sample_domain": domain, **given},
        scoring=getattr(metrics, scorer)(),
        error_score="raise",
    )["test_score"]


@pytest.mark.parametrize("splitter", SPLITTERS)
@pytest.mark.parametrize("scorer", SCORERS)
def test_scorers_and_splitters_run(model, table, scorer, splitter):
    assert np.isfinite(scores(model, table, scorer, splitter)).all()


@pytest.mark.parametrize("scorer", IN_PIPELINES)
def test_scorers_of_features_run_in_a_pipeline(model, table, scorer):
    pipeline = make_pipeline(StandardScaler(), model)
    assert np.isfinite(scores(pipeline, table, scorer, "DomainShuffleSplit")).all()


def test_the_supervised_scorer_gives_the_score_on_target_rows(model, table):
    X, masked, y, domain = table
    fold = next(model_selection.DomainShuffleSplit(n_splits=2, random_state=0).split(X, y, domain))
    train, test = fold
    model.fit(X[train], masked[train], sample_domain=domain[train])
    there = test[domain[test] < 0]
    theirs = scores(model, table, "SupervisedScorer", "DomainShuffleSplit")[0]
    assert theirs == model.score(X[there], y[there])


def test_a_grid_search_chooses_without_target_labels(model, table):
    X, masked, _, domain = table
    search = GridSearchCV(
        model,
        {"mapping__reg": [0.01, 1.0]},
        scoring=metrics.PredictionEntropyScorer(),
        cv=model_selection.DomainShuffleSplit(n_splits=2, random_state=0),
    )
    search.fit(X, masked, sample_domain=domain)
    assert search.best_params_["mapping__reg"] in (0.01, 1.0)


def test_leaving_one_domain_out_takes_each_as_target_in_turn(model):
    rng = np.random.default_rng(0)
    rows, domain = rng.normal(size=(90, 2)), np.repeat([1, 2, 3], 30)
    labels = (rows[:, 0] > 0).astype(int)
    rows += domain[:, None]
    X, y, both = np.vstack([rows, rows]), np.tile(labels, 2), np.append(domain, -domain)
    result = cross_validate(
        model,
        X,
        np.where(both < 0, -1, y),
        cv=model_selection.LeaveOneDomainOut(random_state=0),
        params={"sample_domain": both, "target_labels": y},
        scoring=metrics.SupervisedScorer(),
        error_score="raise",
    )
    assert len(result["test_score"]) == 3
    assert result["test_score"].min() > 0.6
