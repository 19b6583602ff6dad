from itertools import product

import numpy as np
import pytest
from scipy.sparse import csr_matrix, issparse
from sklearn.linear_model import LogisticRegression

from landbridge import Transfer
from landbridge.mapping import MarginalisedDenoising
from landbridge.mapping.pivots.marginalised_denoising import commonest, denoiser


def restored_from_every_corruption(X, Y, weights, noise):
    """Weighted least squares on each row's every corrupted copy, as often as it comes about."""
    n, d = X.shape
    rows, wanted, shares = [], [], []
    for kept in product([0.0, 1.0], repeat=d):
        rows.append(np.column_stack([X * np.array(kept), np.ones(n)]))
        wanted.append(Y)
        chance = np.prod(np.where(np.array(kept) > 0, 1 - noise, noise))
        shares.append(weights * chance)
    roots = np.sqrt(np.concatenate(shares))[:, None]
    return np.linalg.lstsq(np.vstack(rows) * roots, np.vstack(wanted) * roots, rcond=None)[0]


@pytest.mark.parametrize("noise", [0.2, 0.7])
def test_a_layer_is_least_squares_over_all_corrupted_copies(rng, noise):
    X, weights = rng.normal(1, 1, (30, 5)), rng.random(30)
    found = denoiser(X, X[:, :3], weights, noise, 1e-12)
    expected = restored_from_every_corruption(X, X[:, :3], weights, noise)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def counts(rng, n=120, d=12):
    return rng.poisson(0.4, (n, d)).astype(float)


def test_each_layer_restores_the_outputs_of_the_last(rng):
    Xs, Xt = counts(rng, 40, 5), counts(rng, 40, 5)
    mapping = MarginalisedDenoising(noise=0.3, n_layers=3, reg=1e-12).fit(Xs, Xt)
    H = np.vstack([Xs, Xt])
    found = [H]
    for _ in range(3):
        M = restored_from_every_corruption(H, H, np.ones(80), 0.3)
        H = np.tanh(H @ M[:-1] + M[-1])
        found.append(H)
    np.testing.assert_allclose(mapping.transform(Xs), np.hstack(found)[:40], atol=1e-6)
    np.testing.assert_allclose(mapping.transform_target(Xt), np.hstack(found)[40:], atol=1e-6)


def test_groups_of_features_restore_the_commonest_on_average(rng):
    Xs, Xt = counts(rng), counts(rng)
    Xs[:, 3], Xt[:, 3] = 1.0, 1.0
    mapping = MarginalisedDenoising(noise=0.5, n_outputs=5, n_layers=1, keep_input=False)
    mapping.fit(Xs, Xt)
    X = np.vstack([Xs, Xt])
    outputs = commonest(X, 5)
    assert 3 in outputs and outputs.tolist() == mapping.outputs_.tolist()
    dealt = np.array_split(np.random.default_rng(0).permutation(12), 3)
    guesses = 0.0
    for group in dealt:
        M = denoiser(X[:, group], X[:, outputs], np.ones(240), 0.5, 1e-5)
        guesses = guesses + (X[:, group] @ M[:-1] + M[-1]) / 3
    np.testing.assert_allclose(mapping.transform(Xs), np.tanh(guesses)[:120], atol=1e-12)


def test_sparse_rows_give_the_same_and_stay_sparse_beside_their_guesses(rng):
    Xs, Xt = counts(rng), counts(rng)
    dense = MarginalisedDenoising(n_layers=2).fit(Xs, Xt)
    sparse = MarginalisedDenoising(n_layers=2).fit(csr_matrix(Xs), csr_matrix(Xt))
    moved = sparse.transform(csr_matrix(Xs))
    assert issparse(moved)
    np.testing.assert_allclose(moved.toarray(), dense.transform(Xs), atol=1e-10)


def test_a_whole_weight_counts_as_so_many_rows(rng):
    Xs, Xt = counts(rng, 40), counts(rng, 40)
    weights = rng.integers(1, 4, 40)
    weighted = MarginalisedDenoising(n_layers=2).fit(Xs, Xt, sample_weight=weights)
    repeated = MarginalisedDenoising(n_layers=2).fit(np.repeat(Xs, weights, axis=0), Xt)
    np.testing.assert_allclose(weighted.transform(Xs), repeated.transform(Xs), atol=1e-9)


def two_vocabularies(rng, n=400):
    """Opinions in words that both domains share, and in words of each domain's own."""
    labels = rng.integers(0, 2, 2 * n)
    signs = 2 * labels - 1
    X = np.zeros((2 * n, 16))
    for word in range(16):
        speaks = signs if word % 2 else -signs
        X[:, word] = rng.random(2 * n) < np.where(speaks > 0, 0.35, 0.05)
    X[:n, 10:] = X[n:, 4:10] = 0.0
    return X[:n], labels[:n], X[n:], labels[n:]


def test_words_of_one_domain_stand_in_for_those_of_the_other(rng):
    Xs, ys, Xt, yt = two_vocabularies(rng)
    scores = {
        name: Transfer(LogisticRegression(), mapping).fit(Xs, ys, Xt).score(Xt, yt)
        for name, mapping in {"mda": "mda", "identity": "identity"}.items()
    }
    assert scores["mda"] > scores["identity"] + 0.05


def test_it_explains_from_which_words_each_is_guessed(rng):
    Xs, _, Xt, _ = two_vocabularies(rng)
    mapping = MarginalisedDenoising(n_layers=1).fit(Xs, Xt)
    names = [f"word{k}" for k in range(16)]
    table = mapping.explain(top=4, source_names=names)
    guessed = table[table["target_feature"] == "guess of word1"]
    assert guessed["source_feature"].iloc[0] == "word1"
    others = guessed[guessed["source_feature"] != "word1"]
    assert all(
        int(name[4:]) % 2 == (weight > 0)
        for name, weight in zip(others["source_feature"], others["weight"])
    )


@pytest.mark.parametrize(
    "wrong", [{"noise": 0.0}, {"noise": 1.0}, {"n_layers": 0}, {"n_outputs": "many"}, {"reg": 0.0}]
)
def test_parameters_out_of_range_are_refused(rng, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        MarginalisedDenoising(**wrong).fit(counts(rng), counts(rng))


def test_memory_is_asked_for_before_it_is_taken(rng, monkeypatch):
    monkeypatch.setenv("LANDBRIDGE_MAX_MEMORY", "1000")
    with pytest.raises(MemoryError, match="n_outputs"):
        MarginalisedDenoising().fit(counts(rng), counts(rng))
