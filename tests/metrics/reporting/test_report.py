import re
from dataclasses import replace

import pytest
from PIL import Image

from bam import BamError
from bam.metrics.reporting import painted
from bam.metrics.reporting.content import read_results
from bam.metrics.reporting.files import write_figures, write_tables
from bam.metrics.reporting.painted import painted_section, patches_section
from bam.metrics.reporting.report import write_report
from bam.metrics.reporting.tables import heading
from bam.metrics.results.score import read_score
from bam.metrics.results.table import cell


def test_every_cell_is_that_of_the_file(page, parsed, results):
    found = parsed(page)
    cells = found.cells()
    assert [tag for tag, given in found.tags if tag == "th" and "scope" not in given] == []
    for metric in ("idr", "mcs"):
        score = read_score(results / f"{metric}.json")
        head, lines = score.rows()
        for line in lines:
            for title, value in zip(head[1:], line[1:], strict=True):
                where = f"{heading(score)}, best first, controls below", line[0], title
                assert cells.pop(where) == cell(value)
    assert not [key for key in cells if "best first" in key[0]]


def test_the_summary_has_places_as_rank_sets(page, parsed):
    found = {key[1:]: text for key, text in parsed(page).cells().items() if key[0].startswith("Places")}
    assert found["guided_backprop", "IDR ↑ (n = 30)"].startswith("1-2 (0.")
    assert found["gradient_x_input", "MCS ↑ (n = 30)"].startswith("3 (0.")
    assert {name for name, _ in found} == {
        "guided_backprop",
        "smoothgrad(noise=0.2, samples=20)",
        "gradient_x_input",
    }


def test_it_says_who_is_best_and_what_cannot_be_told(page):
    text = re.sub("<[^>]+>", "", page)
    assert "Among the best, and not told apart by these 30 images: " in text
    assert (
        "About 4,321 images in all, of those that are used, would decide the largest difference that is"
        in text
    )


def test_the_page_needs_nothing_else(page, parsed):
    tags = parsed(page).tags
    assert "script" not in {tag for tag, _ in tags}
    fetched = [
        value for _, found in tags for key, value in found.items() if key in ("src", "href", "xlink:href")
    ]
    assert all(value.startswith(("data:image/png;base64,", "#")) for value in fetched)
    assert not re.search(r"@import|url\((?!#)", page)
    assert len(page) < 10_000_000


def test_what_cannot_be_seen_is_said_in_words(page, parsed):
    tags = parsed(page).tags
    assert all(found.get("alt") for tag, found in tags if tag == "img")
    assert all(found.get("role") == "img" for tag, found in tags if tag == "svg" and "viewBox" in found)
    names = [found["id"] for _, found in tags if "id" in found]
    assert len(names) == len(set(names))
    links = [found["href"][1:] for tag, found in tags if tag == "a"]
    assert set(links) <= set(names)
    assert page.count("<h1") == page.count("<main") == 1


def test_texts_of_scores_are_texts_in_the_page(page):
    assert "Read <code>it</code> &lt;so&gt;." in page


def test_what_is_lacking_is_named(page):
    text = re.sub("<[^>]+>", "", page)
    assert "Maps are not in this report: " in text
    assert "so nothing is checked here" in text


def test_files_that_are_no_scores_are_named(results):
    (results / "old.json").write_text('{"format": 1}')
    text = write_report(results, data="no", models="no").with_suffix(".md").read_text()
    assert "Not read: old.json (" in text
    assert "is of format 1" in text


def test_a_folder_without_scores_makes_no_report(tmp_path):
    with pytest.raises(BamError, match="there is no score in"):
        write_report(tmp_path)


def test_the_same_folder_makes_the_same_report(results):
    first = write_report(results, data="no", models="no").read_bytes()
    assert write_report(results, data="no", models="no").read_bytes() == first


def test_figures_and_tables_for_papers(results, tmp_path):
    scores = read_results(results, "no").scores
    figures = write_figures(scores[:1], tmp_path / "figures")
    assert [path.name for path in figures] == [
        "mcs-bars.pdf", "mcs-bars.svg", "mcs-curves.pdf", "mcs-curves.svg",
    ]  # fmt: skip
    assert figures[0].read_bytes()[:4] == b"%PDF"
    (tex, _) = write_tables(scores, tmp_path / "tables", "tex")
    assert r"\toprule" in tex.read_text()
    (table, _) = write_tables(scores, tmp_path / "tables", "csv")
    assert table.read_text().splitlines()[0].startswith("method,value,ci_low")


@pytest.mark.parametrize(("inpainter", "cited"), [("deepfill", True), ("blur", False), ("gone", False)])
def test_what_an_inpainter_is_from_is_cited(small_score, tmp_path, inpainter, cited):
    asked = {"inpainter": inpainter, "checkpoint": "weights" if cited else None}
    configuration = replace(small_score.configuration, metric=asked)
    replace(small_score, metric="inpainting", configuration=configuration).write(tmp_path)
    page = write_report(tmp_path, data=tmp_path / "no", models=tmp_path / "no").read_text()
    assert ("@inproceedings{yu2018generative," in page) == cited
    assert "@misc{cohen2025meaningful," in page


def test_what_slow_inpainters_paint_for_the_report_is_kept_beside_the_scores(
    small_score, dataset, scene_classifier, tmp_path, monkeypatch
):
    configuration = replace(small_score.configuration, metric={"inpainter": "blur"})
    replace(small_score, metric="inpainting", configuration=configuration).write(tmp_path)
    folders, made = [], painted.make_run

    def watched(*given, **more):
        run = made(*given, **more)
        folders.append(run.out)
        raise InterruptedError

    monkeypatch.setattr(painted, "make_run", watched)
    with pytest.raises(InterruptedError):
        painted_section(read_results(tmp_path, tmp_path / "no"), dataset, scene_classifier)
    assert folders == [tmp_path]


@pytest.mark.parametrize("inpainter", ["deepfill", "stable-diffusion"])
def test_nothing_is_painted_by_what_loads_weights(small_score, tmp_path, inpainter):
    configuration = replace(small_score.configuration, metric={"inpainter": inpainter})
    replace(small_score, metric="inpainting", configuration=configuration).write(tmp_path)
    assert painted_section(read_results(tmp_path, tmp_path / "no"), None, None) == []


def test_patches_name_their_recipe_and_training(tmp_path):
    for name in ("paper", "projected", "projected@1"):
        Image.new("RGB", (4, 3)).save(tmp_path / f"iir-patches-{name}.png")
    (section,) = patches_section(tmp_path)
    told = [part.value.caption.split(": ")[0] for part in section.parts]
    assert told == [
        "Patches of IIR, recipe paper",
        "Patches of IIR, recipe projected",
        "Patches of IIR, recipe projected, training 1 of the network",
    ]
