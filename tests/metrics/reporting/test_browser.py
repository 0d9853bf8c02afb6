"""The report in a real browser: what a program finds hard to read in it, and whether it is too wide."""

import html
import json
import re
import shutil
import subprocess
from importlib.resources import files

import pytest

axe = pytest.importorskip("axe_core_python")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="there is no Chromium: apt-get install chromium")

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom")


@pytest.fixture(scope="module", autouse=True)
def starts():
    """Where Chromium is there and does not start, as in some containers, nothing is said of the report."""
    done = subprocess.run([BROWSER, *FLAGS, "about:blank"], capture_output=True, text=True, timeout=120)
    if done.returncode or "<html" not in done.stdout:
        pytest.skip(f"Chromium does not start here: {done.stderr.strip().splitlines()[-1:]}")


WRITE = "const e = document.createElement('pre'); e.id = 'found'; e.textContent = JSON.stringify(%s); \
document.body.append(e);"


def seen(path, page, answer):
    """What a script in the page says, from Chromium without a window."""
    path.write_text(page, encoding="utf-8")
    done = subprocess.run(
        [BROWSER, *FLAGS, "--window-size=1400,2000", "--virtual-time-budget=30000", f"file://{path}"],
        capture_output=True, text=True, timeout=180, check=True,
    )  # fmt: skip
    (found,) = re.findall(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    return json.loads(html.unescape(found))[answer]


def test_nothing_in_it_is_hard_to_read(page, tmp_path):
    """By axe-core's rules: contrast, names, headings, tables."""
    script = (files(axe) / "axe.min.js").read_text(encoding="utf-8").replace("</script>", r"<\/script>")
    told = "{violations: r.violations.map(v => [v.id, v.impact, v.nodes[0].html])}"
    run = f"<script>{script}</script><script>axe.run().then(r => {{{WRITE % told}}})</script>"
    assert seen(tmp_path / "page.html", page.replace("</body>", f"{run}</body>"), "violations") == []


@pytest.mark.parametrize("width", [390, 1400])
def test_only_its_tables_are_moved_sideways(page, tmp_path, width):
    frame = f'<iframe style="width:{width}px;border:0" srcdoc="{html.escape(page)}"></iframe>'
    told = "{width: f.contentDocument.documentElement.scrollWidth}"
    ready = (
        f"<script>const f = document.querySelector('iframe'); f.onload = () => {{{WRITE % told}}}</script>"
    )
    assert seen(tmp_path / "page.html", f"<body>{frame}{ready}</body>", "width") <= width
