import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import SVC

from landbridge import load, save
from landbridge.mapping.transport import JDOT
from landbridge.mapping.transport.jdot import label_losses

ot = pytest.importorskip("ot")


@pytest.fixture
def shifted_classes(rng):
    ys = np.repeat(["a", "b", "c"], 40)
    centres = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])[np.repeat([0, 1, 2], 40)]
    Xs, Xt = (rng.normal(size=(120, 2)) * 0.7 + centres for _ in range(2))
    return Xs, ys, Xt @ [[0.8, 0.6], [-0.6, 0.8]] + 9.0


@pytest.fixture
def shifted_curve(rng):
    xs, xt = (rng.uniform(-3, 3, 150) for _ in range(2))
    return xs[:, None], np.sin(xs) + 5.0, xt[:, None] + 20.0, np.sin(xt) + 5.0


@pytest.mark.parametrize("learner", [None, LogisticRegression(), Ridge()])
def test_shifted_classes_are_found(shifted_classes, learner):
    Xs, ys, Xt = shifted_classes
    mapping = JDOT(learner=learner).fit(Xs, Xt, ys=ys)
    assert (mapping.labels_ == ys).mean() > 0.95
    assert ((mapping.confidence_ > 0) & (mapping.confidence_ <= 1)).all()


def test_a_shifted_regression_is_found(shifted_curve):
    Xs, ys, Xt, yt = shifted_curve
    mapping = JDOT().fit(Xs, Xt, ys=ys)
    assert np.abs(mapping.labels_ - yt).mean() < 0.15
    assert mapping.carry(Xs, ys, Xt=Xt).sample_weight is None


def test_each_round_lowers_the_objective(shifted_classes, shifted_curve):
    for Xs, ys, Xt in (shifted_classes, shifted_curve[:3]):
        objective = JDOT(tol=1e-8, alpha=0.1).fit(Xs, Xt, ys=ys).objective_
        assert len(objective) > 1
        assert (np.diff(objective) <= 1e-9).all()


def test_labels_of_minus_one_are_a_class_like_any_other(shifted_classes):
    Xs, ys, Xt = shifted_classes
    signs = np.where(ys == "a", -1, 1)
    named = JDOT().fit(Xs, Xt, ys=np.where(ys == "a", "a", "b")).labels_
    np.testing.assert_array_equal(JDOT().fit(Xs, Xt, ys=signs).labels_ == -1, named == "a")


def test_given_target_labels_are_kept_and_believed(shifted_classes):
    Xs, ys, Xt = shifted_classes
    yt = np.full(120, None, dtype=object)
    yt[:5] = "c"
    mapping = JDOT().fit(Xs, Xt, ys=ys, yt=yt)
    assert (mapping.labels_[:5] == "c").all()
    assert (mapping.confidence_[:5] == 1).all()


def test_a_blank_source_label_teaches_nothing(shifted_classes):
    Xs, ys, Xt = shifted_classes
    blank = ys.astype(object)
    blank[::4] = None
    known = np.arange(120) % 4 > 0
    with_blanks = JDOT().fit(Xs, Xt, ys=blank)
    without = JDOT().fit(Xs[known], Xt, ys=ys[known])
    np.testing.assert_array_equal(with_blanks.labels_, without.labels_)


def test_losses_are_those_written_out(rng):
    Y, f = np.eye(3)[[0, 2]], rng.dirichlet(np.ones(3), 4)
    squared = [[((y - p) ** 2).sum() for p in f] for y in Y]
    np.testing.assert_allclose(label_losses(Y, f), squared, atol=1e-12)
    np.testing.assert_allclose(label_losses(Y, f, log=True), -np.log(f[:, [0, 2]]).T)


def test_a_model_survives_saving(shifted_classes, tmp_path):
    Xs, ys, Xt = shifted_classes
    mapping = JDOT().fit(Xs, Xt, ys=ys)
    again = load(save(mapping, tmp_path / "model"))
    np.testing.assert_array_equal(again.labels_, mapping.labels_)


def test_a_classifier_cannot_learn_measurements(shifted_curve):
    Xs, ys, Xt, _ = shifted_curve
    with pytest.raises(ValueError, match=r"learner must be a regressor.*LogisticRegression"):
        JDOT(learner=LogisticRegression()).fit(Xs, Xt, ys=ys)


@pytest.mark.parametrize("name", ["alpha", "learner_reg", "reg", "max_iter", "tol"])
def test_a_wrong_setting_is_named(shifted_classes, name):
    Xs, ys, Xt = shifted_classes
    with pytest.raises(ValueError, match=f"{name} must be a .*number .*found -1"):
        JDOT(**{name: -1}).fit(Xs, Xt, ys=ys)


def test_a_plan_beyond_the_memory_bound_is_refused(shifted_classes, monkeypatch):
    Xs, ys, Xt = shifted_classes
    monkeypatch.setenv("LANDBRIDGE_MAX_MEMORY", "100000")
    with pytest.raises(MemoryError, match=r"120 to 120 rows.*sample of the rows"):
        JDOT().fit(Xs, Xt, ys=ys)


def test_a_classifier_without_probabilities_is_refused_before_any_work():
    with pytest.raises(ValueError, match="SVC has no predict_proba"):
        JDOT(learner=SVC()).fit(np.eye(4), np.eye(4), ys=np.array([0, 0, 1, 1]))
