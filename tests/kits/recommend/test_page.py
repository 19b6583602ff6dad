from pathlib import Path

from landbridge.kits.recommend import bridges, make_shops

PAGE = Path(__file__).parents[3] / "docs" / "recommendation.md"


def test_what_the_page_on_recommendation_says_runs(capsys):
    for part in PAGE.read_text("utf-8").split("```python\n")[1:]:
        exec(part.split("```")[0], {})
    assert "ridge" in capsys.readouterr().out


def test_every_command_of_the_page_on_recommendation_can_be_typed(typed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bridges, "find_spec", lambda name: None)  # a network takes its time
    books, music = make_shops(60, (30, 20), (12, 8), random_state=0)
    books.to_csv("books.csv", index=False)
    music[music["user"] != "u7"].to_csv("music.csv", index=False)
    said = typed("recommendation.md")
    assert list(said) == ["recommend run", "recommend top"]
    assert "popularity" in said["recommend run"]
    assert len(said["recommend top"].splitlines()) == 11
