import gc
import weakref

import numpy as np
import tensorflow as tf

from bam.data_prep.dataset import View
from bam.models.training import batches
from bam.models.training.batches import (
    BRIGHTNESS,
    CONTRAST,
    SHIFT,
    TrainingPictures,
    augment,
    evaluation_batches,
    training_batches,
)
from bam.models.training.task import Task

SIZE = (32, 32)


def indices_of(view, images):
    """Which image of the view each (unaugmented) 32 px image is."""
    table = np.concatenate([tf.image.resize(view[:].images, SIZE, antialias=True).numpy()])
    return [int(np.abs(table - image).mean((1, 2, 3)).argmin()) for image in images]


def test_evaluation_gives_every_image_in_order(dataset):
    view = dataset.view("object_scene", "test")
    images, labels = zip(*evaluation_batches(TrainingPictures(view, "scene", SIZE), 32), strict=True)
    assert np.array_equal(np.concatenate(labels), view.scene_labels)
    assert indices_of(view, np.concatenate(images)) == list(range(len(view)))


def test_a_step_is_the_same_whatever_came_before(dataset):
    view = dataset.view("object_scene", "train")
    whole = list(training_batches(TrainingPictures(view, "object", SIZE), 16, 3, range(6)))
    later = list(training_batches(TrainingPictures(view, "object", SIZE), 16, 3, range(4, 6)))
    for (images, labels), (same_images, same_labels) in zip(whole[4:], later, strict=True):
        assert np.array_equal(images, same_images)
        assert np.array_equal(labels, same_labels)
    assert not np.array_equal(whole[4][0], whole[5][0])


def test_an_epoch_shows_every_image_once(dataset, monkeypatch):
    monkeypatch.setattr("bam.models.training.batches.augment", lambda images, seed: images)
    view = dataset.view("object_scene", "test")  # 100 images: 4 batches of 25
    pictures = TrainingPictures(view, "scene", SIZE)
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
        images, labels = next(iter(training_batches(TrainingPictures(view, kind, SIZE), 20, 1, range(1))))
        assert np.array_equal(view.labels(kind)[indices_of(view, images)], labels)


def test_a_view_smaller_than_a_batch_fills_it(dataset):
    view = dataset.view("object_scene", "test").subset(np.arange(5))
    images, labels = next(iter(training_batches(TrainingPictures(view, "scene", SIZE), 16, 0, range(1))))
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


def test_augmentation_is_what_it_says_image_by_image():
    images = np.random.default_rng(0).uniform(0, 255, (6, 20, 30, 3)).astype(np.float32)
    seed = tf.constant([4, 7], tf.int64)
    draws = tf.random.stateless_uniform((5, 6), seed, -1, 1).numpy()
    assert set(np.sign(draws[0])) == {-1, 1}
    for image, found, (mirror, down, right, contrast, brightness) in zip(
        images, augment(images, seed).numpy(), draws.T, strict=True
    ):
        expected = image[:, ::-1] if mirror < 0 else image
        for axis, draw in ((0, down), (1, right)):
            length = expected.shape[axis]
            places = np.clip(np.arange(length) + round(float(draw) * SHIFT * length), 0, length - 1)
            expected = expected.take(places, axis)
        mean = expected.mean()
        expected = (expected - mean) * (1 + CONTRAST * contrast) + mean + 255 * BRIGHTNESS * brightness
        np.testing.assert_allclose(found, np.clip(expected, 0, 255), atol=1e-3)


def test_labels_of_a_few_classes_are_indices_into_them(dataset, monkeypatch):
    monkeypatch.setattr("bam.models.training.batches.augment", lambda images, seed: images)
    classes = ("bird", "zebra")
    view = Task("object", classes=classes).view(dataset, "test")
    pictures = TrainingPictures(view, "object", SIZE, classes)
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
    monkeypatch.setattr(batches, "MADE_TOGETHER", 30)
    found = {}
    for kept, made in ((4 * len(view) * 32 * 32 * 3, 100), (0, 0)):
        monkeypatch.setattr(batches, "KEPT_BYTES", kept)
        composed.clear()
        pictures = TrainingPictures(view, "scene", SIZE)
        assert sum(composed) == made
        found[kept] = list(training_batches(pictures, 25, 2, range(4)))
        assert sum(composed) == 100
    for batch, same in zip(*found.values(), strict=True):
        assert all(map(np.array_equal, batch, same))


def test_pictures_are_gone_after_the_training(dataset):
    pictures = TrainingPictures(dataset.view("object_scene", "test"), "scene", SIZE)
    list(training_batches(pictures, 25, 2, range(4)))
    kept = weakref.ref(pictures._kept)
    assert kept() is not None
    del pictures
    gc.collect()
    assert kept() is None
