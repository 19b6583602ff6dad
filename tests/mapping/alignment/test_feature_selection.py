import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.sparse import csr_array, issparse

from landbridge.mapping.alignment.feature_selection import FMMD, discrepancy_weights


@pytest.fixture
def changed(rng):
    """Five features: the mean of the second and the variance of the fourth change."""
    Xs, Xt = rng.standard_normal((400, 5)), rng.standard_normal((300, 5))
    Xt[:, 1] += 1.3
    Xt[:, 3] *= 3.0
    return Xs * [1, 10, 1, 0.1, 5] + 7.0, Xt * [1, 10, 1, 0.1, 5] + 7.0


def discrepancy(w, Xs, Xt, kernel):
    """The squared MMD with weights ``w``, by the kernel of every pair of rows."""
    rows = np.vstack([Xs, Xt])
    products = rows[:, None, :] * rows[None, :, :]
    K = (products if kernel == "linear" else (1 + products) ** 2) @ w
    signed = np.repeat([1 / len(Xs), -1 / len(Xt)], [len(Xs), len(Xt)])
    return signed @ K @ signed


@pytest.mark.parametrize("kernel", ["linear", "polynomial"])
def test_the_weights_make_the_discrepancy_as_large_as_can_be(rng, kernel):
    Xs = rng.standard_normal((150, 3)) * [1.0, 4.0, 0.5]
    Xt = rng.standard_normal((120, 3)) * [6.0, 12.0, 4.0] + [9.0, -6.0, 4.0]
    weights = FMMD(kernel).fit(Xs, Xt).weights_
    inner = np.sqrt((150 * Xs.var(0) + 120 * Xt.var(0)) / 270)
    Zs, Zt = Xs / inner, Xt / inner
    centre = (Zs.mean(0) + Zt.mean(0)) / 2
    best = minimize(
        lambda w: -discrepancy(w, Zs - centre, Zt - centre, kernel),
        np.full(3, 0.5),
        bounds=[(0, 1)] * 3,
        constraints={"type": "ineq", "fun": lambda w: 1 - w @ w},
        options={"ftol": 1e-12},
    )
    np.testing.assert_allclose(weights, best.x, atol=1e-4)


def test_features_that_change_are_dropped_and_the_rest_kept_as_they_are(changed):
    Xs, Xt = changed
    selection = FMMD().fit(Xs, Xt)
    np.testing.assert_array_equal(selection.kept_, [0, 2, 4])
    np.testing.assert_array_equal(selection.transform(Xs), Xs[:, [0, 2, 4]])
    np.testing.assert_array_equal(selection.transform_target(Xt), Xt[:, [0, 2, 4]])


def test_the_linear_kernel_sees_means_alone(changed):
    np.testing.assert_array_equal(FMMD("linear").fit(*changed).kept_, [0, 2, 3, 4])


def test_two_samples_of_one_distribution_keep_all_features(rng):
    selection = FMMD().fit(rng.standard_normal((200, 8)), rng.standard_normal((100, 8)))
    np.testing.assert_array_equal(selection.kept_, np.arange(8))
    np.testing.assert_array_equal(selection.weights_, 0.0)


def test_where_all_change_alike_none_stands_out():
    Xs = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]] * 10)
    assert len(FMMD().fit(Xs, Xs + 5.0).kept_) == 2


def test_one_feature_is_always_kept(changed):
    selection = FMMD(threshold=0.0).fit(changed[0], changed[1] + [9.0, 9.0, 9.0, 9.0, 90.0])
    assert len(selection.kept_) == 1
    assert selection.kept_[0] == selection.weights_.argmin()


def test_a_feature_that_never_varies_is_kept(changed):
    Xs, Xt = (np.column_stack([X, np.full(len(X), 3.0)]) for X in changed)
    assert 5 in FMMD().fit(Xs, Xt).kept_


def test_sparse_rows_stay_sparse(changed):
    selection = FMMD().fit(*(csr_array(X) for X in changed))
    moved = selection.transform(csr_array(changed[0]))
    assert issparse(moved)
    np.testing.assert_allclose(moved.toarray(), FMMD().fit(*changed).transform(changed[0]))


def test_the_names_of_the_kept_features_are_told(changed):
    table = FMMD().fit(*changed).explain(source_names=list("abcde"))
    assert table["source_feature"].tolist() == table["target_feature"].tolist() == ["a", "c", "e"]


def test_no_difference_gives_no_weight():
    np.testing.assert_array_equal(discrepancy_weights(np.zeros(3)), 0.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"kernel": "rbf"}, "kernel must be"), ({"threshold": 2.0}, "threshold must be")],
)
def test_wrong_parameters_are_named(two_domains, arguments, message):
    with pytest.raises(ValueError, match=message):
        FMMD(**arguments).fit(*two_domains)
