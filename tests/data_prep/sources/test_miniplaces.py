"""Scenes from MiniPlaces: where they are, which show one of the objects, which are excluded."""

import shutil

import numpy as np
import pytest
from PIL import Image

from bam.base.errors import BamError
from bam.data_prep.sources.miniplaces import (
    MiniPlaces,
    Scene,
    annotation_of,
    object_labels,
    read_exclusions,
)
from bam.data_prep.sources.photographs import Unusable

VOC = "<annotation><object><name>{}</name><bndbox><xmin>1</xmin></bndbox></object></annotation>"
OBJECTS_NAME = (
    "<annotation><filename>dog.jpg</filename><objects><name>{}</name><polygon/></objects></annotation>"
)
OBJECTS_CLASS = "<annotation><objects><class>{}</class><polygon><x>3</x></polygon></objects></annotation>"
NESTED = "<annotation><objects><object><name>{}</name></object></objects></annotation>"
TEXT = "<annotation><objects><object>{}</object></objects></annotation>"
LABELME = (
    "<annotation><source><submittedBy>zebra</submittedBy></source><object><name>{}</name><deleted>{}</deleted>"
    "<verified>0</verified><polygon><username>dog</username></polygon></object></annotation>"
)


# The form of the published files: no root element, numbers in place of names.
OWN_OBJECT = (
    "<objects>\n\t<class>{}</class>\n\t<polygon>\n\t\t<pt>\n\t\t\t<x>1</x>\n\t\t\t<y>18</y>\n\t\t</pt>\n\t</polygon>\n"
    "\t<bndbox>\n\t\t<xmin>1</xmin>\n\t\t<xmax>111</xmax>\n\t</bndbox>\n</objects>\n"
)


def own(*numbers):
    """An annotation as MiniPlaces publishes them."""
    head = "<filename>17.jpg</filename>\n<folder>/b/bedroom</folder>\n<class>158</class>\n"
    return head + "".join(OWN_OBJECT.format(number) for number in numbers)


@pytest.fixture
def miniplaces(tmp_path, picture):
    """A MiniPlaces folder with one bedroom; returns a function that annotates it and the folder."""
    folder = tmp_path / "miniplaces"
    bedroom = folder / "images/train/b/bedroom"
    bedroom.mkdir(parents=True)
    Image.fromarray(picture(128, 128)).save(bedroom / "00000001.png")

    def annotate(text, below="objects/train"):
        path = folder / below / "b/bedroom/00000001.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return folder, annotate


FILE = "b/bedroom/00000001.png"


def list_scenes(folder):
    """The files of each class."""
    return {name: [scene.file for scene in scenes] for name, scenes in MiniPlaces(folder).items().items()}


def read_scene(folder, file):
    return MiniPlaces(folder).read(Scene(file))


def test_scenes_of_every_class_sorted_with_the_nested_folder(sources):
    scenes = list_scenes(sources.scenes.folder)
    assert len(scenes) == 10
    assert all(len(files) == 12 and files == sorted(files) for files in scenes.values())
    assert scenes["track"][0] == "t/track/outdoor/00000001.jpg"
    assert scenes["ski_slope"][-1] == "s/ski_slope/00000012.jpg"


def test_missing_classes_are_named(tmp_path):
    for below in ("b/bamboo_forest", "t/track/indoor"):
        (tmp_path / "images/train" / below).mkdir(parents=True)
    with pytest.raises(BamError, match=r"b/bedroom, .*t/track/outdoor: `miniplaces` must be") as caught:
        list_scenes(tmp_path)
    assert "bamboo_forest" not in str(caught.value)


def test_other_files_are_no_scenes(tmp_path, sources):
    for name, files in list_scenes(sources.scenes.folder).items():
        folder = (tmp_path / "images/train" / files[0]).parent
        folder.mkdir(parents=True)
        if name == "bedroom":
            for file in ("b.JPG", "a.jpeg", "c.png", "Thumbs.db", "notes.txt"):
                (folder / file).touch()
    assert list_scenes(tmp_path)["bedroom"] == ["b/bedroom/a.jpeg", "b/bedroom/b.JPG", "b/bedroom/c.png"]


def test_hidden_and_linked_scenes(tmp_path, sources):
    folder = tmp_path / "miniplaces"
    for files in list_scenes(sources.scenes.folder).values():
        (folder / "images/train" / files[0]).parent.mkdir(parents=True)
    bedroom, elsewhere = folder / "images/train/b/bedroom", tmp_path / "elsewhere"
    for path in (bedroom / ".ipynb_checkpoints/1.jpg", bedroom / "._1.jpg", elsewhere / "2.jpg"):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (bedroom / "linked").symlink_to(elsewhere)
    (bedroom / "gone.jpg").symlink_to(elsewhere / "nothing.jpg")
    assert list_scenes(folder)["bedroom"] == ["b/bedroom/gone.jpg", "b/bedroom/linked/2.jpg"]
    with pytest.raises(Unusable, match=r"^file is missing$"):
        read_scene(folder, "b/bedroom/gone.jpg")
    shutil.rmtree(folder / "images/train/t/track/outdoor")
    (folder / "images/train/t/track/outdoor").symlink_to(elsewhere)
    assert list_scenes(folder)["track"] == ["t/track/outdoor/2.jpg"]


def test_scene_without_annotation_is_read_as_it_is(miniplaces, picture):
    folder, _ = miniplaces
    assert annotation_of(folder, FILE) is None
    np.testing.assert_array_equal(read_scene(folder, FILE), picture(128, 128))


@pytest.mark.parametrize("below", ["objects/train", "objects"])
def test_both_places_of_annotations(miniplaces, below):
    folder, annotate = miniplaces
    path = annotate(VOC.format("dog"), below)
    assert annotation_of(folder, FILE) == path
    with pytest.raises(Unusable, match="shows one of the objects: dog"):
        read_scene(folder, FILE)


@pytest.mark.parametrize("form", [VOC, OBJECTS_NAME, OBJECTS_CLASS, NESTED, TEXT])
@pytest.mark.parametrize("name", ["bed", " stop sign\n"])
def test_every_form_of_annotation(miniplaces, form, name):
    folder, annotate = miniplaces
    assert object_labels(annotate(form.format(name))) == [name.strip()]
    if name == "bed":
        read_scene(folder, FILE)
    else:
        with pytest.raises(Unusable, match="shows one of the objects: stop sign"):
            read_scene(folder, FILE)


def test_labelme_objects_that_are_deleted_do_not_count(miniplaces):
    _, annotate = miniplaces
    assert object_labels(annotate(LABELME.format("dog", 1))) == []
    assert object_labels(annotate(LABELME.format("dog", 0))) == ["dog"]
    deleted = (
        "<a><objects><object><name>dog</name><deleted> 1 </deleted></object><name>bed</name></objects></a>"
    )
    assert object_labels(annotate(deleted)) == ["bed"]


@pytest.mark.parametrize(
    ("text", "element"),
    [
        ("<annotations><image name='1.jpg'><box label='dog'/></image></annotations>", "annotations"),
        ("<annotation><image><box label='dog'/></image></annotation>", "image"),
        ("<annotation><filename>1.jpg</filename><box label='dog'/></annotation>", "box"),
        ("<annotation><item><name>dog</name></item></annotation>", "item"),
        ("<annotation><object name='dog'/></annotation>", "object"),
        ("<annotation><object><label>dog</label></object></annotation>", "object"),
        ("<annotation><object><name/><bndbox/></object></annotation>", "object"),
        ("<annotation><objects label='dog'/></annotation>", "objects"),
        ("<annotation><objects><polygon><x>3</x></polygon></objects></annotation>", "objects"),
        ("<annotation><objects><object><name>bed</name></object><object/></objects></annotation>", "object"),
        ("<annotation><object><name>bed</name></object><object name='dog'/></annotation>", "object"),
        (VOC.format("bed").replace("</annotation>", VOC.format("")[12:]), "object"),
        ("<html><body>not found: dog</body></html>", "html"),
    ],
)
def test_annotations_in_which_an_object_has_no_name(miniplaces, text, element):
    folder, annotate = miniplaces
    annotate(text)
    reason = f"^object annotation names nothing: <{element}> has no name of an object$"
    with pytest.raises(Unusable, match=reason):
        read_scene(folder, FILE)


@pytest.mark.parametrize("start", ["", "\n", '<?xml version="1.0" encoding="utf-8"?>\n'])
@pytest.mark.parametrize(
    ("numbers", "labels"),
    [
        ((), []),
        ((136, 0, 174), ["136", "0", "174"]),
        ((9, 158), ["9", "toilet"]),
        ((" 165 ", 164), ["truck", "164"]),
    ],
)
def test_annotations_as_miniplaces_publishes_them(miniplaces, start, numbers, labels):
    folder, annotate = miniplaces
    assert object_labels(annotate(start + own(*numbers))) == labels
    if {"toilet", "truck"} & set(labels):
        with pytest.raises(Unusable, match=r"^shows one of the objects: (toilet|truck)$"):
            read_scene(folder, FILE)
    else:
        assert read_scene(folder, FILE).shape == (128, 128, 3)


@pytest.mark.parametrize(
    "text",
    [
        own(175),
        own(9, 1000),
        own(""),
        VOC.format(158),
        LABELME.format(9, 0),
        TEXT.format(158),
        "<filename>1.jpg</filename><box/>",
    ],
)
def test_other_numbers_name_nothing(miniplaces, text):
    folder, annotate = miniplaces
    annotate(text)
    with pytest.raises(Unusable, match=r"^object annotation names nothing: "):
        read_scene(folder, FILE)


@pytest.mark.parametrize(
    "text",
    [
        "<annotation/>",
        "<annotation><objects/></annotation>",
        "<annotation><objects> </objects></annotation>",
        "<annotation verified='yes'><folder>b</folder><filename>1.jpg</filename><path>1.jpg</path>"
        "<source><database>dog</database></source><owner><name>dog</name></owner>"
        "<size><width>1</width></size><segmented>0</segmented></annotation>",
        LABELME.format("dog", 1),
        "<annotation><objects><object><name>dog</name><deleted>1</deleted></object></objects></annotation>",
    ],
)
def test_annotations_without_objects_leave_the_scene_free(miniplaces, text):
    folder, annotate = miniplaces
    assert object_labels(annotate(text)) == []
    assert read_scene(folder, FILE).shape == (128, 128, 3)


@pytest.mark.parametrize(
    "text",
    [
        "<annotation xmlns='http://example.org/voc'><object><name>dog</name></object></annotation>",
        "<Annotation><Object><Name>dog</Name></Object></Annotation>",
        "<annotation><object><part><name>dog</name></part></object></annotation>",
    ],
)
def test_namespaces_and_capitals_do_not_hide_a_name(miniplaces, text):
    _, annotate = miniplaces
    assert object_labels(annotate(text)) == ["dog"]


@pytest.mark.parametrize(
    "name",
    [
        "dog",
        "Dogs",
        "two dogs sleeping",
        "stop sign",
        "stop_sign",
        "Stop-Signs",
        "zebra, standing",
        "trucks",
        "garbage_truck",
        "truck2",
        "backpack occluded",
        "kite(s)",
        "toilet",
    ],
)
def test_names_of_objects(miniplaces, name):
    folder, annotate = miniplaces
    annotate(VOC.format(name))
    with pytest.raises(Unusable, match="shows one of the objects: "):
        read_scene(folder, FILE)


@pytest.mark.parametrize(
    "name",
    ["birdhouse", "dogma", "stop", "sign", "nonstop signal", "pizzeria", "skite", "backpacker", "hotdog"],
)
def test_names_that_only_contain_one(miniplaces, name):
    folder, annotate = miniplaces
    annotate(VOC.format(name))
    assert read_scene(folder, FILE).shape == (128, 128, 3)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<annotation><object><name>bed</name></object>",
        "plain text",
        b"\xff\xfe\x00",
        b'<?xml version="1.0" encoding="utf-8"?><object>\xff</object>',
        '<?xml version="1.0" encoding="nonsense"?><object>bed</object>',
        "<a>" * 5000 + "</a>" * 5000,
    ],
)
def test_malformed_annotation(miniplaces, text):
    folder, annotate = miniplaces
    annotate(text)
    with pytest.raises(Unusable, match=r"^object annotation cannot be read: "):
        read_scene(folder, FILE)


def test_entity_definitions_are_refused(miniplaces):
    _, annotate = miniplaces
    path = annotate(
        '<!DOCTYPE a [<!ENTITY x "dog"><!ENTITY y "&x;&x;&x;&x;">]><a><object><name>&y;</name></object></a>'
    )
    with pytest.raises(Unusable, match="it defines entities"):
        object_labels(path)


def test_other_sizes_and_broken_scenes(miniplaces, picture):
    folder, _ = miniplaces
    path = folder / "images/train" / FILE
    Image.fromarray(picture(200, 300)).convert("L").save(path)
    assert read_scene(folder, FILE).shape == (128, 128, 3)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(Unusable, match="cannot be read"):
        read_scene(folder, FILE)


def test_scenes_of_16_bits_and_with_alpha(miniplaces, picture):
    folder, _ = miniplaces
    path, grey = folder / "images/train" / FILE, picture(128, 128)[..., 0]
    Image.fromarray(grey.astype(np.uint16) * 257).save(path)
    np.testing.assert_array_equal(read_scene(folder, FILE)[..., 2], grey)
    Image.new("RGBA", (128, 128), (255, 0, 255, 0)).save(path)
    assert (read_scene(folder, FILE) == 128).all()


SCENES = ["b/bedroom/1.jpg", "b/bedroom/2.jpg", "t/track/outdoor/3.jpg"]


@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_exclusion_file(tmp_path, start):
    path = tmp_path / "exclude.txt"
    path.write_text(
        f"{start}b/bedroom/2.jpg\n\n# a comment\n  images/train/t/track/outdoor/3.jpg  # a dog\n"
        "/data/images/train/b/bedroom/2.jpg\nk/kitchen/1.jpg\n",
        encoding="utf-8",
    )
    excluded, unmatched = read_exclusions(path, SCENES)
    assert excluded == {"b/bedroom/2.jpg", "t/track/outdoor/3.jpg"}
    assert unmatched == 1


def test_exclusion_file_that_matches_nothing(tmp_path):
    path = tmp_path / "exclude.txt"
    path.write_text("bedroom/1.jpg\n")
    with pytest.raises(BamError, match=r"names none of the scenes.*b/bedroom/1\.jpg"):
        read_exclusions(path, SCENES)
    path.write_bytes(b"\x80\x81\n")
    with pytest.raises(BamError, match="names none of the scenes"):
        read_exclusions(path, SCENES)


def test_exclusion_file_of_comments_excludes_nothing(tmp_path):
    path = tmp_path / "exclude.txt"
    path.write_text("# nothing yet\n")
    assert read_exclusions(path, SCENES) == (frozenset(), 0)


def test_excluded_scene_is_unusable(miniplaces):
    folder, _ = miniplaces
    with pytest.raises(Unusable, match="named in `exclude_scenes`"):
        MiniPlaces(folder).read(Scene(FILE, excluded=True))
