import numpy as np
import pytest
from scipy import ndimage

from bam.attributions import explain
from bam.attributions.removal.substrates import MEAN_COLOUR
from bam.base.errors import BamError


def enlarged(grid, height, width):
    """Bilinear, by scipy."""
    places = [(np.arange(n) + 0.5) * len(grid) / n - 0.5 for n in (height, width)]
    return ndimage.map_coordinates(
        grid.astype(float), np.meshgrid(*places, indexing="ij"), order=1, mode="nearest"
    )


@pytest.mark.parametrize(("cells", "kept"), [(3, 0.5), (8, 0.3), (1, 0.5)])
def test_it_equals_a_plain_loop(classifier, pair, cells, kept):
    """12 x 20 pixels are no multiple of the cells."""
    images, targets = pair
    found = explain(classifier, images, targets, "rise", [5, 6], samples=11, cells=cells, kept=kept)
    down, across = -(-12 // cells), -(-20 // cells)
    for place, (image, target) in enumerate(zip(images, targets, strict=True)):
        rng, total = np.random.default_rng(5 + place), np.zeros((12, 20))
        grids = rng.random((11, cells, cells), np.float32) < kept
        shifts = rng.integers(0, [down, across], (11, 2), dtype=np.int32)
        for grid, (top, left) in zip(grids, shifts, strict=True):
            whole = enlarged(grid, (cells + 1) * down, (cells + 1) * across)
            mask = whole[top : top + 12, left : left + 20]
            assert mask.shape == (12, 20)
            picture = MEAN_COLOUR + mask[..., None] * (image - MEAN_COLOUR)
            total += mask * classifier.softmax(picture[None].astype(np.float32))[0, target]
        np.testing.assert_allclose(found[place], total / (11 * kept), rtol=1e-4, atol=1e-6)


def test_all_kept_is_the_probability(classifier, pair):
    found = explain(classifier, *pair, "rise", samples=3, kept=1.0)
    whole = classifier.softmax(pair[0])[[0, 1], pair[1]]
    np.testing.assert_allclose(found, np.broadcast_to(whole[:, None, None], found.shape), rtol=1e-5)


@pytest.mark.parametrize("wrong", [{"samples": 0}, {"cells": 0}, {"kept": 0.0}, {"kept": 1.5}])
def test_what_cannot_be_is_refused(classifier, pair, wrong):
    with pytest.raises(BamError, match="`samples` and `cells` must be at least 1 and `kept` above 0"):
        explain(classifier, *pair, "rise", **wrong)
