from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image

from bam.attributions import METHODS
from bam.base.errors import BamError
from bam.metrics.evaluation.images import pictures
from bam.metrics.evaluation.run import Request
from bam.metrics.evaluation.sweep import shuffled
from bam.models.classifier import Classifier
from bam.models.training.task import Task
from bam.models.training.training import make_config


@pytest.fixture
def request_in(dataset, scene_model_folder, tmp_path):
    def make(limit=None, **options):
        methods = [METHODS["random"]]
        return Request(dataset, scene_model_folder, methods, limit, 10, 0, tmp_path, options=options)

    return make


def test_composites_come_as_the_network_takes_them(dataset, request_in, scene_classifier):
    found, view = pictures(request_in(), scene_classifier), shuffled(dataset.view("object_scene"), 0)
    batch, expected = found[2:5], view[2:5]
    assert found.ids == view.ids
    assert batch.images.dtype == np.uint8
    np.testing.assert_allclose(batch.images, scene_classifier.prepare(expected.images), atol=0.5)
    np.testing.assert_array_equal(batch.masks, scene_classifier.prepare_masks(expected.masks))
    assert batch.labels("scene") is None
    np.testing.assert_array_equal(found.subset([4]).sources, view.sources[[4]])


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "own" / "below").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name, size in {"a.png": (40, 20), "below/b.jpg": (20, 90)}.items():
        Image.fromarray(rng.integers(0, 256, (*size, 3), np.uint8)).save(tmp_path / "own" / name)
    (tmp_path / "own" / "c.png").write_text("no picture")
    return tmp_path / "own"


def test_a_folder_has_pictures_without_labels_and_masks(request_in, scene_classifier, folder):
    found = pictures(request_in(images=str(folder)), scene_classifier)
    assert sorted(found.ids) == ["a.png", "below/b.jpg"]
    assert list(found.left_out) == ["c.png"]
    batch = found[0:2]
    assert batch.images.shape == (2, 64, 64, 3)
    assert not batch.masks.any()
    assert batch.labels("object") is None
    assert found.subset([1]).ids == found.ids[1:]


def test_another_picture_makes_another_set(request_in, scene_classifier, folder):
    before = pictures(request_in(images=str(folder)), scene_classifier).fingerprint
    assert before == pictures(request_in(1, images=str(folder)), scene_classifier).fingerprint
    (folder / "c.png").write_text("another")
    assert before != pictures(request_in(images=str(folder)), scene_classifier).fingerprint


def test_models_are_chosen_by_name_or_file(request_in, scene_model_folder, tmp_path):
    assert request_in().chosen("scene").name == "scene"
    assert request_in(model="scene").chosen("object").name == "scene"
    names = tmp_path / "names.txt"
    names.write_text("".join(f"class {n}\n" for n in range(10)))
    file = str(scene_model_folder / "scene" / "model.keras")
    classifier = request_in(model=file, class_names=str(names)).chosen("object")
    assert classifier.class_names[3] == "class 3"
    assert classifier.labels is None


@pytest.mark.parametrize(
    ("model", "names", "message"),
    [
        ("FILE", None, "needs --class_names, a text file"),
        ("FILE", "nowhere.txt", "needs --class_names, a text file"),
        ("FILE", "two", "has 10 outputs, but 2 class names"),
        ("nowhere.keras", "two", "no model file nowhere.keras"),
        ("scene", "two", "--class_names is for a .keras file"),
        ("none", None, "there is no trained model"),
    ],
)
def test_models_that_cannot_be_had_are_refused(
    request_in, scene_model_folder, tmp_path, model, names, message
):
    (tmp_path / "two").write_text("one\ntwo\n")
    file = str(scene_model_folder / "scene" / "model.keras")
    options = {"model": file if model == "FILE" else model}
    if names:
        options["class_names"] = str(tmp_path / names)
    with pytest.raises(BamError, match=message):
        request_in(**options).chosen("object")


def test_methods_that_do_not_suit_a_network_are_named(dataset, scene_classifier, tmp_path):
    methods = [METHODS[name] for name in ("attention_rollout", "grad_cam", "random")]
    request = Request(dataset, tmp_path, methods, None, 10, 0, tmp_path)
    assert request.unsuited(scene_classifier) == {"attention_rollout": "the network has no attention"}
    assert [method.name for method in request.suited(scene_classifier).methods] == ["grad_cam", "random"]


def test_a_classifier_of_a_few_classes_sees_these_alone(dataset, scene_classifier, tmp_path):
    task = Task("scene", "scene_only", classes=["bedroom", "track"])
    description = {"config": asdict(make_config(task, dataset))}
    classifier = Classifier(scene_classifier.model, range(10), "few", None, description)
    request = Request(dataset, tmp_path, [], None, 10, 0, tmp_path)
    found = pictures(request, classifier)
    expected = shuffled(task.view(dataset, "test"), 0).ids
    assert {image.split("-")[1] for image in found.ids} == {"bedroom", "track"}
    assert found.ids == expected
    assert found.view.name == "scene_only"
