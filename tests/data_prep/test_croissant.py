"""The metadata describe the files that are there, and MLCommons' own reader takes them."""

import csv
import hashlib
import json

import pytest

from bam.data_prep.croissant import CROISSANT
from bam.data_prep.dataset import TABLES
from bam.data_prep.dataset_card import CARD


@pytest.fixture(scope="module")
def content(dataset):
    return json.loads((dataset.folder / CROISSANT).read_text(encoding="utf-8"))


def records(dataset, table):
    with open(dataset.folder / f"{table}.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_file_is_described(content, dataset):
    found = {entry["contentUrl"]: entry for entry in content["distribution"]}
    there = [path for path in dataset.folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    assert set(found) == {path.relative_to(dataset.folder).as_posix() for path in there} - {CARD, CROISSANT}
    for name, entry in found.items():
        data = (dataset.folder / name).read_bytes()
        assert entry["sha256"] == hashlib.sha256(data).hexdigest()
        assert entry["contentSize"] == f"{len(data)} B"
        assert entry["description"]
    assert found["cutouts/dog.npy"]["description"].endswith("of the class dog, uint8 (12, 128, 128, 4)")


def test_every_column_of_every_table_is_described(content, dataset):
    sets = {entry["name"]: entry for entry in content["recordSet"]}
    assert set(sets) == {"objects", "scenes", "arrays", *TABLES}
    for table in TABLES:
        columns = [field["source"]["extract"]["column"] for field in sets[table]["field"]]
        assert columns == list(records(dataset, table)[0])
        identifiers = [field["@id"] for field in sets[table]["field"]]
        assert identifiers == [f"{table}/{column}" for column in columns]


def test_licences_and_citation(content, dataset):
    assert content["license"] == ["http://miniplaces.csail.mit.edu", "https://cocodataset.org/#termsofuse"]
    assert "lin2014coco" in content["citeAs"]
    assert dataset.fingerprint in content["description"]


def test_the_reader_of_mlcommons_reads_it(dataset):
    croissant = pytest.importorskip("mlcroissant")
    read = croissant.Dataset(dataset.folder / CROISSANT)
    assert not read.metadata.ctx.issues.errors
    assert [issue for issue in read.metadata.ctx.issues.warnings if "datePublished" not in str(issue)] == []
    for table in TABLES:
        rows = list(read.records(table))
        expected = records(dataset, table)
        assert len(rows) == len(expected)
        for row, wanted in zip(rows[::50], expected[::50], strict=True):
            for key, text in wanted.items():
                value = row[f"{table}/{key}"]
                # The reader takes the numbers of a column with gaps for floating-point ones.
                if key != "annotation":
                    assert (value.decode() if isinstance(value, bytes) else str(value)) == text
    classes = list(read.records("scenes"))
    assert (classes[0]["scenes/label"], classes[0]["scenes/name"]) == (0, "bamboo_forest")
    assert len(list(read.records("arrays"))) == 20
