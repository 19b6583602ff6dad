from pathlib import Path

import pytest

from landbridge.kits.text import CountVectors, MeanVectors, VocabularyMap

README = Path(__file__).parents[3] / "README.md"


def blocks_on_texts():
    parts = README.read_text("utf-8").split("```python\n")[1:]
    blocks = [part.split("```")[0] for part in parts]
    return [block for block in blocks if "TextTransfer" in block or "VocabularyMap" in block]


def test_what_the_readme_says_of_texts_runs(reviews, tmp_path, monkeypatch):
    blocks = blocks_on_texts()
    if not blocks:
        pytest.skip("the README has no section on texts")
    monkeypatch.chdir(tmp_path)
    texts, labels = reviews("books", 80)
    target, _ = reviews("knives", 80)
    foreign = [" ".join(word[::-1] for word in text.split()) for text in reviews("books", 80)[0]]
    english, german = (CountVectors(6, min_count=2).fit(t).vectors_ for t in (texts, foreign))
    scope = {
        "texts_s": texts,
        "labels_s": labels,
        "texts_t": target,
        "english": english,
        "german": german,
        "dictionary": [(word, word[::-1]) for word in english.words],
        "english_texts": texts,
        "german_texts": foreign,
        "labels": labels,
        "MeanVectors": MeanVectors,
        "VocabularyMap": VocabularyMap,
    }
    for block in blocks:
        exec(block, scope)
    assert set(scope["model"].predict(foreign)) == {"up", "down"}
    assert (tmp_path / "model.landbridge").exists()
