import numpy as np
import pytest

from landbridge.mapping.relabelling import LabelPropagation
from landbridge.mapping.relabelling.propagation import propagated

ot = pytest.importorskip("ot")


@pytest.fixture
def classes(rng):
    ys = np.repeat(["left", "right"], 50)
    Xs, Xt = (rng.normal(size=(100, 2)) + np.repeat([[-2, 0], [2, 0]], 50, axis=0) for _ in "st")
    return Xs, ys, Xt + 7.0


@pytest.mark.parametrize("solver", ["exact", "sinkhorn"])
def test_labels_travel_along_the_plan(classes, solver):
    Xs, ys, Xt = classes
    mapping = LabelPropagation(solver).fit(Xs, Xt, ys=ys)
    assert (mapping.labels_ == ys).mean() > 0.9


def test_labels_are_those_carried_by_pots_plan(classes, rng):
    Xs, ys, Xt = classes[0], classes[1], classes[2][rng.permutation(100)[:70]]
    plan = ot.emd(np.full(100, 1 / 100), np.full(70, 1 / 70), ot.dist(Xs, Xt), numItermax=1_000_000)
    shares = np.array([plan[ys == c].sum(axis=0) for c in ("left", "right")])
    mapping = LabelPropagation().fit(Xs, Xt, ys=ys)
    np.testing.assert_array_equal(mapping.labels_, np.array(["left", "right"])[shares.argmax(0)])
    np.testing.assert_allclose(mapping.confidence_, shares.max(axis=0) * 70, atol=1e-9)


def test_numbers_travel_as_means(rng):
    Xs = rng.normal(size=(40, 1))
    order = rng.permutation(40)
    mapping = LabelPropagation().fit(Xs, Xs[order] + 3.0, ys=np.sin(Xs[:, 0]))
    np.testing.assert_allclose(mapping.labels_, np.sin(Xs[order, 0]), atol=1e-12)
    plan = np.array([[0.1, 0.3], [0.4, 0.2]])
    np.testing.assert_allclose(propagated(plan, np.array([[0.0], [5.0]])), [[4.0], [2.0]])


def test_labels_of_minus_one_are_a_class_like_any_other(classes):
    Xs, ys, Xt = classes
    signs = LabelPropagation().fit(Xs, Xt, ys=np.where(ys == "left", -1, 1)).labels_
    named = LabelPropagation().fit(Xs, Xt, ys=ys).labels_
    np.testing.assert_array_equal(signs == -1, named == "left")


def test_known_target_labels_draw_mass_of_their_class(classes):
    Xs, ys, Xt = classes
    yt = np.where(np.arange(100) % 2, ys[::-1], None)
    mapping = LabelPropagation().fit(Xs, Xt, ys=ys, yt=yt)
    known = yt != None  # noqa: E711
    np.testing.assert_array_equal(mapping.labels_[known], yt[known])
    free = LabelPropagation().fit(Xs, Xt, ys=ys)
    assert (mapping.labels_[~known] != free.labels_[~known]).any()


def test_the_order_of_rows_does_not_matter(classes, rng):
    Xs, ys, Xt = classes
    s, t = rng.permutation(100), rng.permutation(100)
    first = LabelPropagation().fit(Xs, Xt, ys=ys)
    second = LabelPropagation().fit(Xs[s], Xt[t], ys=ys[s])
    np.testing.assert_array_equal(first.labels_[t], second.labels_)


def test_wrong_settings_are_named(classes):
    Xs, ys, Xt = classes
    with pytest.raises(ValueError, match='solver must be "exact" or "sinkhorn"'):
        LabelPropagation("magic").fit(Xs, Xt, ys=ys)
    with pytest.raises(ValueError, match="reg must be a number above 0: found 0"):
        LabelPropagation(reg=0).fit(Xs, Xt, ys=ys)


def test_a_plan_beyond_the_memory_bound_is_refused(classes, monkeypatch):
    Xs, ys, Xt = classes
    monkeypatch.setenv("LANDBRIDGE_MAX_MEMORY", "100000")
    with pytest.raises(MemoryError, match=r"100 to 100 rows.*sample of the rows"):
        LabelPropagation().fit(Xs, Xt, ys=ys)
