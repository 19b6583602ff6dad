"""Self-training from the surest labels of each class."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from landbridge import Transfer
from landbridge.mapping.relabelling.pseudo_labels import PseudoLabels, surest_of_each_class


def slow_rounds(Xs, ys, Xt, n_rounds, share):
    """The rounds with plain loops; classes are 0 and 1."""
    make = lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))  # noqa: E731
    picked = {}
    for number in range(n_rounds + 1):
        X = [*Xs, *(Xt[i] for i in sorted(picked))]
        y = [*ys, *(picked[i] for i in sorted(picked))]
        p = make().fit(X, y).predict_proba(Xt)
        picked = {}
        for k in (0, 1):
            mine = sorted((-p[i].max(), i) for i in range(len(Xt)) if p[i].argmax() == k)
            n_kept = int(np.ceil(share * (number + 1) / n_rounds * len(mine)))
            picked |= {i: k for _, i in mine[:n_kept]}
    return p


def test_it_is_the_rounds_written_out(shifted):
    Xs, ys, Xt, _ = shifted((0, 1))
    mapping = PseudoLabels(max_iter=4, share=0.8).fit(Xs, Xt, ys=ys)
    p = slow_rounds(Xs, ys, Xt, 4, 0.8)
    np.testing.assert_array_equal(mapping.labels_, p.argmax(axis=1))
    np.testing.assert_allclose(mapping.confidence_, p.max(axis=1), atol=1e-4)


def test_rounds_find_more_labels_than_the_source_model(shifted):
    Xs, ys, Xt, truth = shifted(("a", "b", "c"), 1.5)
    source = LogisticRegression().fit(Xs, ys).score(Xt, truth)
    mapping = PseudoLabels(max_iter=10).fit(Xs, Xt, ys=ys)
    assert (mapping.labels_ == truth).mean() > source


def test_a_rare_class_is_picked_from_as_well_as_a_common_one():
    codes, sure = np.repeat([0, 1], [90, 10]), np.r_[np.linspace(0.9, 1, 90), np.full(10, 0.6)]
    chosen = surest_of_each_class(codes, sure, 0.2)
    assert np.bincount(codes[chosen]).tolist() == [18, 2]
    assert sure[:90][chosen[:90]].min() > sure[:90][~chosen[:90]].max()


@pytest.mark.parametrize("pair", [(-1, 1), ("", "x"), (False, True), (1.0, 2.0)])
def test_any_two_values_are_classes(shifted, pair):
    Xs, ys, Xt, truth = shifted(pair)
    mapping = PseudoLabels().fit(Xs, Xt, ys=ys)
    assert set(mapping.labels_.tolist()) == set(pair)
    assert (mapping.labels_ == truth).mean() > 0.9


def test_given_labels_are_kept_and_learned_from(shifted):
    Xs, ys, Xt, truth = shifted(("no", "yes"), 0.0)
    swapped = np.where(truth == "no", "yes", "no")
    yt = np.where(np.arange(200) < 120, swapped, None)
    light = np.full(200, 0.5)
    mapping = PseudoLabels().fit(Xs[:20], Xt, ys=ys[:20], yt=yt, sample_weight=light[:20])
    np.testing.assert_array_equal(mapping.labels_[:120], swapped[:120])
    np.testing.assert_array_equal(mapping.confidence_[:120], 1.0)
    assert (mapping.labels_[120:] == swapped[120:]).mean() > 0.9


def test_the_order_of_rows_does_not_matter(shifted, rng):
    Xs, ys, Xt, _ = shifted()
    s, t = rng.permutation(200), rng.permutation(200)
    first = PseudoLabels(KNeighborsClassifier(3)).fit(Xs, Xt, ys=ys)
    second = PseudoLabels(KNeighborsClassifier(3)).fit(Xs[s], Xt[t], ys=ys[s])
    np.testing.assert_array_equal(first.labels_[t], second.labels_)
    np.testing.assert_array_equal(first.confidence_[t], second.confidence_)


def test_sparse_rows_are_labelled_like_dense_ones(shifted):
    Xs, ys, Xt, _ = shifted()
    learner = LogisticRegression()
    dense = PseudoLabels(learner).fit(Xs, Xt, ys=ys)
    sparse = PseudoLabels(learner).fit(csr_matrix(Xs), csr_matrix(Xt), ys=ys)
    np.testing.assert_array_equal(dense.labels_, sparse.labels_)


def test_the_third_step_learns_from_the_labels(shifted):
    Xs, ys, Xt, truth = shifted(shift=1.2)
    transfer = Transfer(LogisticRegression(), PseudoLabels(max_iter=10)).fit(Xs, ys, Xt)
    plain = LogisticRegression().fit(Xs, ys)
    assert transfer.score(Xt, truth) > plain.score(Xt, truth)


def test_weights_reach_the_last_step_of_a_pipeline(shifted, rng):
    Xs, ys, Xt, _ = shifted()
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    weights = np.where(ys == "no", 0.1, 1.0)
    even, uneven = (
        PseudoLabels(pipeline).fit(Xs, Xt, ys=ys, sample_weight=w) for w in (None, weights)
    )
    assert (uneven.labels_ == "no").sum() < (even.labels_ == "no").sum()
    with pytest.raises(ValueError, match="KNeighborsClassifier takes no sample weights"):
        PseudoLabels(KNeighborsClassifier()).fit(Xs, Xt, ys=ys, sample_weight=weights)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (PseudoLabels(RidgeClassifier()), "RidgeClassifier has no predict_proba"),
        (PseudoLabels(max_iter=0), "max_iter must be a whole number from 1 up: found 0"),
        (PseudoLabels(share=0.0), "share must be a number above 0 to 1: found 0.0"),
    ],
)
def test_what_it_cannot_do_is_said(shifted, mapping, message):
    Xs, ys, Xt, _ = shifted()
    with pytest.raises(ValueError, match=message):
        mapping.fit(Xs, Xt, ys=ys)
    with pytest.raises(ValueError, match=r"needs rows of two classes: found only \['no'\]"):
        PseudoLabels().fit(Xs, Xt, ys=np.full(200, "no"))
