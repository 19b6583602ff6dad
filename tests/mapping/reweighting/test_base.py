import tracemalloc
import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

from landbridge import Transfer, load, save
from landbridge.mapping.reweighting import (
    KLIEP,
    KMM,
    RULSIF,
    ULSIF,
    ClassifierRatio,
    EntropyBalancing,
    GaussianRatio,
    KernelDensityRatio,
    MMDTargetShift,
    NearestNeighbourRatio,
)
from landbridge.moments import effective_size

RATIOS = [
    KLIEP,
    KMM,
    RULSIF,
    ULSIF,
    ClassifierRatio,
    EntropyBalancing,
    GaussianRatio,
    KernelDensityRatio,
    NearestNeighbourRatio,
]
ALL = [*RATIOS, MMDTargetShift]
MOST_ERROR = {RULSIF: 0.1, NearestNeighbourRatio: 0.7}
"""RULSIF seeks another ratio, and counts of neighbours are noisy by nature."""


@pytest.mark.parametrize("method", RATIOS)
def test_the_ratio_of_two_normals_is_found(method, two_normals):
    data = two_normals(2000, 1500)
    weights = data.fit(method(cap=None)).weights(data.Xs)
    assert data.error(weights) < MOST_ERROR.get(method, 0.06)
    assert np.corrcoef(weights, data.ratio)[0, 1] > (
        0.6 if method is NearestNeighbourRatio else 0.97
    )


@pytest.mark.parametrize("method", RATIOS)
def test_weighted_source_rows_have_the_mean_of_the_target(method, shifted):
    weights = shifted.fit(method()).weights(shifted.Xs)
    gap = np.average(shifted.Xs, axis=0, weights=weights) - shifted.Xt.mean(axis=0)
    before = shifted.Xs.mean(axis=0) - shifted.Xt.mean(axis=0)
    share = 0.7 if method is NearestNeighbourRatio else 0.25  # its smoothing draws to the source
    assert np.linalg.norm(gap) < share * np.linalg.norm(before)


@pytest.mark.parametrize("method", RATIOS)
def test_a_source_equal_to_its_target_keeps_its_weights(method, shifted):
    weights = method().fit(shifted.Xs, shifted.Xs).weights(shifted.Xs)
    tolerance = 0.5 if method in (KLIEP, ULSIF, RULSIF) else 1e-6  # by their bases
    assert np.sqrt(np.mean((weights - 1) ** 2)) < tolerance


@pytest.mark.parametrize("method", [*RATIOS, MMDTargetShift])
@pytest.mark.parametrize("weighted", [False, True])
def test_source_rows_weigh_one_on_average(method, weighted, shifted):
    given = shifted.Xs[:, 1] ** 2 if weighted else np.ones(600)
    mapping = shifted.fit(method(), sample_weight=given)
    weights = mapping.weights(shifted.Xs, shifted.ys)
    assert np.average(weights, weights=given) == pytest.approx(1.0)
    assert mapping.effective_size_ == pytest.approx(effective_size(weights * given))
    assert mapping.effective_share_ == mapping.effective_size_ / 600


@pytest.mark.parametrize("method", ALL)
def test_rows_are_carried_as_they_are_with_weights_on_top_of_theirs(method, shifted):
    mapping = shifted.fit(method())
    given = np.arange(600.0)
    carried = mapping.carry(shifted.Xs, shifted.ys, given, shifted.Xt)
    np.testing.assert_array_equal(carried.X, shifted.Xs)
    np.testing.assert_array_equal(carried.y, shifted.ys)
    expected = given * mapping.weights(shifted.Xs, shifted.ys)
    np.testing.assert_array_equal(carried.sample_weight, expected)
    alone = mapping.carry(shifted.Xs, shifted.ys).sample_weight
    np.testing.assert_array_equal(alone, mapping.weights(shifted.Xs, shifted.ys))


@pytest.mark.parametrize("method", ALL)
def test_a_row_weighs_the_same_alone_and_among_others(method, shifted):
    mapping = shifted.fit(method())
    together = mapping.weights(shifted.Xs[:5], shifted.ys[:5])
    alone = [mapping.weights(shifted.Xs[i : i + 1], shifted.ys[i : i + 1])[0] for i in range(5)]
    np.testing.assert_allclose(together, alone, rtol=1e-6)


@pytest.mark.parametrize("method", ALL)
def test_the_order_of_rows_does_not_matter(method, shifted, rng):
    here, there = rng.permutation(600), rng.permutation(500)
    shuffled = method().fit(
        shifted.Xs[here], shifted.Xt[there], ys=shifted.ys[here], yt=shifted.yt[there]
    )
    np.testing.assert_allclose(
        shuffled.weights(shifted.Xs, shifted.ys),
        shifted.fit(method()).weights(shifted.Xs, shifted.ys),
        rtol=1e-3,
        atol=1e-4,
    )


@pytest.mark.parametrize("method", ALL)
def test_sparse_rows_weigh_like_dense_ones(method, shifted, rng):
    Xs, Xt = (X * (rng.random(X.shape) < 0.8) for X in (shifted.Xs, shifted.Xt))
    labels = {"ys": shifted.ys, "yt": shifted.yt}
    dense = method().fit(Xs, Xt, **labels).weights(Xs, shifted.ys)
    sparse = method().fit(csr_array(Xs), csr_array(Xt), **labels)
    np.testing.assert_allclose(sparse.weights(csr_array(Xs), shifted.ys), dense, atol=1e-5)


@pytest.mark.parametrize("method", ALL)
def test_float32_rows_weigh_like_float64_ones(method, shifted):
    Xs, Xt = (X.astype(np.float32) for X in (shifted.Xs, shifted.Xt))
    labels = {"ys": shifted.ys, "yt": shifted.yt}
    mapping = method().fit(Xs, Xt, **labels)
    wide = method().fit(Xs.astype(float), Xt.astype(float), **labels)
    assert mapping.transform(Xs).dtype == np.float32
    weights = mapping.weights(Xs, shifted.ys)
    assert weights.dtype == np.float64
    np.testing.assert_allclose(weights, wide.weights(Xs, shifted.ys), rtol=0.05, atol=0.05)


@pytest.mark.parametrize("method", ALL)
def test_a_fitted_mapping_is_saved_as_plain_data(method, shifted, tmp_path):
    mapping = shifted.fit(method())
    again = load(save(mapping, tmp_path / "mapping.landbridge"))
    np.testing.assert_array_equal(
        again.weights(shifted.Xs, shifted.ys), mapping.weights(shifted.Xs, shifted.ys)
    )


def test_reweighting_makes_a_misspecified_learner_right_where_the_target_is(rng):
    Xs, Xt = rng.normal(0, 1, (1000, 1)), rng.normal(1.5, 0.5, (1000, 1))

    def sign(X):
        return np.where((X[:, 0] > -1) & (X[:, 0] < 1.5), "in", "out")

    learner = LogisticRegression()
    plain = learner.fit(Xs, sign(Xs)).score(Xt, sign(Xt))
    there = Transfer(learner, GaussianRatio(cap=None)).fit(Xs, sign(Xs), Xt)
    assert there.score(Xt, sign(Xt)) > plain + 0.2


def test_the_largest_weight_is_capped_at_a_multiple_of_the_mean(shifted):
    free = shifted.fit(GaussianRatio(cap=None)).weights(shifted.Xs)
    capped = shifted.fit(GaussianRatio(cap=2.0)).weights(shifted.Xs)
    expected = np.minimum(free, 2.0)
    np.testing.assert_allclose(capped, expected / expected.mean(), rtol=1e-10)
    assert free.max() > 4


def test_the_automatic_cap_is_the_root_of_the_number_of_rows():
    Xs, Xt = np.zeros((100, 1)), np.zeros((100, 1))
    Xs[0], Xt[:50] = 1.0, 1.0
    weights = [
        NearestNeighbourRatio(smoothing=0.1, cap=cap).fit(Xs, Xt).weights([[1.0], [0.0]])
        for cap in ("auto", 10.0)
    ]
    np.testing.assert_array_equal(*weights)
    assert weights[0][0] / weights[0][1] == pytest.approx(10.0 / (50.1 / 99 / (100.2 / 100)))


def test_one_row_that_holds_the_weight_is_warned_of_with_the_effective_size():
    Xs, Xt = np.arange(100.0)[:, None], np.full((50, 1), 99.0)
    with pytest.warns(UserWarning, match=r"effective sample size of 1\.0 out of 100 source rows"):
        mapping = NearestNeighbourRatio(smoothing=1e-6).fit(Xs, Xt)
    assert mapping.effective_size_ == pytest.approx(1.0, abs=0.01)


def test_a_few_rows_are_not_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        NearestNeighbourRatio(smoothing=1e-6).fit([[0.0], [1.0], [2.0]], [[2.0], [2.0]])


@pytest.mark.parametrize("method", [ULSIF, RULSIF])
def test_domains_without_overlap_are_refused(method, shifted):
    with pytest.raises(ValueError, match=r"the domains do not overlap\. Bring them together"):
        method(gamma=1.0, reg=0.1).fit(shifted.Xs, shifted.Xt + 1000.0)


@pytest.mark.parametrize(
    "mapping", [KLIEP(gamma=1.0, cap=None), GaussianRatio(cap=None), KernelDensityRatio(cap=None)]
)
def test_densities_that_underflow_are_compared_in_logarithms(mapping, shifted):
    with pytest.warns(UserWarning, match="effective sample size"):
        weights = mapping.fit(shifted.Xs, shifted.Xt + 200.0).weights(shifted.Xs)
    assert np.isfinite(weights).all()
    assert shifted.Xs[weights.argmax()].sum() > 2.0  # towards where the target is


@pytest.mark.parametrize("method", RATIOS)
def test_a_single_target_row_is_no_sample(method, shifted):
    with pytest.raises(ValueError, match="needs 2 rows of each: Xs has 600, Xt has 1"):
        method().fit(shifted.Xs, shifted.Xt[:1])


@pytest.mark.parametrize("method", RATIOS)
def test_two_rows_of_each_domain_will_do(method):
    weights = method().fit([[0.0], [1.0]], [[0.4], [2.0]]).weights([[0.0], [1.0]])
    assert np.isfinite(weights).all()
    assert weights.mean() == pytest.approx(1.0)


@pytest.mark.parametrize("method", [*RATIOS, MMDTargetShift])
def test_a_wrong_cap_is_named(method, shifted):
    with pytest.raises(ValueError, match=r'cap must be "auto", None or a number from 1 up'):
        shifted.fit(method(cap=0.5))


@pytest.mark.parametrize("mapping", [ULSIF("median", 0.1), KMM(n_features=32), KLIEP("median", 50)])
def test_many_source_rows_stream_in_bounded_memory(mapping, rng):
    Xs = rng.standard_normal((200_000, 4), dtype=np.float32)
    Xt = Xs[:2000] + np.float32(0.5)
    mapping.fit(Xs[:100], Xt[:100])  # what is imported on the way does not count
    tracemalloc.start()
    mapping.fit(Xs, Xt)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    held = 4 * 200_000 * 32 if isinstance(mapping, KMM) else 0
    assert peak < held + 70e6  # all distances at once would be 80 MB and more
