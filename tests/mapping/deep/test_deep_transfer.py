import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from landbridge import DeepTransfer, Training, Transfer, load, save
from landbridge.mapping.deep.deep_transfer import VALIDATORS
from landbridge.source import linear_parameters

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn

QUICK = Training(max_epochs=3, learning_rate=0.01)


def quick(network=(8,), **parameters):
    return DeepTransfer(
        network, **{"alignment": "mmd", "training": QUICK, "random_state": 0, **parameters}
    )


def learned(alignment, seed=0, **parameters):
    training = Training(max_epochs=60, learning_rate=3e-3)
    return DeepTransfer(
        (32, 32), alignment=alignment, training=training, random_state=seed, **parameters
    )


def test_the_head_predicts_from_carried_rows(shifted_blobs):
    Xs, ys, Xt, _ = shifted_blobs
    net = quick().fit(Xs, Xt, ys=ys)
    carried = net.transform_target(Xt)
    assert carried.shape == (450, 8)
    np.testing.assert_array_equal(net.predictor.predict(carried), net.predict(Xt))
    np.testing.assert_allclose(net.predictor.predict_proba(carried), net.predict_proba(Xt), 1e-5)


def test_the_head_is_a_linear_model_that_target_learners_go_on_from(shifted_blobs):
    Xs, ys, Xt, _ = shifted_blobs
    coef, intercept = linear_parameters(quick().fit(Xs, Xt, ys=ys > 0).predictor)
    assert coef.shape == (1, 8) and intercept.shape == (1,)


def test_without_alignment_it_is_the_source_network_alone(shifted_blobs):
    Xs, ys, Xt, _ = shifted_blobs
    net = quick(alignment="none").fit(Xs, Xt, ys=ys)
    moved = quick(alignment="none").fit(Xs, Xt + 100, ys=ys)
    np.testing.assert_array_equal(net.predict_proba(Xs), moved.predict_proba(Xs))


def test_every_domain_is_normalised_by_its_own_statistics(shifted_blobs):
    Xs, ys, Xt, _ = shifted_blobs
    network = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 3))
    net = quick(network, alignment="none").fit(Xs, Xt * 10 + 50, ys=ys)
    for rows in (net.transform(Xs), net.transform_target(Xt * 10 + 50)):
        np.testing.assert_allclose(rows.mean(axis=0), net.weights_["body.0.bias"], atol=1e-4)
        np.testing.assert_allclose(rows.std(axis=0), net.weights_["body.0.weight"], rtol=0.01)


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_target_rows_without_a_label_weigh_nothing(kind):
    from landbridge.mapping.deep.base import Alignment, DeepNet, View
    from landbridge.training.losses import cross_entropy, squared_error

    torch.manual_seed(0)
    n_outputs, loss = (3, cross_entropy) if kind == "classes" else (1, squared_error)
    logits, weight = torch.randn(6, n_outputs, requires_grad=True), torch.rand(6)
    known = torch.tensor([True, False, True, True, False, False])
    labels = torch.tensor([0, 2, 1, 1, 0, 2])
    blank = torch.where(known, labels, -1)
    y = blank if kind == "classes" else torch.where(known, labels.float(), torch.nan)
    net = DeepNet(None, Alignment(), loss, 1.0)
    found = net.target_terms(View(logits, logits, y, weight, None, logits))["target"]
    torch.testing.assert_close(found, loss(logits[known], y[known], weight[known]))
    (slope,) = torch.autograd.grad(found, logits)
    assert (slope[~known] == 0).all() and slope[known].abs().min() > 0
    none = torch.full_like(y, -1 if kind == "classes" else torch.nan)
    assert net.target_terms(View(logits, logits, none, weight, None, logits))["target"] == 0


def test_target_labels_join_the_loss(shifted_blobs):
    Xs, ys, Xt, yt = shifted_blobs
    few = np.full(450, None, dtype=object)
    few[:60] = yt[:60]
    without = learned("none").fit(Xs, Xt, ys=ys)
    with_labels = learned("none").fit(Xs, Xt, ys=ys, yt=few)
    assert with_labels.score(Xt[60:], yt[60:]) > max(0.95, without.score(Xt[60:], yt[60:]))


def test_regression_is_aligned_too(rng):
    Xs = rng.normal(size=(400, 2))
    Xt = Xs + np.array([3.0, 0.0])
    ys = Xs[:, 0] + Xs[:, 1] ** 2
    net = learned("mmd", task="regression", trade_off=5.0).fit(Xs, Xt, ys=ys)
    without = learned("none", task="regression").fit(Xs, Xt, ys=ys)
    assert net.score(Xt, ys) > without.score(Xt, ys)


def test_it_is_a_step_of_transfer_as_any_mapping(shifted_blobs):
    Xs, ys, Xt, yt = shifted_blobs
    model = Transfer(LogisticRegression(), learned("mmd")).fit(Xs, ys, Xt)
    assert model.score(Xt, yt) > 0.95
    assert model.predict_proba(Xt[:5]).shape == (5, 3)


def test_pictures_go_in_as_they_are(rng):
    Xs, Xt = rng.normal(size=(2, 40, 1, 8, 8)).astype(np.float32)
    ys = (Xs[:, 0, 0, 0] > 0).astype(int)
    shaped = quick("cnn").fit(Xs, Xt, ys=ys)
    flat = quick("cnn", input_shape=(1, 8, 8)).fit(Xs.reshape(40, -1), Xt.reshape(40, -1), ys=ys)
    np.testing.assert_array_equal(shaped.transform(Xs), flat.transform(Xs.reshape(40, -1)))
    np.testing.assert_array_equal(shaped.predict(Xt), flat.predict(Xt.reshape(40, -1)))


def test_a_copy_from_disk_or_pickle_carries_the_same(shifted_blobs, tmp_path):
    Xs, ys, Xt, _ = shifted_blobs
    net = quick().fit(Xs, Xt, ys=ys)
    for again in (load(save(net, tmp_path / "net.landbridge")), pickle.loads(pickle.dumps(net))):
        np.testing.assert_array_equal(again.transform(Xs), net.transform(Xs))
        np.testing.assert_array_equal(again.predict_proba(Xt), net.predict_proba(Xt))
    np.testing.assert_array_equal(
        clone(net).fit(Xs, Xt, ys=ys).predict_proba(Xt), net.predict_proba(Xt)
    )


@pytest.mark.parametrize(
    "alignment", ["mmd", "dann", "adda", "wdgrl", "mcd", "pada", "iwan", "osbp"]
)
def test_an_interrupted_run_that_is_resumed_ends_with_the_same_weights(
    shifted_blobs, tmp_path, alignment
):
    Xs, ys, Xt, _ = shifted_blobs

    def run(**options):
        training = Training(max_epochs=4, learning_rate=0.01, **options)
        return quick(alignment=alignment, training=training).fit(Xs, Xt, ys=ys)

    def interrupt(epoch, *_):
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(folder=tmp_path, progress=interrupt)
    resumed, whole = run(folder=tmp_path), run()
    for name, value in whole.weights_.items():
        np.testing.assert_array_equal(value, resumed.weights_[name], err_msg=name)


@pytest.mark.parametrize("validator", VALIDATORS)
def test_the_epoch_is_chosen_without_target_labels(shifted_blobs, validator):
    Xs, ys, Xt, _ = shifted_blobs
    net = quick(validator=validator, training=Training(max_epochs=8, learning_rate=0.05))
    net.fit(Xs, Xt, ys=ys)
    if validator == "last":
        assert net.best_epoch_ == 8
    else:
        judged = [figures["judged"] for figures in net.history_]
        assert net.best_epoch_ == int(np.argmin(judged)) + 1


def test_a_patience_waits_on_what_predictions_on_the_target_say(shifted_blobs):
    Xs, ys, Xt, _ = shifted_blobs
    options = Training(max_epochs=60, learning_rate=0.05, schedule="constant", patience=2)
    net = quick(validator="bnm", training=options).fit(Xs, Xt, ys=ys)
    judged = [figures["judged"] for figures in net.history_]
    assert net.n_epochs_ < 60
    assert net.best_epoch_ == int(np.argmin(judged)) + 1


def test_too_few_rows_to_hold_out_leave_the_last_epoch(shifted_blobs):
    Xs, ys, Xt, _ = shifted_blobs
    net = quick(validator="source", validation_share=0.01).fit(Xs, Xt, ys=ys)
    assert net.best_epoch_ == net.n_epochs_ == 3


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"alignment": "magic"}, 'alignment must be "none", "mmd"'),
        ({"alignment": "mcd", "task": "regression"}, "MCD aligns classes, and task is"),
        ({"validator": "target"}, 'validator must be "last", "source", "entropy"'),
        ({"validator": "snd", "task": "regression"}, "scores probabilities of classes"),
        ({"trade_off": -1.0}, "trade_off must be a number from 0"),
        ({"input_shape": (3,)}, r"input_shape=\(3,\) takes 3 numbers a row: Xs has 2"),
    ],
)
def test_what_does_not_fit_is_named(shifted_blobs, parameters, match):
    Xs, ys, Xt, _ = shifted_blobs
    with pytest.raises(ValueError, match=match):
        quick(**parameters).fit(Xs, Xt, ys=ys)


def test_labels_of_the_source_are_needed(shifted_blobs):
    Xs, _, Xt, _ = shifted_blobs
    with pytest.raises(ValueError, match="ys has none"):
        quick().fit(Xs, Xt)


@parametrize_with_checks(
    [Transfer(LogisticRegression(), quick(training=Training(max_epochs=2)))],
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_accepts_a_transfer_by_it(estimator, check):
    check(estimator)
