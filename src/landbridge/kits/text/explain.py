"""Explanations by words: what decided a text, and which words mean the same in both domains."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, identity, issparse

from landbridge.kits.text.words import words_of
from landbridge.source import has_probabilities

ROWS_AT_ONCE = 256
TINY = 1e-9
"""An effect below this share of the largest is none."""
FADES = 0.25
"""A word fades where its effect in the target is below this share of that in the source."""
KINDS = ("carries over", "turns", "fades", "new")


def logits(model: Any, rows: Any) -> NDArray[np.float64]:
    """Log-odds (n, n_classes) of each class: of two classes against the other, else the mean."""
    if not has_probabilities(model):
        raise ValueError(
            "Words are explained by probabilities, which this learner has not: use TextLogistic, "
            "or LogisticRegression."
        )
    found = np.log(np.maximum(model.predict_proba(rows), 1e-300))
    if found.shape[1] == 2:
        difference = found[:, 1] - found[:, 0]
        return np.column_stack([-difference, difference])
    return found - found.mean(axis=1, keepdims=True)


def names_of_words(features: Any) -> NDArray | None:
    """The word that each feature stands for; ``None`` where features are no words."""
    if not hasattr(features, "vocabulary_"):
        return None
    return np.asarray(features.get_feature_names_out())


def words_behind(whole: Any, text: str, top: int) -> pd.DataFrame:
    """The table of ``TextTransfer.explain``."""
    row = whole.rows([text])
    k = int(np.flatnonzero(whole.classes_ == whole.model_.predict(row)[0])[0])
    names = names_of_words(whole.target_features_)
    if names is not None and issparse(row):
        present = row.tocsr().indices
        without, words = _without_features(row, present), names[present]
    else:
        words = np.array(list(dict.fromkeys(words_of(text))), dtype=object)
        without = whole.rows([_without_word(text, word) for word in words]) if len(words) else row
    if not len(words):
        return pd.DataFrame({"word": [], "effect": []})
    effects = logits(whole.model_, row)[0, k] - logits(whole.model_, without)[:, k]
    order = np.argsort(-np.abs(effects), kind="stable")[:top]
    return pd.DataFrame({"word": words[order], "effect": effects[order]})


def _without_features(row: Any, present: NDArray) -> csr_matrix:
    """The row over and over, each time with one of its features set to 0."""
    values = np.tile(row.tocsr().data, (len(present), 1))
    np.fill_diagonal(values, 0.0)
    starts = np.arange(len(present) + 1) * len(present)
    return csr_matrix(
        (values.ravel(), np.tile(present, len(present)), starts), (len(present), row.shape[1])
    )


def _without_word(text: str, word: str) -> str:
    return " ".join(other for other in words_of(text) if other != word)


def effects_alone(model: Any, n_features: int) -> NDArray[np.float64]:
    """By how much each feature alone moves the logits (n_features, n_classes) from no feature."""
    at_zero = logits(model, csr_matrix((1, n_features)))
    each = identity(n_features, format="csr")
    parts = [
        logits(model, each[start : start + ROWS_AT_ONCE])
        for start in range(0, n_features, ROWS_AT_ONCE)
    ]
    return np.concatenate(parts) - at_zero


def changed_words(whole: Any, top: int) -> pd.DataFrame:
    """The table of ``TextTransfer.words``."""
    names = names_of_words(whole.features_)
    if names is None or whole.target_features_ is not whole.features_:
        raise ValueError(
            "Words can be compared where each is a feature of both domains: use features="
            '"tfidf". explain tells of single texts with any features.'
        )
    source = effects_alone(whole.model_.source_, len(names))
    target = effects_alone(whole.model_, len(names))
    label = len(whole.classes_) - 1 if len(whole.classes_) == 2 else None
    tables = [
        _table(names, source[:, k], target[:, k], str(whole.classes_[k]))
        for k in (range(len(whole.classes_)) if label is None else [label])
    ]
    table = pd.concat(tables, ignore_index=True)
    table = table[table["size"] > TINY * table["size"].max()]  # of others neither makes anything
    best = [
        kind.loc[kind["size"].sort_values(ascending=False, kind="stable").index[:top]]
        for kind in (table[table["kind"] == name] for name in KINDS)
    ]
    return pd.concat(best, ignore_index=True).drop(columns="size")


def _table(names: NDArray, source: NDArray, target: NDArray, label: str) -> pd.DataFrame:
    never = np.abs(source) < TINY * max(np.abs(source).max(initial=0.0), 1e-300)
    kind = np.where(source * target < 0, "turns", "carries over").astype(object)
    kind[np.abs(target) < FADES * np.abs(source)] = "fades"
    kind[never] = "new"
    size = np.where(kind == "turns", np.minimum(np.abs(source), np.abs(target)), np.abs(target))
    size = np.where(kind == "fades", np.abs(source), size)
    return pd.DataFrame(
        {
            "word": names,
            "kind": kind,
            "label": label,
            "source": source,
            "target": target,
            "size": size,
        }
    )
