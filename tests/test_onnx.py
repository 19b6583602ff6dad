import json

import numpy as np
import pytest
from sklearn.datasets import make_moons
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, StandardScaler

from landbridge import (
    TCA,
    DeepTransfer,
    FineTune,
    NetworkSource,
    SubspaceAlignment,
    Training,
    Transfer,
)
from landbridge.onnx import export, export_onnx

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
onnx = pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxscript", reason="onnxscript is not installed")
runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
nn = torch.nn
QUICK = Training(max_epochs=2, learning_rate=0.01)


def quick(network=(8,), **parameters):
    return NetworkSource(network, **{"training": QUICK, "random_state": 0, **parameters})


def run(path, X):
    """Outputs by name, of rows in single precision."""
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"rows": X.astype(np.float32)})))


def assert_predicts_alike(path, model, X):
    for some in (X, X[:1]):
        found = run(path, some)["probabilities"]
        expected = model.predict_proba(some.astype(np.float32).astype(np.float64))
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.fixture
def moons():
    X, y = make_moons(200, noise=0.1, random_state=0)
    return X, np.array(["lower", "upper"])[y]


@pytest.fixture
def domains(rng):
    """Source, and a target whose features have other means and scales."""
    Xs, Xt = rng.normal(size=(2, 120, 4))
    ys, yt = ((X[:, 0] + X[:, 1] > 0).astype(int) for X in (Xs, Xt))
    return Xs, ys, Xt * [1.0, 20.0, 0.05, 3.0] + [0.0, 300.0, 0.0, -7.0], yt


@pytest.mark.parametrize(
    ("network", "shape"),
    [("mlp", (6,)), ("cnn", (1, 8, 6)), ("gru", (5, 3)), ("transformer", (5, 3))],
)
def test_a_network_gives_the_same_from_its_file(network, shape, rng, tmp_path):
    X = rng.normal(size=(40, *shape)).astype(np.float32)
    model = quick(network).fit(X, X.reshape(40, -1)[:, 0] > 0)
    path = export_onnx(model, tmp_path / "deep" / "net.onnx")
    assert_predicts_alike(path, model, X)
    found = run(path, X)
    np.testing.assert_array_equal(found["logits"].argmax(axis=1) == 1, model.predict(X))
    onnx.checker.check_model(onnx.load(path))
    assert [p.name for p in path.parent.iterdir()] == ["net.onnx"]


def test_flat_rows_are_brought_to_shape_where_the_model_takes_them_flat(rng, tmp_path):
    X = rng.normal(size=(40, 48))
    model = quick("cnn", input_shape=(1, 8, 6)).fit(X, X[:, 0] > 0)
    path = export_onnx(model, tmp_path / "net.onnx", rows=X[:7])
    assert_predicts_alike(path, model, X)


def test_classes_and_task_stand_in_the_metadata(moons, tmp_path):
    path = export_onnx(quick().fit(*moons), tmp_path / "net.onnx")
    facts = {p.key: p.value for p in onnx.load(path).metadata_props}
    assert json.loads(facts["classes"]) == ["lower", "upper"]
    assert facts["task"] == "classification" and facts["format"] == "landbridge.onnx/1"
    assert "landbridge" in json.loads(facts["versions"])


def test_a_regression_gives_values(rng, tmp_path):
    X = rng.normal(size=(60, 3))
    model = quick(task="regression").fit(X, 100 * X[:, 0])
    found = run(export_onnx(model, tmp_path / "net.onnx"), X)
    assert list(found) == ["values"]
    np.testing.assert_allclose(found["values"], model.predict(X), rtol=1e-5, atol=1e-5)


def test_a_deep_transfer_predicts_as_the_target_is_normalised(rng, tmp_path):
    Xs, Xt = rng.normal(size=(40, 1, 8, 6)), rng.normal(size=(40, 1, 8, 6)) * 3 + 1
    model = DeepTransfer("cnn", alignment="adda", training=QUICK, random_state=0)
    model.fit(Xs, Xt, ys=Xs[:, 0, 0, 0] > 0)
    assert_predicts_alike(export_onnx(model, tmp_path / "net.onnx"), model, Xt)


def test_a_tuned_network_goes_with_the_scaling_before_it(domains, tmp_path):
    *_, Xt, yt = domains
    start = make_pipeline(StandardScaler(), quick()).fit(Xt, yt)
    model = FineTune(start, recipe="full", training=QUICK, random_state=0).fit(Xt, yt)
    assert_predicts_alike(export_onnx(model, tmp_path / "net.onnx", rows=Xt), model, Xt)


@pytest.mark.parametrize("mapping", ["identity", "coral", "subspace"])
@pytest.mark.parametrize("target", [None, FineTune(recipe="full", training=QUICK, random_state=0)])
def test_a_transfer_is_written_with_what_stands_before_the_network(
    domains, mapping, target, tmp_path
):
    Xs, ys, Xt, yt = domains
    mapping = SubspaceAlignment(n_components=None) if mapping == "subspace" else mapping
    source = make_pipeline(StandardScaler(), quick())
    model = Transfer(source, mapping, target).fit(Xs, ys, Xt, yt)
    assert_predicts_alike(export_onnx(model, tmp_path / "net.onnx", rows=Xt), model, Xt)


@pytest.mark.parametrize("network", [(8, 5), "cnn"])
def test_a_linear_learner_on_the_body_of_a_deep_transfer(network, rng, tmp_path):
    Xs, Xt = rng.normal(size=(60, 48)), rng.normal(size=(60, 48)) + 0.5
    ys = np.array(["a", "b", "c"])[np.digitize(Xs[:, 0], [-0.5, 0.5])]
    shape = (1, 8, 6) if network == "cnn" else None
    mapping = DeepTransfer(
        network, alignment="mmd", input_shape=shape, training=QUICK, random_state=0
    )
    model = Transfer(make_pipeline(StandardScaler(), LogisticRegression()), mapping)
    model.fit(Xs, ys, Xt)
    assert_predicts_alike(export_onnx(model, tmp_path / "net.onnx"), model, Xt)


def test_linear_learners_of_two_classes_and_of_numbers(domains, tmp_path):
    Xs, ys, Xt, _ = domains
    model = Transfer(LogisticRegression()).fit(Xs, ys, Xt)
    assert_predicts_alike(export_onnx(model, tmp_path / "two.onnx"), model, Xt)
    model = Transfer(LinearRegression(), SubspaceAlignment()).fit(Xs, Xs[:, 0], Xt)
    found = run(export_onnx(model, tmp_path / "numbers.onnx"), Xt)["values"]
    np.testing.assert_allclose(found, model.predict(Xt.astype(np.float32)), rtol=1e-4, atol=1e-4)


def test_a_transfer_without_a_target_is_its_source(domains, tmp_path):
    Xs, ys, _, _ = domains
    with pytest.warns(UserWarning, match="No target rows"):
        model = Transfer(quick()).fit(Xs, ys)
    assert_predicts_alike(export_onnx(model, tmp_path / "net.onnx"), model, Xs)


@pytest.mark.parametrize(
    ("model", "match"),
    [
        (Transfer(RandomForestClassifier(5)), "learner RandomForestClassifier cannot be exported"),
        (Transfer(quick(), TCA(n_components=2)), "the mapping TCA is not affine"),
        (
            Transfer(make_pipeline(KBinsDiscretizer(encode="ordinal"), quick())),
            r"before the learner \(KBinsDiscretizer\) is not affine",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:Bins whose width")
def test_what_cannot_be_exported_is_named_and_leaves_no_file(domains, model, match, tmp_path):
    Xs, ys, Xt, _ = domains
    with pytest.raises(TypeError, match=match):
        export_onnx(model.fit(Xs, ys, Xt), tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_other_models_and_rows_are_refused(moons, tmp_path):
    with pytest.raises(TypeError, match="found LogisticRegression"):
        export_onnx(LogisticRegression().fit(*moons), tmp_path / "net.onnx")
    with pytest.raises(ValueError, match=r"2 or more of shape \(2,\): found shape \(4, 3\)"):
        export_onnx(quick().fit(*moons), tmp_path / "net.onnx", rows=np.zeros((4, 3)))


class Deciding(nn.Module):
    """A network whose steps depend on what it sees."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(2, 2)

    def forward(self, X):
        return self.head(X if float(X.sum()) > 0 else -X)


def test_a_network_without_an_onnx_form_is_named(moons, tmp_path):
    model = quick(Deciding()).fit(*moons)
    with pytest.raises(ValueError, match="cannot write this network down"):
        export_onnx(model, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_a_file_that_gives_something_else_is_not_kept(moons, tmp_path, monkeypatch):
    run_file = export._run
    monkeypatch.setattr(export, "_run", lambda *given: [v + 1e-3 for v in run_file(*given)])
    path = tmp_path / "net.onnx"
    path.write_bytes(b"earlier")
    with pytest.raises(ValueError, match=r"The file gives something else .* differ by 0\.001"):
        export_onnx(quick().fit(*moons), path)
    assert path.read_bytes() == b"earlier"
    assert [p.name for p in tmp_path.iterdir()] == ["net.onnx"]


def test_a_network_beyond_two_gigabytes_is_refused(moons, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "LARGEST", 100)
    with pytest.raises(ValueError, match="less than 2 GB"):
        export_onnx(quick().fit(*moons), tmp_path / "net.onnx")


def test_a_missing_package_names_the_extra(moons, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"onnx and onnxscript: pip install 'landbridge\[onnx\]'"):
        export_onnx(quick().fit(*moons), tmp_path / "net.onnx")


def test_nothing_is_said_and_the_model_stays_as_it_is(moons, tmp_path, capfd):
    X, y = moons
    model = quick().fit(X, y)
    before = model.predict_proba(X)
    export_onnx(model, tmp_path / "net.onnx")
    assert capfd.readouterr() == ("", "")
    np.testing.assert_array_equal(model.predict_proba(X), before)
