"""Files for papers, and text for pages."""

import re
from xml.etree import ElementTree

import pytest

from bam.base.errors import BamError
from bam.metrics.reporting.charts import bars, curves, series
from bam.metrics.reporting.export import inline_svg, save, stylesheet
from bam.metrics.results import style

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def figures(small_score, series_score):
    """One of each kind."""
    return [bars(small_score), curves(small_score, style.COLUMN), series(series_score)]


@pytest.fixture(scope="module")
def elements(figures):
    """The same for a page."""
    return [inline_svg(figure, 'IDR <of> "all" & more', "Three methods.") for figure in figures]


def words(root):
    return [element.text for element in root.iter(f"{SVG}text")]


def ids(text):
    return re.findall(r'\bid="([^"]*)"', text)


@pytest.mark.parametrize("ending", ["pdf", "svg"])
def test_the_same_chart_gives_the_same_bytes(small_score, ending, tmp_path):
    found = [save(bars(small_score), tmp_path / f"{name}.{ending}").read_bytes() for name in "ab"]
    assert found[0] == found[1]
    assert not re.search(rb"CreationDate|<dc:date>", found[0])
    figure = bars(small_score)
    inline_svg(figure, "", "")  # which changes nothing of it
    assert save(figure, tmp_path / f"c.{ending}").read_bytes() == found[0]
    assert inline_svg(figure, "a", "b") == inline_svg(bars(small_score), "a", "b")


def test_a_pdf_has_its_letters_embedded(figures, tmp_path):
    for figure in figures:
        content = save(figure, tmp_path / "a.pdf").read_bytes()
        fonts = re.findall(rb"/BaseFont /\w+\+(\w+)", content)
        assert fonts
        assert set(re.findall(rb"/Subtype /(CIDFontType\d|Type3|Type1)", content)) == {b"CIDFontType2"}
        assert content.count(b"/FontFile2") == content.count(b"/Type /FontDescriptor") > 0
        box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+)", content)
        assert float(box[1]) == pytest.approx(figure.get_figwidth() * 72)


def test_an_svg_has_its_letters_as_outlines(small_score, tmp_path):
    text = save(bars(small_score), tmp_path / "deep" / "a.svg").read_text()
    root = ElementTree.fromstring(text)
    assert words(root) == []
    assert "font-family" not in text
    assert root.get("width") == f"{style.COLUMN * 72:g}pt"


def test_other_endings_are_refused(small_score, tmp_path):
    with pytest.raises(BamError, match=r"a\.jpg is to be a picture for papers: name it \.pdf or \.svg"):
        save(bars(small_score), tmp_path / "a.jpg")
    assert list(tmp_path.iterdir()) == []


def test_an_element_of_a_page_is_told_to_those_who_do_not_see_it(elements):
    for text in elements:
        root = ElementTree.fromstring(text)
        assert text.startswith("<svg ")
        assert root.get("role") == "img"
        head, about = root.get("aria-labelledby").split()
        assert [(child.tag, child.get("id"), child.text) for child in list(root)[:2]] == [
            (f"{SVG}title", head, 'IDR <of> "all" & more'),
            (f"{SVG}desc", about, "Three methods."),
        ]


def test_an_element_of_a_page_is_as_wide_as_there_is_room(small_score):
    root = ElementTree.fromstring(inline_svg(bars(small_score), "a", "b"))
    assert {"width", "height"}.isdisjoint(root.attrib)
    assert root.get("viewBox").startswith(f"0 0 {style.COLUMN * 72:g} ")
    assert "width:100%" in root.get("style")
    assert "height:auto" in root.get("style")


def test_letters_are_the_pages_and_large_enough_for_a_telephone(elements):
    for text in elements:
        root = ElementTree.fromstring(text)
        assert len(words(root)) > 20
        sizes = {re.search(r"font-size:([\d.]+)px", text.get("style"))[1] for text in root.iter(f"{SVG}text")}
        assert sizes == {f"{style.SIZE:g}"}
        assert all("font-family" not in text.get("style") for text in root.iter(f"{SVG}text"))
    assert style.SIZE * 358 / (style.COLUMN * 72) > 10  # a window of 390 pixels, less its edges
    assert "system-ui" in root.get("style")


def test_all_colours_are_variables_that_the_stylesheet_sets(elements):
    sheet = stylesheet()
    for text in elements:
        used = dict(re.findall(r"var\(--([\w-]+),(#[0-9a-f]{6})\)", text))
        assert {"ink", "faint", "ghost", "accent"} <= set(used)
        for name, colour in used.items():
            assert f"--{name}:{colour};" in sheet.split("@media")[0]
            assert f"--{name}:#" in sheet.split("@media")[1]
        assert re.findall(r"#[0-9a-f]{6}\b", re.sub(r"var\([^)]*\)", "", text)) == []


def test_ids_are_of_one_chart_alone_and_all_are_found(figures, elements):
    texts = [*elements, inline_svg(figures[0], "another title", "b")]
    everything = [found for text in texts for found in ids(text)]
    assert len(everything) == len(set(everything))
    for text in texts:
        named = re.findall(r'href="#([^"]*)"|url\(#([^)]*)\)', text)
        assert named
        assert {first or second for first, second in named} <= set(ids(text))


def test_an_element_of_a_page_names_nothing_outside_and_styles_nothing_outside(elements):
    for text in elements:
        assert text.count("http") == 1  # the namespace of SVG
        root = ElementTree.fromstring(text)
        kinds = {element.tag.removeprefix(SVG) for element in root.iter()}
        assert kinds <= {"svg", "title", "desc", "g", "path", "defs", "clipPath", "rect", "use", "text"}
        assert all(value.startswith("#") for element in root.iter() if (value := element.get("href")))


def test_names_that_look_like_markup_are_shown_as_they_are(score, tmp_path):
    odd = r"my<b>&$\alpha$"
    score.lines[odd] = score["grad_cam"]
    root = ElementTree.fromstring(inline_svg(bars(score), "a", "b"))
    assert odd in "".join(words(root))
    assert save(bars(score), tmp_path / "a.pdf").exists()
