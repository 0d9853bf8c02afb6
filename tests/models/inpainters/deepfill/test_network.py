import numpy as np
import pytest
import tensorflow as tf

from bam.models.inpainters.deepfill.network import VARIABLES, generator


def test_there_are_as_many_variables_as_published():
    assert len(VARIABLES) == 84
    assert sum(np.prod(shape) for shape in VARIABLES.values()) == 3_601_542


@pytest.mark.parametrize("size", [(16, 24), (24, 8)])
def test_it_is_the_network_in_numpy(deepfill_variables, loops, size):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (2, *size, 3), dtype=np.uint8)
    holes = np.zeros((2, *size), bool)
    holes[0, 3:9, 2:6] = holes[1, 10:] = True
    painted = generator(deepfill_variables, tf.constant(images), tf.constant(holes))
    for number in range(2):
        expected = loops.generator(deepfill_variables, images[number], holes[number])
        for found, stage in zip(painted, expected, strict=True):
            assert 0.1 < stage.std() < 0.9  # not clipped everywhere
            np.testing.assert_allclose(found[number, ..., ::-1], stage, rtol=0, atol=5e-5)
