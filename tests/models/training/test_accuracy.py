import numpy as np
import pytest
import tf_keras as keras

from bam.models.classifier import Classifier
from bam.models.training.accuracy import evaluate_views, probabilities
from bam.models.training.task import Task


@pytest.fixture
def reader_of_strips():
    """A classifier whose logits are the brightness of ten strips of the picture."""
    inputs = keras.Input((10, 10, 3))
    outputs = keras.layers.Lambda(lambda x: x[:, :, :, 0] @ np.full((10, 1), 0.1, np.float32))(inputs)
    return Classifier(keras.Model(inputs, keras.layers.Flatten()(outputs)), range(10), "strips", "scene")


def test_accuracy_is_that_of_a_count_by_hand(dataset, reader_of_strips):
    result = evaluate_views(reader_of_strips, dataset)
    for name in ("object_scene", "scene_only", "rescaled", "relocated"):
        view = dataset.view(name)
        logits = reader_of_strips.prepare(view[:].images)[..., 0].mean(2)
        assert result["accuracy"][name] == pytest.approx(
            (logits.argmax(1) == view.scene_labels).mean(), abs=0.011
        )
        assert result["images"][name] == len(view)


def test_growing_confidence_is_counted_where_both_are_right(dataset, reader_of_strips):
    result = evaluate_views(reader_of_strips, dataset)
    before, after = (
        probabilities(reader_of_strips, dataset.view(name)) for name in ("object_scene", "scene_only")
    )
    labels = dataset.view("object_scene").scene_labels
    gains = [
        after[i, label] > before[i, label]
        for i, label in enumerate(labels)
        if before[i].argmax() == label == after[i].argmax()
    ]
    expected = np.mean(gains) if gains else None
    assert result["confidence_increased"] == pytest.approx(expected)


def test_the_fine_grained_test_counts_bamboo_forests_with_and_without_their_dog(dataset):
    """With a classifier that says bamboo forest where a picture is brighter than half of those with dog."""
    view = dataset.view("bamboo_forest")
    bare, shown = view.without_object()[:].images, view[:].images
    assert (bare == bare[0]).all()  # one test scene
    threshold = np.median(shown.mean((1, 2, 3)))
    inputs = keras.Input((128, 128, 3))
    mean = keras.layers.GlobalAveragePooling2D()(inputs)
    outputs = keras.layers.Dense(10)(mean)
    model = keras.Model(inputs, outputs)
    kernel, bias = np.zeros((3, 10)), np.full(10, -1e6)
    kernel[:, 0], bias[0], bias[1] = 1 / 3, -threshold, 0
    model.layers[-1].set_weights([kernel, bias])
    result = evaluate_views(Classifier(model, range(10), "bright", "scene"), dataset)["bamboo_forest"]
    assert result["with_dog"] == pytest.approx(0.5, abs=0.021)
    assert result["without_dog"] == (bare[0].mean() > threshold)
    assert (result["images"], result["scenes"]) == (100, 1)


def test_a_classifier_of_a_few_classes_is_asked_about_these_alone(dataset):
    """With one that tells the brighter half of the pictures of two scenes from the darker one."""
    task = Task("scene", classes=["track", "cockpit"])
    inputs = keras.Input((128, 128, 3))
    outputs = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(inputs))
    model = keras.Model(inputs, outputs)
    view = dataset.view("object_scene")
    chosen = [image.split("-")[1] in ("cockpit", "track") for image in view.ids]
    means, scenes = view[:].images.mean((1, 2, 3))[chosen], [p.scene for p in view.subset(chosen).placements]
    threshold = np.median(means)
    model.layers[-1].set_weights([np.array([[0, 1 / 3]] * 3), np.array([threshold, 0])])
    result = evaluate_views(Classifier(model, task.class_names), dataset, task)
    said = np.where(means > threshold, "track", "cockpit")
    assert result["images"] == dict.fromkeys(result["accuracy"], 20)
    assert result["accuracy"]["object_scene"] == pytest.approx((said == scenes).mean())
    assert "bamboo_forest" not in result


def test_progress_counts_the_images(dataset, reader_of_strips, shown):
    view = dataset.view("object_scene").subset(np.arange(50))
    probabilities(reader_of_strips, view)
    assert shown == [f"strips classifies object_scene: {done} of 50 images" for done in (32, 50)]
