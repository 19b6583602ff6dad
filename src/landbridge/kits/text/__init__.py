"""Texts: what was learned on the texts of one domain, or language, for those of another.

*Source*: word vectors (``vectors``) read from files (``word_files``) or made of one's own texts
(``counted``), document vectors (``documents``), sentence encoders (``encoders``), networks over
words (``networks``), TF-IDF as the plain baseline. *Mapping*: any of the catalogue on these rows;
``vocabulary`` carries the words themselves. *Target*: any target learner. ``transfer`` joins the
three, ``explain`` tells of words, ``reading`` reads tables with texts, and ``job`` is what
``landbridge text run`` does.
"""

from landbridge.kits.text.counted import CountVectors, SkipGramVectors
from landbridge.kits.text.documents import SIF, USIF, MeanVectors, TfidfVectors
from landbridge.kits.text.encoders import SentenceEncoder
from landbridge.kits.text.job import TextModel, run_texts
from landbridge.kits.text.learner import TextLogistic
from landbridge.kits.text.networks import WordNetwork, WordNumbers
from landbridge.kits.text.reading import TextTable, read_texts
from landbridge.kits.text.transfer import TextTransfer, text_candidates, tfidf
from landbridge.kits.text.vectors import WordVectors
from landbridge.kits.text.vocabulary import VocabularyMap, read_dictionary
from landbridge.kits.text.word_files import read_word_vectors
from landbridge.kits.text.words import words_of

__all__ = [
    "SIF",
    "USIF",
    "CountVectors",
    "MeanVectors",
    "SentenceEncoder",
    "SkipGramVectors",
    "TextLogistic",
    "TextModel",
    "TextTable",
    "TextTransfer",
    "TfidfVectors",
    "VocabularyMap",
    "WordNetwork",
    "WordNumbers",
    "WordVectors",
    "read_dictionary",
    "read_texts",
    "read_word_vectors",
    "run_texts",
    "text_candidates",
    "tfidf",
    "words_of",
]
