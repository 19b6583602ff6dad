"""Learned in English, read in German: words and sentences of the European Parliament.

Word vectors are made of 10,000 sentences of each language by themselves (Koehn 2005, as cut by
Luong, Pham & Manning 2015), and the English ones are carried into the German space by a dictionary
(Glavaš et al. 2019), learned from its other pairs. *Words*: how often a German translation of an
English word, 300 held out, is the nearest or among the five nearest. *Sentences*: a learner of five
topics sees every other English sentence, and names those of the German sentences between, by the
mean of carried word vectors. A topic is a cluster of the English sentences' TF-IDF; a German
sentence has that of the English one it translates, which no method sees. *Target only* learns from
4,000 labelled German sentences, by cross-validation.

    python benchmarks/two_languages.py     # half a minute; needs the data
"""

from collections import defaultdict

import numpy as np
from _machine import machine, options, show_machine, show_table, write
from _tasks import folder
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, normalize

from landbridge.kits.text import (
    CountVectors,
    MeanVectors,
    VocabularyMap,
    WordVectors,
    read_dictionary,
)

MAPPINGS = ("procrustes", "ridge", "rcsls", "cca")
N_DIMENSIONS, N_HELD_OUT, N_TOPICS = 300, 300, 5
Pairs = list[tuple[str, str]]


def sentences() -> tuple[list[str], list[str]]:
    """In English and German, line by line."""
    here = folder("bilingual_ende_bivec")
    english, german = (
        (here / f"data.10k.{language}").read_text("utf-8").splitlines() for language in ("en", "de")
    )
    return english, german


def dictionary() -> Pairs:
    """In lower case, as the sentences are."""
    here = folder("bli_dictionaries") / "en-de"
    files = ("yacle.train.freq.5k.en-de.tsv", "yacle.test.freq.2k.en-de.tsv")
    pairs = [pair for name in files for pair in read_dictionary(here / name)]
    return list(dict.fromkeys((english.lower(), german.lower()) for english, german in pairs))


def word_rows(
    english: WordVectors, german: WordVectors, pairs: Pairs, seed: int
) -> list[tuple[str, float, float]]:
    """Of each mapping the share of held-out words whose translation is nearest, or among five."""
    words = sorted({word for word, _ in pairs})
    held_out = set(np.random.default_rng(seed).permutation(words)[:N_HELD_OUT].tolist())
    known = [pair for pair in pairs if pair[0] not in held_out]
    right: dict[str, set[str]] = defaultdict(set)
    for first, second in pairs:
        right[first].add(second)
    rows = []
    for name in MAPPINGS:
        carried = VocabularyMap(name).fit(english, german, known)
        found = [[w for w, _ in carried.translate(word, 5)] for word in sorted(held_out)]
        hits = [
            (near[0] in right[word], bool(right[word] & set(near)))
            for word, near in zip(sorted(held_out), found)
        ]
        first, five = 100 * np.mean(hits, axis=0)
        rows.append((name, float(first), float(five)))
    return rows


def topics(texts: list[str], seed: int) -> np.ndarray:
    """A cluster number for each text."""
    rows = make_pipeline(
        TfidfVectorizer(min_df=5, stop_words="english", sublinear_tf=True),
        TruncatedSVD(50, random_state=seed),
        Normalizer(),
    ).fit_transform(texts)
    return KMeans(N_TOPICS, n_init=5, random_state=seed).fit_predict(rows)


def rows_of(words: WordVectors, texts: list[str]) -> np.ndarray:
    """The mean of each text's words, centred in its language, one long."""
    rows = MeanVectors(words).fit_transform(texts)
    return normalize(rows - rows.mean(axis=0))


def learner(seed: int) -> LogisticRegressionCV:
    """Its penalty by cross-validation where it learns."""
    return LogisticRegressionCV(
        cv=StratifiedKFold(3, shuffle=True, random_state=seed),
        scoring="balanced_accuracy",
        max_iter=2000,
        l1_ratios=(0,),
        use_legacy_attributes=False,
    )


def sentence_rows(
    vectors: tuple[WordVectors, WordVectors],
    texts: tuple[list[str], list[str]],
    pairs: Pairs,
    seed: int,
) -> list[tuple[str, float]]:
    """Balanced accuracy of the topics of German sentences, of each mapping and beside it."""
    labels = topics(texts[0], seed)
    ys, yt = labels[::2], labels[1::2]
    rows = []
    for name in MAPPINGS:
        carried = VocabularyMap(name).fit(*vectors, pairs)
        Xs = rows_of(carried.source_, texts[0][::2])
        Xt = rows_of(carried.target_, texts[1][1::2])
        predicted = learner(seed).fit(Xs, ys).predict(Xt)
        rows.append((name, 100 * balanced_accuracy_score(yt, predicted)))
    Xt = rows_of(vectors[1], texts[1][1::2])
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    own = cross_val_predict(learner(seed), Xt, yt, cv=folds)
    rows.append(("target only", 100 * balanced_accuracy_score(yt, own)))
    rows.append(("the commonest topic", 100 / N_TOPICS))
    return rows


def main() -> None:
    parser = options(__doc__, "2,000 sentences")
    given = parser.parse_args()
    facts = machine(["numpy", "scikit-learn", "landbridge"])
    show_machine(facts)
    english, german = (some[: 2000 if given.quick else None] for some in sentences())
    vectors = tuple(
        CountVectors(N_DIMENSIONS, random_state=given.seed).fit(some).vectors_
        for some in (english, german)
    )
    pairs = [pair for pair in dictionary() if pair[0] in vectors[0] and pair[1] in vectors[1]]
    print(
        f"{len(english):,} sentences; {len(vectors[0]):,} English and {len(vectors[1]):,} German "
        f"words; {len(pairs):,} pairs of the dictionary among them"
    )
    words = word_rows(*vectors, pairs, given.seed)
    show_table(
        ("words held out, %", "nearest", "among five"),
        [[name, f"{first:.1f}", f"{five:.1f}"] for name, first, five in words],
    )
    read = sentence_rows(vectors, (english, german), pairs, given.seed)
    show_table(
        ("topics of German sentences", "balanced accuracy, %"),
        [[name, f"{score:.1f}"] for name, score in read],
    )
    write(given.output, {"machine": facts, "words": words, "sentences": read})


if __name__ == "__main__":
    main()
