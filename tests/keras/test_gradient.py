import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

pytest.importorskip("tensorflow", reason="TensorFlow is not installed")

from landbridge import load, save
from landbridge.keras import GradientMapping
from landbridge.keras.framework import keras


@pytest.fixture
def pairs(rng):
    X = rng.normal(size=(300, 3))
    return X, np.column_stack([np.sin(2 * X[:, 0]), X[:, 1] - X[:, 2]])


def test_a_linear_map_is_that_of_least_squares_and_runs_backwards(rng):
    X = rng.normal(size=(400, 2)) * [1.0, 5.0]
    Y = X @ [[1.0, 0.5], [2.0, -1.0]] + 5.0
    fitted = GradientMapping(random_state=0).fit(X, Y)
    assert fitted.is_affine_ and fitted.is_invertible
    np.testing.assert_allclose(fitted.matrix_, [[1.0, 0.5], [2.0, -1.0]], atol=0.01)
    np.testing.assert_allclose(fitted.inverse_transform(fitted.transform(X)), X, atol=1e-3)


def test_a_curved_map_is_learned_and_explained(pairs):
    X, Y = pairs
    fitted = GradientMapping((32,), random_state=0).fit(X, Y)
    assert fitted.score(X, Y) > 0.97 and not fitted.is_invertible
    assert fitted.slopes_.shape == (3, 2) and fitted.slopes_[0, 0] > 5 * fitted.slopes_[1, 0]
    assert fitted.explain(top=1).source_feature.tolist()[0] == "x0"


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_pictures_are_mapped_from_flat_rows(rng):
    X = rng.normal(size=(60, 2 * 5 * 4))
    fitted = GradientMapping("cnn", input_shape=(2, 5, 4), max_epochs=2, random_state=0)
    assert fitted.fit(X, X[:, :3]).transform(X).shape == (60, 3)


def test_a_copy_from_disk_maps_the_same_and_a_clone_too(pairs, tmp_path):
    X, Y = pairs
    fitted = GradientMapping((8,), max_epochs=40, random_state=0).fit(X, Y)
    again = load(save(fitted, tmp_path / "map.landbridge"))
    np.testing.assert_array_equal(again.transform(X), fitted.transform(X))
    np.testing.assert_array_equal(clone(fitted).fit(X, Y).transform(X), fitted.transform(X))


def test_training_that_is_too_short_is_told(pairs):
    with pytest.warns(ConvergenceWarning, match="still falls after max_epochs=2"):
        GradientMapping((8,), max_epochs=2, random_state=0).fit(*pairs)


def model(n_inputs, n_outputs, trainable=True):
    made = keras.Sequential([keras.Input((n_inputs,)), keras.layers.Dense(n_outputs)])
    made.trainable = trainable
    return made


@pytest.mark.parametrize(
    ("module", "error", "match"),
    [
        (model(4, 2), ValueError, "must take rows of the source, here 3 features"),
        (model(3, 5), ValueError, r"expected shape \(2, 2\) for 2 rows, found \(2, 5\)"),
        (model(3, 2, trainable=False), ValueError, "must have weights to train"),
        ("mixture", ValueError, "Unknown module 'mixture': the names are mlp"),
        (7, TypeError, "module must be None, a tuple of hidden widths, a name, a Keras model"),
    ],
    ids=["input", "output", "frozen", "name", "type"],
)
def test_what_does_not_fit_is_named(pairs, module, error, match):
    with pytest.raises(error, match=match):
        GradientMapping(module).fit(*pairs)
