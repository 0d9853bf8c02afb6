from dataclasses import replace
from pathlib import Path

import pytest

from bam.leaderboard.page import write_page
from bam.metrics.metric import METRICS


@pytest.fixture
def both(entries, entry):
    """All entries, that of grad_cam with reported numbers beside the measured ones."""
    found = entry.measured.metrics["idr"]
    number = replace(found.method, value=0.9876, ci_low=0.9765, ci_high=0.9955)
    reported = replace(
        entry.measured, command="python mine.py", metrics={"idr": replace(found, method=number)}
    )
    path = next(path for path in entries if path.name == "grad_cam.json")
    return {**entries, path: replace(entry, reported=reported)}


def numbers(number):
    """As the page has them."""
    yield from (f"{each:.3f}" for each in (number.value, number.ci_low, number.ci_high) if each is not None)
    if number.rank:
        yield f"{number.rank[0]} ... {number.rank[1]}"


def wanted(kind, found):
    yield from (*numbers(found.method), str(found.method.n), kind)
    yield from (f"{count} {why}" for why, count in found.method.excluded.items() if count)
    for control in found.controls.values():
        yield from numbers(control)


def of_method(entry, lines):
    """Those lines that are of an entry's method, as text."""
    names = (entry.method.name, f"{entry.method.name} (control)")
    return [" | ".join(line) for line in lines if line[0] in names]


def test_every_number_of_the_entries_is_on_the_page(both, tmp_path, parsed):
    page = parsed(write_page(both, tmp_path).read_text())
    (summary,) = (lines for caption, lines in page.lines.items() if caption.startswith("Value, 95%"))
    for entry in both.values():
        (line,) = of_method(entry, summary)
        for kind, findings in entry.findings.items():
            for metric, found in findings.metrics.items():
                table = page.lines[f"{METRICS[metric].title}, best first, controls below"]
                (own,) = (each for each in of_method(entry, table) if f"| {kind} |" in each)
                assert [word for word in wanted(kind, found) if word not in own] == [], (metric, own)
                short = numbers(found.method) if kind == "measured" else ["reported 0.988"]
                assert [word for word in short if word not in line] == []


def test_it_is_one_file_that_fetches_nothing_and_can_be_read_aloud(both, tmp_path, parsed):
    path = write_page(both, tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["index.html"]
    text = path.read_text()
    page = parsed(text)
    assert page.fetched == []
    assert "<script" not in text
    assert "@import" not in text
    assert "https://arxiv.org/abs/1610.02391" in page.links
    assert all(link.startswith(("#", "https://")) for link in page.links)
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
    tables = [tag for tag, _ in page.tags].count("table")
    assert [tag for tag, _ in page.tags].count("caption") == tables == 6 + 1 + 3
    assert "python mine.py" in text
    for entry in both.values():
        assert entry.dataset.fingerprint in text
        assert entry.measured.command in text


def test_what_others_wrote_is_text(entry, tmp_path):
    wild = replace(entry, method=replace(entry.method, name="<b>x</b>", authors='<script>"', link=""))
    text = write_page({Path("x.json"): wild}, tmp_path).read_text()
    assert "<b>x" not in text
    assert "<script" not in text
    assert "&lt;script&gt;" in text
