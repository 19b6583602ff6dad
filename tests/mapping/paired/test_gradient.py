import copy
import pickle
import subprocess
import sys
import warnings
from math import cos, pi

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from landbridge.mapping import LeastSquares
from landbridge.mapping.paired.gradient import (
    GradientMapping,
    mean_absolute_slopes,
    squared_error,
)
from landbridge.training import need_torch
from landbridge.training.schedule import Ramp, is_still_falling, step_size

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def curved_pairs(rng):
    """400 pairs of a map that no linear one comes near."""
    X = rng.uniform(-2, 2, (400, 2))
    return X, np.column_stack([np.sin(2 * X[:, 0]), np.abs(X[:, 1])])


def quick(**parameters):
    """A mapping that trains for a moment, where the result does not matter."""
    return GradientMapping(
        **{"max_epochs": 2, "validation_share": 0, "random_state": 0, **parameters}
    )


class Squared(nn.Module):
    """Takes rows as 2 × 2 pictures, gives one number."""

    def __init__(self):
        super().__init__()
        self.picture = nn.Conv2d(1, 8, kernel_size=2)
        self.last = nn.Linear(8, 1)

    def forward(self, X):
        return self.last(self.picture(X.reshape(-1, 1, 2, 2)).square().flatten(1))


class Exploding(nn.Module):
    """Gives numbers until it has been trained for a few steps, and then NaN."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(5, 3)
        self.calls = 0

    def forward(self, X):
        self.calls += self.training
        return self.linear(X) * (float("nan") if self.calls > 20 else 1.0)


# The promise: a linear map is the least-squares map, any other module does as well as it can


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
@pytest.mark.parametrize("batch_size", ["auto", 50])
def test_a_linear_map_reaches_the_least_squares_map(pairs, optimiser, batch_size):
    mapping = GradientMapping(
        optimiser=optimiser, batch_size=batch_size, validation_share=0, random_state=0
    ).fit(*pairs)
    exact = LeastSquares().fit(*pairs)
    np.testing.assert_allclose(mapping.matrix_, exact.matrix_, atol=0.02)
    error, least = (np.mean((m.predict(pairs[0]) - pairs[1]) ** 2) for m in (mapping, exact))
    assert least <= error < 1.001 * least


def test_full_batches_reach_the_least_squares_map_to_six_digits(pairs, rng):
    w = rng.random(200)
    mapping = GradientMapping(
        optimiser="sgd", batch_size=200, max_epochs=1500, validation_share=0, random_state=0
    ).fit(*pairs, w)
    exact = LeastSquares().fit(*pairs, w)
    np.testing.assert_allclose(mapping.predict(pairs[0]), exact.predict(pairs[0]), rtol=1e-6)


def test_units_do_not_matter(pairs):
    X, Y = pairs
    settings = {"batch_size": 200, "max_epochs": 30}
    scaled = quick(**settings).fit(1e-6 * X - 3.0, 1e6 * Y).predict(1e-6 * X - 3.0)
    np.testing.assert_allclose(scaled / 1e6, quick(**settings).fit(X, Y).predict(X), rtol=1e-6)


def test_without_standardising_the_module_sees_the_rows_themselves(pairs):
    X, Y = pairs
    mapping = quick(standardise=False).fit(X, Y)
    expected = X @ mapping.weights_["weight"].T + mapping.weights_["bias"]
    np.testing.assert_allclose(mapping.predict(X), expected, rtol=1e-10)


def test_hidden_layers_recover_a_curved_map_where_a_linear_one_cannot(curved_pairs):
    X, Y = curved_pairs
    curved = GradientMapping((32,), random_state=0).fit(X[:300], Y[:300])
    assert curved.score(X[300:], Y[300:]) > 0.98
    assert LeastSquares().fit(X[:300], Y[:300]).score(X[300:], Y[300:]) < 0.5


def test_a_module_of_any_shape_is_trained(rng):
    X = rng.standard_normal((300, 4))
    y = (X.sum(axis=1)) ** 2
    mapping = GradientMapping(Squared, random_state=0).fit(X, y)
    assert mapping.predict(X).shape == (300,)
    assert mapping.transform(X).shape == (300, 1)
    assert mapping.score(X, y) > 0.99


def test_training_starts_where_the_given_module_is_and_leaves_it_there(pairs):
    linear = nn.Linear(5, 3)
    before = copy.deepcopy(linear.state_dict())
    mapping = quick(module=linear, learning_rate=1e-12, standardise=False).fit(*pairs)
    np.testing.assert_allclose(mapping.matrix_, before["weight"].numpy().T, atol=1e-9)
    quick(module=linear).fit(*pairs)
    assert all(torch.equal(before[name], now) for name, now in linear.state_dict().items())


def test_frozen_parameters_stay_as_they_are(pairs):
    module = nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 3))
    module[0].requires_grad_(False)
    mapping = quick(module=module).fit(*pairs)
    np.testing.assert_allclose(mapping.weights_["0.weight"], module[0].weight.numpy())


def test_dropout_and_batch_norm_are_off_in_prediction(pairs):
    module = nn.Sequential(nn.Linear(5, 16), nn.BatchNorm1d(16), nn.Dropout(0.5), nn.Linear(16, 3))
    mapping = quick(module=module).fit(*pairs)
    together = mapping.predict(pairs[0])
    np.testing.assert_allclose(mapping.predict(pairs[0][:1]), together[:1], rtol=1e-12)


# Weights, order, chance, types


def test_weights_equal_repetition(pairs, rng):
    X, Y = pairs
    times = rng.integers(0, 4, 200)
    settings = {"batch_size": 1000, "max_epochs": 30}
    weighted = quick(**settings).fit(X, Y, times)
    repeated = quick(**settings).fit(np.repeat(X, times, axis=0), np.repeat(Y, times, axis=0))
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-8)


def test_only_the_ratio_of_weights_counts(pairs, rng):
    w = rng.random(200)
    np.testing.assert_allclose(
        quick().fit(*pairs, w).matrix_, quick().fit(*pairs, 1000 * w).matrix_, rtol=1e-9
    )


def test_the_order_of_the_rows_changes_nothing(pairs, rng):
    X, Y = pairs
    order = rng.permutation(200)
    one, other = GradientMapping(random_state=0), GradientMapping(random_state=0)
    one.set_params(max_epochs=20).fit(X, Y)
    other.set_params(max_epochs=20).fit(X[order], Y[order])
    np.testing.assert_array_equal(one.matrix_, other.matrix_)


@pytest.mark.parametrize("module", [None, (8,)])
def test_the_same_seed_gives_the_same_map_and_torch_keeps_its_own(pairs, module):
    torch.manual_seed(7)
    before = torch.get_rng_state()
    one, other, third = (quick(module=module, random_state=s).fit(*pairs) for s in (1, 1, 2))
    predicted = one.predict(pairs[0])
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(predicted, other.predict(pairs[0]))
    assert not np.array_equal(predicted, third.predict(pairs[0]))


def test_dropout_draws_from_the_seed(pairs):
    module = nn.Sequential(nn.Dropout(0.5), nn.Linear(5, 3))
    one, other = (quick(module=module).fit(*pairs) for _ in range(2))
    np.testing.assert_array_equal(one.predict(pairs[0]), other.predict(pairs[0]))


@pytest.mark.parametrize("module", [None, (8,)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_precision_of_the_rows_is_kept(pairs, module, dtype):
    X, Y = pairs
    mapping = quick(module=module).fit(X.astype(dtype), Y)
    assert mapping.transform(X.astype(dtype)).dtype == dtype
    assert all(array.dtype == dtype for array in mapping.weights_.values())


def test_single_precision_predicts_what_double_does(pairs):
    X, Y = pairs
    mapping = quick(module=(8,)).fit(X, Y)
    np.testing.assert_allclose(mapping.predict(X.astype(np.float32)), mapping.predict(X), atol=1e-4)


def test_inputs_are_not_changed_and_may_be_read_only(pairs):
    X, Y = (array.copy() for array in pairs)
    for array in (X, Y):
        array.setflags(write=False)
    quick(module=(8,)).fit(X, Y).predict(X)
    np.testing.assert_array_equal(X, pairs[0])
    np.testing.assert_array_equal(Y, pairs[1])


def test_constant_features_weigh_nothing(pairs):
    X, Y = pairs
    X = np.column_stack([X, np.full(200, 0.1)])
    mapping = quick().fit(X, np.column_stack([Y, np.full(200, 4.0)]))
    np.testing.assert_array_equal(mapping.matrix_[5], 0.0)
    changed = X + 9.0 * np.eye(6)[5]
    np.testing.assert_array_equal(mapping.predict(changed), mapping.predict(X))


# Fitted state


@pytest.mark.parametrize("module", [None, (8,), nn.Linear(5, 3, bias=False)])
def test_copies_predict_the_same(pairs, module):
    mapping = quick(module=module).fit(*pairs)
    for twin in (copy.deepcopy(mapping), pickle.loads(pickle.dumps(mapping))):
        np.testing.assert_array_equal(twin.predict(pairs[0]), mapping.predict(pairs[0]))
    assert all(type(array) is np.ndarray for array in mapping.weights_.values())


def test_clone_keeps_every_parameter(pairs):
    mapping = quick(module=(8, 4), optimiser="sgd").fit(*pairs)
    twin = clone(mapping)
    assert twin.get_params() == mapping.get_params()
    with pytest.raises(NotFittedError):
        twin.predict(pairs[0])


def test_a_linear_map_is_explained_and_run_backwards(rng):
    X = rng.standard_normal((300, 2)) * [1.0, 10.0]
    frame = pd.DataFrame(X, columns=["near", "far"])
    mapping = GradientMapping(random_state=0).fit(frame, X @ [[1.0, 3.0], [2.0, 0.0]])
    table = mapping.explain(top=1)
    assert table["source_feature"].tolist() == ["far", "near"]
    np.testing.assert_allclose(table["weight"], [2.0, 3.0], atol=0.01)
    assert mapping.is_affine_ and mapping.is_invertible
    np.testing.assert_allclose(mapping.inverse_transform(mapping.transform(frame)), X, atol=1e-8)


def test_a_curved_map_is_explained_by_its_mean_absolute_slopes(curved_pairs):
    X, Y = curved_pairs
    mapping = GradientMapping((32,), random_state=0).fit(X, Y)
    h = 1e-5
    steps = [
        np.abs(mapping.predict(X + h * axis) - mapping.predict(X - h * axis)).mean(axis=0) / (2 * h)
        for axis in np.eye(2)
    ]
    np.testing.assert_allclose(mapping.slopes_, steps, atol=0.05)
    assert mapping.explain(top=1)["source_feature"].tolist() == ["x0", "x1"]
    assert not mapping.is_affine_ and not mapping.is_invertible
    with pytest.raises(ValueError, match="cannot be run backwards"):
        mapping.inverse_transform(Y)


def test_slopes_are_zero_where_the_network_does_not_look():
    class First(nn.Module):
        def forward(self, X):
            return -3 * X[:, :1]

    slopes = mean_absolute_slopes(First(), torch.ones(4, 2))
    assert slopes.tolist() == [[3.0], [0.0]]


# Training


def test_the_error_is_the_weighted_sum_of_squares(rng):
    F, Y, w = rng.random((6, 3)), rng.random((6, 3)), rng.random(6)
    expected = sum(w[i] * np.sum((F[i] - Y[i]) ** 2) for i in range(6))
    tensors = (torch.from_numpy(a) for a in (F, Y, w))
    assert float(squared_error(*tensors)) == pytest.approx(expected, rel=1e-14)


def test_one_step_of_plain_descent_is_the_one_by_hand(rng):
    X, Y, w = rng.random((20, 3)), rng.random((20, 2)), rng.random(20)
    start = nn.Linear(3, 2, bias=False)
    A = start.weight.detach().double().numpy().T
    mapping = quick(
        module=start, optimiser="sgd", max_epochs=1, batch_size=20, learning_rate=0.1,
        standardise=False, schedule="constant",
    ).fit(X, Y, w)  # fmt: skip
    gradient = 2 * X.T @ (w[:, None] * (X @ A - Y)) / w.sum()
    momentum = 1 + 0.9  # the first Nesterov step looks ahead once
    np.testing.assert_allclose(mapping.matrix_, A - 0.1 * momentum * gradient, rtol=1e-10)


def test_the_cosine_goes_from_the_learning_rate_down_to_zero():
    assert step_size("constant", 0.3, 0.9) == 0.3
    assert step_size("cosine", 0.3, 0.0) == 0.3
    assert step_size("cosine", 0.3, 0.25) == pytest.approx(0.15 * (1 + cos(pi / 4)))
    assert step_size("cosine", 0.3, 1.0) == pytest.approx(0.0, abs=1e-12)


def test_a_shortened_schedule_goes_on_where_it_was_and_still_ends_at_one():
    ramp = Ramp(100).shortened(40, 10)
    assert ramp.end == 50
    assert [ramp.done(n) for n in (40, 45, 50)] == pytest.approx([0.4, 0.7, 1.0])
    assert Ramp(100).shortened(95, 10).end == 100


@pytest.fixture
def overfitting(rng):
    """Rows without any relation, and a mapping that soon learns them by heart."""
    pairs = rng.standard_normal((100, 30)), rng.standard_normal((100, 2))
    return pairs, GradientMapping((50,), validation_share=0.3, patience=5, random_state=0)


def test_at_a_constant_step_training_ends_when_patience_is_spent(overfitting):
    (X, Y), mapping = overfitting
    mapping.set_params(schedule="constant").fit(X, Y)
    assert mapping.best_epoch_ == mapping.validation_curve_.argmin() + 1
    assert mapping.n_epochs_ == mapping.best_epoch_ + 5
    assert mapping.loss_curve_[-1] < 0.5 * mapping.loss_curve_[mapping.best_epoch_ - 1]


def test_the_best_weights_are_kept(overfitting):
    (X, Y), mapping = overfitting
    mapping.set_params(schedule="constant").fit(X, Y)
    shorter = clone(mapping).set_params(max_epochs=mapping.best_epoch_).fit(X, Y)
    assert shorter.n_epochs_ == shorter.best_epoch_ == mapping.best_epoch_ < mapping.n_epochs_
    np.testing.assert_array_equal(shorter.predict(X), mapping.predict(X))


def test_on_a_cosine_the_rest_is_run_through_when_patience_is_spent(overfitting):
    (X, Y), mapping = overfitting
    curve = mapping.fit(X, Y).validation_curve_
    stalled = next(n for n in range(1, 200) if n - (curve[:n].argmin() + 1) >= 5)
    assert mapping.n_epochs_ == len(curve) == stalled + 5


def test_held_out_pairs_are_not_trained_on(rng):
    X = rng.standard_normal((40, 60))
    Y = rng.standard_normal((40, 1))
    kept = GradientMapping(validation_share=0.5, random_state=0).fit(X, Y)
    residuals = np.abs(kept.predict(X) - Y).ravel()
    assert kept.validation_curve_.min() > 0.1
    everything = GradientMapping(validation_share=0, random_state=0).fit(X, Y)
    assert len(everything.validation_curve_) == 0
    assert np.abs(everything.predict(X) - Y).max() < 0.05 < np.sort(residuals)[-20:].min()


def test_fewer_than_ten_pairs_are_too_few_to_hold_out(pairs):
    X, Y = pairs
    assert len(quick(validation_share=0.1).fit(X[:99], Y[:99]).validation_curve_) == 0
    assert len(quick(validation_share=0.1).fit(X[:100], Y[:100]).validation_curve_) == 2


def test_the_loss_is_one_for_the_mean_alone(rng):
    X, Y = rng.standard_normal((200, 3)), 5.0 + 3.0 * rng.standard_normal((200, 2))
    start = nn.Linear(3, 2)
    nn.init.zeros_(start.weight), nn.init.zeros_(start.bias)
    mapping = quick(module=start, learning_rate=1e-12).fit(X, Y)
    np.testing.assert_allclose(mapping.loss_curve_, 1.0, rtol=1e-9)


def test_weight_decay_shrinks_the_map(pairs):
    sizes = [
        np.linalg.norm(quick(weight_decay=decay, max_epochs=50).fit(*pairs).matrix_)
        for decay in (0.0, 0.3, 3.0)
    ]
    assert sizes[0] > sizes[1] > sizes[2]


def test_a_warning_is_given_where_the_loss_still_falls(pairs):
    with pytest.warns(ConvergenceWarning, match="still falls after max_epochs=3"):
        GradientMapping(max_epochs=3, learning_rate=0.003, random_state=0).fit(*pairs)


def test_no_warning_is_given_where_the_loss_is_level(pairs):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GradientMapping(random_state=0).fit(*pairs)


def test_falling_means_more_than_a_hundredth_in_the_last_quarter():
    assert is_still_falling([0.5], spread=1.0)
    assert is_still_falling([0.5, 0.4, 0.3, 0.28], spread=1.0)
    assert not is_still_falling([0.5, 0.4, 0.3, 0.295], spread=1.0)
    assert not is_still_falling([0.5, 0.4, 0.3, 0.31], spread=1.0)


def test_a_callback_hears_of_every_epoch(pairs):
    heard = []
    mapping = quick(max_epochs=3, validation_share=0.2, progress=lambda *now: heard.append(now))
    mapping.fit(*pairs)
    assert [epoch for epoch, _, _ in heard] == [1, 2, 3]
    np.testing.assert_array_equal([train for _, train, _ in heard], mapping.loss_curve_)
    np.testing.assert_array_equal([valid for _, _, valid in heard], mapping.validation_curve_)


def test_a_bar_goes_to_the_error_stream_and_silence_is_the_default(pairs, capsys):
    quick().fit(*pairs)
    assert capsys.readouterr() == ("", "")
    quick(progress=True).fit(*pairs)
    out, err = capsys.readouterr()
    assert out == "" and "Gradient descent, loss" in err and "100%" in err


def test_an_interrupt_keeps_the_best_weights_and_goes_on(pairs):
    def interrupt(epoch, train_loss, valid_loss):
        if epoch == 4:
            raise KeyboardInterrupt

    mapping = GradientMapping(random_state=0, progress=interrupt)
    with pytest.raises(KeyboardInterrupt):
        mapping.fit(*pairs)
    assert mapping.n_epochs_ == 4
    assert mapping.predict(pairs[0]).shape == (200, 3)


def test_an_interrupt_before_the_first_epoch_is_over_leaves_nothing(pairs):
    class Interrupted(nn.Linear):
        def forward(self, X):
            if self.training:
                raise KeyboardInterrupt
            return super().forward(X)

    mapping = GradientMapping(Interrupted(5, 3))
    with pytest.raises(KeyboardInterrupt):
        mapping.fit(*pairs)
    assert "weights_" not in vars(mapping)


# Errors


@pytest.mark.parametrize(
    ("parameter", "value", "expected"),
    [
        ("optimiser", "lbfgs", '"adam" or "sgd": found \'lbfgs\''),
        ("schedule", "step", '"cosine" or "constant": found'),
        ("learning_rate", 0.0, "a number above 0: found 0.0"),
        ("learning_rate", "fast", "a number above 0: found 'fast'"),
        ("batch_size", 0, '"auto" or a whole number from 1 up: found 0'),
        ("batch_size", "all", '"auto" or a whole number'),
        ("max_epochs", 0, "a whole number from 1 up: found 0"),
        ("max_epochs", 2.5, "a whole number from 1 up: found 2.5"),
        ("patience", -1, "a whole number from 1 up"),
        ("weight_decay", -0.1, "a number from 0 up: found -0.1"),
        ("validation_share", 1.0, "a number from 0 and below 1: found 1.0"),
        ("device", "abacus", '"auto", "cpu", "cuda" or another .* found \'abacus\''),
        ("device", "meta", ".* PyTorch can use on this machine: found 'meta'"),
    ],
)
def test_a_parameter_out_of_range_is_named(pairs, parameter, value, expected):
    with pytest.raises(ValueError, match=f"{parameter} must be {expected}"):
        GradientMapping(**{parameter: value}).fit(*pairs)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_named(pairs):
    with pytest.raises(ValueError, match=r"device must be .* found 'cuda'"):
        GradientMapping(device="cuda").fit(*pairs)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that CUDA sees")
@pytest.mark.parametrize("module", [None, (8,)])
def test_a_gpu_learns_what_the_cpu_does(pairs, module):
    before = torch.cuda.get_rng_state()
    on_gpu, on_cpu = (quick(module=module, device=d).fit(*pairs) for d in ("cuda", "cpu"))
    np.testing.assert_allclose(on_gpu.predict(pairs[0]), on_cpu.predict(pairs[0]), rtol=1e-6)
    assert torch.equal(torch.cuda.get_rng_state(), before)


def test_a_module_of_the_wrong_width_is_named(pairs):
    with pytest.raises(ValueError, match=r"expected shape \(2, 3\) for 2 rows, found \(2, 4\)"):
        GradientMapping(nn.Linear(5, 4)).fit(*pairs)
    with pytest.raises(ValueError, match="must take rows of the source, here 5 features each"):
        GradientMapping(nn.Linear(6, 3)).fit(*pairs)


def test_a_flat_output_is_not_mistaken_for_a_column(pairs):
    module = nn.Sequential(nn.Linear(5, 1), nn.Flatten(0))
    with pytest.raises(ValueError, match=r"expected shape \(2, 1\) for 2 rows, found \(2,\)"):
        GradientMapping(module).fit(pairs[0], pairs[1][:, 0])


@pytest.mark.parametrize("module", [3, lambda: "mlp"])
def test_what_is_no_module_is_refused(pairs, module):
    with pytest.raises(TypeError, match="module must be None, a tuple of hidden widths"):
        GradientMapping(module).fit(*pairs)


def test_a_module_with_nothing_to_learn_is_refused(pairs):
    with pytest.raises(ValueError, match="module must have parameters to train"):
        GradientMapping(nn.Linear(5, 3).requires_grad_(False)).fit(*pairs)


def test_divergence_names_the_epoch_and_the_remedy(pairs):
    with pytest.raises(ValueError, match=r"diverged in epoch 2: .* Lower learning_rate"):
        GradientMapping(Exploding(), random_state=0).fit(*pairs)
    with pytest.raises(ValueError, match=r"diverged in epoch \d+: the loss is (nan|inf)"):
        GradientMapping(optimiser="sgd", learning_rate=1e6).fit(*pairs)


def test_sparse_rows_are_refused(pairs):
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        GradientMapping().fit(csr_array(pairs[0]), pairs[1])


def test_without_torch_the_extra_to_install_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"pip install 'landbridge\[torch\]'"):
        need_torch()


def test_importing_the_mapping_does_not_import_torch():
    code = "import sys, landbridge.mapping.paired.gradient; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@parametrize_with_checks(
    [
        quick(module=module, batch_size=1000, max_epochs=20, learning_rate=0.1)
        for module in (None, (4,))
    ]
)
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


# Named modules, and pairs that lie in files


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        ("mlp", None),
        ("residual-mlp", None),
        ("mixture", None),
        ("cnn", (1, 4, 6)),
        ("gru", (6, 4)),
        ("transformer", (6, 4)),
    ],
)
def test_a_named_module_is_made_to_fit_rows_pictures_and_sequences(rng, module, shape):
    X = rng.standard_normal((200, 24))
    Y = np.column_stack([np.abs(X[:, 0]), X[:, 1]])
    mapping = quick(
        module=module, input_shape=shape, max_epochs=40, learning_rate=0.01, batch_size=20
    ).fit(X, Y)
    assert mapping.predict(X).shape == (200, 2)
    assert mapping.score(X, Y) > 0.5
    again = pickle.loads(pickle.dumps(mapping))
    np.testing.assert_array_equal(again.predict(X), mapping.predict(X))


def test_a_mixture_of_linear_maps_learns_another_map_on_either_side(rng):
    X = rng.standard_normal((600, 2))
    Y = np.where(X[:, :1] > 0, X @ [[2.0, 0.0], [0.0, 1.0]], X @ [[-1.0, 1.0], [0.0, -1.0]])
    score = GradientMapping("mixture", random_state=0).fit(X, Y).score(X, Y)
    assert score > 0.97 > GradientMapping(random_state=0).fit(X, Y).score(X, Y) + 0.2


def test_pairs_in_a_file_are_read_in_parts_to_the_same_map(rng, tmp_path, monkeypatch):
    X = rng.standard_normal((500, 4)).astype(np.float32)
    Y = (X @ rng.standard_normal((4, 3)) + 1).astype(np.float32)
    mapped = []
    for name, array in (("X", X), ("Y", Y)):
        array.tofile(tmp_path / name)
        mapped.append(np.memmap(tmp_path / name, np.float32, "r", shape=array.shape))
    held = quick(max_epochs=5, batch_size=50).fit(X, Y)
    monkeypatch.setattr("landbridge.mapping.paired.gradient.HELD_BYTES", 0)
    read = quick(max_epochs=5, batch_size=50).fit(*mapped)
    np.testing.assert_allclose(read.predict(X), held.predict(X), rtol=1e-5, atol=1e-5)
