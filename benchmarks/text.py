"""Sentiment, topics and spam from one kind of text to another, without a target label.

Every method gets labelled source texts and bare target texts; target labels only score. Each has
the parameters of its paper or of this library's defaults, and the strength of the penalty of its
logistic regression by cross-validation on the source. Prints accuracy in per cent (balanced, of
spam) for every task and the mean of every set, beside published figures.
"""

import time
from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any, NamedTuple
from zipfile import ZipFile

import numpy as np
import pandas as pd
from _machine import machine, options, show_machine, write
from _tasks import folder
from _texts import SUBGROUPS, body, common_words, telling_words
from scipy.io import loadmat
from scipy.sparse import csr_matrix, issparse, vstack
from sklearn.base import clone
from sklearn.datasets import load_svmlight_file
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from landbridge.evidence.validation.choice import as_table, decide, look_at
from landbridge.kits.text import TextLogistic
from landbridge.mapping import CORAL, MarginalisedDenoising, StructuralCorrespondence
from landbridge.target import Refit
from landbridge.transfer import Transfer

MOST_ROWS = 2000
PUBLISHED = {
    "DANN, published": "78.4 73.3 77.9 72.3 75.4 78.3 71.3 73.8 85.4 70.9 74.0 84.3",
    "DANN on mSDA, published": "82.9 80.4 84.3 82.5 80.9 84.9 77.4 78.1 88.1 71.8 78.9 85.6",
}
"""Ganin et al. 2016, in the order of the tasks, as copied in Wilson & Cook 2020, table 4."""
PUBLISHED_400 = {
    "none": (76.9, 74.7, 82.8, 72.2),
    "TCA": (61.4, 61.3, 68.7, 60.4),
    "SA": (74.7, 75.6, 79.3, 78.4),
    "GFK": (71.3, 68.4, 78.2, 69.0),
    "SCL": (76.2, 75.0, 82.9, 72.8),
    "KMM": (78.6, 76.9, 83.5, 72.2),
    "CORAL": (78.3, 76.3, 83.6, 73.9),
}
"""D-B, B-E, E-K and K-D by the 400 commonest words (Sun, Feng & Saenko 2016)."""
TASKS_400 = ("D-B", "B-E", "E-K", "K-D")


class Texts(NamedTuple):
    """Counts of words of a source, a target to adapt to, and a target to score."""

    name: str
    Xs: csr_matrix
    ys: np.ndarray
    Xt: csr_matrix
    X_test: csr_matrix
    y_test: np.ndarray


def amazon() -> Iterator[Texts]:
    """2,000 labelled source reviews, 2,000 bare target ones, and the target's test reviews."""
    here = folder("amazon_reviews_bow")
    names = {"B": "books", "D": "dvd", "E": "electronics", "K": "kitchen"}
    files = {
        (letter, part): load_svmlight_file(str(here / f"{name}_{part}.svmlight"), n_features=5000)
        for letter, name in names.items()
        for part in ("train", "test")
    }
    for s, t in permutations(names, 2):
        yield Texts(f"{s}-{t}", *files[s, "train"], files[t, "train"][0], *files[t, "test"])


def between(
    domains: dict[str, tuple[list[str], np.ndarray]], most: int = MOST_ROWS
) -> Iterator[Texts]:
    """A task for each ordered pair of domains: words and pairs of words of both, by TF-IDF."""
    drawn = {}
    for name, (texts, labels) in domains.items():
        rows = np.random.default_rng(0).permutation(len(texts))[:most]
        drawn[name] = [texts[k] for k in rows], np.asarray(labels)[rows]
    for s, t in permutations(drawn, 2):
        counter = CountVectorizer(ngram_range=(1, 2), min_df=2, max_features=5000)
        counter.fit(drawn[s][0] + drawn[t][0])
        Xs, Xt = (counter.transform(drawn[d][0]) for d in (s, t))
        yield Texts(f"{s}-{t}", Xs, drawn[s][1], Xt, Xt, drawn[t][1])


def sentence_sets() -> dict[str, tuple[list[str], np.ndarray]]:
    """Three sets of sentences (Kotzias et al. 2015), and the Stanford Sentiment Treebank."""
    domains = {}
    for name, file in {"imdb": "imdb", "yelp": "yelp", "cells": "amazon_cells"}.items():
        path = folder("sentiment_labelled_sentences") / f"{file}_labelled.txt"
        lines = [
            line.rsplit("\t", 1) for line in path.read_text("utf-8").split("\n") if "\t" in line
        ]
        domains[name] = [text for text, _ in lines], np.array([int(label) for _, label in lines])
    table = pd.read_csv(folder("sst2") / "train.tsv", sep="\t", header=None, quoting=3)
    domains["SST-2"] = table[0].astype(str).tolist(), table[1].to_numpy()
    return domains


def newsgroups() -> Iterator[Texts]:
    """Two top groups told apart, in other subgroups (Dai et al. 2007); 100 posts of each."""
    with ZipFile(folder("mini_newsgroups") / "mini_newsgroups.zip") as archive:
        names = sorted(n for n in archive.namelist() if not n.endswith(("/", ".DS_Store")))
        posts = [body(archive.read(name)) for name in names]
    groups = np.array([name.split("/")[-2] for name in names])
    for first, second in (("rec", "talk"), ("rec", "sci"), ("sci", "talk")):
        domains = {}
        for k in (0, 1):
            parts = [np.isin(groups, SUBGROUPS[top][k]) for top in (first, second)]
            rows = np.flatnonzero(parts[0] | parts[1])
            domains[f"{first}/{second}{k + 1}"] = (
                [posts[row] for row in rows],
                parts[0][rows].astype(int),
            )
        yield from between(domains)


def spam() -> Iterator[Texts]:
    """Text messages and mail (Kouw et al. 2016), counts of 4,272 words."""
    found = loadmat(folder("sms_mail_spam") / "da_sm_spam.mat")
    edges, labels = found["domains"].ravel().astype(int), found["y"].ravel().astype(int)
    domains = {}
    for name, first, last in zip(("SMS", "mail"), edges, edges[1:]):
        rows = np.random.default_rng(0).permutation(np.arange(first, last))[:MOST_ROWS]
        domains[name] = csr_matrix(found["D"][rows].astype(float)), labels[rows]
    for s, t in permutations(domains, 2):
        yield Texts(f"{s}-{t}", *domains[s], domains[t][0], *domains[t])


SETS: dict[str, Callable[[], Any]] = {
    "Amazon reviews": amazon,
    "sentences": lambda: between(sentence_sets()),
    "newsgroups": newsgroups,
    "spam": spam,
}


def weighed(task: Texts) -> Texts:
    """Counts by TF-IDF, learned on both domains, without labels, in single precision."""
    counts = {name: getattr(task, name).astype(np.float32) for name in ("Xs", "Xt", "X_test")}
    task = task._replace(**counts)
    tfidf = TfidfTransformer(sublinear_tf=True).fit(vstack([task.Xs, task.Xt]))
    Xs, Xt, X_test = (tfidf.transform(X) for X in (task.Xs, task.Xt, task.X_test))
    return task._replace(Xs=Xs, Xt=Xt, X_test=X_test)


def most_words(task: Texts, words: np.ndarray) -> Texts:
    """Some words alone, as dense rows."""
    rows = {name: getattr(task, name)[:, words] for name in ("Xs", "Xt", "X_test")}
    return task._replace(**{k: X.toarray() if issparse(X) else X for k, X in rows.items()})


def predictions(task: Texts, seed: int) -> dict[str, np.ndarray]:
    """What each method predicts for the target's test rows; each is fitted once."""
    learner = TextLogistic()
    mappings = {
        "source only": "identity",
        "SCL": StructuralCorrespondence(),
        "mSDA": MarginalisedDenoising(random_state=seed),
    }
    models = {
        name: Transfer(clone(learner), mapping, Refit(clone(learner))).fit(
            task.Xs, task.ys, task.Xt
        )
        for name, mapping in mappings.items()
    }
    found = {name: model.predict(task.X_test) for name, model in models.items()}
    seen = {
        name: look_at(model, task.Xs, task.ys, task.Xt, random_state=seed)
        for name, model in models.items()
    }
    few = most_words(task, common_words(task.Xs, task.Xt))
    coral = Transfer(clone(learner), CORAL(), Refit(clone(learner))).fit(few.Xs, few.ys, few.Xt)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return {
        "source only": found["source only"],
        "CORAL, 400 words": coral.predict(few.X_test),
        "SCL": found["SCL"],
        "mSDA": found["mSDA"],
        "chosen without labels": found[decide(as_table(seen))[0]],
        "target only": cross_val_predict(clone(learner), task.X_test, task.y_test, cv=folds),
    }


def run_set(name: str, tasks: Any, seed: int) -> dict[str, dict[str, float]]:
    """Every method on every task of a set: a row a method, a column a task."""
    measure = balanced_accuracy_score if name == "spam" else accuracy_score
    table: dict[str, dict[str, float]] = {}
    for task in map(weighed, tasks):
        start = time.process_time()
        for method, predicted in predictions(task, seed).items():
            score = 100 * float(measure(task.y_test, predicted))
            table.setdefault(method, {})[task.name] = score
        shown = ", ".join(f"{name} {row[task.name]:.1f}" for name, row in table.items())
        print(f"  {task.name}: {shown}; {time.process_time() - start:.0f} s", flush=True)
    return table


def show(title: str, table: dict[str, dict[str, float]], further: dict[str, str]) -> None:
    """A table with its means."""
    rows = {name: list(scores.values()) for name, scores in table.items()}
    rows |= {name: [float(x) for x in figures.split()] for name, figures in further.items()}
    tasks = list(next(iter(table.values())))
    width, columns = max(map(len, rows)), [max(7, len(task)) for task in tasks]
    heads = "  ".join(f"{task:>{n}}" for task, n in zip(tasks, columns))
    print(f"\n{title}\n{'':<{width}}  {heads}     mean")
    for name, scores in rows.items():
        shown = "  ".join(f"{score:{n}.1f}" for score, n in zip(scores, columns))
        print(f"{name:<{width}}  {shown}  {np.mean(scores):7.2f}")


def goal(table: dict[str, dict[str, float]], method: str, baseline: str, least: float) -> None:
    """Whether a method reaches so many points more than the baseline, on average."""
    gains = [table[method][task] - table[baseline][task] for task in table[method]]
    mean, error = np.mean(gains), np.std(gains, ddof=1) / np.sqrt(len(gains))
    said = "reached" if mean >= least else "MISSED"
    print(
        f"{said}: {method} over {baseline}: {mean:+.2f} points (± {error:.2f} from task to task; "
        f"goal {least:+g}), {sum(g > 0 for g in gains)} of {len(gains)} tasks"
    )


def four_hundred(seed: int) -> None:
    """The protocol of the 400 words, as far as it can be followed, beside its published figures."""
    print("\nAmazon by 400 words, linear SVM, words standardised in each domain")
    table: dict[str, list[float]] = {}
    domains = {task.name: task for task in amazon() if task.name in TASKS_400}
    for name in TASKS_400:
        task = domains[name]
        task = most_words(task, telling_words(task.Xs, task.ys))
        present = task._replace(**{k: (getattr(task, k) > 0) * 1.0 for k in ("Xs", "Xt", "X_test")})
        target = StandardScaler().fit(present.Xt)
        rows = present._replace(
            Xs=StandardScaler().fit_transform(present.Xs),
            Xt=target.transform(present.Xt),
            X_test=target.transform(present.X_test),
        )
        for method, mapping in {
            "none": "identity",
            "SCL": StructuralCorrespondence(n_pivots=100),
            "CORAL": CORAL(reg=1.0, move_mean=False),
            "mSDA": MarginalisedDenoising(random_state=seed),
        }.items():
            svm = LinearSVC(C=svm_strength(rows), random_state=0)
            of = present if method == "mSDA" else rows
            model = Transfer(clone(svm), mapping, Refit(svm)).fit(of.Xs, of.ys, of.Xt)
            table.setdefault(method, []).append(100 * model.score(of.X_test, of.y_test))
    print(f"{'':<10}{'  '.join(f'{t:>6}' for t in TASKS_400)}    mean")
    for name, scores in table.items():
        print(f"{name:<10}{'  '.join(f'{s:6.1f}' for s in scores)}  {np.mean(scores):6.1f}")
    for name, scores in PUBLISHED_400.items():
        shown = "  ".join(f"{s:6.1f}" for s in scores)
        print(f"{name:<10}{shown}  {np.mean(scores):6.1f}  published")


def svm_strength(task: Texts) -> float:
    """C by cross-validation on the source."""
    from sklearn.model_selection import cross_val_score

    strengths = (1e-4, 1e-3, 1e-2, 1e-1)
    scores = [cross_val_score(LinearSVC(C=C), task.Xs, task.ys, cv=3).mean() for C in strengths]
    return strengths[int(np.argmax(scores))]


def main() -> None:
    parser = options(__doc__, "the first two tasks of each set")
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS))
    given = parser.parse_args()
    facts = machine(["numpy", "scipy", "scikit-learn", "landbridge"])
    show_machine(facts)
    tables = {}
    for name in given.sets:
        try:
            tasks = list(SETS[name]())
        except FileNotFoundError as error:
            print(f"{name}: left out ({error})")
            continue
        is_whole_amazon = name == "Amazon reviews" and not given.quick
        table = tables[name] = run_set(name, tasks[:2] if given.quick else tasks, given.seed)
        show(name, table, PUBLISHED if is_whole_amazon else {})
        for method in ("SCL", "mSDA", "chosen without labels"):
            goal(table, method, "source only", 2.0 if name == "Amazon reviews" else 0.0)
        if is_whole_amazon:
            four_hundred(given.seed)
    write(given.output, {"machine": facts, "tables": tables})


if __name__ == "__main__":
    main()
