from pathlib import Path

import pytest

from landbridge.cli.reference import PAGES, command_line_page, mappings_page
from landbridge.mapping import ALIGNMENTS, MAPPINGS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", PAGES)
def test_the_pages_are_made_of_the_code_as_it_is(name):
    assert (DOCS / f"{name}.md").read_text(encoding="utf-8") == PAGES[name](), (
        f"docs/{name}.md is stale: python -m landbridge.cli.reference {name} > docs/{name}.md"
    )


def test_the_catalogue_page_has_every_mapping():
    page = mappings_page()
    for name, mapping in MAPPINGS.items():
        assert f"| `{name}` `{mapping.__name__}` |" in page
    assert all(f"| `{name}` `" in page for name in ALIGNMENTS if name != "none")


def test_the_page_has_every_command_and_option():
    page = command_line_page()
    for text in (
        "## landbridge data fetch",
        "`landbridge predict MODEL FILE [OPTIONS]`",
        "--level",
    ):
        assert text in page
