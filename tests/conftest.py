"""A small COCO and MiniPlaces folder in the official layout, and the dataset made of them."""

import json
import re
from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image, ImageDraw
from pycocotools import mask as rle

from bam.base.progress import STDERR, Display
from bam.data_prep.build import build
from bam.data_prep.sources import Sources
from bam.data_prep.sources.coco import Coco
from bam.data_prep.sources.miniplaces import MiniPlaces

# Those that take longest of all, in that order: begun first, so that no worker waits for one at the end.
LONG = (
    "tests/leaderboard/test_making.py",
    "tests/bam/test_commands.py",
    "tests/test_docs.py",
    "tests/test_benchmarks.py",
    "tests/metrics/test_every_metric.py",
    "tests/attributions/test_methods.py",
    "tests/bam/benchmark/test_work.py",
)


def pytest_collection_modifyitems(items):
    """Files in the order of `LONG`, the others as they were."""
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(LONG)))


def pytest_terminal_summary(terminalreporter):
    """Say how many tests were skipped for want of which extra."""
    from bam.doctor import EXTRAS

    lacking = Counter()
    for report in terminalreporter.getreports("skipped"):
        module = re.search(r"could not import '(\w+)", str(report.longrepr))
        if module:
            lacking[next((extra for extra, names in EXTRAS.items() if module[1] in names), module[1])] += 1
    for extra, count in sorted(lacking.items()):
        terminalreporter.write_line(f"skipped for want of the extra {extra}: {count}")


@pytest.fixture(autouse=True)
def own_half_minute(monkeypatch):
    """What a test does is no part of the work of those before it, of which a line would become due."""
    monkeypatch.setattr(STDERR, "_ended", float("-inf"))


@pytest.fixture
def shown(monkeypatch):
    """What progress says at each step, whatever the time, without the duration at the end."""
    lines = []

    def show(display):
        line = display._works[-1].line().rsplit(", ", 1)[0]
        if line not in lines[-1:]:
            lines.append(line)

    monkeypatch.setattr(Display, "show", show)
    monkeypatch.setattr(STDERR, "_beats", False)  # or it would also be shown between two steps
    return lines


class Page(HTMLParser):
    """An HTML page: the cells of every line of every table, by caption, headings first; all tags with what
    they are given."""

    def __init__(self, text):
        super().__init__()
        self.lines, self.tags = {}, []
        self._text, self._caption, self._line = "", "", []
        self.feed(text)

    @property
    def fetched(self):
        return [given["src"] for _, given in self.tags if "src" in given]

    @property
    def links(self):
        return [given["href"] for tag, given in self.tags if tag == "a"]

    def cells(self):
        """Every cell, by caption, heading of the line and heading of the column."""
        return {
            (caption, name.strip(), title.strip()): text.strip()
            for caption, (head, *lines) in self.lines.items()
            for name, *cells in lines
            for title, text in zip(head[1:], cells, strict=True)
        }

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag in ("caption", "th", "td"):
            self._text = ""
        if tag == "tr":
            self._line = []

    def handle_data(self, data):
        self._text += data

    def handle_endtag(self, tag):
        if tag == "caption":
            self._caption = self._text
        if tag in ("th", "td"):
            self._line.append(self._text)
        if tag == "tr":
            self.lines.setdefault(self._caption, []).append(self._line)


@pytest.fixture(scope="session")
def parsed():
    """From the text of an HTML page to what is in it."""
    return Page


PICTURES_PER_CLASS = 12
# Written out here, so that a wrong name in bam.data_prep.classes shows: COCO's names and ids.
CATEGORIES = {
    "backpack": 27,
    "bird": 16,
    "dog": 18,
    "elephant": 22,
    "kite": 38,
    "pizza": 59,
    "stop sign": 13,
    "toilet": 70,
    "truck": 8,
    "zebra": 24,
}
SCENE_FOLDERS = (
    "b/bamboo_forest",
    "b/bedroom",
    "b/bowling_alley",
    "b/bus_interior",
    "c/cockpit",
    "c/corn_field",
    "l/laundromat",
    "r/runway",
    "s/ski_slope",
    "t/track/outdoor",
)


def noisy(rng, colour, width, height):
    """A picture of one colour with patches of noise, RGB."""
    pixels = np.asarray(colour) + rng.normal(0, 12, (12, 12, 3))
    patches = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    return patches.resize((width, height), Image.Resampling.NEAREST)


def uncompressed(mask):
    """COCO's plain run lengths of a mask: column by column, beginning with the zeros."""
    flat = mask.ravel(order="F")
    borders = np.flatnonzero(np.diff(flat.astype(int))) + 1
    counts = np.diff([0, *borders, flat.size]).tolist()
    return {"size": list(mask.shape), "counts": [0, *counts] if flat[0] else counts}


def compressed(mask):
    """COCO's compressed run lengths of a mask."""
    counts = rle.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"]
    return {"size": list(mask.shape), "counts": counts.decode("ascii")}


def photograph(label, index):
    """A photograph with one object, its corners given by its class, and its segmentation."""
    rng = np.random.default_rng((label, index))
    width, height = (150, 120) if index % 2 else (120, 150)
    picture = noisy(rng, rng.uniform(60, 200, 3), width, height)
    corners, radius = 3 + label, rng.uniform(35, 48)
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False) + rng.uniform(0, 1)
    reach = radius * np.where(np.arange(corners) % 2, 0.7, 1.0)
    polygon = np.stack([60 + reach * np.cos(angles), 60 + reach * np.sin(angles)], 1).round(1)
    shape = Image.new("1", (width, height))
    ImageDraw.Draw(shape).polygon([tuple(point) for point in polygon], fill=1)
    if index % 3:
        ImageDraw.Draw(shape).ellipse((52, 52, 64, 64), fill=0)  # a hole, which polygons cannot have
    mask = np.asarray(shape)
    hue = Image.new("HSV", (1, 1), (25 * label, 220, 200)).convert("RGB").getpixel((0, 0))
    picture.paste(noisy(rng, hue, width, height), mask=shape)
    segmentation = ([polygon.ravel().tolist()], compressed(mask), uncompressed(mask))[index % 3]
    return picture, segmentation, int(mask.sum())


def write_coco(folder):
    (folder / "annotations").mkdir(parents=True)
    (folder / "train2017").mkdir()
    images, annotations = [], []
    for label, category in enumerate(CATEGORIES.values()):
        for index in range(PICTURES_PER_CLASS):
            picture, segmentation, area = photograph(label, index)
            image = 1000 * (label + 1) + index
            picture.save(folder / "train2017" / f"{image:012d}.jpg", quality=95)
            size = {"width": picture.width, "height": picture.height}
            images.append({"id": image, "file_name": f"{image:012d}.jpg", **size})
            common = {"image_id": image, "category_id": category}
            if index % 4 == 0:  # a second, smaller instance
                corner = [[0, 0, 14, 0, 14, 14, 0, 14]]
                smaller = {"id": 10 * image + 1, "iscrowd": 0, "area": 196, "segmentation": corner}
                annotations.append({**common, **smaller})
            if index % 5 == 0:  # a crowd over all of the photograph
                whole = uncompressed(np.ones((picture.height, picture.width), bool))
                crowd = {"id": 10 * image + 2, "iscrowd": 1, "area": 20000, "segmentation": whole}
                annotations.append({**common, **crowd})
            instance = {"id": 10 * image, "iscrowd": 0, "area": area, "segmentation": segmentation}
            annotations.append({**common, **instance})
    categories = [{"id": number, "name": name} for name, number in CATEGORIES.items()]
    content = {"images": images, "annotations": annotations, "categories": categories}
    path = folder / "annotations" / "instances_train2017.json"
    path.write_text(json.dumps(content), encoding="utf-8")


def write_miniplaces(folder):
    for label, below in enumerate(SCENE_FOLDERS):
        (folder / "images" / "train" / below).mkdir(parents=True)
        colour = Image.new("HSV", (1, 1), (25 * label, 120, 170)).convert("RGB").getpixel((0, 0))
        for index in range(PICTURES_PER_CLASS):
            rng = np.random.default_rng((100 + label, index))
            picture = noisy(rng, colour, 128, 128)
            pen = ImageDraw.Draw(picture)
            for line in range(3, 128, 6 + 2 * label):  # stripes, their distance given by the class
                ends = (line, 0, line, 127) if label % 2 else (0, line, 127, line)
                pen.line(ends, fill=(20, 20, 20), width=2)
            picture.save(folder / "images" / "train" / below / f"{index + 1:08d}.jpg", quality=95)


@pytest.fixture(scope="session")
def sources_folder(tmp_path_factory):
    """A folder with `coco` and `miniplaces`, twelve sound pictures of each class. Not to be changed."""
    folder = tmp_path_factory.mktemp("sources")
    write_coco(folder / "coco")
    write_miniplaces(folder / "miniplaces")
    return folder


@pytest.fixture(scope="session")
def sources(sources_folder):
    """The `Sources` of `sources_folder`."""
    return Sources(Coco(sources_folder / "coco"), MiniPlaces(sources_folder / "miniplaces"))


@pytest.fixture(scope="session")
def dataset(sources, tmp_path_factory):
    """The dataset of `sources` with ten composites per pair and seed 0. Not to be changed."""
    return build(sources, tmp_path_factory.mktemp("data") / "bam", images_per_pair=10, seed=0, workers=2)


@pytest.fixture(scope="session")
def untrained(dataset):
    """Writes a tiny, untrained model of a task into a folder, as if it had been trained on `dataset`."""
    from dataclasses import asdict

    import tf_keras as keras

    from bam.base.files import write_json
    from bam.models.network.description import network_digest
    from bam.models.training.training import make_config

    def write(folder, task, seed):
        keras.utils.set_random_seed(seed)
        layers = [
            keras.layers.Rescaling(1 / 255, input_shape=(16, 16, 3)),
            keras.layers.Conv2D(6, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(10),
        ]
        model = keras.Sequential(layers)
        (folder / task.name).mkdir()
        model.save(folder / task.name / "model.keras")
        description = {
            "config": asdict(make_config(task, dataset)),
            "class_names": task.class_names,
            "digest": network_digest(model),
            "accuracy": dict.fromkeys(("object_scene", "scene_only", "object_only"), 0.1),
        }
        write_json(folder / task.name / "model.json", description)

    return write


def shortened():
    """The network `small` without most of its layers: as many pixels, classes and last feature maps."""
    import tf_keras as keras

    keras.utils.set_random_seed(0)
    layers = keras.layers

    def conv(x, width, stride=1):
        return layers.BatchNormalization()(layers.Conv2D(width, 3, stride, padding="same", use_bias=False)(x))

    inputs = keras.Input((64, 64, 3), name="pixels")
    x = layers.ReLU()(conv(layers.Rescaling(1 / 127.5, offset=-1, name="preprocess")(inputs), 16, 4))
    x = layers.ReLU(name="block_layer2")(layers.Add()([x, conv(x, 16)]))
    x = layers.ReLU(name="block_layer4")(conv(x, 128, 2))
    return keras.Model(inputs, layers.Dense(10, name="logits")(layers.GlobalAveragePooling2D()(x)))


@pytest.fixture(scope="session")
def scene_model_folder(dataset, tmp_path_factory):
    """A folder of trained models that holds an untrained scene classifier. Not to be changed."""
    # TensorFlow is slow to start: only for the tests that need it.
    from dataclasses import asdict

    from bam.base.files import write_json
    from bam.models.classifier import Classifier
    from bam.models.training.accuracy import evaluate_views
    from bam.models.training.task import Task
    from bam.models.training.training import make_config

    folder, task = tmp_path_factory.mktemp("models"), Task("scene")
    model = shortened()
    classifier = Classifier(model, task.class_names, task.name, task.labels)
    description = {
        "config": asdict(make_config(task, dataset)),
        "class_names": task.class_names,
        "digest": classifier.digest,
        **evaluate_views(classifier, dataset),
    }
    (folder / task.name).mkdir()
    model.save(folder / task.name / "model.keras")
    write_json(folder / task.name / "model.json", description)
    return folder


@pytest.fixture(scope="session")
def scene_classifier(scene_model_folder):
    """That classifier, loaded."""
    from bam.models import load_classifier

    return load_classifier(scene_model_folder / "scene")
