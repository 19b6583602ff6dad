import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import Ridge as SklearnRidge

from landbridge import load, save
from landbridge.mapping.transport import ClassTransport, ExactTransport, OptimalTransport
from landbridge.mapping.transport.cost import scaled_cost
from landbridge.mapping.transport.optimal_transport import class_codes
from landbridge.mapping.transport.plans import balanced_plan, uniform

NEEDS_POT = ("exact", "unbalanced", "partial")
SOLVERS = ["sinkhorn", *NEEDS_POT]


@pytest.fixture
def classes(rng):
    """Two classes that overlap, and the same thing shifted by a third of their distance."""
    ys = np.repeat(["left", "right"], 60)
    Xs = rng.normal(size=(120, 2)) + np.where(ys == "left", -1.5, 1.5)[:, None] * [1, 0]
    Xt = rng.normal(size=(100, 2)) + np.repeat([-1.5, 1.5], 50)[:, None] * [1, 0] + 1.0
    return Xs, ys, Xt


def fitted(solver, Xs, Xt, **settings):
    if solver in NEEDS_POT:
        pytest.importorskip("ot")
    return OptimalTransport(solver, **settings).fit(Xs, Xt)


@pytest.mark.parametrize("solver", ["sinkhorn", "exact"])
def test_a_translation_is_recovered(two_domains, solver):
    Xs = two_domains[0]
    moved = fitted(solver, Xs, Xs[::-1] + 50.0, reg=0.002, max_iter=5000, tol=1e-2).transform(Xs)
    assert np.abs(moved - Xs - 50.0).mean() < (1e-12 if solver == "exact" else 0.1)


def test_the_unit_of_cost_does_not_know_how_far_apart_the_domains_are(two_domains):
    Xs, Xt = two_domains
    near, far = (OptimalTransport().fit(Xs, Xt + shift) for shift in (0.0, 1000.0))
    assert near.unit_ == pytest.approx(far.unit_)
    np.testing.assert_allclose(near.transform(Xs) + 1000.0, far.transform(Xs), atol=1e-6)


def test_fitted_rows_go_to_the_means_of_pots_plan(two_domains):
    ot = pytest.importorskip("ot")
    Xs, Xt = two_domains
    mapping = OptimalTransport(reg=0.1, tol=1e-9).fit(Xs, Xt)
    C = ot.dist(Xs - Xs.mean(axis=0), Xt - Xt.mean(axis=0)) / mapping.unit_
    plan = ot.sinkhorn(uniform(300), uniform(200), C, 0.1, "sinkhorn_log", stopThr=1e-10)
    expected = plan @ Xt / plan.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(mapping.transform(Xs), expected, atol=1e-6)


@pytest.mark.parametrize("out_of_sample", ["entropic", "nearest"])
def test_fitted_rows_go_to_the_means_of_our_plan(two_domains, out_of_sample):
    Xs, Xt = two_domains
    mapping = OptimalTransport(out_of_sample=out_of_sample).fit(Xs, Xt)
    C = scaled_cost(Xs, Xt, mapping._geometry)
    plan = balanced_plan(C, uniform(300), uniform(200), 0.05)
    expected = plan @ Xt / plan.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(mapping.transform(Xs), expected, atol=1e-8)


def test_exact_rows_go_to_target_rows(two_domains):
    pytest.importorskip("ot")
    Xs, Xt = two_domains[0][:200], two_domains[1]
    moved = ExactTransport().fit(Xs, Xt).transform(Xs)
    np.testing.assert_allclose(np.sort(moved, axis=0), np.sort(Xt, axis=0), atol=1e-9)


def test_new_rows_follow_the_map_of_the_fitted_ones(rng):
    Xs, new = rng.normal(size=(600, 2)), rng.normal(size=(50, 2))
    for out_of_sample in ("entropic", "nearest", "affine", "kernel"):
        mapping = OptimalTransport(reg=0.01, out_of_sample=out_of_sample, tol=1e-3)
        moved = mapping.fit(Xs, Xs[::-1] * [3.0, 1.0]).transform(new)
        assert np.abs(moved - new * [3.0, 1.0]).mean() < 0.25


def test_the_kernel_map_is_ridge_regression_of_how_far_rows_are_carried(two_domains, tmp_path):
    Xs, Xt = two_domains
    by_plan = OptimalTransport(out_of_sample="nearest").fit(Xs, Xt)
    mapping = OptimalTransport(out_of_sample="kernel").fit(Xs, Xt)
    Phi = mapping.kernel_map_.features_.transform(Xs)
    steps = by_plan.transform(Xs) - Xs
    regression = SklearnRidge(mapping.kernel_map_.reg_ * len(Xs)).fit(Phi, steps)
    np.testing.assert_allclose(mapping.transform(Xs), Xs + regression.predict(Phi), atol=1e-6)
    far = np.full((1, 4), 1e3)
    np.testing.assert_allclose(mapping.transform(far) - far, regression.intercept_[None], atol=1e-6)
    again = load(save(mapping, tmp_path / "model"))
    np.testing.assert_array_equal(again.transform(Xs), mapping.transform(Xs))


def test_equal_rows_go_to_one_place():
    pytest.importorskip("ot")
    Xs, Xt = np.array([[0.0], [0.0], [5.0]]), np.array([[1.0], [2.0], [9.0]])
    mapping = ExactTransport().fit(Xs, Xt)
    np.testing.assert_allclose(mapping.transform(Xs), [[1.5], [1.5], [9.0]])


def test_weights_are_masses(rng):
    Xs, Xt = rng.normal(size=(30, 2)), rng.normal(size=(40, 2))
    weights = rng.integers(0, 4, 30)
    weighed = OptimalTransport(tol=1e-9).fit(Xs, Xt, sample_weight=weights)
    repeated = OptimalTransport(tol=1e-9).fit(np.repeat(Xs, weights, axis=0), Xt)
    assert weighed.unit_ == pytest.approx(repeated.unit_, rel=0.2)
    repeated.set_params(reg=0.05 * weighed.unit_ / repeated.unit_)
    repeated.fit(np.repeat(Xs, weights, axis=0), Xt)
    np.testing.assert_allclose(weighed.transform(Xs), repeated.transform(Xs), atol=1e-6)


@pytest.mark.parametrize("kind", ["lp-l1", "l1-l2"])
def test_class_regularisation_mixes_fewer_classes_on_a_target_row(classes, kind):
    Xs, ys, Xt = classes

    def mixing(class_reg):
        mapping = OptimalTransport(class_reg=class_reg, class_penalty=kind)
        rows = _rows(mapping, Xs, ys, Xt)
        plan = mapping._plan(*rows)
        shares = np.array([plan[rows[0].codes == c].sum(axis=0) for c in (0, 1)])
        return float((shares.min(axis=0) / shares.sum(axis=0)).mean())

    assert mixing(2.0) < 0.7 * mixing(0.0)


def _rows(mapping, Xs, ys, Xt):
    """The rows of both domains as fit sees them."""
    seen = []
    original = mapping._images
    mapping._images = lambda *rows: seen.append(rows) or original(*rows)
    mapping.out_of_sample = "nearest"
    mapping.fit(Xs, Xt, ys=ys)
    return seen[0]


def test_labels_of_minus_one_are_a_class_like_any_other(classes):
    Xs, ys, Xt = classes
    named, signed = (
        ClassTransport().fit(Xs, Xt, ys=labels).transform(Xs)
        for labels in (ys, np.where(ys == "left", -1, 1))
    )
    np.testing.assert_array_equal(named, signed)


def test_a_blank_label_belongs_to_no_class(classes):
    Xs, ys, Xt = classes
    blank = ys.astype(object)
    blank[::3] = None
    moved = ClassTransport().fit(Xs, Xt, ys=blank).transform(Xs)
    assert np.isfinite(moved).all()
    assert not np.allclose(moved, ClassTransport().fit(Xs, Xt, ys=ys).transform(Xs))


def test_target_rows_of_a_known_class_take_mass_of_that_class_only(rng):
    pytest.importorskip("ot")
    Xs, ys = rng.normal(size=(40, 2)), np.repeat([-1, 1], 20)
    Xt, yt = rng.normal(size=(40, 2)), np.repeat([1, -1], 20)
    moved = ExactTransport().fit(Xs, Xt, ys=ys, yt=yt).transform(Xs)
    found = np.abs(moved[:, None] - Xt).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(yt[found], ys)
    free = ExactTransport(match_labels=False).fit(Xs, Xt, ys=ys, yt=yt).transform(Xs)
    assert not np.array_equal(moved, free)


def test_measurements_are_not_taken_for_classes(rng):
    Xs, Xt = rng.normal(size=(30, 2)), rng.normal(size=(30, 2))
    with_labels = OptimalTransport().fit(Xs, Xt, ys=rng.normal(size=30), yt=rng.normal(size=30))
    np.testing.assert_array_equal(
        with_labels.transform(Xs), OptimalTransport().fit(Xs, Xt).transform(Xs)
    )


def test_codes_are_one_for_both_domains_and_nan_for_a_blank():
    codes = class_codes(np.array(["b", "a"]), np.array(["c", None], dtype=object))
    np.testing.assert_array_equal(codes[0], [1.0, 0.0])
    np.testing.assert_array_equal(codes[1], [2.0, np.nan])


def test_laplace_regularisation_carries_neighbours_more_alike(rng):
    Xs = rng.normal(size=(80, 2))
    Xt = rng.normal(size=(80, 2)) * [2.0, 0.5]
    plain, smooth = (
        OptimalTransport(laplace_reg=weight, out_of_sample="nearest").fit(Xs, Xt).transform(Xs) - Xs
        for weight in (0.0, 4.0)
    )
    nearest = np.argsort(((Xs[:, None] - Xs) ** 2).sum(axis=2), axis=1)[:, 1]
    roughness = [np.linalg.norm(V - V[nearest], axis=1).mean() for V in (plain, smooth)]
    assert roughness[1] < 0.9 * roughness[0]


def test_unbalanced_transport_leaves_outliers_where_they_are_drawn_from(rng):
    pytest.importorskip("ot")
    Xs = rng.normal(size=(60, 2))
    Xt = np.vstack([Xs + 1.0, np.full((6, 2), 40.0)])
    balanced = OptimalTransport("exact").fit(Xs, Xt).transform(Xs)
    free = OptimalTransport("unbalanced", reg=0.01, reg_marginal=0.5).fit(Xs, Xt).transform(Xs)
    assert balanced.max() > 30
    assert np.abs(free - Xs - 1.0).max() < 2


def test_rows_that_are_not_carried_go_along_with_their_neighbours(rng):
    pytest.importorskip("ot")
    Xs = np.vstack([rng.normal(size=(50, 2)), [[100.0, 100.0]]])
    moved = OptimalTransport("partial", mass=0.95).fit(Xs, Xs[:50] + 1.0).transform(Xs)
    np.testing.assert_allclose(moved[50] - Xs[50], (moved - Xs)[:50].max(axis=0), atol=3.0)


def test_batches_come_near_the_whole_plan(rng):
    Xs, Xt = rng.normal(size=(400, 2)), rng.normal(size=(400, 2)) * [2.0, 0.5] + 1.0
    for out_of_sample in ("entropic", "nearest"):
        whole, parts = (
            OptimalTransport(batch_size=size, out_of_sample=out_of_sample).fit(Xs, Xt).transform(Xs)
            for size in (None, 100)
        )
        assert np.abs(whole - parts).mean() < 0.2


def test_a_plan_of_low_rank_comes_near_the_whole_plan(rng):
    pytest.importorskip("ot")
    Xs, Xt = rng.normal(size=(80, 2)), rng.normal(size=(60, 2)) * [2.0, 0.5] + 1.0
    whole = OptimalTransport().fit(Xs, Xt).transform(Xs)
    low = OptimalTransport(rank=10).fit(Xs, Xt).transform(Xs)
    assert np.corrcoef(whole[:, 0], low[:, 0])[0, 1] > 0.9


@pytest.mark.parametrize("settings", [{}, {"batch_size": 40}, {"out_of_sample": "nearest"}])
def test_the_order_of_rows_does_not_matter(two_domains, rng, settings):
    Xs, Xt = two_domains
    shuffled = Xs[rng.permutation(300)], Xt[rng.permutation(200)]
    first, second = (
        OptimalTransport(**settings).fit(*rows).transform(Xs) for rows in ((Xs, Xt), shuffled)
    )
    np.testing.assert_allclose(first, second, atol=1e-10)


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_explains_itself_and_survives_saving(two_domains, solver, tmp_path):
    Xs, Xt = two_domains
    mapping = fitted(solver, Xs, Xt)
    again = load(save(mapping, tmp_path / "model"))
    np.testing.assert_array_equal(again.transform(Xs), mapping.transform(Xs))
    assert len(mapping.explain(top=2)) == 8


def test_sparse_rows_are_carried_like_dense_ones(rng):
    Xs = rng.normal(size=(40, 3)) * (rng.random((40, 3)) < 0.5)
    Xt = rng.normal(size=(30, 3))
    dense = OptimalTransport().fit(Xs, Xt).transform(Xs)
    sparse = OptimalTransport().fit(csr_array(Xs), Xt).transform(csr_array(Xs))
    np.testing.assert_allclose(sparse, dense, atol=1e-12)


def test_a_plan_beyond_the_memory_bound_is_refused_unless_in_parts(two_domains, monkeypatch):
    monkeypatch.setenv("LANDBRIDGE_MAX_MEMORY", "400000")
    with pytest.raises(MemoryError, match=r"300 to 200 rows.*batch_size.*or rank"):
        OptimalTransport().fit(*two_domains)
    assert OptimalTransport(batch_size=100).fit(*two_domains).potentials_.shape == (200,)
    with pytest.raises(MemoryError, match=r"parts of the rows at a time\.$"):
        OptimalTransport("unbalanced").fit(*two_domains)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"solver": "magic"}, 'solver must be "sinkhorn", "exact".*\'magic\''),
        ({"reg": 0.0}, "reg must be a number above 0: found 0"),
        ({"mass": 2.0}, "mass must be a number above 0 to 1: found 2"),
        ({"reg_marginal": 0.0}, "reg_marginal must be a number above 0"),
        ({"class_penalty": "l3"}, "class_penalty must be"),
        ({"out_of_sample": "far"}, "out_of_sample must be"),
        ({"batch_size": 0}, "batch_size must be None or a whole number from 1 up"),
        ({"class_reg": 1.0}, "class_reg needs classes of the source rows: ys has none"),
        ({"laplace_reg": 1.0, "solver": "partial"}, "are for solver=.*found solver='partial'"),
        ({"rank": 3, "solver": "exact"}, "rank is for solver"),
        ({"out_of_sample": "entropic", "rank": 3}, "needs the potentials"),
    ],
)
def test_a_wrong_setting_is_named(two_domains, settings, message):
    with pytest.raises(ValueError, match=message):
        OptimalTransport(**settings).fit(*two_domains)


def test_a_marginal_too_cheap_to_miss_is_named(rng):
    pytest.importorskip("ot")
    Xs = rng.normal(size=(20, 2))
    mapping = OptimalTransport("unbalanced", reg=0.01, reg_marginal=0.01)
    with pytest.raises(ValueError, match=r"carried no row.*Raise reg_marginal"):
        mapping.fit(Xs, Xs + 100.0)
