"""The three steps on texts: words in, labels out."""

import os
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from landbridge.domains import as_labels, class_names
from landbridge.domains.class_weight import ClassWeight
from landbridge.domains.wording import listed
from landbridge.evidence import Choice, choose_without_labels
from landbridge.kits.text.explain import changed_words, words_behind
from landbridge.kits.text.learner import TextLogistic
from landbridge.kits.text.words import WORD, as_texts
from landbridge.mapping import MarginalisedDenoising
from landbridge.saving import save
from landbridge.source import has_probabilities
from landbridge.target import TARGETS, Pooled, TargetLearner
from landbridge.transfer import Transfer

AUTO = ("identity", "scl", "mda")
"""What ``mapping="auto"`` chooses among, without a target label."""


def tfidf(max_features: int = 5000) -> TfidfVectorizer:
    """The plain baseline: words and pairs of neighbouring words of at least two texts, by TF-IDF.

    Term frequencies count by their logarithm; of more features, the commonest are kept.
    """
    return TfidfVectorizer(
        token_pattern=WORD,
        ngram_range=(1, 2),
        min_df=2,
        max_features=max_features,
        sublinear_tf=True,
        dtype=np.float32,
    )


class TextTransfer(ClassifierMixin, BaseEstimator):
    """Learn from labelled texts of one domain, and label those of another.

    Parameters
    ----------
    features : "tfidf" or scikit-learn transformer of texts, default="tfidf"
        What makes rows of texts, fitted to those of both domains: ``"tfidf"`` is :func:`tfidf`;
        others are ``SIF``, ``MeanVectors``, ``SentenceEncoder`` or ``WordNumbers``.
    mapping : str or Mapping, default="mda"
        Any of ``landbridge.MAPPINGS``: ``"mda"`` and ``"scl"`` are made for words; those that
        take no sparse rows want document vectors. ``"auto"`` tries ``identity``, ``scl`` and
        ``mda``, and chooses without a target label.
    learner : scikit-learn classifier, optional
        ``TextLogistic()`` by default; a ``NetworkSource`` over ``WordNumbers`` is one too.
    target : str or TargetLearner, optional
        Step 3: a name of ``landbridge.target.TARGETS`` or a target learner; by default carried
        texts and labelled target texts are learned together (``Pooled``).
    target_features : transformer, optional
        For a target in another language: ``features`` is then fitted to source texts alone and
        this to target texts, as with the two sides of a ``VocabularyMap``.
    class_weight : None, "auto" or dict, default=None
        Against imbalance, where ``target`` is left to its default: ``"auto"`` gives each class
        the same weight.

    Attributes
    ----------
    features_, target_features_ : fitted transformers
        One and the same where ``target_features`` is not given.
    model_ : Transfer
        The three steps on rows.
    choice_ : Choice
        With ``mapping="auto"``: what was chosen, and why.
    classes_ : ndarray

    Examples
    --------
    >>> from landbridge.kits.text import TextTransfer
    >>> books = ["a gripping plot, good", "dull and bad", "good, gripping", "bad, so dull"] * 10
    >>> knives = ["sharp and good", "blunt, bad", "good and sharp", "bad, really blunt"] * 10
    >>> model = TextTransfer().fit(books, ["up", "down"] * 20, knives)
    >>> model.predict(["very sharp", "it is blunt"])
    array(['up', 'down'], dtype='<U4')
    >>> model.explain("sharp knife", 1)["word"].tolist()
    ['sharp']
    """

    def __init__(
        self,
        features: Any = "tfidf",
        mapping: Any = "mda",
        learner: Any = None,
        target: str | TargetLearner | None = None,
        *,
        target_features: Any = None,
        class_weight: ClassWeight = None,
    ):
        self.features = features
        self.mapping = mapping
        self.learner = learner
        self.target = target
        self.target_features = target_features
        self.class_weight = class_weight

    def fit(
        self, texts: Any, labels: ArrayLike, target_texts: Any, target_labels: Any = None
    ) -> Self:
        """Take the three steps.

        Parameters
        ----------
        texts, labels : list of str, and array-like of shape (n_s,)
            Of the source; a blank label is unknown.
        target_texts, target_labels : list of str, and array-like of shape (n_t,), optional
            Of the target; labels where there are some, else blank.

        Raises
        ------
        TypeError
            If texts are no texts.
        ValueError
            If texts and labels do not fit together, a domain has no words, or the source has one
            class.
        """
        found_s, found_t = as_texts(texts, "texts"), as_texts(target_texts, "target_texts")
        ys = as_labels(labels, len(found_s), "labels")
        yt = (
            None
            if target_labels is None
            else as_labels(target_labels, len(found_t), "target_labels")
        )
        check_classes(ys)
        Xs, Xt = self._fit_features(found_s, found_t)
        learner = TextLogistic() if self.learner is None else self.learner
        if isinstance(self.mapping, str) and self.mapping == "auto":
            self._choose(learner, Xs, ys, Xt)
        mapping = self.choice_.model.mapping if self.mapping == "auto" else self.mapping
        if isinstance(mapping, str) and mapping == "mda":
            mapping = MarginalisedDenoising()
        self.model_ = Transfer(clone(learner), mapping, self._target(learner))
        self.model_.fit(Xs, ys, Xt, yt)
        self.classes_ = self.model_.classes_
        return self

    @classmethod
    def of_parts(cls, features: Any, target_features: Any, model: Transfer) -> "TextTransfer":
        """Fitted features and a transfer that was fitted to their rows, as one."""
        whole = cls(features, model.mapping, model.source, target_features=target_features)
        whole.features_, whole.target_features_ = features, target_features or features
        whole.model_, whole.classes_ = model, model.classes_
        return whole

    def predict(self, texts: Any) -> NDArray:
        """The label expected for each text of the target; an empty one gets the commonest guess."""
        rows = self.rows(texts)
        return self.model_.predict(rows)

    @available_if(lambda self: has_probabilities(getattr(self, "model_", self._learner())))
    def predict_proba(self, texts: Any) -> NDArray[np.float64]:
        """Probabilities (n, n_classes), in the order of ``classes_``."""
        rows = self.rows(texts)
        return self.model_.predict_proba(rows)

    def score(self, texts: Any, labels: ArrayLike, sample_weight: Any = None) -> float:
        """Accuracy on texts of the target."""
        rows = self.rows(texts)
        return float(self.model_.score(rows, labels, sample_weight))

    def rows(self, texts: Any) -> Any:
        """Rows (n, d) of target texts, as the three steps see them."""
        check_is_fitted(self, "model_")
        return self.target_features_.transform(as_texts(texts, may_be_empty=True))

    def explain(self, text: str, top: int = 10) -> pd.DataFrame:
        """The words that decided a text's label.

        Parameters
        ----------
        text : str
        top : int
            How many, those that weigh most first.

        Returns
        -------
        DataFrame
            ``word``, and its ``effect``: by how much the logit of the predicted class sinks when
            the word is left out. Where rows have a feature for each word, it is set to 0: that
            is weight times value where the map is linear, and exact where it is not.
        """
        check_is_fitted(self, "model_")
        return words_behind(self, text, top)

    def words(self, top: int = 20) -> pd.DataFrame:
        """The words that carry over, and those that mean something else in the target.

        Parameters
        ----------
        top : int
            How many of each kind.

        Returns
        -------
        DataFrame
            ``word``, ``kind``, and its effect by itself on the logit of ``label``, ``source``
            as the source's model has it and ``target`` as the transfer has it: a word *carries
            over* where both agree, *turns* where they differ in sign, *fades* where the target's
            is far smaller, and is *new* where the source never had it. Words of which neither
            makes anything are left out.

        Raises
        ------
        ValueError
            If rows have no feature for each word, as document vectors and networks have not.
        """
        check_is_fitted(self, "model_")
        return changed_words(self, top)

    def save(self, path: str | os.PathLike) -> Path:
        """Write the fitted model to one file, which ``landbridge.load`` reads back."""
        check_is_fitted(self, "model_")
        return save(self, path)

    def _learner(self) -> Any:
        return TextLogistic() if self.learner is None else self.learner

    def _fit_features(self, source: list[str], target: list[str]) -> tuple[Any, Any]:
        features = tfidf() if isinstance(self.features, str) else clone(self.features)
        if isinstance(self.features, str) and self.features != "tfidf":
            raise ValueError(
                f'features must be "tfidf" or a transformer of texts: found {self.features!r}. '
                "Others are SIF, MeanVectors, TfidfVectors, USIF, SentenceEncoder and WordNumbers."
            )
        if self.target_features is None:
            self.features_ = self.target_features_ = fit_words(features, source + target)
        else:
            self.features_ = fit_words(features, source)
            self.target_features_ = fit_words(clone(self.target_features), target)
        return self.features_.transform(source), self.target_features_.transform(target)

    def _choose(self, learner: Any, Xs: Any, ys: NDArray, Xt: Any) -> Choice:
        candidates = text_candidates(learner)
        self.choice_ = choose_without_labels(candidates, Xs, ys, Xt)
        return self.choice_

    def _target(self, learner: Any) -> TargetLearner:
        if isinstance(self.target, str):
            if self.target not in TARGETS:
                raise ValueError(
                    f"Unknown target {self.target!r}: the names are {listed(TARGETS, 20)}."
                )
            return TARGETS[self.target](clone(learner))
        if self.target is not None:
            return clone(self.target)
        return Pooled(clone(learner), class_weight=self.class_weight)


def text_candidates(learner: Any, names: Any = AUTO) -> dict[str, Transfer]:
    """Transfers by the names of their mappings, for :func:`landbridge.compare` and its kin."""
    return {name: Transfer(clone(learner), name, Pooled(clone(learner))) for name in names}


def check_classes(labels: NDArray) -> None:
    """Refuse source labels that are all one class.

    Raises
    ------
    ValueError
        If there are not two classes.
    """
    classes = class_names(labels)
    if len(classes) < 2:
        found = f"one class, {classes.tolist()[0]!r}" if len(classes) else "no label"
        raise ValueError(
            f"A classifier of texts needs two classes or more: labels has {found}. Give texts of "
            "other classes too."
        )


def fit_words(features: Any, texts: list[str]) -> Any:
    """Features fitted to texts, with an error of ours where no word is left.

    Raises
    ------
    ValueError
        If no word is in two texts.
    """
    try:
        return features.fit(texts)
    except ValueError as error:
        if "empty vocabulary" in str(error) or "no terms remain" in str(error).lower():
            raise ValueError(
                f"No word is in two of the {len(texts)} texts: there is nothing to learn from. "
                "Give more texts, or look whether the column holds texts."
            ) from error
        raise
