import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB

from landbridge import load
from landbridge.kits.text import (
    SIF,
    CountVectors,
    MeanVectors,
    TextTransfer,
    VocabularyMap,
)
from landbridge.mapping import MAPPINGS, MarginalisedDenoising

SMALL = MarginalisedDenoising(n_layers=2)


@pytest.fixture
def domains(reviews):
    texts, labels = reviews("books", 160)
    target, truth = reviews("knives", 160)
    return texts, labels, target, truth


@pytest.mark.parametrize("mapping", ["mda", "scl"])
def test_words_of_the_target_are_learned_without_its_labels(mapping, reviews):
    texts, labels = reviews("books", 200, both=0.35)
    target, truth = reviews("knives", 200, both=0.35)
    with_it = TextTransfer(mapping=mapping).fit(texts, labels, target).score(target, truth)
    without = TextTransfer(mapping="identity").fit(texts, labels, target).score(target, truth)
    assert with_it > without


def test_few_target_labels_help(domains):
    texts, labels, target, truth = domains
    known = np.array([*truth[:60], *[None] * 100], dtype=object)
    scores = [
        TextTransfer(mapping="identity")
        .fit(texts, labels, target, yt)
        .score(target[60:], truth[60:])
        for yt in (None, known)
    ]
    assert scores[1] > scores[0]


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, kind in MAPPINGS.items()
        if not kind.is_paired
        and kind.needs_labels in ("", "source")
        and name
        not in (
            "riemannian",  # rows are covariance matrices
            "multi-monge",  # several sources
            "jcpot",  # several sources
            "per-source",  # several sources
            "gromov-wasserstein",  # two spaces
        )
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_every_mapping_carries_document_vectors(name, reviews):
    texts, labels = reviews("books", 60)
    target, _ = reviews("knives", 60)
    vectors = CountVectors(8, min_count=2).fit(texts + target).vectors_
    model = TextTransfer(MeanVectors(vectors), name, LogisticRegression())
    assert set(model.fit(texts, labels, target).predict(target)) <= {"up", "down"}


def test_auto_chooses_without_labels_and_says_why(domains):
    texts, labels, target, _ = domains
    model = TextTransfer(mapping="auto", learner=LogisticRegression()).fit(texts, labels, target)
    assert model.choice_.name in ("identity", "scl", "mda") and model.choice_.reason
    assert type(model.model_.mapping_) is MAPPINGS[model.choice_.name]


def test_two_languages_meet_through_a_dictionary(reviews, rng):
    """Books are reviewed in a made-up language too; some of its words are in a dictionary."""
    texts, labels = reviews("books", 200)
    plain, truth = reviews("books", 200)
    foreign = [" ".join(word[::-1] + "o" for word in text.split()) for text in plain]
    here, there = (CountVectors(6, min_count=2).fit(t).vectors_ for t in (texts, foreign))
    pairs = [
        (word, word[::-1] + "o") for word in here.words if word not in ("good", "dull", "hate")
    ]
    words = VocabularyMap().fit(here, there, pairs)
    model = TextTransfer(
        MeanVectors(words.source_), "identity", target_features=MeanVectors(words.target_)
    )
    model.fit(texts, labels, foreign)
    assert model.score(foreign, truth) > 0.75
    assert model.explain(foreign[0], 2)["word"].isin(foreign[0].split()).all()


def test_rare_classes_can_be_weighed(reviews, rng):
    texts, labels = reviews("books", 200, flips=0.3)
    kept = (labels == "down") | (np.arange(200) % 10 == 1)
    texts, labels = [t for t, keep in zip(texts, kept) if keep], labels[kept]
    target, truth = reviews("books", 100, flips=0.3)
    found = [
        TextTransfer(mapping="identity", class_weight=weight)
        .fit(texts, labels, target)
        .predict(target)
        for weight in (None, "auto")
    ]
    recalls = [(predicted[truth == "up"] == "up").mean() for predicted in found]
    assert recalls[1] > recalls[0] + 0.2


def test_targets_go_by_name_or_as_they_are(domains):
    texts, labels, target, truth = domains
    known = np.where(np.arange(160) < 40, truth.astype(object), None)
    model = TextTransfer(mapping="identity", target="stacking").fit(texts, labels, target, known)
    assert type(model.model_.target_).__name__ == "Stacking"
    with pytest.raises(ValueError, match="Unknown target 'magic'"):
        TextTransfer(target="magic").fit(texts, labels, target)


def test_a_linear_explanation_is_weight_times_value(domains):
    texts, labels, target, _ = domains
    model = TextTransfer(mapping="identity").fit(texts, labels, target)
    row = model.rows([target[0]])
    sign = 1 if model.predict([target[0]])[0] == "up" else -1
    weights = sign * model.model_.target_.learner_.coef_[0]
    names = model.features_.get_feature_names_out()
    expected = dict(zip(names[row.indices], row.data * weights[row.indices]))
    found = model.explain(target[0], 99)
    assert len(found) == len(expected)
    for word, effect in found.itertuples(index=False):
        assert effect == pytest.approx(expected[word], abs=1e-5)


def test_through_a_map_that_is_not_linear_a_word_counts_by_what_leaving_it_out_does(domains):
    texts, labels, target, _ = domains
    model = TextTransfer(mapping=SMALL).fit(texts, labels, target)
    found = model.explain("a sharp knife and a sharp blade", 3)
    names = list(model.features_.get_feature_names_out())
    row = model.rows(["a sharp knife and a sharp blade"])
    without = row.copy()
    without[0, names.index("sharp")] = 0.0
    logit = [np.log(p[1] / p[0]) for p in model.model_.predict_proba(row)]
    logit += [np.log(p[1] / p[0]) for p in model.model_.predict_proba(without)]
    effect = found.set_index("word").loc["sharp", "effect"]
    assert model.predict(["sharp"])[0] == "up"
    assert effect == pytest.approx(logit[0] - logit[1], abs=1e-4)


def test_words_that_carry_over_turn_and_are_new_are_told(domains, reviews):
    texts, labels, target, truth = domains
    texts = [f"{text} hard" if label == "down" else text for text, label in zip(texts, labels)]
    target = [f"{text} hard" if label == "up" else text for text, label in zip(target, truth)]
    yt = truth.astype(object)
    model = TextTransfer(mapping="identity", target="target-only").fit(texts, labels, target, yt)
    words = model.words(8)
    kinds = words.drop_duplicates("word").set_index("word")["kind"]
    assert kinds["hard"] == "turns" and kinds["sharp"] == "new"
    assert kinds["love"] == "carries over" and kinds["dull"] == "fades"
    assert (words["label"] == "up").all()


def test_explanations_work_for_three_classes_and_for_document_vectors(domains):
    texts, labels, target, _ = domains
    three = np.array(labels, dtype=object)
    three[::5] = "odd"
    model = TextTransfer(mapping="identity").fit(texts, three, target)
    assert set(model.words(3)["label"]) == {"up", "down", "odd"}
    vectors = CountVectors(6).fit(texts + target).vectors_
    dense = TextTransfer(SIF(vectors), "coral").fit(texts, labels, target)
    found = dense.explain("sharp sturdy blade", 2)
    assert len(found) == 2 and set(found["word"]) <= {"sharp", "sturdy", "blade"}
    with pytest.raises(ValueError, match="tfidf"):
        dense.words()
    assert len(dense.explain("", 3)) == 0


@pytest.mark.parametrize("mapping", ["identity", "scl", SMALL])
def test_a_fitted_model_is_saved_without_pickle(mapping, domains, tmp_path):
    texts, labels, target, _ = domains
    model = TextTransfer(mapping=mapping).fit(texts, labels, target)
    again = load(model.save(tmp_path / "model.landbridge"))
    np.testing.assert_allclose(again.predict_proba(target), model.predict_proba(target))
    assert again.explain(target[0]).equals(model.explain(target[0]))


def test_it_is_cloned_unfitted_and_empty_texts_are_predicted(domains):
    texts, labels, target, _ = domains
    model = TextTransfer(mapping="identity").fit(texts, labels, target)
    assert model.predict(["", None]).shape == (2,)
    with pytest.raises(NotFittedError):
        clone(model).predict(target)


def test_learners_without_probabilities_say_so(domains):
    from sklearn.svm import LinearSVC

    texts, labels, target, _ = domains
    model = TextTransfer(mapping="identity", learner=LinearSVC()).fit(texts, labels, target)
    assert not hasattr(model, "predict_proba") and model.predict(target).shape == (160,)
    with pytest.raises(ValueError, match="probabilities"):
        model.explain(target[0])
    naive = TextTransfer(mapping="identity", learner=MultinomialNB()).fit(texts, labels, target)
    assert len(naive.explain(target[0], 2)) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ["up"] * 160}, "one class, 'up'"),
        ({"labels": [None] * 160}, "no label"),
        ({"labels": ["up", "down"]}, "labels"),
        ({"texts": [""] * 160}, "texts are empty"),
        ({"target_texts": []}, "target_texts is empty"),
        ({"texts": [f"w{k}" for k in range(160)], "target_texts": ["x"]}, "No word is in two"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_by_name(change, message, domains):
    texts, labels, target, _ = domains
    given = {"texts": texts, "labels": labels, "target_texts": target} | change
    with pytest.raises(ValueError, match=message):
        TextTransfer(mapping="identity").fit(**given)


def test_unknown_features_are_refused(domains):
    texts, labels, target, _ = domains
    with pytest.raises(ValueError, match='features must be "tfidf"'):
        TextTransfer("bow").fit(texts, labels, target)
