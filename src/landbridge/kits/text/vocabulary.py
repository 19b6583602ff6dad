"""From the words of one vocabulary to those of another: another domain's, or another language's."""

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from landbridge.kits.text.vectors import WordVectors
from landbridge.mapping import Mapping, make_mapping

FEWEST_PAIRS = 2


class VocabularyMap(BaseEstimator):
    r"""Carry the word vectors of one vocabulary into the space of another.

    The pairs of a dictionary, or the words that both vocabularies share, are rows that belong
    together; a paired mapping learned from them, Procrustes by default, carries all the others
    (Mikolov, Le & Sutskever 2013; orthogonal: Xing et al. 2015; shared words as seeds: Artetxe,
    Labaka & Agirre 2017). What is learned on carried source words then holds for target words.

    Parameters
    ----------
    mapping : str or paired Mapping, default="procrustes"
        Such as ``"ridge"`` or ``"rcsls"``.
    unit : bool, default=True
        Whether vectors are made one long, centred, and one long again first, in each vocabulary.

    Attributes
    ----------
    mapping_ : Mapping
    source_ : WordVectors
        The source's words, carried over.
    target_ : WordVectors
        The target's words where they are met: themselves, after ``unit``.
    pairs_ : list of tuple of str
        What it was learned from.

    Examples
    --------
    >>> import numpy as np
    >>> from landbridge.kits.text import VocabularyMap, WordVectors
    >>> rng = np.random.default_rng(0)
    >>> english = WordVectors(["cat", "dog", "house", "red"], rng.normal(size=(4, 2)))
    >>> turned = english.matrix_ @ [[0.0, 1.0], [-1.0, 0.0]]
    >>> german = WordVectors(["Katze", "Hund", "Haus", "rot"], turned)
    >>> pairs = [("cat", "Katze"), ("dog", "Hund"), ("house", "Haus")]
    >>> VocabularyMap().fit(english, german, pairs).translate("red", 1)
    [('rot', 1.0)]
    """

    def __init__(self, mapping: str | Mapping = "procrustes", *, unit: bool = True):
        self.mapping = mapping
        self.unit = unit

    def fit(
        self,
        source: WordVectors,
        target: WordVectors,
        dictionary: Iterable[tuple[str, str]] | None = None,
    ) -> Self:
        """Learn the map from words that belong together.

        Parameters
        ----------
        source, target : WordVectors
        dictionary : iterable of pairs of str, optional
            A source word and a target word each; one that either vocabulary lacks is passed
            over. By default, the words that both share.

        Raises
        ------
        ValueError
            If fewer than two pairs are in both vocabularies, or the mapping takes no pairs.
        """
        mapping = make_mapping(self.mapping) if isinstance(self.mapping, str) else self.mapping
        if not mapping.is_paired:
            raise ValueError(
                f"VocabularyMap learns from pairs of words: {type(mapping).__name__} takes none. "
                'Choose a paired mapping, such as "procrustes" or "ridge".'
            )
        self.pairs_ = known_pairs(source, target, dictionary)
        X, Y = (self._rows(vectors) for vectors in (source, target))
        rows_s = source.rows(pair[0] for pair in self.pairs_)
        rows_t = target.rows(pair[1] for pair in self.pairs_)
        self.mapping_ = clone(mapping).fit(X[rows_s], Y[rows_t])
        self.source_ = WordVectors(source.words, self.mapping_.transform(X))
        self.target_ = WordVectors(target.words, self.mapping_.transform_target(Y))
        return self

    def translate(self, word: str, n: int = 10) -> list[tuple[str, float]]:
        """The n target words nearest to where a source word is carried, with their cosines.

        Raises
        ------
        KeyError
            If the source has no such word.
        """
        check_is_fitted(self)
        return self.target_.nearest(self.source_[word], n)

    def _rows(self, vectors: WordVectors) -> NDArray:
        rows = vectors.matrix_
        if not self.unit:
            return rows
        rows = _of_length_one(rows)
        return _of_length_one(rows - rows.mean(axis=0))


def _of_length_one(rows: NDArray) -> NDArray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1.0)


def known_pairs(
    source: WordVectors, target: WordVectors, dictionary: Any = None
) -> list[tuple[str, str]]:
    """The pairs whose words are in both vocabularies.

    Raises
    ------
    ValueError
        If there are fewer than two, saying how many there were in all.
    """
    given = dictionary
    if given is None:
        given = [(str(word), str(word)) for word in np.asarray(source.words)]
    pairs = [(str(first), str(second)) for first, second in given]
    known = [pair for pair in pairs if pair[0] in source and pair[1] in target]
    if len(known) < FEWEST_PAIRS:
        what = "words are shared" if dictionary is None else "pairs of the dictionary are known"
        raise ValueError(
            f"{len(known)} of {len(pairs)} {what} to both vocabularies, and {FEWEST_PAIRS} are the "
            "least: give a dictionary, or look at the case of the words."
        )
    return list(dict.fromkeys(known))


def read_dictionary(path: Any, encoding: str = "utf-8") -> list[tuple[str, str]]:
    """Pairs of words from a file with a pair a line, apart by a tab or a blank.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not text of this encoding, or a line holds no pair.
    """
    from pathlib import Path

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}: check the path.")
    try:
        lines = path.read_text(encoding).splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not {encoding}: give its encoding.") from None
    pairs = []
    for number, line in enumerate(lines, start=1):
        fields = line.split("\t") if "\t" in line else line.split()
        if not line.strip():
            continue
        if len(fields) < 2:
            raise ValueError(f"{path}, line {number}: expected two words, found {line!r}.")
        pairs.append((fields[0].strip(), fields[1].strip()))
    return pairs
