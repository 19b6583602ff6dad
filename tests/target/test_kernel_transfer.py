"""A kernel correction of the source model."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import LeaveOneOut

from landbridge.target.kernel_transfer import (
    KernelTransferRegressor,
    left_out_errors,
    posterior_weights,
)


def test_it_is_a_gaussian_process_on_what_the_source_leaves(numbers):
    carried, Xt, yt, _ = numbers
    source = LinearRegression().fit(carried.X, carried.y)
    X, rest = Xt[:20], yt[:20] - source.predict(Xt[:20])
    kernel = RBF(length_scale=np.sqrt(1 / 0.6), length_scale_bounds="fixed")
    process = GaussianProcessRegressor(kernel, alpha=0.2).fit(X, rest)
    ours = KernelTransferRegressor(LinearRegression(), reg=0.2, gamma=0.3).fit(carried, Xt, yt)
    theirs = source.predict(Xt) + process.predict(Xt)
    np.testing.assert_allclose(ours.predict(Xt), theirs, rtol=1e-6)


def test_left_out_errors_are_those_of_leaving_one_out(rng):
    X, rest = rng.normal(size=(15, 2)), rng.normal(size=15)
    penalties = np.array([np.inf, 1.0, 0.01])
    slow = [(rest**2).mean()]
    for reg in penalties[1:]:
        errors = []
        for train, test in LeaveOneOut().split(X):
            ridge = KernelRidge(alpha=reg, kernel="rbf", gamma=0.5).fit(X[train], rest[train])
            errors.append((ridge.predict(X[test]) - rest[test]).item() ** 2)
        slow.append(np.mean(errors))
    found = left_out_errors(rbf_kernel(X, gamma=0.5), rest, penalties)
    np.testing.assert_allclose(found, slow, rtol=1e-8)


def test_far_from_labelled_rows_it_is_the_source_model(numbers):
    carried, Xt, yt, _ = numbers
    learner = KernelTransferRegressor(LinearRegression(), reg=0.1).fit(carried, Xt, yt)
    far = Xt + 100.0
    np.testing.assert_allclose(learner.predict(far), learner.source_.predict(far), rtol=1e-9)


def test_it_corrects_the_source_where_that_helps(numbers):
    carried, Xt, yt, truth = numbers
    learner = KernelTransferRegressor(LinearRegression()).fit(carried, Xt, yt)
    errors = [((m.predict(Xt) - truth)[20:] ** 2).mean() for m in (learner, learner.source_)]
    assert errors[0] < 0.5 * errors[1]


def test_a_source_that_leaves_only_noise_is_kept(numbers, rng):
    carried, Xt, _, _ = numbers
    source = LinearRegression().fit(carried.X, carried.y)
    yt = source.predict(Xt) + rng.normal(size=60)
    learner = KernelTransferRegressor(LinearRegression()).fit(carried, Xt, yt, source)
    assert learner.source_ is source
    assert np.abs(learner.predict(Xt) - source.predict(Xt)).max() < 0.3


def test_without_labels_it_is_the_source_model(numbers):
    learner = KernelTransferRegressor(Ridge())
    learner.fit(numbers.carried, numbers.Xt, np.full(60, np.nan))
    expected = learner.source_.predict(numbers.Xt)
    np.testing.assert_array_equal(learner.predict(numbers.Xt), expected)
    assert "No target row is labelled" in learner.notes_[0]
    assert not posterior_weights(np.eye(3), np.ones(3), np.inf).any()


def test_order_and_sparseness_of_rows_do_not_matter(numbers, rng):
    carried, Xt, yt, _ = numbers
    first = KernelTransferRegressor(Ridge()).fit(carried, Xt, yt)
    order = rng.permutation(60)
    second = KernelTransferRegressor(Ridge()).fit(carried, Xt[order], yt[order])
    np.testing.assert_allclose(first.predict(Xt), second.predict(Xt), rtol=1e-8)
    thin = KernelTransferRegressor(Ridge()).fit(
        carried._replace(X=csr_matrix(carried.X)), csr_matrix(Xt), yt
    )
    np.testing.assert_allclose(thin.predict(csr_matrix(Xt)), first.predict(Xt), atol=1e-3)


@pytest.mark.parametrize("value", [0.0, -1.0, np.inf, "auto"])
def test_wrong_parameters_are_refused(numbers, value):
    with pytest.raises(ValueError, match='reg must be "cv" or a number above 0'):
        KernelTransferRegressor(Ridge(), reg=value).fit(*numbers[:3])
    with pytest.raises(ValueError, match='gamma must be "median" or a number above 0'):
        KernelTransferRegressor(Ridge(), gamma=value).fit(*numbers[:3])
