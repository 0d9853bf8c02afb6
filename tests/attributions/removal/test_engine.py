import tracemalloc

import numpy as np
import pytest
import tensorflow as tf

from bam.attributions import METHODS, explain
from bam.attributions.removal.engine import PaintedRemoval, Removal
from bam.attributions.removal.masks import Masks
from bam.attributions.removal.substrates import FILLS, MEAN_COLOUR, substrate
from bam.attributions.removal.superpixels import superpixels
from bam.attributions.requirements import lacks_second_class
from bam.base.errors import BamError
from bam.models.inpainters.simple import blurred

SLOW = [name for name, method in METHODS.items() if method.slow]
OF_PROBABILITY = [name for name in SLOW if lacks_second_class in METHODS[name].needs]
PLAIN = [name for name in SLOW if METHODS[name].takes("fill")]


def left(size, columns):
    """Keeps the first columns (B,)."""
    kept = tf.range(size[1])[None, None] < columns[:, None, None]
    return tf.repeat(kept, size[0], axis=1)


def test_answers_are_those_of_finished_composites(classifier, pair):
    """With counts that fill no batch, and none at all for one image."""
    images, targets = pair
    images, targets = np.concatenate([images, images[:1]]), np.array([0, 2, 1])
    numbers = [np.arange(11, dtype=np.int32), np.zeros(0, np.int32), np.arange(20, 7, -1, dtype=np.int32)]
    others = substrate(images, "mean")
    removal = Removal("test", classifier, images, targets, others)
    drawn = lambda image, part: (numbers[image][part],)  # noqa: E731
    found = removal.probabilities(Masks("left", left), [11, 0, 13], drawn)
    assert [len(each) for each in found] == [11, 0, 13]
    for place in (0, 2):
        for column, value in zip(numbers[place], found[place], strict=True):
            kept = np.arange(20)[None, :, None] < column
            picture = np.where(kept, images[place], others[place])
            expected = classifier.softmax(picture[None])[0, targets[place]]
            np.testing.assert_allclose(value, expected, rtol=1e-5)
    sums = removal.weighted_sums(Masks("float", lambda *a: tf.cast(left(*a), tf.float32)), [11, 0, 13], drawn)
    expected = sum(p * (np.arange(20) < column) for p, column in zip(found[0], numbers[0], strict=True))
    np.testing.assert_allclose(sums[0], np.broadcast_to(expected, (12, 20)), rtol=1e-5)
    assert not sums[1].any()


def test_memory_does_not_grow_with_the_number_of_masks(classifier, pair):
    """As numpy sees it: by less than a tenth of a composite, which is 2,880 bytes."""
    removal = Removal("test", classifier, *pair, substrate(pair[0], "black"))

    def peak(count):
        tracemalloc.start()
        removal.probabilities(Masks("left", left), [count] * 2, lambda _, part: (numbers[part],))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    numbers = np.zeros(600, np.int32)
    peak(8)
    assert peak(600) - peak(100) < 500 * 2 * 2880 / 10


@pytest.mark.parametrize("name", SLOW)
def test_a_method_is_traced_once(name, classifier, pair, small, monkeypatch):
    """Whatever the images, the settings and how many there are."""
    images, targets = pair
    explain(classifier, images, targets, name, **small(name))
    traces = []
    original = type(classifier.network).call
    monkeypatch.setattr(
        type(classifier.network), "call", lambda self, *a, **k: traces.append(1) or original(self, *a, **k)
    )
    more = {"fill": "mean"} if METHODS[name].takes("fill") else {"inpainter": "mean"}
    more |= {"samples": 9} if METHODS[name].takes("samples") else {}
    explain(classifier, images[:1], targets[:1], name, **{**small(name), **more})
    assert not traces


@pytest.mark.parametrize("name", OF_PROBABILITY)
def test_a_network_with_one_class_is_refused(name, single_class, pair):
    images, _ = pair
    assert METHODS[name].unsuited(single_class) == "the network has one class, of probability 1"
    with pytest.raises(BamError, match=f"{name} cannot explain single: the network has one class"):
        explain(single_class, images, [0, 0], name)


@pytest.mark.parametrize("name", [name for name in PLAIN if name != "meaningful_perturbation"])
def test_nothing_is_lost_where_the_fill_is_the_image(name, classifier, small):
    """An image of one colour, filled by its mean: no map but of those whose masks all weigh the same."""
    images = np.full((1, 12, 20, 3), 77, np.float32)
    settings = {**small(name), "fill": "mean"}
    found = explain(classifier, images, [1], name, **settings)
    if name in ("rise", "score_cam"):
        assert found.std() > 0
    else:
        np.testing.assert_allclose(found, 0, atol=1e-7)


@pytest.mark.parametrize("name", PLAIN)
def test_another_fill_is_another_map_and_an_unknown_one_is_refused(name, classifier, pair, small):
    grey, black = (explain(classifier, *pair, name, fill=fill, **small(name)) for fill in ("grey", "black"))
    assert not np.allclose(grey, black)
    with pytest.raises(BamError, match="unknown fill 'blak': did you mean 'black'"):
        explain(classifier, *pair, name, fill="blak")


@pytest.mark.parametrize("name", SLOW)
def test_what_is_not_finite_gives_maps_that_are_not(name, classifier, pair, small):
    """And the maps beside it stay as they are."""
    images, targets = pair[0].copy(), pair[1]
    whole = explain(classifier, images, targets, name, [3, 4], **small(name))
    for value in (np.inf, np.nan):
        images[0, 2, 3] = value
        found = explain(classifier, images, targets, name, [3, 4], **small(name))
        assert np.isnan(found[0]).any()
        np.testing.assert_allclose(found[1], whole[1], rtol=1e-4)


def test_what_is_painted_hole_by_hole_has_no_sums():
    """They would need composites that are made in the network."""
    assert not hasattr(PaintedRemoval, "weighted_sums")


def test_fills(pair):
    images, _ = pair
    found = {fill: np.broadcast_to(substrate(images, fill), images.shape) for fill in FILLS}
    np.testing.assert_allclose(found["grey"][1, 3, 4], np.array([0.485, 0.456, 0.406]) * 255, rtol=1e-6)
    np.testing.assert_allclose(found["mean"][1, 3, 4], images[1].mean((0, 1)), rtol=1e-5)
    np.testing.assert_array_equal(found["blur"], blurred(np.rint(images).astype(np.uint8)))
    assert not found["black"].any()
    assert MEAN_COLOUR.dtype == found["black"].dtype == np.float32


def test_superpixels(pair):
    found = superpixels(pair[0], 12, 30, 3)
    assert found.dtype == np.int32
    for plane in found:
        assert set(plane.ravel()) == set(range(plane.max() + 1))
        assert 4 < plane.max() + 1 < 30
    assert not superpixels(pair[0], 1, 30, 3).any()
    plain = superpixels(np.full((1, 12, 20, 3), 9, np.float32), 12, 30, 3)
    assert plain.max() > 4
    for wrong in ({"segments": 0}, {"segments": 241}, {"compactness": 0}, {"sigma": -1}):
        with pytest.raises(BamError, match="must be"):
            superpixels(pair[0], **{"segments": 5, "compactness": 30, "sigma": 3, **wrong})
