"""Validators as judges of a network's epochs."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_blobs

from landbridge import DeepTransfer, Training, Transfer, load, save
from landbridge.evidence.validation import Seen, make_epoch_validator, score_without_labels
from landbridge.evidence.validation.epochs import epoch_validators

pytest.importorskip("torch", reason="PyTorch is not installed")

OF_NUMBERS = ["source", "iwcv", "dev", "likeness"]


@pytest.fixture(scope="module")
def domains():
    X, y = make_blobs(300, centers=[[0, 0], [5, 0], [0, 5]], random_state=0)
    return X[:200], np.array(["a", "b", "c"])[y[:200]], X[200:] + np.array([1.0, 0.5])


def network(validator, **parameters):
    training = Training(max_epochs=6, learning_rate=0.02)
    return DeepTransfer(
        (8,),
        alignment="mmd",
        **{"validator": validator, "training": training, "random_state": 0, **parameters},
    )


@pytest.mark.parametrize("name", epoch_validators())
def test_each_judges_every_epoch_and_the_best_is_kept(domains, name):
    Xs, ys, Xt = domains
    net = network(make_epoch_validator(name)).fit(Xs, Xt, ys=ys)
    judged = [figures["judged"] for figures in net.history_]
    assert np.isfinite(judged).all() and len(set(judged)) > 1
    assert net.best_epoch_ == int(np.argmin(judged)) + 1
    again = clone(net).fit(Xs, Xt, ys=ys)
    assert [figures["judged"] for figures in again.history_] == judged


@pytest.mark.parametrize("name", [n for n in epoch_validators() if n != "mixval"])
def test_the_last_epoch_is_judged_as_the_fitted_network_would_be(domains, name):
    """The network has no batch normalisation, so it is the same before and after."""
    Xs, ys, Xt = domains
    held_out = []

    def judge(epoch):
        held_out.append((epoch.Xs, epoch.ys))
        return make_epoch_validator(name)(epoch)

    net = network(judge, training=Training(max_epochs=1, learning_rate=0.02)).fit(Xs, Xt, ys=ys)
    (X, y), judged = held_out[-1], net.history_[-1]["judged"]
    assert len(X) == 20 and np.isin(X[:, 0], Xs[:, 0].astype(np.float32)).all()
    model = Transfer(net.predictor, net)
    model.mapping_, model.target_, model.source_ = net, net.predictor, net.predictor
    model.classes_, model.n_features_in_, model.feature_names_target_ = net.classes_, 2, None
    expected = score_without_labels(name, Seen(model, X, y, Xt.astype(np.float32)))
    assert -judged == pytest.approx(expected, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_numbers_have_judges_too(name):
    rng = np.random.default_rng(0)
    Xs, Xt = rng.normal(size=(150, 3)), rng.normal(size=(100, 3)) + 0.3
    net = network(make_epoch_validator(name), task="regression").fit(Xs, Xt, ys=Xs[:, 0])
    assert np.isfinite([figures["judged"] for figures in net.history_]).all()


def test_a_judged_network_can_be_saved(domains, tmp_path):
    Xs, ys, Xt = domains
    net = network(make_epoch_validator("iwcv")).fit(Xs, Xt, ys=ys)
    again = load(save(net, tmp_path / "net.landbridge"))
    np.testing.assert_array_equal(again.predict(Xt), net.predict(Xt))


@pytest.mark.parametrize("name", ["reverse", "agreement", "nobody"])
def test_what_cannot_judge_an_epoch_is_refused_at_once(name):
    with pytest.raises(ValueError, match="validator must be"):
        make_epoch_validator(name)


def test_the_twin_in_keras_is_judged_alike(domains):
    pytest.importorskip("keras", reason="Keras is not installed")
    from landbridge.keras import DeepTransfer as KerasTransfer

    Xs, ys, Xt = domains
    training = Training(max_epochs=2, learning_rate=0.02)
    net = KerasTransfer(
        (8,), alignment="mmd", validator=make_epoch_validator("dev"), training=training
    )
    net.set_params(random_state=0).fit(Xs, Xt, ys=ys)
    assert np.isfinite([figures["judged"] for figures in net.history_]).all()
