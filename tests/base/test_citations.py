"""What is to be cited: every method and metric says what it is from, and the files say the same."""

import ast
import re
from pathlib import Path

import pytest
import yaml

import bam
from bam.attributions import METHODS
from bam.base.citations import PAPER, PUBLICATIONS, SOFTWARE, bibtex
from bam.base.errors import BamError
from bam.metrics import METRICS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("declared", [*METHODS.values(), *METRICS.values()], ids=lambda each: each.name)
def test_every_method_and_metric_names_its_sources(declared):
    assert declared.cite
    assert set(declared.cite) <= set(PUBLICATIONS)
    if getattr(declared, "control", False):
        assert declared.cite == (SOFTWARE,)


def first_authors(key):
    return PUBLICATIONS[key].authors.split(",")[0]


@pytest.mark.parametrize("name", METRICS)
def test_the_entries_are_those_of_the_source_that_a_metric_states(name):
    stated = re.findall(r"([A-Z]\w+)[^;]*?(\d{4})", METRICS[name].source)
    assert stated
    for author, year in stated:
        assert any(
            first_authors(key) == author and PUBLICATIONS[key].year == int(year) for key in METRICS[name].cite
        )


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if not method.control])
def test_the_entries_hold_those_that_a_methods_docstring_names(name):
    named = re.findall(r"([A-Z]\w+)(?: & \w+| et al\.)? (\d{4})", METHODS[name].function.__doc__)
    cited = {(first_authors(key), str(PUBLICATIONS[key].year)) for key in METHODS[name].cite}
    assert set(named) <= cited


def test_entries_are_bibtex_each_once():
    text = bibtex([*PUBLICATIONS, PAPER])
    assert re.findall(r"^@(?:misc|article|inproceedings|software)\{(\w+),$", text, re.MULTILINE) == list(
        PUBLICATIONS
    )
    for entry in text.split("\n\n"):
        assert entry.count("{") == entry.count("}")
        assert entry.endswith("\n}")
    numbers = [publication.arxiv for publication in PUBLICATIONS.values() if publication.arxiv]
    titles = [publication.title for publication in PUBLICATIONS.values()]
    assert len(set(numbers)) == len(numbers)
    assert len(set(titles)) == len(titles)
    with pytest.raises(BamError, match="unknown publication 'yang2019': did you mean 'yang2019bam'"):
        bibtex(["yang2019"])


def test_years_in_keys_and_preprints_agree():
    for key, publication in PUBLICATIONS.items():
        if key != SOFTWARE:
            assert re.fullmatch(rf"[a-z]+{publication.year}[a-z]+", key)
        if publication.arxiv:  # a preprint comes with the publication, or at most two years before
            assert 0 <= publication.year - (2000 + int(publication.arxiv[:2])) <= 1


def test_the_citation_file():
    content = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    stated = [
        line.partition(" = ") for line in lines if line.startswith(("version", "license =", "keywords"))
    ]
    project = {key: ast.literal_eval(value) for key, _, value in stated}
    assert content["cff-version"] == "1.2.0"
    assert content["type"] == "software"
    assert content["authors"] == [{"name": "The BAM developers"}]
    assert content["version"] == project["version"] == bam.__version__
    assert content["license"] == project["license"]
    assert content["keywords"] == project["keywords"]
    assert content["title"] in PUBLICATIONS[SOFTWARE].title
    paper, stated = PUBLICATIONS[PAPER], content["preferred-citation"]
    authors = " and ".join(f"{each['family-names']}, {each['given-names']}" for each in stated["authors"])
    assert (stated["title"], authors, stated["year"]) == (paper.title, paper.authors, paper.year)
    assert stated["url"] == f"https://arxiv.org/abs/{paper.arxiv}"
    assert stated["identifiers"][0]["value"] == f"arXiv:{paper.arxiv}"
