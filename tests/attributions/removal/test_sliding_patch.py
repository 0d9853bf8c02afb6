import numpy as np
import pytest

from bam.attributions import METHODS, explain
from bam.attributions.lengths import scaled
from bam.attributions.removal.substrates import MEAN_COLOUR
from bam.base.errors import BamError


@pytest.mark.parametrize(
    ("patch", "stride", "side", "step"), [(53, 40, 3, 2), (53, 3, 3, 1), (224, 90, 12, 5)]
)
def test_it_equals_a_plain_loop(classifier, pair, patch, stride, side, step):
    images, targets = pair
    found = explain(classifier, images, targets, "sliding_patch", patch=patch, stride=stride)
    for image, target, plane in zip(images, targets, found, strict=True):
        whole, drops = classifier.softmax(image[None])[0, target], []
        for top in range(0, 12 - side + 1, step):
            drops.append([])
            for left in range(0, 20 - side + 1, step):
                covered = image.copy()
                covered[top : top + side, left : left + side] = MEAN_COLOUR
                drops[-1].append(whole - classifier.softmax(covered[None])[0, target])
        grid = np.array(drops, np.float32)
        assert grid.shape == ((12 - side) // step + 1, (20 - side) // step + 1)
        expected = classifier.at_input_size(grid[None, ..., None])[0, ..., 0]
        np.testing.assert_allclose(plane, expected, atol=1e-6)
        assert abs(expected).max() > 1e-3


def test_lengths_are_of_pictures_of_224(classifier):
    """Rounded, at least 1, by the shorter side."""
    assert [scaled(53, (64, 64)), scaled(53, (224, 300)), scaled(3, (64, 64)), scaled(1, (8, 8))] == [
        15,
        53,
        1,
        1,
    ]
    assert scaled(0, (64, 64)) == 0
    explainer = METHODS["sliding_patch"].with_settings(patch=29, fill="blur")
    assert explainer.at_size((64, 80)) == {"patch": 8, "stride": 1, "blur": 2.86}
    assert METHODS["meaningful_perturbation"].with_settings().at_size((224, 224)) == {"jitter": 3, "blur": 10}
    assert METHODS["smoothgrad"].with_settings().at_size((64, 64)) == {}


def test_a_patch_larger_than_the_image_is_refused(classifier, pair):
    with pytest.raises(BamError, match=r"`patch` must be at most 224, .* 240 are 13 pixels of 12 x 20"):
        explain(classifier, *pair, "sliding_patch", patch=240)
    for wrong in ({"patch": 0}, {"stride": 0}):
        with pytest.raises(BamError, match="`patch` and `stride` must be at least 1"):
            explain(classifier, *pair, "sliding_patch", **wrong)
