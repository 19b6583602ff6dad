import numpy as np
import pytest

from landbridge.kits.image import Prototypes
from landbridge.kits.image.prototypes import typical_variance
from landbridge.mapping import Carried
from landbridge.onnx.stages import chain_of
from landbridge.source import linear_parameters


@pytest.fixture
def domains(rng):
    """Carried source rows of three classes, and target rows of which six have labels."""
    centres = np.array([[0.0, 0, 0], [4, 0, 0], [0, 4, 0]])
    ys, yt = np.repeat(["a", "b", "c"], 20), np.repeat(["a", "b", "c"], 30)
    Xs = centres[np.repeat(range(3), 20)] + rng.normal(size=(60, 3))
    Xt = centres[np.repeat(range(3), 30)] + 1 + rng.normal(size=(90, 3))
    few = np.where(np.arange(90) % 30 < 2, yt.astype(object), None)
    return Carried(Xs, ys), Xt, few, yt


def test_means_are_those_of_the_paper(domains):
    carried, Xt, few, _ = domains
    model = Prototypes(prior=0.0, refine=0).fit(carried, Xt, few)
    for k, name in enumerate("abc"):
        np.testing.assert_allclose(model.means_[k], Xt[few == name].mean(axis=0))
    weighted = Prototypes(prior=3.0, refine=0).fit(carried, Xt, few)
    expected = (3 * carried.X[:20].mean(axis=0) + Xt[:2].sum(axis=0)) / 5
    np.testing.assert_allclose(weighted.means_[0], expected)


def test_a_step_of_refinement_is_one_of_soft_k_means(domains):
    carried, Xt, few, _ = domains
    before = Prototypes(prior=2.0, refine=0).fit(carried, Xt, few)
    after = Prototypes(prior=2.0, refine=1).fit(carried, Xt, few)
    bare = Xt[[label is None for label in few]]
    far = np.array([[((x - p) ** 2).sum() for p in before.means_] for x in bare])
    z = np.exp(-(far - far.min(axis=1, keepdims=True)) / (2 * before.variance_))
    z /= z.sum(axis=1, keepdims=True)
    for k, name in enumerate("abc"):
        own = Xt[few == name]
        top = 2 * carried.X[carried.y == name].mean(axis=0) + own.sum(axis=0) + z[:, k] @ bare
        np.testing.assert_allclose(after.means_[k], top / (2 + len(own) + z[:, k].sum()))


def test_variance_is_pooled_over_the_classes_of_both_domains(domains):
    carried, Xt, few, _ = domains
    rest, free = [], 0
    for X, y in ((carried.X, carried.y), (Xt, few)):
        for name in "abc":
            own = X[y == name]
            rest, free = [*rest, own - own.mean(axis=0)], free + len(own) - 1
    expected = typical_variance(np.concatenate(rest), free)
    assert Prototypes().fit(carried, Xt, few).variance_ == pytest.approx(expected)
    assert 0.6 < expected < 1.5  # it was drawn with 1


@pytest.mark.parametrize(("n", "d"), [(3000, 10), (60, 200)])
def test_the_typical_variance_is_that_of_the_covariance_rows_were_drawn_with(rng, n, d):
    spread = np.concatenate([np.full(d // 10, 5.0), np.full(d - d // 10, 0.5)])
    found = [typical_variance(rng.normal(size=(n, d)) * spread, n) for _ in range(20)]
    assert np.mean(found) == pytest.approx((spread**4).sum() / (spread**2).sum(), rel=0.1)
    assert typical_variance(np.zeros((3, 2)), 2) == typical_variance(np.ones((3, 2)), 0) == 0


def test_bare_rows_help_where_labels_are_few(domains):
    carried, Xt, few, truth = domains
    alone = Carried(Xt[:0], carried.y[:0])
    plain = Prototypes(refine=0).fit(alone, Xt, few)
    refined = Prototypes(refine=3).fit(alone, Xt, few)
    assert (refined.predict(Xt) == truth).mean() > (plain.predict(Xt) == truth).mean() - 0.01
    centres = np.array([Xt[truth == name].mean(axis=0) for name in "abc"])
    assert ((refined.means_ - centres) ** 2).sum() < ((plain.means_ - centres) ** 2).sum()


def test_no_target_label_is_needed(domains):
    carried, Xt, _, truth = domains
    model = Prototypes(refine=5).fit(carried, Xt, np.full(90, None))
    assert (model.predict(Xt) == truth).mean() > 0.85


def test_a_class_that_only_the_target_has_is_told_too(domains):
    carried, Xt, few, _ = domains
    kept = carried.y != "c"
    model = Prototypes().fit(Carried(carried.X[kept], carried.y[kept]), Xt, few)
    assert model.classes_.tolist() == ["a", "b", "c"] and "c" in model.predict(Xt)


def test_one_row_a_class_is_enough():
    alone = Carried(np.empty((0, 2)), np.array([], dtype=str))
    Xt = np.array([[0.0, 0.0], [2.0, 0.0]])
    model = Prototypes().fit(alone, Xt, np.array(["a", "b"]))
    assert model.predict(np.array([[0.9, 3.0], [1.1, -3.0]])).tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="All classes have the same mean"):
        Prototypes().fit(alone, np.zeros((2, 2)), np.array(["a", "b"]))
    with pytest.raises(ValueError, match=r"need two classes: found \['a'\]"):
        Prototypes().fit(alone, Xt, np.array(["a", None], dtype=object))


def test_it_is_linear_so_that_it_can_be_exported(domains):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    carried, Xt, few, _ = domains
    model = Prototypes().fit(carried, Xt, few)
    coef, intercept = linear_parameters(model)
    logits = Xt @ coef.T + intercept
    np.testing.assert_array_equal(model.classes_[logits.argmax(axis=1)], model.predict(Xt))
    assert len(chain_of(model).stages) == 1
    two = Prototypes().fit(
        Carried(carried.X[:40], carried.y[:40]), Xt[:60], few[:60]
    )  # of two classes scikit-learn has one row
    assert linear_parameters(two)[0].shape == (1, 3) and two.decision_function(Xt).shape == (90,)
