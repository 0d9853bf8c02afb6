import numpy as np
import pytest
import tensorflow as tf

from bam.attributions import explain
from bam.attributions.removal.substrates import MEAN_COLOUR


def definition(classifier, image, target, fill):
    """Algorithm 1 of the paper, one channel after another."""
    features = classifier.features(image[None])[0].astype(np.float64)
    scores = []
    for k in range(features.shape[-1]):
        mask = tf.image.resize(features[:, :, k, None], image.shape[:2]).numpy()
        mask = (mask - mask.min()) / (mask.max() - mask.min()) if mask.max() > mask.min() else 0 * mask
        masked = fill + mask * (image - fill)
        scores.append(float(classifier.logits(masked[None].astype(np.float32))[0, target]))
    weights = np.exp(np.array(scores) - max(scores))
    cam = np.maximum(features @ (weights / weights.sum()), 0)
    return tf.image.resize(cam[..., None], image.shape[:2]).numpy()[..., 0]


@pytest.mark.parametrize(("name", "fill"), [("grey", MEAN_COLOUR), ("black", 0.0)])
def test_maps_are_those_of_the_definition(classifier, pair, name, fill):
    found = explain(classifier, *pair, "score_cam", fill=name)
    for ours, image, target in zip(found, *pair, strict=True):
        expected = definition(classifier, image, target, fill)
        assert expected.std() > 0
        np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-3 * expected.max())
        assert np.corrcoef(ours.ravel(), expected.ravel())[0, 1] > 0.999


def test_channels_that_are_the_same_everywhere_mask_all(classifier, pair):
    """Of an image of one colour, which a named layer of 1 x 1 keeps, and of pictures in one call."""
    plain = np.full((1, 12, 20, 3), 77, np.float32)
    layer = classifier.model.layers[1].name  # the preprocessing
    found = explain(classifier, plain, [1], "score_cam", layer=layer)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, 0, atol=1e-6)  # 77 is below the middle: its scaled value is negative


def test_a_network_with_one_logit_is_explained(single_class, pair):
    """Its probability is always 1, its logit is not."""
    layer = single_class.model.layers[0].name
    assert explain(single_class, pair[0], [0, 0], "score_cam", layer=layer).std() > 0
