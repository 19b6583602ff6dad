from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "recommendation.md"


def test_what_the_page_on_recommendation_says_runs(capsys):
    for part in PAGE.read_text("utf-8").split("```python\n")[1:]:
        exec(part.split("```")[0], {})
    assert "ridge" in capsys.readouterr().out
