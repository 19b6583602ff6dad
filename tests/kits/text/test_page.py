from pathlib import Path

from landbridge.kits.text import CountVectors, MeanVectors, VocabularyMap

PAGE = Path(__file__).parents[3] / "docs" / "text.md"


def test_what_the_page_on_texts_says_runs(reviews, tmp_path, monkeypatch):
    blocks = [part.split("```")[0] for part in PAGE.read_text("utf-8").split("```python\n")[1:]]
    assert any("VocabularyMap" in block for block in blocks)
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
