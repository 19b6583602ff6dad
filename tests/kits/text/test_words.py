import numpy as np
import pandas as pd
import pytest

from landbridge.kits.text.words import as_texts, words_of


def test_words_are_lower_case_and_keep_apostrophes_within():
    assert words_of("It’s GREAT, isn't it? 10/10 — naïve_Größe") == [
        "it’s", "great", "isn't", "it", "10", "10", "naïve", "größe",
    ]  # fmt: skip


def test_missing_texts_are_empty():
    assert as_texts(["a", None, np.nan, pd.NA]) == ["a", "", "", ""]


@pytest.mark.parametrize("odd", ["one text", 3, [b"bytes"], ["a", 5]])
def test_what_is_no_list_of_texts_is_refused(odd):
    with pytest.raises(TypeError, match="must"):
        as_texts(odd)


@pytest.mark.parametrize("empty", [[], ["", "  "], [None]])
def test_nothing_but_empty_texts_is_refused_unless_a_fitted_model_is_asked(empty):
    with pytest.raises(ValueError, match="empty"):
        as_texts(empty)
    if empty:
        assert as_texts(empty, may_be_empty=True) == [text or "" for text in empty]
