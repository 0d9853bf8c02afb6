"""How a classifier does on every image set: what Figure 2 of the paper reports."""

from __future__ import annotations

from typing import Any

import numpy as np

from bam.base.progress import Progress
from bam.data_prep.classes import SCENES
from bam.data_prep.dataset import Dataset, View
from bam.models.classifier import Classifier
from bam.models.training.task import Task

EVALUATED = ("object_scene", "scene_only", "object_only", "rescaled", "relocated")


def probabilities(classifier: Classifier, view: View) -> np.ndarray:
    """float32 (N, classes): the class probabilities of every image of a view, in order."""
    parts = []
    with Progress(f"{classifier.name} classifies {view.name}", len(view), "images") as progress:
        for batch in view.batches(classifier.batch_size):
            parts.append(classifier.softmax(classifier.prepare(batch.images)))
            progress.advance(len(batch.images))
    return np.concatenate(parts)


def evaluate_views(classifier: Classifier, dataset: Dataset, task: Task | None = None) -> dict[str, Any]:
    """Accuracy on the test split of every view; of classifiers of all scenes also on `bamboo_forest`.

    `task` is what it was to learn, by default all classes of `classifier.labels`; images of classes that
    are not of the task are left out. Also `confidence_increased`: among images of X_o,s that stay correctly
    classified when the common feature is removed (the object for a scene classifier, the scene for an
    object classifier), the share whose confidence in the true class grows (section 3.4).
    """
    task = task or Task(classifier.labels)
    views = {name: task.of_classes(dataset.view(name)) for name in EVALUATED}
    outputs = {name: probabilities(classifier, view) for name, view in views.items()}
    labels = {name: task.targets(view) for name, view in views.items()}
    correct = {name: outputs[name].argmax(1) == labels[name] for name in views}
    both, without = views["object_scene"], "scene_only" if task.labels == "scene" else "object_only"
    stays = correct["object_scene"] & correct[without]
    rows = np.arange(len(both))
    gain = outputs[without][rows, labels[without]] - outputs["object_scene"][rows, labels["object_scene"]]
    result: dict[str, Any] = {
        "accuracy": {name: float(correct[name].mean()) for name in views},
        "images": {name: len(view) for name, view in views.items()},
        "confidence_increased": float((gain[stays] > 0).mean()) if stays.any() else None,
    }
    if task.class_names == SCENES:
        result["bamboo_forest"] = _bamboo_forest(classifier, dataset)
    return result


def _bamboo_forest(classifier: Classifier, dataset: Dataset) -> dict[str, Any]:
    """Accuracy of a scene classifier on the class that has a dog in every X^k, with the dog and without.

    `images` share `scenes`: without the dog, images of one scene are the same picture.
    """
    view = dataset.view("bamboo_forest")
    accuracy = {
        key: float((probabilities(classifier, shown).argmax(1) == view.scene_labels).mean())
        for key, shown in (("with_dog", view), ("without_dog", view.without_object()))
    }
    return {**accuracy, "images": len(view), "scenes": len(np.unique(view.sources[:, 1]))}
