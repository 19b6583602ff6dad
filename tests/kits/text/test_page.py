from pathlib import Path

import pandas as pd

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


def test_every_command_of_the_page_on_texts_can_be_typed(typed, reviews, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, n in (("books", 60), ("knives", 40)):
        texts, labels = reviews(name, n)
        table = pd.DataFrame({"body": texts, "stars": labels})
        table.to_csv(f"{name}.csv", index=False)
    table[["body"]].head(5).to_csv("new.csv", index=False)
    said = typed("text.md")
    assert list(said) == ["text run", "text predict"] and "Verdict" in said["text run"]
    assert len(said["text predict"].splitlines()) == 6
