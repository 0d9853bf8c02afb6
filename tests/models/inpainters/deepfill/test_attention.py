import numpy as np
import pytest
import tensorflow as tf

from bam.models.inpainters.deepfill.attention import contextual_attention, nearest, reduced


def test_the_pixels_kept_are_those_of_corner_to_corner(loops):
    # Those of holes at a quarter of the size, which is a multiple of 8, and of both at half of that.
    sizes = [(4 * wanted, wanted) for wanted in range(2, 256, 2)] + [(2 * n, n) for n in range(1, 128)]
    for count, wanted in sizes:
        kept = nearest(count, wanted).tolist()
        row = tf.reshape(tf.range(count, dtype=tf.float32), (1, 1, count, 1))
        old = tf.raw_ops.ResizeNearestNeighbor(images=row, size=(1, wanted), align_corners=True)
        assert kept == old.numpy().ravel().tolist()
        assert wanted % 2 or kept == loops.kept(count, wanted)  # of an odd number one lies between two
    assert nearest(64, 32).tolist() == [*range(0, 31, 2), *range(33, 64, 2)]
    assert nearest(34, 17)[8] == 17  # 16.5, which goes up
    assert nearest(54, 27)[13] == 26  # and 26.5 does not, since 53 / 26 in float32 is less


def test_reduction_is_that_of_tensorflow_1():
    values = np.random.default_rng(0).normal(size=(2, 34, 20, 3)).astype(np.float32)
    expected = tf.raw_ops.ResizeNearestNeighbor(images=values, size=(17, 5), align_corners=True)
    assert np.array_equal(reduced(tf.constant(values), (17, 5)), expected)


@pytest.mark.parametrize("size", [(6, 10), (10, 6), (2, 2), (8, 8)])
def test_it_is_the_loop_over_cells(loops, size):
    rng = np.random.default_rng(0)
    features = (0.3 * rng.normal(size=(4, *size, 5))).astype(np.float32)
    holes = np.zeros((4, *size), np.float32)
    holes[0, :2, :3] = 1
    holes[1, -1:, -2:] = 1
    holes[2] = 1  # nothing is known; the last one has no hole
    result = contextual_attention(tf.constant(features), tf.constant(holes[..., None])).numpy()
    expected = np.stack([loops.attention(*item) for item in zip(features.astype(float), holes, strict=True)])
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-5)
    assert not result[2].any()
    assert abs(result[3]).max() > 0.1


def test_flat_and_empty_features_are_no_division_by_zero():
    features = np.zeros((2, 4, 6, 3), np.float32)
    features[1] = 2
    holes = np.zeros((2, 4, 6, 1), np.float32)
    result = contextual_attention(tf.constant(features), tf.constant(holes)).numpy()
    assert not result[0].any()
    assert np.isfinite(result).all()
    assert abs(result[1, 1:-1, 1:-1]).max() <= 2 + 1e-5
