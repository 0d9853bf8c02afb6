"""The card of a dataset says what the dataset holds, and how to make it again."""

import json
import re
import shlex

import pytest
import yaml

from bam.base.citations import PUBLICATIONS
from bam.build_dataset import main
from bam.data_prep import load_dataset
from bam.data_prep.build import build
from bam.data_prep.classes import OBJECTS, SCENES
from bam.data_prep.dataset import VIEWS
from bam.data_prep.dataset_card import CARD, PURPOSES, command, dataset_card
from bam.data_prep.sources import SOURCES, Sources, make_source
from bam.data_prep.sources.coco import Coco
from bam.data_prep.sources.miniplaces import MiniPlaces


@pytest.fixture(scope="module")
def card(dataset):
    return (dataset.folder / CARD).read_text(encoding="utf-8")


def rows(card, title):
    """The cells of the table below a title."""
    section = card.split(f"## {title}\n")[1].split("\n## ")[0]
    return [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]


def test_the_head_is_yaml_as_hugging_face_reads_it(card, dataset):
    head = yaml.safe_load(card.split("---\n")[1])
    assert head["license"] == "other"
    assert {"license_name", "license_link", "pretty_name", "tags"} <= set(head)
    assert head["task_categories"] == ["image-classification"]
    assert head["size_categories"] == ["1K<n<10K"]  # 1,000 composites
    for entry in head["configs"]:
        assert (dataset.folder / entry["data_files"]).is_file()


def test_every_image_set_is_there_with_its_sizes(card, dataset):
    assert list(PURPOSES) == list(VIEWS)
    shown = {cells[0].strip("`"): cells[3:6] for cells in rows(card, "Image sets")}
    assert list(shown) == list(VIEWS)
    assert shown["object_scene"] == ["800", "100", "100"]
    assert shown["rescaled"] == ["-", "-", "100"]
    assert shown["commonality"] == [
        str(len(dataset.view("commonality", split, 0.1))) for split in ("train", "validation", "test")
    ]


def test_every_class_is_there_with_its_sources(card, dataset):
    shown = {cells[0]: list(map(int, cells[1:])) for cells in rows(card, "What it is made of")}
    assert list(shown) == [*OBJECTS, *SCENES]
    assert shown == {name: list(dataset.description["sources"][name].values()) for name in shown}
    assert "could not be used, each named in `dataset.json`: none left out." in card
    assert "0 of 120 scenes come with" in card


def test_digest_versions_and_citations(card, dataset):
    assert f"`{dataset.fingerprint}`" in card
    assert f"numpy {dataset.description['versions']['numpy']}" in card
    assert json.dumps(dataset.description["settings"]) in card
    assert re.findall(r"^@\w+\{(\w+),", card, re.MULTILINE) == [
        "yang2019bam",
        "lin2014coco",
        "zhou2017places",
    ]


def test_a_dataset_of_an_earlier_version_says_that_its_versions_are_not_known(sources, dataset, monkeypatch):
    old = {key: value for key, value in dataset.description.items() if key != "versions"}
    monkeypatch.setattr(dataset, "description", old)
    assert "- Versions: not recorded\n" in dataset_card(dataset, sources)


def test_the_command_of_the_card_makes_the_dataset_again(
    card, dataset, sources_folder, tmp_path, monkeypatch
):
    (line,) = re.findall(r"^    python -m (bam\.build_dataset .*)$", card, re.MULTILINE)
    name, *flags = shlex.split(line)
    folders = {
        "FOLDER": str(tmp_path / "again"),
        "coco=FOLDER": f"coco={sources_folder / 'coco'}",
        "miniplaces=FOLDER": f"miniplaces={sources_folder / 'miniplaces'}",
    }
    assert set(folders) <= set(flags)
    main([name, *(folders.get(flag, flag) for flag in flags)])
    assert load_dataset(tmp_path / "again").fingerprint == dataset.fingerprint


def test_the_command_names_what_is_not_as_by_default(sources_folder, tmp_path):
    exclusions = tmp_path / "mine.txt"
    exclusions.write_text("")
    folders = sources_folder / "coco", sources_folder / "miniplaces"
    chosen = Sources(Coco(folders[0], 0), MiniPlaces(folders[1], exclusions))
    flags = command(chosen, {"images_per_pair": 12, "seed": 3})
    assert flags.endswith(
        "--objects coco=FOLDER --scenes miniplaces=FOLDER --minimum_area 0 --exclude_scenes FILE "
        "--images_per_pair 12 --seed 3"
    )
    drawn = Sources(*(make_source(kind, "drawn", tmp_path, draw_seed=7) for kind in SOURCES))
    assert command(drawn, {"images_per_pair": 100, "seed": 0}) == (
        "python -m bam.build_dataset --data FOLDER --draw_seed 7 --images_per_pair 100 --seed 0"
    )


def test_drawings_are_not_spoken_of_as_photographs(dataset, tmp_path):
    drawn = Sources(*(make_source(kind, "drawn", tmp_path, pictures_per_class=12) for kind in SOURCES))
    card = dataset_card(dataset, drawn)
    assert yaml.safe_load(card.split("---\n")[1])["license"] == "apache-2.0"
    assert "Drawings are no photographs" in card
    assert "is not known" not in card
    assert "- The source of scenes was made in Python, with pictures_per_class=12.\n" in card


def test_licences_of_photographs_are_counted_where_the_annotations_state_them(
    sources_folder, tmp_path, contents
):
    path = sources_folder / "coco" / "annotations" / "instances_train2017.json"
    content = json.loads(path.read_text())
    content["licenses"] = [{"id": 1, "name": "Attribution", "url": "http://example.org/by"}]
    for image, licence in zip(content["images"], (1, 1, "1", 9, None), strict=False):
        image["license"] = licence
    folder = tmp_path / "coco"
    (folder / "annotations").mkdir(parents=True)
    (folder / "train2017").symlink_to(sources_folder / "coco" / "train2017")
    (folder / "annotations" / path.name).write_text(json.dumps(content))
    made = build(Sources(Coco(folder), MiniPlaces(sources_folder / "miniplaces")), tmp_path / "bam", 10, 0, 2)
    card = (made.folder / CARD).read_text(encoding="utf-8")
    assert "  - 3 of 120 photographs: Attribution http://example.org/by\n" in card
    assert "  - 1 of 120 photographs: licence 9\n" in card
    assert "  - 116 of 120 photographs: none stated\n" in card
    # As for a dataset that is there: the annotations are read again.
    again = Sources(Coco(folder), MiniPlaces(sources_folder / "miniplaces"))
    assert dataset_card(made, again) == card


@pytest.mark.parametrize("kind", SOURCES)
def test_every_source_of_bams_says_what_its_terms_are(kind):
    for source in SOURCES[kind].values():
        if source.__module__.startswith("bam."):
            assert source.licence in ("apache-2.0", "other")
            assert source.licence_url.startswith("http")
            assert source.terms
            assert set(source.cite) <= set(PUBLICATIONS)
            assert source.name == "drawn" or source.cite
