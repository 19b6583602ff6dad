import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from landbridge.mapping.components import TJM


def explicit_rounds(domains, leading, reg, k, n_rounds):
    """The paper's algorithm with n x n matrices."""
    K, H, M = domains.K, domains.H, domains.mmd_matrix()
    G, smoothing = np.ones(150), None
    for _ in range(n_rounds):
        values, W = leading(K @ H @ K, K @ M @ K + reg * np.diag(G), k)
        A = W / np.sqrt(values)
        squares = (A[:90] ** 2).sum(axis=1)
        if smoothing is None:
            smoothing = 1e-3 * np.sqrt(squares).mean()
        G[:90] = 1 / (2 * np.sqrt(squares + smoothing**2))
    return A


def test_rounds_are_those_of_the_paper(domains, path, leading, angle):
    mapping = TJM(n_components=4, reg=0.5, gamma=0.1).fit(domains.Xs, domains.Xt)
    assert mapping.n_iter_ > 2
    A = explicit_rounds(domains, leading, 0.5, 4, mapping.n_iter_)
    assert angle(mapping.matrix_, A) < 1e-6
    lengths = np.linalg.norm(A[:90], axis=1)
    np.testing.assert_allclose(mapping.source_lengths_, lengths / lengths.max(), atol=1e-6)


def test_every_round_lowers_the_objective(domains):
    mapping = TJM(n_components=4, tol=1e-9).fit(domains.Xs, domains.Xt)
    assert (np.diff(mapping.objectives_) <= 1e-9 * mapping.objectives_[0]).all()
    assert len(mapping.objectives_) == mapping.n_iter_


def test_source_rows_unlike_the_target_are_left_out(rng):
    Xt = rng.standard_normal((100, 3))
    Xs = np.vstack([rng.standard_normal((80, 3)), rng.standard_normal((20, 3)) + 5.0])
    lengths = TJM(n_components=3, reg=10.0).fit(Xs, Xt).source_lengths_
    assert np.median(lengths[80:]) < 0.5 * np.median(lengths[:80])


def test_shuffled_rows_get_the_same_components(domains, path, rng):
    first = TJM(3).fit(domains.Xs, domains.Xt)
    second = TJM(3).fit(domains.Xs[rng.permutation(90)], domains.Xt[rng.permutation(60)])
    np.testing.assert_allclose(first.transform(domains.Xs), second.transform(domains.Xs), atol=1e-6)


def test_rounds_that_do_not_settle_are_told(domains):
    with pytest.warns(ConvergenceWarning, match="objective still fell by .* last of 2 rounds"):
        TJM(3, max_iter=2, tol=1e-12).fit(domains.Xs, domains.Xt)


def test_errors_name_the_argument(domains, monkeypatch):
    Xs, Xt = domains.Xs, domains.Xt
    with pytest.raises(ValueError, match=r"found 'linear'\. TJM leaves out rows, not features"):
        TJM(kernel="linear").fit(Xs, Xt)
    with pytest.raises(ValueError, match="max_iter must be"):
        TJM(max_iter=0).fit(Xs, Xt)
    with pytest.raises(ValueError, match="tol must be a number above 0: found -1"):
        TJM(tol=-1).fit(Xs, Xt)
    monkeypatch.setenv("LANDBRIDGE_MAX_MEMORY", "1e4")
    with pytest.raises(MemoryError, match=r"TJM's kernel of 150 rows .* or choose TCA"):
        TJM().fit(Xs, Xt)
