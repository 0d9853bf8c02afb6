import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from bam.base.errors import BamError
from bam.models.network.resizing import as_batch


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((8, 9, 3)), r"not one image \(8, 9, 3\): give images\[None\]"),
        (Image.new("RGB", (9, 8)), r"not one image \(8, 9, 3\)"),
        (np.zeros((2, 3, 8, 9)), r"numbers \(N, H, W, 3\), not float64 \(2, 3, 8, 9\)"),
        (np.zeros((2, 8, 9)), r"not float64 \(2, 8, 9\)"),
        (np.zeros((2, 8, 9, 4)), r"not float64 \(2, 8, 9, 4\)"),
        (np.zeros(3), r"not float64 \(3,\)"),
        ([], r"not float64 \(0,\)"),
        (np.full((2, 8, 9, 3), "a"), "not <U1"),
        ([np.zeros((8, 9, 3)), np.zeros((9, 9, 3))], "all of one size: resize them"),
    ],
)
def test_what_is_no_batch_of_images_is_said(images, words):
    with pytest.raises(BamError, match=words):
        as_batch(images)


def test_images_of_any_number_and_kind_are_a_batch():
    for images in (
        np.zeros((0, 8, 9, 3)),
        np.zeros((1, 8, 9, 3), bool),
        tf.zeros((2, 8, 9, 3), tf.float16),
        [np.zeros((8, 9, 3), np.uint8)] * 3,
        [Image.new("RGB", (9, 8))],
    ):
        assert as_batch(images).shape == (len(images), 8, 9, 3)
