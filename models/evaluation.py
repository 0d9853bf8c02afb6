"""How a classifier does on every image set: what Figure 2 of the paper reports."""

from __future__ import annotations

from typing import Any

import numpy as np

from data_prep.classes import COMMONALITY_OBJECT, COMMONALITY_ORDER, OBJECTS, SCENES
from data_prep.dataset import Dataset, View
from models.classifier import Classifier

EVALUATED = ("object_scene", "scene_only", "object_only", "rescaled", "relocated")


def probabilities(classifier: Classifier, view: View) -> np.ndarray:
    """float32 (N, classes): the class probabilities of every image of a view, in order."""
    parts = [
        classifier.softmax(classifier.prepare(batch.images)) for batch in view.batches(classifier.batch_size)
    ]
    return np.concatenate(parts)


def evaluate_views(classifier: Classifier, dataset: Dataset) -> dict[str, Any]:
    """Accuracy on the test split of every view, and on the one class that always has a dog.

    Also `confidence_increased`: among images of X_o,s that stay correctly classified when the common
    feature is removed (the object for a scene classifier, the scene for an object classifier), the
    share whose confidence in the true class grows (section 3.4).
    """
    views = {name: dataset.view(name) for name in EVALUATED}
    outputs = {name: probabilities(classifier, view) for name, view in views.items()}
    labels = {name: view.labels(classifier.labels) for name, view in views.items()}
    correct = {name: outputs[name].argmax(1) == labels[name] for name in views}
    both, without = views["object_scene"], "scene_only" if classifier.labels == "scene" else "object_only"
    stays = correct["object_scene"] & correct[without]
    rows = np.arange(len(both))
    gain = outputs[without][rows, labels[without]] - outputs["object_scene"][rows, labels["object_scene"]]
    result: dict[str, Any] = {
        "accuracy": {name: float(correct[name].mean()) for name in views},
        "images": {name: len(view) for name, view in views.items()},
        "confidence_increased": float((gain[stays] > 0).mean()) if stays.any() else None,
    }
    if classifier.labels == "scene":
        dog, bamboo = OBJECTS.index(COMMONALITY_OBJECT), SCENES.index(COMMONALITY_ORDER[0])
        chosen = (both.object_labels == dog) & (both.scene_labels == bamboo)
        result["bamboo_forest"] = {
            "with_dog": float(correct["object_scene"][chosen].mean()),
            "without_dog": float(correct["scene_only"][chosen].mean()),
            "images": int(chosen.sum()),
        }
    return result
