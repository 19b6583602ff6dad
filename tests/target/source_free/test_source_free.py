"""What all three promise."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from landbridge import (
    SHOT,
    TENT,
    AdaBN,
    DeepTransfer,
    NetworkSource,
    Training,
    Transfer,
    load,
    save,
)
from landbridge.mapping import Carried
from landbridge.training import Trainer

from .conftest import batch_normalised

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

SHORT = Training(max_epochs=4, learning_rate=0.01)
MAKERS = {
    "shot": lambda *a, **k: SHOT(*a, **{"training": SHORT, "random_state": 0, **k}),
    "tent": lambda *a, **k: TENT(*a, **{"training": SHORT, "random_state": 0, **k}),
    "adabn": AdaBN,
}
TRAINED = ["shot", "tent"]


class Unreachable:
    """Rows that must not be looked at: any way to them raises."""

    def __getattribute__(self, name):
        raise AssertionError(f"source rows were looked at: {name}")

    def _refuse(self, *_):
        raise AssertionError("source rows were looked at")

    __len__ = __getitem__ = __iter__ = __array__ = __eq__ = __bool__ = __contains__ = _refuse
    __hash__ = None


@pytest.fixture(params=MAKERS)
def make(request):
    return MAKERS[request.param]


@pytest.fixture
def pictures(rng):
    """Pictures of 4 by 4, and a small convolutional network that a file can hold."""
    X = rng.normal(size=(120, 16))
    y = np.where(X[:, :8].sum(axis=1) > 0, "left", "right")
    training = Training(max_epochs=4, learning_rate=0.01, device="cpu")
    net = NetworkSource("cnn", input_shape=(1, 4, 4), training=training, random_state=0)
    return net.fit(X, y), X, y


def test_source_rows_and_labels_are_never_looked_at(make, task):
    with pytest.raises(AssertionError, match="looked at"):
        len(Unreachable())
    nothing = Carried(Unreachable(), Unreachable(), Unreachable())
    third = make().fit(nothing, task.Xt, np.full(400, None), task.source)
    alone = make(task.source).fit(task.Xt)
    np.testing.assert_array_equal(third.predict_proba(task.Xt), alone.predict_proba(task.Xt))


def test_as_a_third_step_it_is_what_it_is_by_itself(make, task):
    net = NetworkSource(batch_normalised(3), training=SHORT, random_state=0)
    model = Transfer(net, target=make()).fit(task.Xs, task.ys, task.Xt)
    alone = make(model.source_).fit(task.Xt)
    np.testing.assert_allclose(
        model.predict_proba(task.Xt), alone.predict_proba(task.Xt), atol=1e-6
    )
    assert is_classifier(model.target_) and model.target_.classes_.tolist() == [0, 1, 2]


def test_rows_go_through_what_is_wrapped_around_the_network(make, task):
    net = NetworkSource(batch_normalised(3), training=SHORT, random_state=0)
    wrapped = make_pipeline(StandardScaler(), net).fit(task.Xs, task.ys)
    found = make(FrozenEstimator(wrapped)).fit(task.Xt)
    scaled = wrapped[0].transform(task.Xt)
    expected = make(wrapped[-1]).fit(scaled)
    np.testing.assert_allclose(
        found.predict_proba(task.Xt), expected.predict_proba(scaled), atol=1e-4
    )


def test_a_deep_transfer_is_a_start_too(make, task):
    deep = DeepTransfer(batch_normalised(3), alignment="none", training=SHORT, random_state=0).fit(
        task.Xs, task.Xt, ys=task.ys
    )
    model = make(deep).fit(task.Xt)
    assert model.predict(task.Xt).shape == (400,)
    third = Transfer(LogisticRegression(), deep, make())
    with pytest.raises(ValueError, match="found the head alone, as a DeepTransfer leaves it"):
        third.fit(task.Xs, task.ys, task.Xt)


def test_the_order_of_rows_does_not_matter_and_nothing_given_is_changed(make, task):
    X, before = task.Xt.copy(), {k: v.copy() for k, v in task.source.weights_.items()}
    order = np.random.default_rng(1).permutation(400)
    first, second = (make(task.source).fit(X[rows]) for rows in (np.arange(400), order))
    np.testing.assert_allclose(first.predict_proba(X), second.predict_proba(X), atol=1e-3)
    np.testing.assert_array_equal(X, task.Xt)
    for name, value in before.items():
        np.testing.assert_array_equal(value, task.source.network_.state_dict()[name].cpu())
        np.testing.assert_array_equal(value, task.source.weights_[name])


def test_predictions_do_not_depend_on_the_rows_beside(make, task):
    model = make(task.source).fit(task.Xt)
    np.testing.assert_allclose(
        model.predict_proba(task.Xt[:1]), model.predict_proba(task.Xt)[:1], atol=1e-6
    )


def test_parameters_can_be_read_set_and_cloned(make, task):
    model = make(FrozenEstimator(task.source))
    again = clone(model).fit(task.Xt)
    assert again.get_params(deep=False).keys() == model.get_params(deep=False).keys()
    np.testing.assert_array_equal(
        model.fit(task.Xt).predict_proba(task.Xt), again.predict_proba(task.Xt)
    )


def test_torchs_own_random_numbers_are_left_as_they_were(make, task):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    make(task.source).fit(task.Xt)
    assert torch.equal(torch.rand(3), expected)


def test_a_copy_from_disk_or_pickle_predicts_the_same(make, pictures, tmp_path):
    net, X, _ = pictures
    model = make(net).fit(X + 0.5)
    for again in (
        load(save(model, tmp_path / "model.landbridge")),
        pickle.loads(pickle.dumps(model)),
    ):
        np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
        assert again.classes_.tolist() == ["left", "right"]


def test_a_whole_transfer_is_saved(make, pictures, tmp_path):
    net, X, y = pictures
    model = Transfer(clone(net), target=make()).fit(X, y, X + 0.5)
    again = load(model.save(tmp_path / "model.landbridge"))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("stop_in", [1, 2, 4])
@pytest.mark.parametrize("name", TRAINED)
def test_an_interrupted_run_that_is_resumed_ends_with_the_same_weights(
    name, stop_in, moons, tmp_path
):
    task, labels = moons[1], np.where(np.arange(400) < 20, moons[1].yt, None)
    whole = MAKERS[name](task.source).fit(task.Xt, labels)

    def interrupt(epoch, *_):
        if epoch == stop_in:
            raise KeyboardInterrupt

    def run(**options):
        training = clone(SHORT).set_params(folder=tmp_path, **options)
        return MAKERS[name](task.source, training=training)

    halves = run(progress=interrupt)
    with pytest.raises(KeyboardInterrupt):
        halves.fit(task.Xt, labels)
    assert halves.n_epochs_ == stop_in and halves.predict(task.Xt).shape == (400,)
    resumed = run().fit(task.Xt, labels)
    for key, value in whole.weights_.items():
        np.testing.assert_array_equal(value, resumed.weights_[key])
    for figures, others in zip(whole.history_, resumed.history_, strict=True):
        assert {**figures, "seconds": 0} == {**others, "seconds": 0}
    assert whole.before_ == resumed.before_


def test_labels_may_be_of_any_type_with_blanks(task):
    names = np.array(["a", "b", "c"])
    net = NetworkSource(batch_normalised(3), training=SHORT, random_state=0)
    net.fit(task.Xs, names[task.ys])
    some = np.where(np.arange(400) < 9, names[task.yt], None)
    by_name = MAKERS["shot"](net).fit(task.Xt, some)
    numbers = NetworkSource(batch_normalised(3), training=SHORT, random_state=0)
    numbers.fit(task.Xs, task.ys)
    floats = np.where(np.arange(400) < 9, task.yt, np.nan)
    by_number = MAKERS["shot"](numbers).fit(task.Xt, floats)
    np.testing.assert_array_equal(by_name.predict(task.Xt), names[by_number.predict(task.Xt)])


@pytest.mark.parametrize("name", TRAINED)
def test_a_label_that_the_source_does_not_know_is_refused(name, task):
    labels = np.where(np.arange(400) < 3, 7, None)
    with pytest.raises(ValueError, match=r"keeps the classes of the source: yt has 7.* FineTune"):
        MAKERS[name](task.source).fit(task.Xt, labels)


@pytest.mark.parametrize("name", TRAINED)
def test_a_regression_is_refused_with_what_to_use(name, task):
    net = NetworkSource((4,), task="regression", training=Training(max_epochs=1))
    net.fit(task.Xs, task.Xs[:, 0])
    match = r'source network is for regression. Use AdaBN\(task="regression"\), or FineTune'
    with pytest.raises(ValueError, match=match):
        MAKERS[name](net).fit(task.Xt)


class OfAnotherFramework(NetworkSource):
    class _trainer_type(Trainer):
        pass


@pytest.mark.parametrize(
    ("network", "match"),
    [
        (lambda task: None, "goes on from a network: found no source model. Give NetworkSource"),
        (lambda task: NetworkSource(), "NetworkSource that is not fitted. Fit it first"),
        (lambda task: torch.nn.Linear(2, 3), r"fitted in the source: found Linear.*train=False"),
        (lambda task: "cnn", "fitted in the source: found 'cnn'"),
        (
            lambda task: OfAnotherFramework((4,), training=SHORT).fit(task.Xs, task.ys),
            "network of its own framework",
        ),
    ],
)
def test_a_start_that_will_not_do_is_named(network, match, make, task):
    with pytest.raises(ValueError, match=match):
        make(network(task)).fit(task.Xt)


def test_a_source_without_a_network_is_named(make, task):
    with pytest.raises(ValueError, match="found LogisticRegression"):
        Transfer(LogisticRegression(), target=make()).fit(task.Xs, task.ys, task.Xt)


def test_rows_that_do_not_fit_are_named(make, task):
    with pytest.raises(ValueError, match="takes 2 numbers a row: Xt has 3"):
        make(task.source).fit(np.zeros((5, 3)))
    with pytest.raises(ValueError, match="needs two target rows at least: found 1"):
        make(task.source).fit(task.Xt[:1])
    broken = task.Xt.copy()
    broken[3, 1] = np.nan
    with pytest.raises(ValueError, match="Xt"):
        make(task.source).fit(broken)
    with pytest.raises(ValueError, match="3 features"):
        make(task.source).fit(task.Xt).predict(np.zeros((5, 3)))


@pytest.mark.parametrize("name", TRAINED)
def test_batches_of_one_or_two_rows_are_refused_and_three_rows_will_do(name, task):
    with pytest.raises(ValueError, match="batch_size must be 3 at least"):
        MAKERS[name](task.source, training=Training(batch_size=2)).fit(task.Xt)
    for n_rows in range(2, 12):
        one = Training(max_epochs=1, batch_size=3, learning_rate=1e-6)
        model = MAKERS[name](task.source, training=one).fit(task.Xt[:n_rows])
        assert model.n_epochs_ == 1


def test_a_module_of_ones_own_becomes_a_source_by_a_row_of_each_class(make, task):
    module = task.source.network_
    known = NetworkSource(module, train=False).fit(task.Xs[:3], np.array([0, 1, 2]))
    found, expected = (make(net).fit(task.Xt) for net in (known, task.source))
    np.testing.assert_allclose(
        found.predict_proba(task.Xt), expected.predict_proba(task.Xt), atol=1e-5
    )
