import io

from rich.console import Console

from landbridge.cli.lines import bullet, indented


def printed(show, text):
    console = Console(file=io.StringIO(), width=20)
    show(console, text)
    return console.file.getvalue()


def test_a_point_hangs_and_has_no_blanks_at_its_end():
    assert printed(bullet, "one two three four five") == "· one two three four\n  five\n"


def test_text_in_brackets_stays():
    assert printed(bullet, "[red] [/x]") == "· [red] [/x]\n"


def test_a_paragraph_is_set_in():
    assert printed(indented, "one two three four") == "    one two three\n    four\n"
