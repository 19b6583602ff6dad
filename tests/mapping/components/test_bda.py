import numpy as np
import pytest
from scipy.sparse import csr_array

from landbridge.mapping.components import BDA, JDA, TCA
from landbridge.mapping.components.bda import balance_of_distances, proxy_a_distance


def test_a_balance_of_zero_is_tca(domains):
    Xs, ys, Xt, _ = domains
    balanced = BDA(3, mu=0.0).fit(Xs, Xt, ys=ys)
    np.testing.assert_allclose(balanced.transform(Xs), TCA(3).fit(Xs, Xt).transform(Xs), atol=1e-9)


def test_a_balance_of_a_half_is_jda_with_half_the_penalty(domains):
    Xs, ys, Xt, _ = domains
    balanced = BDA(3, mu=0.5, reg=0.1).fit(Xs, Xt, ys=ys)
    joint = JDA(3, reg=0.2).fit(Xs, Xt, ys=ys)
    # The first round of BDA has half of TCA's difference, like all others.
    np.testing.assert_allclose(balanced.transform(Xs), joint.transform(Xs), atol=1e-8)


@pytest.mark.parametrize("is_weighted", [False, True])
def test_the_constraint_is_that_of_the_paper(domains, leading, angle, is_weighted):
    Xs, ys, Xt, yt = domains
    ys = np.where(ys == 2, 0, ys)
    yt = np.where(yt == 2, 1, yt)
    M = 0.3 * domains.mmd_matrix()
    for c in range(2):
        here, there = (ys == c).astype(float), (yt == c).astype(float)
        shares = (here.mean(), there.mean()) if is_weighted else (1.0, 1.0)
        e = np.concatenate(
            [
                np.sqrt(shares[0]) * here / here.sum(),
                -np.sqrt(shares[1]) * there / there.sum(),
            ]
        )
        M = M + 0.7 * np.outer(e, e)
    K = domains.K
    _, W = leading(K @ domains.H @ K, K @ M @ K + 0.2 * np.eye(150), 4)
    mapping = BDA(4, 0.2, mu=0.7, class_weighted=is_weighted, gamma=0.1)
    assert angle(mapping.fit(Xs, Xt, ys=ys, yt=yt).matrix_, W) < 1e-6


def test_the_balance_is_found_from_distances(rng):
    ys = np.arange(200) % 2
    X = rng.standard_normal((200, 3)) + 4.0 * ys[:, None]
    swapped = X.copy()
    swapped[:, 1] = rng.standard_normal(200) + 4.0 * (1 - ys)  # the whole agrees, no class does
    across = BDA(3, mu="auto").fit(X, swapped, ys=ys, yt=ys)
    shifted = X + np.array([0.0, 0.0, 6.0])
    along = BDA(3, mu="auto").fit(X, shifted, ys=ys, yt=ys)
    assert across.mu_ > along.mu_
    assert along.mu_ == pytest.approx(2 / 3, abs=0.05)  # three distances of nearly 2


def test_a_distance_is_zero_for_one_sample_and_two_for_strangers(rng):
    X = rng.standard_normal((400, 3))
    assert proxy_a_distance(X, rng.standard_normal((300, 3))) < 0.3
    assert proxy_a_distance(X, X + 8.0) == 2.0
    order = rng.permutation(400)
    assert proxy_a_distance(X, X + 0.5) == proxy_a_distance(X[order], (X + 0.5)[order])
    assert proxy_a_distance(csr_array(X), csr_array(X + 8.0)) == 2.0


def test_nothing_to_compare_leaves_the_domains_as_wholes():
    assert balance_of_distances(1.0, []) == 0.0
    assert balance_of_distances(0.0, [0.0]) == 0.0
    assert balance_of_distances(0.5, [0.5, 1.0]) == 0.75


@pytest.mark.parametrize("mu", [-0.1, 1.5, "half", None])
def test_a_wrong_mu_is_named(domains, mu):
    with pytest.raises(ValueError, match='mu must be "auto" or a number from 0 to 1: found'):
        BDA(mu=mu).fit(domains.Xs, domains.Xt, ys=domains.ys)
