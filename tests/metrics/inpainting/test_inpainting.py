"""The metric on networks and inpainters whose answers are known."""

from dataclasses import replace

import numpy as np
import pytest
import tf_keras as keras
from PIL import Image

import bam.models.inpainters
from bam.attributions.registry import Method
from bam.base.errors import BamError
from bam.base.progress import Progress
from bam.metrics import METRICS
from bam.metrics.inpainting.fills import Fill, overlap_weight
from bam.metrics.inpainting.inpainting import Inpainting, area
from bam.metrics.scoring import evaluate
from bam.models.classifier import Classifier
from bam.models.inpainters import Inpainter

COLOURS = {"red": (220, 0, 0), "green": (0, 220, 0), "blue": (0, 0, 220)}
# The classes are the colours of this part of the picture, 16 of 64 pixels.
PART = np.zeros((8, 8), bool)
PART[2:6, 2:6] = True


class Painter(Inpainter):
    """Paints the colour it is asked for, and notes how often it is asked."""

    name, targeted, batch_size = "painter", True, 4

    def __init__(self, **settings):
        self.painted = 0
        self.__dict__ |= settings

    def _paint(self, images, holes, prompts, seeds, ids):
        self.painted += len(images)
        shade = (seeds % np.uint64(20)).astype(int)
        colours = np.array([COLOURS[prompt] for prompt in prompts])
        pictures = np.clip(colours - shade[:, None], 0, 255)[:, None, None].astype(np.uint8)
        return np.broadcast_to(pictures, images.shape).copy()


def where(plane):
    """A method whose map is always the same."""

    def method(classifier, images, targets, *, seed):
        return np.repeat(np.asarray(plane, np.float32)[None], len(images), 0)

    return method


def noise(classifier, images, targets, *, seed):
    return np.stack([np.random.default_rng(number).random(images.shape[1:3], np.float32) for number in seed])


PART_METHOD = Method("part", where(PART))
CHOSEN = [
    PART_METHOD,
    Method("rest", where(~PART)),
    Method("noise", noise),
    Method("nothing", where(np.zeros((8, 8))), control=True),
]


def network(classes=3):
    """Logits are the mean red, green and blue of `PART`."""
    layers = keras.layers
    pixels = keras.Input((8, 8, 3))
    features = layers.GlobalAveragePooling2D()(layers.Cropping2D(2)(pixels))
    model = keras.Model(pixels, layers.Dense(classes, name="logits")(features))
    model.get_layer("logits").set_weights(
        [np.eye(3, classes, dtype=np.float32), np.zeros(classes, np.float32)]
    )
    return model


def classifier_of(model, class_names=tuple(COLOURS), name="colours"):
    return Classifier(model, class_names, name, batch_size=4)


@pytest.fixture
def classifier():
    return classifier_of(network())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eight pictures that are red in `PART` with some green, grey elsewhere."""
    path = tmp_path_factory.mktemp("pictures")
    for number in range(8):
        picture = np.full((8, 8, 3), 90 + number, np.uint8)
        picture[PART] = (200, 60 + number, 0)
        Image.fromarray(picture).save(path / f"{number}.png")
    return path


@pytest.fixture
def asked(classifier, folder, run_for, monkeypatch):
    """A run, and the inpainter behind it."""

    def make(painter=None, methods=CHOSEN, limit=None, **settings):
        painter = painter or Painter()
        monkeypatch.setattr(bam.models.inpainters, "make_inpainter", lambda *given, **more: painter)
        settings = Inpainting(**{"patch_grid": 0, **settings})
        given = {"images": folder, "model": classifier, "asked": {"inpainting": settings}}
        return run_for(methods, limit=limit, **given), painter

    return make


def scored(run):
    return evaluate(METRICS["inpainting"], run)


def rows_in(run):
    return sorted(
        (path.name, line.rsplit(",", 1)[0])
        for path in run.keeping.folder.glob("*.csv")
        for line in path.read_text().splitlines()
    )


def test_painting_what_matters_flips_and_painting_the_rest_does_not(asked):
    """The part is 25% of the pixels. It becomes green as soon as 60 + its share of 140 is the larger."""
    run, _ = asked(levels=(10, 20, 30, 50))
    score = scored(run)
    flips = {name: line.curves["flips"] for name, line in score.lines.items()}
    assert score.axes["flips"] == (0, 10, 20, 30, 50)
    # int(0.1 * 64) = 6 of 16 pixels painted leave 125 of red against 120 + of green or so; 12 are enough.
    assert flips["part"][2:] == (1, 1, 1)
    assert flips["rest"] == (0, 0, 0, 0, 0)
    assert flips["part"][0] == 0
    assert score["part"].value == pytest.approx(area([0, 10, 20, 30, 50], np.array([flips["part"]]))[0])
    assert score.basis.measured.values["rest"].tolist() == [0] * 8
    # Nobody but the inpainter can make it blue.
    for name in ("part", "noise"):
        assert score[name].beside["any_change"].value == score[name].value


def test_the_weight_of_a_map_that_never_changes_is_one(asked):
    run, _ = asked(levels=(20, 50))
    part = scored(run)["part"]
    np.testing.assert_allclose(1 - np.array(part.curves["weighted"][1:]), part.curves["flips"][1:])
    assert part.curves["weighted"][0] == 1


def test_the_weight_of_random_maps_is_as_the_notes_say():
    rng, pixels, chosen = np.random.default_rng(0), 400, 100
    masks = np.argsort(rng.random((3, 2000, pixels)), axis=-1) < chosen
    weights = overlap_weight(*masks.reshape(3, 2000, 20, 20))
    share = chosen / pixels
    assert weights.mean() == pytest.approx(2 * share - share**2, abs=0.01)


def test_the_weight_is_the_share_that_was_relevant_before():
    first, second, painted = (np.zeros((1, 2, 4), bool) for _ in range(3))
    first[0, 0, :2], second[0, 0, 1:3], painted[0, 0, 2:] = True, True, True
    assert overlap_weight(first, second, painted) == [0.5]
    assert overlap_weight(first, second, first) == [1]


def test_a_map_that_says_nothing_does_as_noise_does(asked):
    run, _ = asked(levels=(50,))
    score = scored(run)
    assert score["nothing"].counts["constant_maps"] == 8
    # A quarter of the part is far from enough, half of all pixels is about enough: neither none nor all.
    assert score["nothing"].curves["flips"][1] < 1
    assert score["part"].curves["flips"][1] == 1


def test_what_is_painted_is_not_painted_again(asked):
    run, painter = asked()
    first = scored(run)
    rows, painted = rows_in(run), painter.painted
    assert painted > 100
    run, painter = asked()
    second = scored(run)
    assert painter.painted == 0
    assert first.lines == second.lines
    assert rows_in(run) == rows


def test_a_killed_run_goes_on_where_it_was(asked):
    run, _ = asked()
    scored(run)
    whole = rows_in(run)
    (file,) = run.keeping.folder.glob("*-part-*.csv")
    text = file.read_text()
    file.write_text(text[: len(text) // 2])  # in the middle of a line
    run, painter = asked()
    scored(run)
    assert 0 < painter.painted < 8 * 15
    assert rows_in(run) == whole


def test_a_limit_leaves_no_trace(asked, tmp_path):
    run, _ = asked()
    whole = scored(run).basis.measured.values
    run, _ = asked(limit=3)
    few = scored(replace(run, out=tmp_path / "few")).basis.measured.values
    for name in whole:
        np.testing.assert_array_equal(few[name], whole[name][:3])


def test_all_methods_are_filled_from_the_same(asked):
    """The seeds of a fill are those of the image and the sample alone."""
    seen = {}

    class Noting(Painter):
        def fill(self, images, holes, prompts, seeds, ids=None):
            if ids is not None:
                for image, seed in zip(ids, seeds, strict=True):
                    seen.setdefault(image, set()).add(int(seed))
            return super().fill(images, holes, prompts, seeds, ids)

    run, _ = asked(Noting(), fills=2)
    scored(run)
    assert len(seen) == 8
    assert all(len(seeds) == 2 for seeds in seen.values())


def test_withheld_pictures_are_counted_and_left_out(asked):
    class Prude(Painter):
        may_refuse = True

        def _paint(self, images, holes, prompts, seeds, ids):
            pictures = super()._paint(images, holes, prompts, seeds, ids)
            pictures[[name == "3.png" for name in ids]] = 0
            return pictures

    run, _ = asked(Prude(), levels=(30,))
    part = scored(run)["part"]
    # Where nothing is painted, nothing is withheld.
    assert part.counts["withheld_fills"] == 3
    assert part.excluded == {"invalid_target": 0, "nan_map": 0, "all_withheld": 1}
    assert part.n == 7


def test_what_the_inpainter_does_by_itself_is_told(asked):
    class Careless(Painter):
        """Gives back another picture altogether."""

        paste_back = False

    run, _ = asked(Careless(), levels=(30,))
    score = scored(run)
    assert score.details["empty_hole"] == {"flips": 1.0, "any_change": 1.0}
    assert any("With nothing to paint, 100.0%" in note for note in score.notes)
    assert score["rest"].value == 1
    assert score["rest"].curves["weighted"][0] == 1


def test_classes_that_cannot_be_painted_are_left_out(asked):
    class Unable(Painter):
        """Paints green but for half of the seeds: not more than half, so not enough."""

        def _paint(self, images, holes, prompts, seeds, ids):
            pictures = super()._paint(images, holes, prompts, seeds, ids)
            if holes.all():
                pictures[:] = 0
                pictures[..., 2] = 9
                half = (np.arange(len(pictures)) % 2).astype(bool)
                pictures[half] = COLOURS["green"]
            return pictures

    run, painter = asked(Unable())
    score = scored(run)
    found = {"name": "green", "recognised": 10, "withheld": 0, "of": 20}
    assert score.details["class_validity"] == {"1": found}
    assert painter.painted == 20
    assert score["part"].excluded["invalid_target"] == 8
    assert score["part"].value is None
    assert any("green" in note for note in score.notes)
    run, painter = asked(Unable())
    scored(run)
    assert painter.painted == 0


def test_two_classes_of_one_name_are_two_classes(run_for, classifier, monkeypatch, tmp_path):
    """As in ImageNet, where a crane is a bird and a machine: what is painted is one of the two alone."""
    for number in range(8):
        picture = np.zeros((8, 8, 3), np.uint8)
        picture[..., 0], picture[..., 1 + number % 2] = 200, 60 + number
        Image.fromarray(picture).save(tmp_path / f"{number}.png")
    twins = classifier_of(classifier.model, ("red", "green", "green"))
    monkeypatch.setattr(bam.models.inpainters, "make_inpainter", lambda *given, **more: Painter())
    settings = {"inpainting": Inpainting(patch_grid=0)}
    score = scored(run_for([PART_METHOD], images=tmp_path, model=twins, asked=settings))
    found = {label: row["recognised"] for label, row in score.details["class_validity"].items()}
    assert found == {"1": 20, "2": 0}
    assert (score["part"].n, score["part"].excluded["invalid_target"]) == (4, 4)
    assert any("most of their paintings: green (class 2)." in note for note in score.notes)


def test_inpainters_that_paint_no_class_are_not_asked_for_one(asked):
    run, _ = asked(Painter(targeted=False))
    score = scored(run)
    assert score.details["class_validity"] == {}
    assert score["part"].n == 8


def test_wholly_painted_images_are_painted_once_for_all_methods(asked):
    run, painter = asked(levels=(100,), fills=3)
    score = scored(run)
    assert painter.painted == 20 + 3 * 8
    for line in score.lines.values():
        assert line.curves["flips"] == (0, 1)
        assert line.curves["weighted"] == (1, 0)


def test_a_map_that_is_no_number_is_counted_and_left_out(asked):
    bad = Method("bad", where(np.full((8, 8), np.nan)))
    run, _ = asked(methods=[PART_METHOD, bad])
    line = scored(run)["bad"]
    assert line.excluded["nan_map"] == 8
    assert line.value is None


def test_methods_that_know_only_the_images_have_no_weight(asked):
    def stored(classifier, images, targets, *, seed, ids):
        return np.repeat(PART[None].astype(np.float32), len(ids), 0)

    run, _ = asked(methods=[Method("stored", stored)])
    line = scored(run)["stored"]
    assert line.value > 0.5
    # Not even images without a flip have one, since they would be all that is left.
    assert (line.beside["weighted"].value, line.beside["weighted"].n) == (None, 0)


def test_of_a_painted_picture_it_is_known_which_image_it_was(asked):
    """By which methods that fill holes know what is not to be seen in them."""
    seen = set()

    def told(classifier, images, targets, *, seed, ids=None):
        seen.update(ids)
        return np.repeat(PART[None].astype(np.float32), len(images), 0)

    run, _ = asked(methods=[Method("told", told)])
    line = scored(run)["told"]
    assert line.beside["weighted"].n == 8  # it was asked about painted ones
    assert seen == {f"{number}.png" for number in range(8)}


def test_the_curves_are_drawn(asked):
    run, _ = asked()
    scored(run).write(run.out)
    picture = Image.open(run.out / "inpainting.png")
    assert picture.width > 1000


def test_other_class_names_are_another_question(asked, classifier):
    """The network is the same, but what is painted is not."""
    run, _ = asked()
    scored(run)
    run, painter = asked()
    scored(replace(run, model=classifier_of(classifier.model, ("green", "red", "blue"))))
    assert painter.painted > 0


def test_what_paints_no_class_is_scored_by_any_change(asked):
    run, _ = asked(Painter(targeted=False))
    score = scored(run)
    assert score.title == "changed classes"
    changes = area(score.axes["any_change"], np.array([score["part"].curves["any_change"]]))
    assert score["part"].value == pytest.approx(changes[0])
    assert not any(beside.direction for beside in score.basis.measured.beside.values())


def test_a_grid_of_one_cell_is_refused(asked):
    run, _ = asked(patch_grid=1)
    with pytest.raises(BamError, match="makes every map constant"):
        scored(run)


def test_one_class_is_too_few(asked):
    run, _ = asked()
    with pytest.raises(BamError, match="alone has one output"):
        scored(replace(run, model=classifier_of(network(1), ["red"], "alone")))


def test_pictures_smaller_than_the_grid_are_refused(asked):
    run, _ = asked(patch_grid=14)
    with pytest.raises(BamError, match=r"takes 8 x 8 pixels, but the patch grid is 14 x 14.*`patch_grid`"):
        scored(run)


def test_the_area_is_the_mean_along_the_axis():
    levels = [0, 10, 30]
    assert area(levels, np.array([[0.0, 1.0, 1.0], [1.0, 1.0, 1.0]])).tolist() == pytest.approx([5 / 6, 1])
    assert np.isnan(area(levels, np.array([[0.0, np.nan, 1.0]]))).all()


def test_composites_have_a_hole_of_the_objects_size(run_for, scene_model_folder):
    """With the donor, a picture with nothing painted stays what it is."""
    run = run_for(("object_mask", "random"), models=scene_model_folder, model="scene", limit=5)
    score = scored(run)
    assert score.configuration.images["set"] == "object_scene-pictures"
    assert score.details["empty_hole"] == {"flips": 0, "any_change": 0} or score["random"].n == 0
    (file,) = run.keeping.folder.glob("*-donor-random-*.csv")
    fields = Fill.__annotations__
    lines = [dict(zip(fields, line.split(","), strict=True)) for line in file.read_text().splitlines()[1:]]
    sizes = {line["pixels"] for line in lines if line["level"] == "object"}
    assert all(0 < int(size) < 64 * 64 for size in sizes)


def test_progress_names_the_method_and_the_image(asked, shown):
    scored(asked(limit=2)[0])
    assert shown[0] == "painter paints classes: class 1 of 1 (green)"
    shown.clear()
    scored(asked(limit=5)[0])
    assert shown == [
        f"painting for colours: method {number} of 4 ({name}), image {image} of 5"
        for images in ((1, 2, 3, 4), (5,))
        for number, name in enumerate(("part", "rest", "noise", "nothing"), 1)
        for image in images
    ]


def test_what_is_painted_already_says_nothing_of_the_time_left(asked, monkeypatch):
    times = []
    monkeypatch.setattr(Progress, "advance", lambda self, amount, computed=True: times.append(computed))
    scored(asked(limit=2)[0])
    times.clear()
    scored(asked(limit=5)[0])
    assert times == 4 * [False, False, True, True] + 4 * [True]
