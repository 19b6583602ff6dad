import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_moons
from sklearn.utils.estimator_checks import parametrize_with_checks

from landbridge import NetworkSource, Training, load, save

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn
QUICK = Training(max_epochs=3, learning_rate=0.01)


@pytest.fixture
def moons():
    return make_moons(300, noise=0.1, random_state=0)


def quick(network=(8,), **parameters):
    return NetworkSource(network, **{"training": QUICK, "random_state": 0, **parameters})


def test_it_learns_what_no_linear_model_does(moons):
    X, y = moons
    words = np.array(["lower", "upper"])[y]
    net = quick((32, 32), training=Training(max_epochs=60, learning_rate=0.01)).fit(X, words)
    assert net.score(X, words) > 0.97
    probabilities = net.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (net.classes_[probabilities.argmax(axis=1)] == net.predict(X)).all()


def test_regression_gives_numbers(rng):
    X = rng.normal(size=(300, 2))
    y = X[:, 0] ** 2 - X[:, 1]
    net = quick((64,), task="regression", training=Training(max_epochs=80, learning_rate=0.02))
    assert net.fit(X, y).score(X, y) > 0.95
    assert not hasattr(net, "predict_proba")


@pytest.mark.parametrize(
    ("network", "shape"),
    [("cnn", (2, 8, 6)), ("gru", (5, 3)), ("transformer", (5, 3)), ("residual-mlp", (6,))],
)
def test_pictures_and_sequences_go_in_as_they_are_or_flat(network, shape, rng):
    X = rng.normal(size=(40, *shape)).astype(np.float32)
    y = (X.reshape(40, -1)[:, 0] > 0).astype(int)
    shaped = quick(network).fit(X, y)
    flat = quick(network, input_shape=shape).fit(X.reshape(40, -1), y)
    np.testing.assert_array_equal(shaped.predict_proba(X), flat.predict_proba(X.reshape(40, -1)))


def test_the_representation_is_what_the_head_predicts_from(moons):
    X, y = moons
    net = quick((8, 5)).fit(X, y)
    features = net.representation(X)
    assert features.shape == (300, 5)
    logits = features @ net.weights_["head.weight"].T + net.weights_["head.bias"]
    np.testing.assert_array_equal(net.classes_[logits.argmax(axis=1)], net.predict(X))
    assert net.representation(X, layer="1").shape == (300, 8)
    with pytest.raises(ValueError, match="no layer 'middle'"):
        net.representation(X, layer="middle")


def test_a_trained_module_is_taken_as_it_is(moons):
    X, y = moons
    module = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 2))
    net = quick(module, train=False).fit(X, y)
    with torch.no_grad():
        expected = module(torch.from_numpy(X.astype(np.float32))).argmax(dim=1).numpy()
    np.testing.assert_array_equal(net.predict(X), expected)


def test_the_order_of_rows_does_not_matter(moons):
    X, y = moons
    order = np.random.default_rng(1).permutation(300)
    a, b = quick().fit(X, y), quick().fit(X[order], y[order])
    np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), atol=1e-5)


def test_rare_classes_are_found_by_weights_balanced_batches_and_other_losses(rng):
    n_rare = 30
    X = np.concatenate([rng.normal(0, 1, (970, 2)), rng.normal(1.7, 1, (n_rare, 2))])
    y = np.repeat([0, 1], [970, n_rare])
    plain, *others = (
        quick(training=Training(max_epochs=15, learning_rate=0.01), **options).fit(X, y)
        for options in (
            {},
            {"class_weight": "auto"},
            {"balanced_batches": True},
            {"loss": "logit-adjusted"},
            {"loss": "ldam"},
        )
    )
    recalls = [(net.predict(X)[y == 1] == 1).mean() for net in (plain, *others)]
    assert all(recall > recalls[0] for recall in recalls[1:4])


def test_weights_count_as_repetition_does_and_rows_without_weight_do_not(moons):
    X, y = moons
    weight = np.ones(300)
    weight[:50] = 0
    changed = X.copy()
    changed[:50] += 1000
    first, second = (quick(validation_share=0).fit(Z, y, weight) for Z in (X, changed))
    np.testing.assert_array_equal(first.predict(X[50:]), second.predict(X[50:]))


@pytest.mark.parametrize(
    ("share", "n_rows", "n_held_out"),
    [("auto", 499, 0), ("auto", 500, 50), (0.2, 49, 0), (0.2, 50, 10), (0.0, 900, 0)],
)
def test_rows_are_held_out_where_there_are_enough_to_tell_of_an_epoch(share, n_rows, n_held_out):
    X, y = make_moons(n_rows, random_state=0)
    net = quick(validation_share=share).fit(X, y)
    rest, held_out = net._held_out(X, y, np.ones(n_rows), 0)
    assert len(held_out) == n_held_out and len({*rest, *held_out}) == n_rows
    assert ("judged" in net.history_[0]) == (n_held_out > 0)


def test_a_copy_from_disk_or_pickle_predicts_the_same(moons, tmp_path):
    X, y = moons
    net = quick("mlp").fit(X, y)
    for again in (load(save(net, tmp_path / "net.landbridge")), pickle.loads(pickle.dumps(net))):
        np.testing.assert_array_equal(again.predict_proba(X), net.predict_proba(X))


def test_a_damaged_or_foreign_file_is_no_network(moons, tmp_path):
    path = save(quick().fit(*moons), tmp_path / "net.landbridge")
    whole = path.read_bytes()
    for place in (len(whole) // 3, len(whole) // 2):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        with pytest.raises(ValueError, match="damaged"):
            load(path)
    torch.save(nn.Linear(2, 2).state_dict(), path)  # a zip too, and a pickle within
    with pytest.raises(ValueError, match="is not a model of Landbridge, or is damaged"):
        load(path)


def test_a_module_of_ones_own_is_not_saved_and_leaves_no_file(moons, tmp_path):
    net = quick(nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 2))).fit(*moons)
    with pytest.raises(TypeError, match="NetworkSource cannot be saved"):
        save(net, tmp_path / "net.landbridge")
    assert not list(tmp_path.iterdir())


def test_the_same_seed_gives_the_same_and_a_clone_too(moons):
    X, y = moons
    net = quick().fit(X, y)
    np.testing.assert_array_equal(clone(net).fit(X, y).predict_proba(X), net.predict_proba(X))


@pytest.mark.filterwarnings("ignore")
def test_an_interrupt_keeps_what_was_learned(moons):
    def interrupt(epoch, *_):
        if epoch == 2:
            raise KeyboardInterrupt

    net = quick(training=Training(max_epochs=9, progress=interrupt))
    with pytest.raises(KeyboardInterrupt):
        net.fit(*moons)
    assert net.n_epochs_ == 2 and net.predict(moons[0]).shape == (300,)


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"task": "ranking"}, 'task must be "classification" or "regression"'),
        ({"loss": "hinge"}, 'loss must be "cross-entropy", "focal"'),
        (
            {"validation_share": 1.0},
            'validation_share must be "auto" or a number from 0 and below 1: found 1.0',
        ),
        (
            {"validation_share": "some"},
            "validation_share must be \"auto\" or a number from 0 and below 1: found 'some'",
        ),
        ({"input_shape": (3,)}, r"input_shape=\(3,\) takes 3 numbers a row: X has 2"),
        ({"network": nn.Linear(2, 5)}, "gives 5 numbers a row, and 2 are needed"),
        ({"network": nn.Linear(3, 2)}, "does not take rows"),
    ],
)
def test_what_does_not_fit_is_named(moons, parameters, match):
    with pytest.raises(ValueError, match=match):
        quick(**parameters).fit(*moons)


def test_one_class_is_refused(moons):
    with pytest.raises(ValueError, match="y has one class only"):
        quick().fit(moons[0], np.zeros(300))


EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": "batches are drawn from fewer rows",
}


@parametrize_with_checks(
    [
        NetworkSource((8,), training=Training(max_epochs=20, learning_rate=0.05), random_state=0),
        NetworkSource(
            (8,),
            task="regression",
            training=Training(max_epochs=20, learning_rate=0.05),
            random_state=0,
        ),
    ],
    expected_failed_checks=lambda estimator: EXPECTED,
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)
