import numpy as np
import pytest

from landbridge.kits.text import CountVectors, TextTransfer, WordNetwork, WordNumbers, WordVectors


@pytest.fixture
def vectors(rng):
    return WordVectors(["good", "bad", "plot"], rng.normal(size=(3, 4)).astype(np.float32))


def test_words_are_numbered_padded_and_cut(vectors):
    numbers = WordNumbers(vectors, n_steps=3).fit(["good plot", "bad"])
    found = numbers.transform(["plot, unknown", "good bad good bad", "", None])
    index = {word: k + 2 for k, word in enumerate(numbers.words_)}
    expected = [
        [index["plot"], 1, 0],
        [index["good"], index["bad"], index["good"]],
        [0, 0, 0],
        [0, 0, 0],
    ]
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(numbers.embedding_[:2], 0.0)
    np.testing.assert_array_equal(numbers.embedding_[index["plot"]], vectors["plot"])


def test_steps_are_as_many_as_nearly_all_texts_have(vectors):
    texts = ["good plot"] * 99 + ["good " * 50]
    assert WordNumbers(vectors).fit(texts).n_steps_ == 2


def test_texts_without_a_known_word_are_refused(vectors):
    with pytest.raises(ValueError, match="has a vector"):
        WordNumbers(vectors).fit(["nothing known"])


@pytest.mark.parametrize(
    "wrong", [{"kind": "lstm"}, {"framework": "jax"}, {"width": 0}, {"dropout": 1.0}]
)
def test_parameters_out_of_range_are_refused(wrong, vectors):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        WordNetwork(vectors.matrix_, **wrong)()


FRAMEWORKS = ("torch", "keras")


def needed(framework):
    if framework == "torch":
        pytest.importorskip("torch", reason="PyTorch is not installed")
        from landbridge import NetworkSource
    else:
        pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
        from landbridge.keras import NetworkSource
    return NetworkSource


def outputs(network, rows, framework):
    if framework == "keras":
        return np.asarray(network(rows))
    import torch

    with torch.no_grad():
        return network.eval()(torch.as_tensor(rows)).numpy()


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("kind", ["gru", "cnn"])
def test_padding_changes_nothing(kind, framework, vectors):
    needed(framework)
    embedding = np.vstack([np.zeros((2, 4)), vectors.matrix_])
    network = WordNetwork(embedding, kind, width=25, framework=framework)()
    short = np.array([[2, 3, 4, 2, 3], [4, 0, 0, 0, 0]], np.float32)
    long = np.pad(short, ((0, 0), (0, 4)))
    np.testing.assert_allclose(
        outputs(network, short, framework), outputs(network, long, framework), atol=1e-5
    )


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("kind", ["gru", "cnn"])
def test_networks_over_words_are_sources_of_a_transfer(kind, framework, reviews):
    NetworkSource = needed(framework)
    from landbridge.training import Training

    texts, labels = reviews("books", 120, flips=0.0)
    target, truth = reviews("knives", 60, flips=0.0, both=0.9)
    numbers = WordNumbers(CountVectors(8, min_count=2).fit(texts + target).vectors_)
    embedding = numbers.fit(texts + target).embedding_
    learner = NetworkSource(
        WordNetwork(embedding, kind, width=8, framework=framework),
        validation_share=0.0,
        training=Training(max_epochs=12, learning_rate=0.02, batch_size=32),
        random_state=0,
    )
    model = TextTransfer(numbers, "identity", learner).fit(texts, labels, target)
    assert model.score(target, truth) > 0.7
    assert len(model.explain(target[0], 3)) == 3


def test_a_network_over_words_is_fine_tuned_by_few_labels_and_saved(reviews, tmp_path):
    NetworkSource = needed("torch")
    from landbridge import load
    from landbridge.target import FineTune
    from landbridge.training import Training

    texts, labels = reviews("books", 100)
    target, truth = reviews("knives", 60)
    numbers = WordNumbers(CountVectors(6, min_count=2).fit(texts + target).vectors_)
    options = Training(max_epochs=4, learning_rate=0.02)
    learner = NetworkSource(
        WordNetwork(numbers.fit(texts + target).embedding_, width=6),
        training=options,
        random_state=0,
    )
    known = np.where(np.arange(60) < 20, truth.astype(object), None)
    fine = FineTune(recipe="linear-probe", training=options, random_state=0)
    model = TextTransfer(numbers, "identity", learner, fine).fit(texts, labels, target, known)
    again = load(model.save(tmp_path / "words.landbridge"))
    np.testing.assert_allclose(again.predict_proba(target), model.predict_proba(target), atol=1e-6)


@pytest.mark.parametrize("is_trained", [False, True])
def test_word_vectors_are_trained_only_where_asked(is_trained, vectors):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    embedding = np.vstack([np.zeros((2, 4)), vectors.matrix_])
    network = WordNetwork(embedding, train_embedding=is_trained)()
    network(torch.tensor([[2.0, 3.0, 0.0]])).sum().backward()
    gradient = network.words.vectors.weight.grad
    assert (gradient is not None) == is_trained
    if is_trained:
        assert gradient[2:4].abs().sum() > 0 and not gradient[0].any()
