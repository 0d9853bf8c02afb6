"""What `explain` is given is checked before any method sees it."""

import numpy as np
import pytest

from bam.attributions import explain
from bam.base.errors import BamError

IMAGES, MASKS = np.full((2, 64, 64, 3), 99, np.uint8), np.zeros((2, 64, 64), bool)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"images": IMAGES[0], "targets": 1},
            r"images must be \(N, H, W, 3\), not one image \(64, 64, 3\): give im",
        ),
        ({"images": IMAGES[0], "targets": [1]}, r"give images\[None\], and lists of one"),
        (
            {"images": IMAGES[:1], "targets": 3},
            r"1 class indices from 0 to 9, one per image, not 3: give a list of it, \[3\]",
        ),
        ({"targets": 3}, "2 class indices from 0 to 9, one per image, not 3: give a list$"),
        ({"targets": "bedroom"}, "2 class indices from 0 to 9, one per image, not 'bedroom'"),
        ({"targets": [3, 10]}, "2 class indices from 0 to 9, one per image, not 10"),
        ({"targets": [3, 1.5]}, "one per image, not 1.5"),
        ({"targets": ["bedroom", "track"]}, "one per image, not 'bedroom'"),
        ({"targets": np.eye(10)[:2]}, r"one per image, not an array of shape \(2, 10\)"),
        ({"targets": list(range(10)) * 10}, r"not an array of shape \(100,\)"),
        ({"masks": MASKS[0]}, r"masks must be 2 x \(H, W\), one per image, not \(64, 64\)"),
        ({"masks": MASKS[:1]}, r"masks must be 2 x .*not \(1, 64, 64\)"),
        ({"masks": MASKS[..., None]}, r"masks must be 2 x .*not \(2, 64, 64, 1\)"),
        ({"ids": "ab"}, "ids must be 2 names, one per image, not 'ab'"),
        ({"ids": ["a"]}, r"ids must be 2 names, one per image, not \['a'\]"),
        ({"seed": [1, 2, 3]}, r"seed must be one number or 2, one per image, not \(3,\)"),
    ],
)
def test_what_is_not_one_per_image_is_one_line(scene_classifier, changes, words):
    given = {"images": IMAGES, "targets": [1, 2], "method": "object_mask", "masks": MASKS, **changes}
    with pytest.raises(BamError, match=words) as caught:
        explain(scene_classifier, **given)
    assert "\n" not in str(caught.value)


def test_one_image_is_a_batch_of_one(scene_classifier):
    alone = explain(scene_classifier, IMAGES[0][None], [1], "vanilla_gradient")
    np.testing.assert_array_equal(alone, explain(scene_classifier, IMAGES[:1], np.array([1])))
    with pytest.raises(BamError, match="not one image"):
        scene_classifier.prepare(IMAGES[0])
