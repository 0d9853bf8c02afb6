import numpy as np
import tf_keras as keras

from bam.attributions import explain
from bam.models.classifier import Classifier


def network(head, size=8):
    """Features are the three channels averaged over 2 x 2 pixels; logits their means times `head`."""
    inputs = keras.Input((size, size, 3))
    quarter = keras.initializers.Constant(0.25)
    features = keras.layers.DepthwiseConv2D(
        2, 2, use_bias=False, depthwise_initializer=quarter, name="features"
    )(inputs)
    outputs = keras.layers.Dense(head.shape[1], use_bias=False)(
        keras.layers.GlobalAveragePooling2D()(features)
    )
    model = keras.Model(inputs, outputs)
    model.layers[-1].set_weights([head.astype(np.float32)])
    return Classifier(model, range(head.shape[1]))


def test_grad_cam_is_the_weighted_sum_of_features_above_zero():
    head = np.array([[2.0, 0.0], [-1.0, 0.0], [0.0, -3.0]])
    images = np.zeros((2, 8, 8, 3), np.float32)
    images[:, :4, :4, 0] = 100  # speaks for class 0
    images[:, 4:, 4:, 1] = 100  # speaks against it
    images[:, :, :, 2] = 10  # speaks against class 1 everywhere
    maps = explain(network(head), images, [0, 1], "grad_cam")
    expected = np.zeros((4, 4))
    expected[:2, :2] = 2.0 / 16 * 100  # weight: derivative of the mean over 4 x 4
    # At the centres of the coarse pixels' blocks, bilinear enlarging keeps the value.
    np.testing.assert_allclose(maps[0, :3, :3], expected[0, 0], rtol=1e-5)
    assert (maps[0, 5:, :] == 0).all()
    assert (maps[1] == 0).all()  # no NaN from a division by zero


def test_layer_can_be_named(scene_classifier):
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3))
    default, last, earlier = (
        explain(scene_classifier, images, [0, 1], "grad_cam", **params)
        for params in ({}, {"layer": "block_layer4"}, {"layer": "block_layer2"})
    )
    assert np.array_equal(default, last)
    assert not np.allclose(default, earlier)


def test_layered_grad_cam_is_the_size_of_the_enlarged_sum():
    head = np.array([[2.0, 0.0], [-1.0, 0.0], [0.0, -3.0]])
    images = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)
    features = images.reshape(2, 4, 2, 4, 2, 3).mean((2, 4))
    coarse = np.stack([(features[i] * head[:, i] / 16).sum(-1) for i in range(2)])
    assert coarse[0].min() < 0 < coarse[0].max()
    maps = explain(network(head), images, [0, 1], "layered_grad_cam")
    # Between the centres of coarse pixels, enlarging to the double takes 3/4 of one and 1/4 of the next.
    rows = np.concatenate([coarse[:, :1], *_between(coarse, 1), coarse[:, -1:]], axis=1)
    fine = np.concatenate([rows[:, :, :1], *_between(rows, 2), rows[:, :, -1:]], axis=2)
    np.testing.assert_allclose(maps, np.abs(fine), rtol=1e-4, atol=1e-4)
    signed = explain(network(head), images, [0, 1], "grad_cam")
    assert (signed[1] == 0).all()  # everything speaks against class 1
    assert maps[1].min() > 0


def _between(values, axis):
    """The two points between each pair of neighbours along an axis."""
    pairs = range(values.shape[axis] - 1)
    near, far = ([np.take(values, [i + step], axis) for i in pairs] for step in (0, 1))
    return [
        np.concatenate([0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b], axis)
        for a, b in zip(near, far, strict=True)
    ]
