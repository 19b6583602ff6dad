"""The whole way for texts: two tables in; a model, and an account of whether transfer helped."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.decomposition import TruncatedSVD

from landbridge.domains import class_names, common_labels
from landbridge.domains.parameters import check_number
from landbridge.domains.wording import listed, nearest
from landbridge.evidence import compare, diagnose
from landbridge.job import Outcome
from landbridge.kits.judging import both_notes, check_judging, class_quality, decided
from landbridge.kits.text.explain import names_of_words
from landbridge.kits.text.learner import TextLogistic
from landbridge.kits.text.reading import TextTable, read_texts
from landbridge.kits.text.transfer import (
    AUTO,
    TextTransfer,
    check_classes,
    fit_words,
    text_candidates,
    tfidf,
)
from landbridge.mapping import mapping_names
from landbridge.results import frame, leaderboard_block, plain, table_block
from landbridge.source import has_probabilities

Progress = Callable[[str, int, int], None]
N_TOPICS = 20
N_EXAMPLES = 5
N_WORDS = 15
SHOWN_LETTERS = 160


class TextModel(BaseEstimator):
    """A fitted transfer of texts, with the names of the columns that it reads and writes.

    Parameters
    ----------
    model : TextTransfer
        Fitted.
    text, label : str
    """

    def __init__(self, model: TextTransfer, text: str, label: str):
        self.model = model
        self.text = text
        self.label = label

    def predict(self, texts: list[str], n_words: int = 0) -> pd.DataFrame:
        """The label expected for each text, and each class's probability.

        ``n_words`` of those that decided each are named beside, which takes time.
        """
        check_number("n_words", n_words, whole=True)
        columns: dict[str, Any] = {self.label: self.model.predict(texts)}
        if has_probabilities(self.model):
            shares = self.model.predict_proba(texts)
            columns |= {
                f"probability of {name}": share
                for name, share in zip(self.model.classes_, shares.T)
            }
        if n_words:
            columns["words"] = [
                ", ".join(self.model.explain(text, n_words)["word"]) for text in texts
            ]
        return pd.DataFrame(columns)


def run_texts(
    source: Any,
    target: Any,
    *,
    text: str,
    label: str,
    encoding: str | None = None,
    features: Any = None,
    learner: Any = None,
    candidates: list[str] | None = None,
    metric: str | None = None,
    n_folds: int = 5,
    n_repeats: int = 1,
    level: float = 0.05,
    seed: int = 0,
    n_jobs: int | None = None,
    command: str = "",
    progress: Progress | None = None,
) -> Outcome:
    """The three steps on two tables of texts, with the evidence, and words to explain it.

    Where at least six target texts have labels, every candidate is compared with source only,
    target only and both pooled, and the guard chooses. Else nothing can be scored, and a
    candidate is chosen by what can be seen without labels; the report says so.

    Parameters
    ----------
    source, target, text, label, encoding
        As of ``read_texts``; the target may lack the column of labels.
    features : transformer of texts, optional
        ``tfidf()`` by default.
    learner : scikit-learn classifier, optional
        ``TextLogistic()`` by default.
    candidates : list of str, optional
        Names of mappings: ``scl`` and ``mda`` by default.
    metric, n_folds, n_repeats, level, n_jobs
        As of :func:`landbridge.compare`.
    seed : int
        Of all that is drawn.
    command : str
        How to do it again, for the report.
    progress : callable, optional
        Called with what is being done, the steps done and their number (0 where not known).

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a table cannot be read or lacks a column, the source has one class, or a candidate is
        unknown.
    """
    start = time.perf_counter()
    say = progress or (lambda what, done, total: None)
    check_judging(metric, n_folds, n_repeats, level)
    if text == label:
        raise ValueError(
            f"The column {text!r} cannot be both the texts and the labels: name another for one."
        )
    names = _checked_names(candidates)
    say("Reading", 0, 0)
    domain_s = read_texts(
        source, text=text, label=label, name="source", encoding=encoding, needs_labels=True
    )
    domain_t = read_texts(target, text=text, label=label, name="target", encoding=encoding)
    check_classes(domain_s.labels)
    ys, yt, classes = common_labels(np.array(domain_s.labels.tolist()), domain_t.labels)
    fitted = fit_words(tfidf() if features is None else features, domain_s.texts + domain_t.texts)
    Xs, Xt = (fitted.transform(domain.texts) for domain in (domain_s, domain_t))
    learner = TextLogistic() if learner is None else learner
    comparison = compare(
        Xs,
        ys,
        Xt,
        yt,
        learner=learner,
        candidates=text_candidates(learner, names),
        metric=metric,
        n_folds=n_folds,
        n_repeats=n_repeats,
        level=level,
        random_state=seed,
        n_jobs=n_jobs,
        progress=lambda done, total: say("Comparing models", done, total),
    )
    bare = text_candidates(learner, dict.fromkeys(("identity", *names)))
    verdict, model = decided(comparison, bare, (Xs, ys, Xt), "target texts", say)
    whole = TextTransfer.of_parts(fitted, None, model)
    say("Describing what was found", 0, 0)
    settings = {
        "text": text,
        "label": label,
        "encoding": encoding,
        "features": type(fitted).__name__,
        "learner": type(learner).__name__,
        "candidates": names,
        "metric": comparison.metric,
        "folds": n_folds,
        "repeats": n_repeats,
        "level": level,
        "seed": seed,
    }
    results = {
        **frame(_data(domain_s, domain_t, (Xs, Xt), classes, label), settings, command, seed),
        "verdict": verdict,
        "leaderboard": leaderboard_block(comparison),
        "shift": _shift(Xs, ys, Xt, yt, fitted, seed),
        "quality": class_quality(classes, comparison),
        "tables": [*_word_tables(whole), *_example_table(whole, domain_t)],
        "warnings": comparison.warnings,
        "seconds": time.perf_counter() - start,
    }
    return Outcome(plain(results), TextModel(whole, text, label))


def _checked_names(candidates: list[str] | None) -> list[str]:
    names = [name for name in AUTO if name != "identity"] if candidates is None else candidates
    unknown = [name for name in names if name not in mapping_names()]
    if unknown:
        like = nearest(unknown[0], mapping_names())
        meant = f"the nearest are {listed(like)}; " if like else ""
        raise ValueError(
            f"Unknown candidate {unknown[0]!r}: {meant}give mappings by name, such as scl, mda or "
            "coral; landbridge mappings lists them."
        )
    return list(names)


def _data(
    source: TextTable,
    target: TextTable,
    rows: tuple[Any, Any],
    classes: NDArray,
    label: str,
) -> dict[str, Any]:
    """What the texts are, and what was noted of them."""
    tables = [table_block(one.table, one.n_labelled) for one in (source, target)]
    return {
        "source": tables[0],
        "target": tables[1],
        "label": label,
        "task": "classification",
        "classes": [str(name) for name in classes],
        "features": {"used": None, "made": rows[0].shape[1], "columns": []},
        "notes": [*both_notes(*tables), *_notes(source, target, rows, classes)],
    }


def _notes(
    source: TextTable, target: TextTable, rows: tuple[Any, Any], classes: NDArray
) -> list[str]:
    notes = []
    seen = {value.strip() for value in source.texts}
    n_twice = sum(value.strip() in seen for value in target.texts if value.strip())
    if n_twice:
        notes.append(f"{n_twice} of {len(target.texts)} target texts are in the source too.")
    unseen = set(classes.tolist()) - set(class_names(source.labels).tolist())
    if unseen:
        notes.append(f"The source never saw the classes {listed(sorted(map(str, unseen)))}.")
    shares = [np.asarray((abs(X) > 0).sum(axis=0)).ravel() > 0 for X in rows]
    n_shared = int((shares[0] & shares[1]).sum())
    notes.append(f"Of {rows[0].shape[1]:,} features, both domains have {n_shared:,}.")
    return notes


def _shift(Xs: Any, ys: NDArray, Xt: Any, yt: NDArray, features: Any, seed: int) -> dict[str, Any]:
    """The diagnosis, by the main directions of the rows, which are named by their words."""
    n_rows = min(N_TOPICS, Xs.shape[1] - 1, Xs.shape[0] + Xt.shape[0] - 1)
    names = names_of_words(features)
    if names is None or n_rows < 1:
        return diagnose(Xs, ys, Xt, yt, random_state=seed).to_dict()
    from landbridge.moments.feature_map import stack

    reduced = TruncatedSVD(n_rows, random_state=seed).fit(stack((Xs, Xt)))
    rarity = getattr(features, "idf_", np.ones(len(names)))  # a word of every text names nothing
    telling = reduced.components_ * (rarity - rarity.min() if np.ptp(rarity) else rarity)
    columns = [" · ".join(names[np.argsort(-axis, kind="stable")[:3]]) for axis in telling]
    columns = [f"{k + 1}: {name}" for k, name in enumerate(columns)]
    frames = [pd.DataFrame(reduced.transform(X), columns=columns) for X in (Xs, Xt)]
    return diagnose(frames[0], ys, frames[1], yt, random_state=seed).to_dict()


def _word_tables(whole: TextTransfer) -> list[dict[str, Any]]:
    """The words that carry over, and those that mean something else, as tables of the report."""
    if names_of_words(whole.features_) is None or not has_probabilities(whole):
        return []
    words = whole.words(N_WORDS)
    about = {
        "carries over": "Words that speak for the same in both domains.",
        "turns": "Words that speak for one thing in the source and for another in the target.",
        "fades": "Words that tell much in the source and little in the target.",
        "new": "Words that the source never had, and what the transfer makes of them.",
    }
    return [
        {
            "title": f"Words: {kind}",
            "about": f"{line} Effects are on the logit of the class, by the word alone.",
            "columns": ["word", "class", "source", "target"],
            "rows": found[["word", "label", "source", "target"]].values.tolist(),
        }
        for kind, line in about.items()
        if len(found := words[words["kind"] == kind])
    ]


def _example_table(whole: TextTransfer, target: TextTable) -> list[dict[str, Any]]:
    """A few target texts, the label expected for each, and the words that decided."""
    texts = [value for value in target.texts if value.strip()][:N_EXAMPLES]
    if not has_probabilities(whole):
        return []
    rows = [
        [
            value[:SHOWN_LETTERS] + ("…" if len(value) > SHOWN_LETTERS else ""),
            str(predicted),
            ", ".join(whole.explain(value, 5)["word"]),
        ]
        for value, predicted in zip(texts, whole.predict(texts))
    ]
    return [
        {
            "title": "What decided",
            "about": "The first texts of the target, and the words that weigh most in their label.",
            "columns": ["text", "predicted", "words"],
            "rows": rows,
        }
    ]
