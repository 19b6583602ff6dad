import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from landbridge.report import page, render_report, write_report

BLOCKS = [
    "verdict",
    "leaderboard",
    "shift",
    "projection",
    "quality",
    "mapping",
    "data",
    "versions",
    "command",
]
VOID = {"meta", "link", "br", "input", "wbr"}


class Balance(HTMLParser):
    """Opens and closes every tag once; stray or unclosed ones are kept."""

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.ids = [], [], []

    def handle_starttag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def parsed(html):
    balance = Balance()
    balance.feed(html)
    return balance


def text_of(html):
    body = re.sub(r"<(style|script|title)\b.*?</\1>", " ", html, flags=re.S)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body)))


def without_nothing(value):
    """The same results with every None left out, however deep."""
    if isinstance(value, dict):
        return {k: without_nothing(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [without_nothing(one) for one in value]
    return value


def test_the_report_opens_with_the_verdict_and_its_figure(results):
    text = text_of(render_report(results))
    sentence = text.index(results["verdict"]["sentence"])
    assert text.index("Transfer helps") < sentence < text.index("+0.052") < text.index("Balanced a")
    assert "interval +0.011 to +0.093; p 0.014" in text
    assert "50 labelled target rows, 5 folds, repeated 4 times" in text


def test_the_leaderboard_names_a_mapping_without_its_parameters(results):
    results["leaderboard"]["rows"][0] |= {"mapping": "DeepTransfer(alignment='mcc')"}
    page = render_report(results)
    assert "DeepTransfer → " in page and "DeepTransfer(alignment" not in page.split("</table>")[0]


def test_every_model_is_on_the_leaderboard_and_a_failure_gives_its_reason(results):
    text = text_of(render_report(results))
    for row in results["leaderboard"]["rows"]:
        assert row["name"] in text
    assert "Procrustes learns from pairs: Xs has 303 rows and Xt 294." in text


def test_the_page_is_well_formed_and_its_ids_are_unique(results, regression_results):
    for one in (results, regression_results, {}):
        found = parsed(render_report(one))
        assert (found.wrong, found.open) == ([], [])
        assert len(found.ids) == len(set(found.ids))


def test_every_entry_of_the_contents_leads_to_a_section(results):
    html = render_report(results)
    targets = re.findall(r'href="#([\w-]+)"', html)
    assert len(targets) > 10
    assert set(targets) <= set(parsed(html).ids)


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("leave", ["null", "missing"])
def test_a_run_without_one_block_has_a_report_that_says_so(results, block, leave):
    gone = {block, "settings"} if block == "data" else {block}
    some = {k: v for k, v in results.items() if k not in gone}
    html = render_report(some | {block: None} if leave == "null" else some)
    name = "reproduce" if block == "command" else block
    assert "Not part of this run:" in html
    assert f'id="{name}-title"' not in html or block == "verdict"


def test_a_run_of_which_nothing_is_known_still_has_a_report():
    text = text_of(render_report({}))
    assert "No models were compared in this run" in text
    assert "There were none." in text


@pytest.mark.parametrize("fixture", ["results", "regression_results"])
def test_figures_that_are_missing_inside_blocks_do_no_harm(request, fixture):
    some = without_nothing(request.getfixturevalue(fixture))
    assert "Transfer helps" in render_report(some)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b != "command"])
def test_a_block_that_is_empty_inside_does_no_harm(results, block):
    hollow = dict.fromkeys(results[block])
    assert parsed(render_report(results | {block: hollow})).wrong == []


def test_a_figure_that_is_not_a_number_is_shown_as_not_known(results):
    results["leaderboard"]["rows"][0]["score"] = float("nan")
    results["shift"]["mmd"]["mmd2"] = float("inf")
    html = render_report(results)
    assert "It gave no score." in html
    assert "nan" not in re.findall(r'[cxy][xy12]?="([^"]*)"', html)


def test_the_report_says_what_to_try_and_what_lies_beyond_the_source(results):
    html = " ".join(render_report(results).split())  # with plain spaces before the percent signs
    assert "Reweighting (kmm, ulsif): the source has rows where they lie." in html
    assert "<dt>Target beyond the source</dt><dd><strong>12 %</strong> of rows, 8 % to 17 %" in html
    del results["shift"]["advice"], results["shift"]["support"]
    assert "What to try" not in render_report(results)


def test_names_cannot_bring_their_own_markup(results):
    evil = '<b onclick="x">"&</b>'
    results["leaderboard"]["rows"][0]["name"] = evil
    results["leaderboard"]["rows"][-1]["error"] = evil
    results["shift"]["features"][0]["name"] = evil
    results["shift"]["features"][0]["bins"] = [evil] * 10
    results["shift"]["statements"] = [evil]
    results["shift"]["advice"] = [{"sentence": evil}]
    results["projection"]["classes"] = [evil, "1"]
    results["quality"]["models"][0]["name"] = evil
    results["mapping"]["rows"][0]["source_feature"] = evil
    results["data"]["source"]["name"] = evil
    results["settings"][evil] = evil
    results["command"] = evil
    results["warnings"] = [evil]
    html = render_report(results)
    assert "<b onclick" not in html
    assert html.count("&lt;b onclick") > 10
    assert parsed(html).wrong == []


def test_a_crowded_report_stays_below_three_megabytes(crowded_results):
    html = render_report(crowded_results)
    assert len(html.encode()) < 3_000_000
    assert html.count("<use ") >= 2400
    assert "The other 88 features" in html


def test_the_page_asks_nothing_of_the_network(results):
    html = render_report(results)
    assert "default-src 'none'" in html
    assert re.findall(r"https?://|//[a-z]+\.|@import|url\(", html) == []
    assert re.findall(r'\b(?:src|href)="(?!#|data:,")', html) == []


def test_what_needs_a_script_is_hidden_until_there_is_one(results):
    buttons = re.findall(r"<button[^>]*>", render_report(results))
    assert len(buttons) == 2
    assert all(button.endswith(" hidden>") for button in buttons)


def test_features_are_sorted_by_effect_and_unknown_effects_come_last(results):
    features = {one["name"]: one for one in results["shift"]["features"]}
    features["chol"]["effect"] = None
    text = text_of(render_report(results))
    names = ["thalach", "restecg", "cp", "age", "oldpeak", "trestbps", "fbs", "chol"]
    places = [text.index(f" {name} {features[name]['kind']}") for name in names]
    assert places == sorted(places)


def test_each_term_is_explained_once(results):
    html = render_report(results)
    named = re.findall(r"<dt>([^<]+)</dt><dd>[^<]{25,}", html)
    assert {"C2ST", "MMD", "PSI", "interval", "guard"} <= set(named)
    assert len(named) == len(set(named))


def test_results_are_not_changed(results):
    before = repr(results)
    render_report(results)
    assert repr(results) == before


def test_writing_gives_the_page_and_replaces_an_older_one(results, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("older")
    assert write_report(results, str(path)) == path
    assert path.read_text(encoding="utf-8") == render_report(results)
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_while_writing_leaves_the_older_page_and_nothing_else(
    results, tmp_path, monkeypatch
):
    def full_disk(*_):
        raise OSError(28, "No space left on device")

    path = tmp_path / "report.html"
    path.write_bytes(b"older")
    monkeypatch.setattr(Path, "chmod", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_report(results, path)
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]
    assert path.read_bytes() == b"older"


def test_an_interrupted_run_leaves_nothing(results, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_report(results, tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist_is_made(results, tmp_path):
    assert write_report(results, tmp_path / "new" / "report.html").exists()


def test_results_that_are_not_a_dict_are_refused():
    with pytest.raises(TypeError, match="results must be a dict, found list: give"):
        render_report([])


def test_results_of_another_schema_are_refused():
    with pytest.raises(ValueError, match=r"schema 'landbridge.results/9', but .* reads 'landb"):
        render_report({"schema": "landbridge.results/9"})
    assert page.SCHEMA == "landbridge.results/1"


def test_tables_of_a_kit_are_shown_cell_by_cell(results):
    table = {"title": "Words", "about": "What they say.", "columns": ["word", "effect"]}
    page = render_report(
        results | {"tables": [table | {"rows": [["<good>", 0.51234], ["?", None]]}]}
    )
    assert "What they say." in page and "&lt;good&gt;" in page and "0.512" in page
    assert 'id="tables"' in page and 'id="tables"' not in render_report(results)
    assert "in detail" not in render_report(results)
