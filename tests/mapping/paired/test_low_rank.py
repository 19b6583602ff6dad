import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from landbridge.domains.folds import folds_by_content
from landbridge.mapping import LeastSquares, LowRankAffine


def test_full_rank_is_least_squares(pairs):
    low = LowRankAffine(rank=99).fit(*pairs)
    assert low.rank_ == 3
    np.testing.assert_allclose(low.matrix_, LeastSquares().fit(*pairs).matrix_, atol=1e-10)


def test_the_matrix_is_the_best_of_its_rank(pairs):
    X, Y = pairs
    fitted = LinearRegression().fit(X, Y).predict(X)
    U, sizes, Vt = np.linalg.svd(fitted - Y.mean(axis=0), full_matrices=False)
    mapping = LowRankAffine(rank=2).fit(X, Y)
    expected = (U[:, :2] * sizes[:2]) @ Vt[:2] + Y.mean(axis=0)
    np.testing.assert_allclose(mapping.transform(X), expected, atol=1e-10)
    assert np.linalg.matrix_rank(mapping.matrix_) == 2


def test_rank_errors_out_of_moments_are_those_of_refitting_on_rows(pairs):
    X, Y = pairs
    mapping = LowRankAffine(cv=4).fit(X, Y)
    for rank in (1, 2, 3):
        total = 0.0
        for test in folds_by_content(X, Y, 4):
            train = np.setdiff1d(np.arange(200), test)
            refit = LowRankAffine(rank=rank).fit(X[train], Y[train])
            total += ((Y[test] - refit.transform(X[test])) ** 2).sum()
        assert mapping.errors_[rank] == pytest.approx(total / 200, rel=1e-10)


def test_a_known_rank_is_found(rng):
    X = rng.standard_normal((500, 8))
    Y = X @ rng.standard_normal((8, 2)) @ rng.standard_normal((2, 6))
    assert LowRankAffine().fit(X, Y + 0.5 * rng.standard_normal((500, 6))).rank_ == 2


@pytest.mark.parametrize("rank", [0, 1.5, "all"])
def test_a_wrong_rank_is_named(pairs, rank):
    with pytest.raises(ValueError, match="rank must be"):
        LowRankAffine(rank=rank).fit(*pairs)
