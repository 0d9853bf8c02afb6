import numpy as np
import tensorflow as tf

from bam.data_prep.dataset import View
from bam.models.training import batches
from bam.models.training.batches import Pictures, augment, evaluation_batches, training_batches
from bam.models.training.task import Task

SIZE = (32, 32)


def indices_of(view, images):
    """Which image of the view each (unaugmented) 32 px image is."""
    table = np.concatenate([tf.image.resize(view[:].images, SIZE, antialias=True).numpy()])
    return [int(np.abs(table - image).mean((1, 2, 3)).argmin()) for image in images]


def test_evaluation_gives_every_image_in_order(dataset):
    view = dataset.view("object_scene", "test")
    images, labels = zip(*evaluation_batches(Pictures(view, "scene", SIZE), 32), strict=True)
    assert np.array_equal(np.concatenate(labels), view.scene_labels)
    assert indices_of(view, np.concatenate(images)) == list(range(len(view)))


def test_a_step_is_the_same_whatever_came_before(dataset):
    view = dataset.view("object_scene", "train")
    whole = list(training_batches(Pictures(view, "object", SIZE), 16, 3, range(6)))
    later = list(training_batches(Pictures(view, "object", SIZE), 16, 3, range(4, 6)))
    for (images, labels), (same_images, same_labels) in zip(whole[4:], later, strict=True):
        assert np.array_equal(images, same_images)
        assert np.array_equal(labels, same_labels)
    assert not np.array_equal(whole[4][0], whole[5][0])


def test_an_epoch_shows_every_image_once(dataset, monkeypatch):
    monkeypatch.setattr("bam.models.training.batches.augment", lambda images, seed: images)
    view = dataset.view("object_scene", "test")  # 100 images: 4 batches of 25
    pictures = Pictures(view, "scene", SIZE)
    first, second = (
        np.concatenate([batch[0] for batch in training_batches(pictures, 25, 0, steps)])
        for steps in (range(4), range(4, 8))
    )
    assert sorted(indices_of(view, first)) == list(range(100))
    assert sorted(indices_of(view, second)) == list(range(100))
    assert not np.array_equal(first, second)


def test_labels_belong_to_their_images(dataset, monkeypatch):
    monkeypatch.setattr("bam.models.training.batches.augment", lambda images, seed: images)
    view = dataset.view("object_scene", "test")
    for kind in ("object", "scene"):
        images, labels = next(iter(training_batches(Pictures(view, kind, SIZE), 20, 1, range(1))))
        assert np.array_equal(view.labels(kind)[indices_of(view, images)], labels)


def test_a_view_smaller_than_a_batch_fills_it(dataset):
    view = dataset.view("object_scene", "test").subset(np.arange(5))
    images, labels = next(iter(training_batches(Pictures(view, "scene", SIZE), 16, 0, range(1))))
    assert images.shape == (16, 32, 32, 3)
    assert set(labels.numpy()) <= set(view.scene_labels)


def test_augmentation_stays_in_range_and_follows_its_seed():
    images = np.random.default_rng(0).uniform(0, 255, (8, 32, 32, 3)).astype(np.float32)
    first, again, other = (
        augment(images, tf.constant(seed, tf.int64)).numpy() for seed in ([0, 1], [0, 1], [0, 2])
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.min() >= 0
    assert first.max() <= 255
    assert first.shape == images.shape


def test_labels_of_a_few_classes_are_indices_into_them(dataset, monkeypatch):
    monkeypatch.setattr("bam.models.training.batches.augment", lambda images, seed: images)
    classes = ("bird", "zebra")
    view = Task("object", classes=classes).view(dataset, "test")
    pictures = Pictures(view, "object", SIZE, classes)
    trained = next(iter(training_batches(pictures, 12, 1, range(1))))
    evaluated = next(iter(evaluation_batches(pictures, 12)))
    for images, labels in (trained, evaluated):
        shown = [view.ids[index].split("-")[0] for index in indices_of(view, images)]
        assert [classes[label] for label in labels] == shown
    assert set(trained[1].numpy()) == {0, 1}


def test_pictures_are_made_once_if_they_fit_into_memory_and_are_the_same_if_not(dataset, monkeypatch):
    view, compose, composed = dataset.view("object_scene", "test"), View.__getitem__, []

    def noted(self, key):
        composed.append(len(key))
        return compose(self, key)

    monkeypatch.setattr(View, "__getitem__", noted)
    found = {}
    for kept in (4 * len(view) * 32 * 32 * 3, 0):
        monkeypatch.setattr(batches, "KEPT_BYTES", kept)
        pictures = Pictures(view, "scene", SIZE)
        for _ in range(2):
            composed.clear()
            found[kept] = list(training_batches(pictures, 25, 2, range(4)))
        assert sum(composed) == (0 if kept else 100)
    for batch, same in zip(*found.values(), strict=True):
        assert all(map(np.array_equal, batch, same))
