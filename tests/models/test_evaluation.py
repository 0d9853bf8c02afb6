import numpy as np
import pytest
import tf_keras as keras

from models.classifier import Classifier
from models.evaluation import evaluate_views, probabilities


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
