"""Tasks of text: 400 words, present or not."""

from collections.abc import Iterator
from itertools import permutations
from typing import Any
from zipfile import ZipFile

import numpy as np
from _tasks import Task, folder
from scipy.io import loadmat
from scipy.sparse import csr_matrix
from sklearn.datasets import load_svmlight_file
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import mutual_info_classif

WORDS = 400
MOST_ROWS = 2000
Domain = tuple[Any, np.ndarray]
"""Counts of words (sparse) and labels."""


def common_words(Xs: Any, Xt: Any) -> np.ndarray:
    """The words that are commonest in both domains; no label says which."""
    counts = [np.asarray((X > 0).sum(axis=0)).ravel() for X in (Xs, Xt)]
    return np.argsort(-np.minimum(*counts), kind="stable")[:WORDS]


def telling_words(X: Any, y: np.ndarray) -> np.ndarray:
    """The words that have most information in common with the source's labels."""
    told = mutual_info_classif((X > 0).astype(int), y, discrete_features=True)
    return np.argsort(-told, kind="stable")[:WORDS]


def present(X: Any, words: np.ndarray) -> np.ndarray:
    return (X[:, words] > 0).toarray().astype(float)


def text_task(name: str, words: np.ndarray, source: Domain, target: Domain, test: Domain) -> Task:
    (Xs, ys), (Xt, _), (X_test, y_test) = source, target, test
    rows = [present(X, words) for X in (Xs, Xt)]
    return Task(
        name, rows[0], ys, rows[1], rows[1] if X_test is Xt else present(X_test, words), y_test
    )


def text_pairs(domains: dict[str, Domain]) -> Iterator[Task]:
    """A task for every ordered pair, on the words that are common to both."""
    for s, t in permutations(domains, 2):
        words = common_words(domains[s][0], domains[t][0])
        yield text_task(f"{s}-{t}", words, domains[s], domains[t], domains[t])


def amazon_reviews() -> list[Task]:
    """Twelve tasks of sentiment; the test file's rows score, the training file's adapt."""
    names = {"B": "books", "D": "dvd", "E": "electronics", "K": "kitchen"}
    here = folder("amazon_reviews_bow")
    files = {
        (letter, part): load_svmlight_file(str(here / f"{name}_{part}.svmlight"), n_features=5000)
        for letter, name in names.items()
        for part in ("train", "test")
    }
    words = {letter: telling_words(*files[letter, "train"]) for letter in names}
    return [
        text_task(f"{s}-{t}", words[s], files[s, "train"], files[t, "train"], files[t, "test"])
        for s, t in permutations(names, 2)
    ]


def spam() -> list[Task]:
    """Two tasks of spam in text messages and mail, 2,000 of each drawn evenly (Kouw 2016)."""
    found = loadmat(folder("sms_mail_spam") / "da_sm_spam.mat")
    edges, labels = found["domains"].ravel().astype(int), found["y"].ravel().astype(int)
    domains = {}
    for name, first, last in zip(("SMS", "mail"), edges, edges[1:]):
        rows = np.random.default_rng(0).permutation(np.arange(first, last))[:MOST_ROWS]
        domains[name] = csr_matrix(found["D"][rows].astype(np.int32)), labels[rows]
    return list(text_pairs(domains))


def newsgroup_subgroups() -> list[Task]:
    """Four tasks: two top groups told apart, in other subgroups (MALSAR's files)."""
    tasks = []
    for name, suffix in (("comp.vs.sci", "task"), ("rec.vs.talk", "Task")):
        here = folder("newsgroup_tasks_malsar")
        found = [loadmat(here / f"{name}_{suffix}{k}.mat") for k in (1, 2)]
        short = "/".join(part[0] for part in name.split(".vs."))
        domains = {
            f"{short}{k}": (csr_matrix(file["fea"]), file["gnd"].ravel().astype(int))
            for k, file in enumerate(found, 1)
        }
        tasks += text_pairs(domains)
    return tasks


SUBGROUPS = {
    "rec": (("rec.autos", "rec.motorcycles"), ("rec.sport.baseball", "rec.sport.hockey")),
    "talk": (
        ("talk.politics.guns", "talk.politics.misc"),
        ("talk.religion.misc", "talk.politics.mideast"),
    ),
    "sci": (("sci.crypt", "sci.electronics"), ("sci.med", "sci.space")),
}
"""The subgroups of either domain (Dai et al. 2007)."""


def body(post: bytes) -> str:
    """A post without its header, which would name the group."""
    return post.decode("latin-1").partition("\n\n")[2]


def mini_newsgroups() -> list[Task]:
    """Six tasks: two top groups told apart, subgroups differ; 100 posts of each (Dai 2007)."""
    with ZipFile(folder("mini_newsgroups") / "mini_newsgroups.zip") as archive:
        names = sorted(name for name in archive.namelist() if not name.endswith(("/", ".DS_Store")))
        posts = [body(archive.read(name)) for name in names]
    groups = np.array([name.split("/")[-2] for name in names])
    counts = CountVectorizer(stop_words="english", min_df=5).fit_transform(posts)
    tasks = []
    for first, second in (("rec", "talk"), ("rec", "sci"), ("sci", "talk")):
        domains = {}
        for k in (0, 1):
            parts = [np.isin(groups, SUBGROUPS[top][k]) for top in (first, second)]
            rows = np.flatnonzero(parts[0] | parts[1])
            domains[f"{first}/{second}{k + 1}"] = counts[rows], parts[0][rows].astype(int)
        tasks += text_pairs(domains)
    return tasks


def sentences() -> list[Task]:
    """Six tasks of sentiment in 1,000 sentences each (Kotzias et al. 2015)."""
    names = {"imdb": "imdb", "yelp": "yelp", "cells": "amazon_cells"}
    lines: list[str] = []
    for name in names.values():
        path = folder("sentiment_labelled_sentences") / f"{name}_labelled.txt"
        lines += [line for line in path.read_text("utf-8").split("\n") if "\t" in line]
    texts, labels = zip(*(line.rsplit("\t", 1) for line in lines))
    counts = CountVectorizer(ngram_range=(1, 2)).fit_transform(texts)
    y = np.array(labels).astype(int)
    parts = {name: slice(1000 * k, 1000 * (k + 1)) for k, name in enumerate(names)}
    return list(text_pairs({name: (counts[part], y[part]) for name, part in parts.items()}))
