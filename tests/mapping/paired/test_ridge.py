import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.linear_model import Ridge as SklearnRidge

from landbridge.domains.folds import folds_by_content
from landbridge.mapping import LeastSquares, Ridge
from landbridge.moments import Moments

PENALTIES = [0.01, 1.0, 30.0, 1000.0]


def test_least_squares_recovers_a_known_map(rng):
    X, A = rng.standard_normal((50, 4)), rng.standard_normal((4, 6))
    mapping = LeastSquares().fit(X, X @ A + 3.0)
    np.testing.assert_allclose(mapping.matrix_, A, atol=1e-12)
    np.testing.assert_allclose(mapping.transform(X), X @ A + 3.0, atol=1e-12)


def test_least_squares_agrees_with_scikit_learn(pairs, rng):
    w = rng.random(200)
    ours, theirs = LeastSquares().fit(*pairs, w), LinearRegression().fit(*pairs, w)
    np.testing.assert_allclose(ours.predict(pairs[0]), theirs.predict(pairs[0]), atol=1e-10)


def test_with_fewer_rows_than_features_least_squares_has_least_norm(rng):
    X, Y = rng.standard_normal((4, 9)), rng.standard_normal((4, 2))
    centred = X - X.mean(axis=0)
    expected = np.linalg.pinv(centred) @ (Y - Y.mean(axis=0))
    np.testing.assert_allclose(LeastSquares().fit(X, Y).matrix_, expected, atol=1e-10)


@pytest.mark.parametrize("reg", [1e-3, 1.0, 1e4])
def test_ridge_agrees_with_scikit_learn(pairs, rng, reg):
    w = rng.random(200)
    ours, theirs = Ridge(reg).fit(*pairs, w), SklearnRidge(reg).fit(*pairs, w)
    np.testing.assert_allclose(ours.matrix_, theirs.coef_.T, atol=1e-11)
    np.testing.assert_allclose(ours.predict(pairs[0]), theirs.predict(pairs[0]), atol=1e-10)


@pytest.mark.parametrize("weighted", [False, True])
def test_fold_errors_out_of_moments_are_those_of_refitting_on_rows(pairs, rng, weighted):
    X, Y = pairs
    w = rng.random(200) if weighted else np.ones(200)
    mapping = Ridge(penalties=PENALTIES).fit(X, Y, w if weighted else None)
    for reg, error in zip(PENALTIES, mapping.errors_):
        total = 0.0
        for test in folds_by_content(X, Y, 5):
            train = np.setdiff1d(np.arange(200), test)
            refit = SklearnRidge(reg).fit(X[train], Y[train], w[train])
            total += w[test] @ ((Y[test] - refit.predict(X[test])) ** 2).sum(axis=1)
        assert error == pytest.approx(total / w.sum(), rel=1e-11)
    assert mapping.reg_ == PENALTIES[int(np.argmin(mapping.errors_))]


def test_leave_one_out_errors_are_those_of_refitting_without_each_row(pairs, rng):
    X, Y, w = pairs[0][:40], pairs[1][:40], rng.random(40) + 0.5
    mapping = Ridge("loo", penalties=PENALTIES).fit(X, Y, w)
    for reg, error in zip(PENALTIES, mapping.errors_):
        total = 0.0
        for i in range(40):
            rest = np.arange(40) != i
            refit = SklearnRidge(reg).fit(X[rest], Y[rest], w[rest])
            total += w[i] * ((Y[i] - refit.predict(X[[i]])[0]) ** 2).sum()
        assert error == pytest.approx(total / w.sum(), rel=1e-9)


def test_leave_one_out_chooses_as_scikit_learn_does(pairs):
    X, Y = pairs
    theirs = RidgeCV(PENALTIES, store_cv_results=True).fit(X, Y)
    ours = Ridge("loo", penalties=PENALTIES).fit(X, Y)
    assert ours.reg_ == theirs.alpha_
    np.testing.assert_allclose(ours.errors_, theirs.cv_results_.mean(axis=0).sum(axis=0), rtol=1e-9)


def test_the_penalty_does_not_depend_on_the_order_of_rows(pairs, rng):
    X, Y = pairs
    order = rng.permutation(200)
    first, second = Ridge().fit(X, Y), Ridge().fit(X[order], Y[order])
    assert first.reg_ == pytest.approx(second.reg_, rel=1e-12)
    np.testing.assert_allclose(first.errors_, second.errors_, rtol=1e-10)


def test_streamed_parts_are_left_out_in_turn(pairs):
    X, Y = pairs
    parts = [Moments.of(X[rows], Y[rows]) for rows in folds_by_content(X, Y, 5)]
    streamed, whole = Ridge().fit_moments(*parts), Ridge().fit(X, Y)
    np.testing.assert_allclose(streamed.matrix_, whole.matrix_, rtol=1e-10)


def test_noise_alone_gets_a_large_penalty(rng):
    X, Y = rng.standard_normal((60, 20)), rng.standard_normal((60, 4))
    mapping = Ridge().fit(X, Y)
    assert mapping.reg_ >= np.sort(mapping.penalties_)[-5]
    assert (mapping.errors_.min() <= mapping.errors_).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda X, Y: Ridge(-1.0).fit(X, Y), "reg must be"),
        (lambda X, Y: Ridge("best").fit(X, Y), "reg must be"),
        (lambda X, Y: Ridge(cv=1).fit(X, Y), "cv must be a whole number from 2"),
        (lambda X, Y: Ridge(penalties=[-1.0]).fit(X, Y), "penalties must be"),
        (lambda X, Y: Ridge().fit_moments(Moments.of(X, Y)), "found 1 part"),
        (lambda X, Y: Ridge("loo").fit_moments(Moments.of(X, Y)), "needs the rows"),
    ],
)
def test_errors_say_what_was_found(pairs, make, message):
    with pytest.raises(ValueError, match=message):
        make(*pairs)
