"""Ranking models by what those that can be trusted agree on."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import SVC

from landbridge import Transfer
from landbridge.evidence.validation import Seen, rank_without_labels, score_without_labels
from landbridge.evidence.validation.consensus import SHARPNESS, TRUSTED, consensus_of, trust_in

NAMES = ("identity", "recentre", "standardise", "coral", "monge", "kmm", "sinkhorn")


@pytest.fixture(scope="module")
def domains():
    """Three classes of unequal shares; a target in other units and another place."""
    X, y = make_blobs([150, 120, 90], centers=[[0, 0], [4, 0], [0, 5]], random_state=0)
    order = np.random.default_rng(0).permutation(360)
    X, y = X[order], y[order]
    return X[:160], y[:160], X[160:240], y[160:240], X[240:] * [1.3, 0.6] + [2.0, 1.0], y[240:]


@pytest.fixture(scope="module")
def models(domains):
    Xs, ys, _, _, Xt, _ = domains
    return {name: Transfer(LogisticRegression(), name).fit(Xs, ys, Xt) for name in NAMES}


class Constant(ClassifierMixin, BaseEstimator):
    def __init__(self, label=0):
        self.label = label

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.label)


def test_the_ranking_follows_the_accuracy_that_target_labels_tell(domains, models):
    table = rank_without_labels(models, *domains[2:5])
    truth = [models[name].score(domains[4], domains[5]) for name in table.index]
    assert spearmanr(table["consensus"], truth).statistic > 0.8
    assert table["error"].isna().all()


def test_the_consensus_is_the_vote_of_all_others_row_by_row():
    rng = np.random.default_rng(0)
    P, trust = rng.dirichlet(np.ones(3), size=(5, 20)), rng.random(5)
    slow = []
    for i in range(5):
        hits = 0
        for row in range(20):
            total = sum(np.exp(SHARPNESS * trust[j]) * P[j, row] for j in range(5) if j != i)
            hits += int(np.argmax(total) == np.argmax(P[i, row]))
        slow.append(hits / 20)
    np.testing.assert_allclose(consensus_of(P, trust), slow)


def test_trust_is_a_mean_of_ranks_whatever_the_scales():
    scores = pd.DataFrame({"a": [0.1, 0.2, 0.3], "b": [-5.0, 100.0, 7.0]})
    np.testing.assert_allclose(trust_in(scores), [1 / 3, 5 / 6, 5 / 6])
    np.testing.assert_allclose(trust_in(scores * [10, 0.001]), trust_in(scores))


def test_models_that_say_one_class_are_last_even_where_they_are_many(domains, models):
    Xs, ys, Xh, yh, Xt, _ = domains
    collapsed = {f"says 2, {k}": Constant(2).fit(Xs, ys) for k in range(len(models))}
    table = rank_without_labels({**collapsed, **models}, Xh, yh, Xt)
    assert set(table.index[: len(models)]) == set(models)


def test_the_order_of_models_and_of_rows_does_not_matter(domains, models):
    _, _, Xh, yh, Xt, _ = domains
    first = rank_without_labels(models, Xh, yh, Xt)
    turned = dict(reversed(models.items()))
    second = rank_without_labels(turned, Xh[::-1], yh[::-1], Xt[::-1]).loc[first.index]
    numbers = [*TRUSTED, "trust", "consensus"]
    pd.testing.assert_frame_equal(first[numbers], second[numbers], rtol=1e-6)


def test_labels_in_words_and_learners_without_probabilities_do_as_well(domains):
    Xs, ys, Xh, yh, Xt, _ = domains
    words = np.array(["cat", "dog", "owl"])
    models = {n: Transfer(SVC(), n).fit(Xs, words[ys], Xt) for n in ("identity", "coral", "monge")}
    models["constant"] = Constant("owl").fit(Xs, words[ys])
    table = rank_without_labels(models, Xh, words[yh], Xt)
    assert table.index[-1] == "constant"
    assert table["consensus"].between(0, 1).all()


def test_a_model_that_cannot_be_judged_comes_last_with_its_error(domains, models):
    class Broken(Constant):
        def predict_proba(self, X):
            return np.full((len(X), 3), np.nan)

    Xs, ys, Xh, yh, Xt, _ = domains
    some = {"broken": Broken().fit(Xs, ys)} | {n: models[n] for n in ("coral", "monge", "kmm")}
    table = rank_without_labels(some, Xh, yh, Xt)
    assert table.index[-1] == "broken"
    assert "must be finite" in table.loc["broken", "error"]
    assert np.isnan(table.loc["broken", "consensus"])
    with pytest.raises(ValueError, match=r"2 of 3 can be judged \(broken: ValueError"):
        rank_without_labels({n: some[n] for n in ("broken", "coral", "monge")}, Xh, yh, Xt)


def test_bad_input_is_named(domains, models):
    _, _, Xh, yh, Xt, _ = domains
    numbers = {**models, "r": Transfer(Ridge()).fit(Xh, yh, Xt)}
    with pytest.raises(ValueError, match="r does not classify"):
        rank_without_labels(numbers, Xh, yh, Xt)
    with pytest.raises(ValueError, match="3 models at least: 1 of 1 can be judged"):
        rank_without_labels({"coral": models["coral"]}, Xh, yh, Xt)
    with pytest.raises(ValueError, match="2 target rows at least"):
        rank_without_labels(models, Xh, yh, Xt[:1])


def test_models_with_labels_of_other_number_types_have_one_vote(domains, models):
    Xs, ys, X_held, y_held, Xt, _ = domains
    floats = {
        name: Transfer(LogisticRegression(), name).fit(Xs, ys.astype(float), Xt)
        for name in NAMES[:3]
    }
    mixed = rank_without_labels({**models, **floats}, X_held, y_held, Xt)
    plain = rank_without_labels(models, X_held, y_held, Xt)
    np.testing.assert_allclose(
        mixed["consensus"].sort_index(), plain["consensus"].sort_index(), atol=0.02
    )


def test_a_model_that_is_not_fitted_comes_last_with_the_reason(domains, models):
    table = rank_without_labels({**models, "new": Transfer(LogisticRegression())}, *domains[2:5])
    assert table.index[-1] == "new" and "not fitted" in table.loc["new", "error"]
    with pytest.raises(TypeError, match="models must be a dict of names to fitted models"):
        rank_without_labels(list(models.values()), *domains[2:5])


def test_the_consensus_is_a_validator_like_any_other(domains, models):
    table = rank_without_labels(models, *domains[2:5])
    own, *others = (models[name] for name in NAMES)
    seen = Seen(own, *domains[2:5], others=others)
    assert score_without_labels("consensus", seen) == table.loc[NAMES[0], "consensus"]
    with pytest.raises(ValueError, match="takes 2 other models at least: others has 1"):
        score_without_labels("consensus", Seen(own, *domains[2:5], others=others[:1]))
