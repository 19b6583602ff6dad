"""Our validators beside skada's scorers, on one fitted model and the same rows."""

import numpy as np
import pytest
import sklearn
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from landbridge import CORAL, Transfer
from landbridge.evidence import Seen, score_without_labels
from landbridge.evidence.validation.weighing import embedded_risk

skada = pytest.importorskip("skada", reason="skada is not installed: make peers")
from skada import metrics  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def seen():
    """Three classes; held-out source rows; a target that lies elsewhere."""
    X, y = make_blobs(300, centers=[[0, 0], [4, 0], [0, 4]], random_state=0)
    Xt = X[200:] * [1.5, 0.8] + [1.0, -0.5]
    with sklearn.config_context(enable_metadata_routing=True):
        model = Transfer(LogisticRegression(), CORAL()).fit(X[:120], y[:120], Xt)
        yield Seen(
            model.set_fit_request(sample_domain=True)
            .set_predict_request(sample_domain=True)
            .set_predict_proba_request(sample_domain=True, allow_source=True)
            .set_score_request(sample_domain=True, sample_weight=True),
            X[120:200],
            y[120:200],
            Xt,
        )


def theirs(scorer, seen, wrapped=False):
    model = Pipeline([("rows", "passthrough"), ("model", seen.model)]) if wrapped else seen.model
    X, y = np.vstack([seen.Xs, seen.Xt]), np.append(seen.ys, np.full(len(seen.Xt), -1))
    domain = np.repeat([1, -2], [len(seen.ys), len(seen.Xt)])
    return scorer(model, X, y, sample_domain=domain)


def test_entropy_is_theirs_but_for_the_number_of_classes(seen):
    found = score_without_labels("entropy", seen)
    expected = theirs(metrics.PredictionEntropyScorer(), seen)
    # They take the mean over classes too, and add 1e-7 to each probability.
    assert found / 3 == pytest.approx(expected, abs=1e-6)


def test_soft_neighbourhood_density_is_theirs(seen):
    expected = theirs(metrics.SoftNeighborhoodDensity(), seen)
    # They leave each row itself in, with a similarity of -1.
    assert score_without_labels("snd", seen) == pytest.approx(expected, abs=1e-6)


def test_reverse_validation_is_their_circular_validation(seen):
    expected = theirs(metrics.CircularValidation(), seen)
    assert score_without_labels("reverse", seen) == pytest.approx(expected, rel=1e-12)


def test_the_matrix_norm_is_theirs(seen):
    expected = theirs(metrics.MaNoScorer(), seen, wrapped=True)
    assert score_without_labels("mano", seen) == pytest.approx(expected, rel=1e-12)


def column_of_losses(y, P):
    return -np.log(P[np.arange(len(y)), y])[:, None]


def test_the_control_variate_is_theirs_given_the_same_ratios_and_losses(seen):
    # Their own loss is a row, which their product with a column of weights makes a square of.
    scorer = metrics.DeepEmbeddedValidation(loss_func=column_of_losses, random_state=0)
    expected = theirs(scorer, seen, wrapped=True)
    split = {"test_size": 0.33, "random_state": np.random.RandomState(0)}
    train, held, _, y = train_test_split(seen.Xs, seen.ys, **split)
    shares = scorer.domain_classifier_.predict_proba(held)
    ratios = len(train) / len(seen.Xt) * shares[:, 0] / shares[:, 1]
    P = seen.model.predict_proba(held, sample_domain=np.ones(len(y)))
    found = -embedded_risk(column_of_losses(y, P)[:, 0], ratios)
    assert found == pytest.approx(expected, rel=1e-8)
