"""Networks whose answers are not worth explaining."""

import numpy as np
import pytest
import tf_keras as keras

from bam.data_prep.classes import SCENES
from bam.metrics.evaluation.answers import doubts
from bam.metrics.evaluation.folder import FolderPictures
from bam.metrics.evaluation.images import ViewPictures
from bam.models.classifier import Classifier


def network(scale, classes, saturated=False):
    """The mean colour, times what the weights say."""
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(scale)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(len(classes))(x))
    kernel = np.random.default_rng(0).normal(0, 4, (3, len(classes)))
    kernel[:, 0] += 40 if saturated else 0
    model.layers[-1].set_weights([kernel, np.zeros(len(classes))])
    return Classifier(model, classes)


@pytest.fixture
def pictures(dataset):
    def of(classifier):
        return ViewPictures(dataset.view("object_scene"), classifier)

    return of


def test_answers_that_do_not_vary_are_said(pictures):
    classifier = network(1.0, "abc", saturated=True)
    found = doubts(classifier, pictures(classifier))
    assert len(found) == 1
    assert "hardly differ between" in found[0]
    assert "`preprocess`" in found[0]
    varied = network(1 / 255, "abc")
    assert doubts(varied, pictures(varied)) == []


def test_accuracy_at_chance_is_said_where_classes_are_known(pictures):
    classifier = network(1 / 255, [name.replace("_", " ") for name in SCENES], saturated=True)
    assert any(
        "names" in words and "chance is 10%" in words for words in doubts(classifier, pictures(classifier))
    )
    classifier.description["accuracy"] = {}  # known: the validity check is made of it
    assert doubts(classifier, pictures(classifier)) == []


def test_other_images_have_no_classes(tmp_path):
    from PIL import Image

    for place in range(8):
        Image.new("RGB", (16, 16), (30 * place, 255 - 30 * place, 90)).save(tmp_path / f"{place}.png")
    classifier = network(1 / 255, SCENES)
    assert doubts(classifier, FolderPictures(tmp_path, (16, 16), 0)) == []
    assert doubts(classifier, FolderPictures(tmp_path, (16, 16), 0, limit=3)) == []  # too few to say
