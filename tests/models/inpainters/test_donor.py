import numpy as np
import pytest

from bam.base.errors import BamError
from bam.data_prep.classes import OBJECTS, SCENES
from bam.data_prep.paste import GREY, resize_cutout
from bam.models.classifier import resize
from bam.models.inpainters import make_inpainter, prompt_of
from bam.models.inpainters.donor import _box_like


def donors(dataset, view, indices, targets, seeds=None, images=None):
    """The whole donor pictures of some images of a view, uint8 (n, H, W, 3)."""
    batch = view[indices]
    images = batch.images if images is None else images
    seeds = np.arange(len(images), dtype=np.uint64) if seeds is None else np.asarray(seeds, np.uint64)
    kind = "object" if targets[0] in OBJECTS else "scene"
    inpainter = make_inpainter("donor", dataset=dataset, kind=kind, view=view)
    prompts = [prompt_of(target) for target in targets]
    return inpainter.fill(images, np.ones(images.shape[:3], bool), prompts, seeds, batch.ids)


def sources(dataset, name, split):
    """The places of a class's sources of a split in its array."""
    with open(dataset.folder / "sources.csv") as file:
        rows = [line.split(",") for line in file.read().splitlines()]
    at = {column: number for number, column in enumerate(rows[0])}
    return [
        int(row[at["index"]]) for row in rows[1:] if row[at["class"]] == name and row[at["split"]] == split
    ]


def others(labels, names):
    """For each image another class than its own."""
    return [names[(label + 1 + number % 9) % 10] for number, label in enumerate(labels)]


@pytest.mark.parametrize("name", ["object_scene", "scene_only", "relocated"])
def test_another_scene_keeps_the_object_and_is_of_the_class(dataset, name):
    view, indices = dataset.view(name), np.arange(0, 100, 5)
    batch, targets = view[indices], others(view[indices].scene_labels, SCENES)
    for image, mask, donor, target in zip(
        batch.images, batch.masks, donors(dataset, view, indices, targets), targets, strict=True
    ):
        visible = mask & (name != "scene_only")
        assert np.array_equal(donor[visible], image[visible])
        scenes = np.load(dataset.folder / "scenes" / f"{target}.npy")
        same = (scenes == donor)[:, ~visible].all((1, 2))
        assert np.flatnonzero(same).tolist() in [[index] for index in sources(dataset, target, "test")]


@pytest.mark.parametrize("name", ["object_scene", "scene_only", "object_only"])
def test_another_object_is_of_the_class_and_leaves_the_scene(dataset, name):
    view, indices = dataset.view(name), np.arange(0, 100, 5)
    targets = others(view[indices].object_labels, OBJECTS)
    pictures = donors(dataset, view, indices, targets)
    for index, donor, target in zip(indices, pictures, targets, strict=True):
        old = view.placements[index]
        scene = np.full((128, 128, 3), GREY, np.uint8) if name == "object_only" else dataset.scene(old)
        explained = []
        for source in sources(dataset, target, "test"):
            size = dataset.cutout_sizes[target][source]
            box = _box_like(old, size)
            rows = slice(box["top"], box["top"] + box["height"])
            columns = slice(box["left"], box["left"] + box["width"])
            cutouts = np.load(dataset.folder / "cutouts" / f"{target}.npy")
            cutout = cutouts[source, : size[0], : size[1]]
            colours, mask = resize_cutout(cutout, box["height"], box["width"])
            expected = scene.copy()
            expected[rows, columns][mask] = colours[mask]
            explained.append(np.array_equal(expected, donor))
        assert sum(explained) == 1


@pytest.mark.parametrize(
    ("old", "size", "expected"),
    [
        ((40, 30, 60, 60), (50, 50), (40, 30, 60, 60)),  # the same shape
        ((40, 30, 60, 60), (20, 80), (55, 0, 30, 120)),  # the same centre and area
        ((60, 60, 60, 60), (20, 80), (75, 8, 30, 120)),  # moved to the left, into the picture
        ((0, 0, 60, 60), (80, 20), (0, 15, 120, 30)),  # and down
        ((20, 20, 88, 88), (16, 128), (56, 0, 16, 128)),  # made smaller, since nothing else would fit
    ],
)
def test_box_of_another_object(dataset, old, size, expected):
    names = ("top", "left", "height", "width")
    placement = dataset.view("object_scene").placements[0]
    old = type(placement)(**{**vars(placement), **dict(zip(names, old, strict=True))})
    assert _box_like(old, size) == dict(zip(names, expected, strict=True))


def test_boxes_of_other_objects_are_as_large_and_central_as_they_can_be(dataset):
    for placement in dataset.view("object_scene").placements:
        for name in OBJECTS:
            for size in dataset.cutout_sizes[name]:
                top, left, height, width = _box_like(placement, size).values()
                assert min(top, left, 128 - top - height, 128 - left - width) >= 0
                assert abs(height / width / (size[0] / size[1]) - 1) < 0.05
                if max(height, width) < 128:
                    assert abs(height * width / (placement.height * placement.width) - 1) < 0.05
                if min(top, left) > 0 and top + height < 128 and left + width < 128:
                    assert abs(2 * top + height - 2 * placement.top - placement.height) <= 1
                    assert abs(2 * left + width - 2 * placement.left - placement.width) <= 1


@pytest.mark.parametrize("target", ["dog", "runway"])
def test_a_donor_depends_on_id_prompt_and_seed_alone(dataset, target):
    view = dataset.view("object_scene")
    first = donors(dataset, view, [3, 8], [target] * 2, seeds=[5, 6])
    again = donors(dataset, view, [8, 3], [target] * 2, seeds=[6, 5])[::-1]
    assert np.array_equal(first, again)
    noise = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), dtype=np.uint8)
    assert np.array_equal(donors(dataset, view, [3, 8], [target] * 2, [5, 6], noise), first)
    # A large part of a view gives what the view gives.
    assert np.array_equal(donors(dataset, view.subset(np.arange(9)), [3, 8], [target] * 2, [5, 6]), first)
    inpainter = make_inpainter("donor", dataset=dataset, view=view)
    holes, ids = np.random.default_rng(1).random((2, 128, 128)) < 0.3, [view.ids[3], view.ids[8]]
    for _ in range(2):  # composed, and remembered
        filled = inpainter.fill(noise, holes, [target] * 2, np.array([5, 6], np.uint64), ids)
        assert np.array_equal(filled[holes], first[holes])


def test_all_test_sources_are_drawn(dataset):
    """The fixture has one test source per class; here with those of another split among them."""
    view = dataset.view("object_scene")
    inpainter = make_inpainter("donor", dataset=dataset, view=view)
    inpainter._members["runway"] = [2, 5, 7]
    images, count = view[np.zeros(60, int)].images, 60
    pictures = inpainter.fill(
        images,
        np.ones(images.shape[:3], bool),
        ["runway"] * count,
        np.arange(count, dtype=np.uint64),
        view.ids[:1] * count,
    )
    mask = view[:1].masks[0]
    scenes = np.load(dataset.folder / "scenes" / "runway.npy")
    drawn = [int(np.flatnonzero((scenes == picture)[:, ~mask].all((1, 2)))[0]) for picture in pictures]
    assert set(drawn) == {2, 5, 7}
    assert min(drawn.count(index) for index in (2, 5, 7)) >= 10  # 20 expected, standard deviation 3.7


@pytest.mark.parametrize("target", ["zebra", "bedroom"])
def test_images_that_are_not_in_the_view_get_a_test_composite(dataset, target):
    view, test = dataset.view("bamboo_forest"), dataset.view("object_scene")
    images = np.zeros((6, 128, 128, 3), np.uint8)
    holes, seeds = np.ones((6, 128, 128), bool), np.arange(6, dtype=np.uint64)
    composites = test[np.flatnonzero([target in (p.object, p.scene) for p in test.placements])].images
    kind = "object" if target in OBJECTS else "scene"
    inpainter = make_inpainter("donor", dataset=dataset, kind=kind, view=view)
    unknown = inpainter.fill(images, holes, [target] * 6, seeds, [None, *test.ids[:5]])
    assert np.array_equal(inpainter.fill(images, holes, [target] * 6, seeds), unknown)
    alone = make_inpainter("donor", dataset=dataset)
    assert np.array_equal(alone.fill(images, holes, [target] * 6, seeds, test.ids[:6]), unknown)
    found = [np.flatnonzero((composites == picture).all((1, 2, 3))) for picture in unknown]
    assert all(len(places) for places in found)
    assert len({int(places[0]) for places in found}) > 2


def test_donors_are_resized_as_classifiers_resize_images(dataset):
    view, targets = dataset.view("object_scene"), ["kite", "truck"]
    whole = donors(dataset, view, [0, 20], targets)
    for size in ((64, 64), (224, 224), (50, 90)):
        expected = np.rint(resize(whole, size).numpy()).astype(np.uint8)
        images = np.zeros((2, *size, 3), np.uint8)
        assert np.array_equal(donors(dataset, view, [0, 20], targets, images=images), expected)


def test_what_donor_cannot_paint_is_said(dataset):
    one = (np.zeros((1, 8, 8, 3), np.uint8), np.ones((1, 8, 8), bool))
    seeds = np.zeros(1, np.uint64)
    with pytest.raises(BamError, match="donor fills holes from a dataset"):
        make_inpainter("donor")
    with pytest.raises(BamError, match="unknown kind of class 'objects'"):
        make_inpainter("donor", dataset=dataset, kind="objects")
    with pytest.raises(BamError, match="class for a donor 'bamboo': did you mean 'bamboo forest'"):
        make_inpainter("donor", dataset=dataset, kind="scene").fill(*one, ["bamboo"], seeds)
    with pytest.raises(BamError, match="class for a donor 'dog'"):
        make_inpainter("donor", dataset=dataset, kind="scene").fill(*one, ["dog"], seeds)
    view = dataset.view("object_only")
    with pytest.raises(BamError, match="object_only shows no scenes, so donor cannot put in a runway"):
        make_inpainter("donor", dataset=dataset, view=view).fill(*one, ["runway"], seeds, view.ids[:1])


def test_what_is_elsewhere_avoids_classes_however_they_are_written(dataset):
    """With a space or an underscore; and to avoid more changes it only where it shows that."""
    inpainter, names = make_inpainter("donor", dataset), [*OBJECTS[:9], *SCENES[:9]]
    images, seeds = np.zeros((30, 128, 128, 3), np.uint8), np.arange(30, dtype=np.uint64)
    found = inpainter.elsewhere(images, [names] * 30, seeds)
    spoken = inpainter.elsewhere(images, [[prompt_of(name) for name in names]] * 30, seeds)
    np.testing.assert_array_equal(found, spoken)
    view = dataset.view("object_scene")
    shown = view[:].images
    for picture in found:
        (place,) = np.flatnonzero((shown == picture).all((1, 2, 3)))
        assert view.ids[place].split("-")[:2] == [OBJECTS[9], SCENES[9]]
    free, fewer = (inpainter.elsewhere(images, [each] * 30, seeds) for each in ((), ["dog"]))
    kept = (free == fewer).all((1, 2, 3))
    assert 0.6 < kept.mean() < 1
    with pytest.raises(BamError, match="donor has no test image without"):
        inpainter.elsewhere(images[:1], [OBJECTS], seeds[:1])
