"""The report as a browser shows it: each page in frames of three widths, measured from inside."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

from landbridge.report import render_report

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=8000",
    "--window-size=1400,900",
    "--dump-dom",
]
WIDTHS = (360, 390, 1280)
PAGES = ("crowded", "regression", "empty")
SPOILT = (
    '<p style="color:#777;background:#888;width:2000px">grey on grey, and wide</p>'
    '<div style="overflow-x:auto;white-space:pre;width:9px">stuck</div>'
    '<a href="#main" tabindex="-1">missed</a>'
    '<script>undefinedFunction()</script><img src="https://example.org/picture.png" alt="">'
)
PROBE = Path(__file__).with_name("probe.js")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason=f"no browser found: looked for {BROWSERS}"),
]

FRAMES = """<!doctype html><title>frames</title><body>
<script>
const found = {};
addEventListener("message", (event) => {
  const frames = [...document.querySelectorAll("iframe")];
  found[frames.find((frame) => frame.contentWindow === event.source).id] = event.data;
  document.getElementById("found").textContent = JSON.stringify(found);
});
</script>
%s
<pre id="found"></pre>
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory, crowded_results, regression_results):
    """What the probe saw, by page and width."""
    folder = tmp_path_factory.mktemp("pages")
    results = {"crowded": crowded_results, "regression": regression_results, "empty": {}}
    pages = {name: render_report(one) for name, one in results.items()}
    pages["spoilt"] = pages["empty"].replace("</h1>", f"</h1>{SPOILT}", 1)
    probe = f"<script>{PROBE.read_text(encoding='utf-8')}</script><title>"
    for name, page in pages.items():
        (folder / f"{name}.html").write_text(page.replace("<title>", probe, 1), encoding="utf-8")
    frames = "".join(
        f'<iframe id="{name}-{width}" src="{name}.html" width="{width}" frameborder="0"></iframe>'
        for name in pages
        for width in WIDTHS
    )
    (folder / "frames.html").write_text(FRAMES % frames, encoding="utf-8")
    return _dumped(folder / "frames.html", folder / "profile")


def _dumped(page, profile):
    command = [BROWSER, *FLAGS, f"--user-data-dir={profile}", page.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    return json.loads(unescape(re.search(r'<pre id="found">(.*?)</pre>', dom, re.S).group(1)))


def test_the_probe_sees_what_is_wrong_with_a_spoilt_page(found):
    seen = found["spoilt-390"]
    assert seen["wide"]["page"] > 390
    assert "width:2000px" in seen["wide"]["out"][0]
    assert seen["themes"]["light"]["low"] == ["grey on grey, and wide: 1.26"]
    assert "missed" in seen["keyboard"]["missed"][0]
    assert "width:9px" in seen["keyboard"]["stuck"][0]
    assert ["undefinedFunction" in seen["errors"][0], seen["errors"][1]] == [True, "img-src"]


every_frame = pytest.mark.parametrize("frame", [f"{p}-{w}" for p in PAGES for w in WIDTHS])


@every_frame
def test_the_page_is_no_wider_than_the_window(found, frame):
    wide = found[frame]["wide"]
    assert wide["window"] == int(frame.split("-")[1])
    assert wide["page"] <= wide["window"]
    assert wide["out"] == []


@every_frame
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_text_stands_out_from_what_is_under_it(found, frame, theme):
    seen = found[frame]["themes"][theme]
    assert seen["texts"] > 5
    assert seen["low"] == []


@every_frame
def test_everything_one_can_use_is_reached_by_keyboard(found, frame):
    keyboard = found[frame]["keyboard"]
    assert keyboard["shown"] >= 3
    assert keyboard["missed"] == []
    assert keyboard["stuck"] == []


@every_frame
def test_the_page_raises_no_error(found, frame):
    assert found[frame]["errors"] == []


@every_frame
def test_the_theme_button_turns_the_theme_and_says_what_it_will_do_next(found, frame):
    seen = found[frame]
    assert (seen["clicked"], seen["button"]) == ("light", "Dark")
    assert seen["themes"]["light"]["paper"] != seen["themes"]["dark"]["paper"]
