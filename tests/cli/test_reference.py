from pathlib import Path

from landbridge.cli.reference import command_line_page

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"


def test_the_page_says_what_help_says():
    assert PAGE.read_text(encoding="utf-8") == command_line_page(), (
        "docs/command-line.md is stale: python -m landbridge.cli.reference > docs/command-line.md"
    )


def test_the_page_has_every_command_and_option():
    page = command_line_page()
    for text in (
        "## landbridge data fetch",
        "`landbridge predict MODEL FILE [OPTIONS]`",
        "--level",
    ):
        assert text in page
