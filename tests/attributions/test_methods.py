"""Every registered method passes the same battery."""

import numpy as np
import pytest
import tf_keras as keras

from bam.attributions import METHODS, explain, registry
from bam.base.errors import BamError
from bam.models.architectures.vit import vision_transformer
from bam.models.classifier import Classifier

KIN = ("grad_cam_pp", "xgrad_cam", "layer_cam", "hires_cam", "eigen_cam", "score_cam")


@pytest.fixture(scope="module")
def oblong_classifier():
    """A small convolutional network on pictures that are not square."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((12, 20, 3))
    x = keras.layers.Conv2D(6, 3, activation="relu", padding="same")(inputs)
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu", padding="same")(x)
    outputs = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x))
    return Classifier(keras.Model(inputs, outputs), "abc", "oblong", "object", batch_size=8)


@pytest.fixture(scope="module")
def oblong_transformer():
    """A small vision transformer on pictures of the same size."""
    keras.utils.set_random_seed(0)
    model = vision_transformer("transformer", (12, 20), 4, 16, 2, 2, 3)
    return Classifier(model, "abc", "transformer", "object", batch_size=8)


@pytest.fixture(scope="module")
def soft_classifier():
    """The convolutional network with pixels on a scale that keeps probabilities away from 0 and 1."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((12, 20, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = keras.layers.Conv2D(8, 3, activation="relu", padding="same")(x)
    outputs = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x))
    return Classifier(keras.Model(inputs, outputs), "abc", "soft", "object", batch_size=8)


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    masks = np.zeros((8, 12, 20), bool)
    masks[:, 3:9, 4:12] = True
    return rng.uniform(0, 255, (8, 12, 20, 3)).astype(np.float32), rng.integers(0, 3, 8), masks


@pytest.fixture(params=METHODS)
def method(request):
    return request.param


@pytest.fixture
def classifier(method, oblong_classifier, oblong_transformer, soft_classifier):
    """The convolutional network, or the transformer for the methods that need one."""
    if METHODS[method].slow:  # which look at probabilities, or logits
        return soft_classifier
    unsuited = METHODS[method].unsuited(oblong_classifier)
    assert not (unsuited and METHODS[method].unsuited(oblong_transformer))
    return oblong_transformer if unsuited else oblong_classifier


def test_maps_are_per_pixel_and_finite(method, classifier, batch, small):
    images, targets, masks = batch
    maps = explain(classifier, images, targets, method, masks=masks, **small(method))
    assert maps.dtype == np.float32
    assert maps.shape[:3] == (8, 12, 20)
    assert maps.ndim in (3, 4)
    assert np.isfinite(maps).all()


def test_batch_of_one_equals_batch_of_eight(method, classifier, batch, small):
    (images, targets, masks), settings = batch, small(method)
    seeds = np.arange(8)
    whole = explain(classifier, images, targets, method, seeds, masks, **settings)
    for i in (0, 5):
        one = np.s_[i : i + 1]
        single = explain(classifier, images[one], targets[one], method, seeds[one], masks[one], **settings)
        np.testing.assert_allclose(single[0], whole[i], rtol=1e-4, atol=1e-5 * abs(whole[i]).max())


def test_same_seed_same_maps(method, classifier, batch, small):
    (images, targets, masks), settings = batch, small(method)
    first, again = (explain(classifier, images, targets, method, 7, masks, **settings) for _ in range(2))
    assert np.array_equal(first, again)


def test_images_of_another_size_are_resized(method, classifier, batch, small):
    _, targets, _ = batch
    images = np.random.default_rng(1).integers(0, 256, (8, 30, 30, 3), dtype=np.uint8)
    maps = explain(classifier, images, targets, method, masks=np.zeros((8, 30, 30), bool), **small(method))
    assert maps.shape[:3] == (8, 12, 20)


def test_unknown_targets_are_refused(method, classifier, batch):
    images, _, masks = batch
    for targets in (np.full(8, 3), np.full(8, -1), np.zeros(7, int), 0):
        with pytest.raises(BamError, match="targets must be 8 class indices from 0 to 2"):
            explain(classifier, images, targets, method, masks=masks)


@pytest.mark.parametrize("method", [name for name in METHODS if not METHODS[name].control], indirect=True)
def test_methods_depend_on_the_target(method, classifier, batch, small):
    images, _, masks = batch
    first, second = (
        explain(classifier, images, np.full(8, target), method, masks=masks, **small(method))
        for target in (0, 1)
    )
    knows_no_target = method in ("attention_rollout", "attention_last_layer", "eigen_cam")
    assert np.array_equal(first, second) == knows_no_target
    # Without max-pooling, nothing of the image is in the way back.
    assert np.allclose(first[0], first[1]) == (method == "deconvnet")


def test_unknown_method_names_the_nearest(oblong_classifier, batch):
    with pytest.raises(BamError, match="did you mean 'grad_cam'"):
        explain(oblong_classifier, *batch[:2], "gradcam")


def test_a_function_of_ones_own_is_a_method_and_its_shape_is_checked(oblong_classifier, batch):
    images, targets, _ = batch

    def brightness(classifier, images, targets, *, seed, power=1):
        return images.mean(-1) ** power

    maps = explain(oblong_classifier, images, targets, brightness, power=2)
    np.testing.assert_allclose(maps, images.mean(-1) ** 2, rtol=1e-5)

    def too_small(classifier, images, targets, *, seed):
        return np.zeros((8, 3, 3))

    with pytest.raises(BamError, match=r"too_small returned maps of shape \(8, 3, 3\)"):
        explain(oblong_classifier, images, targets, too_small)


def test_any_convolutional_network_can_be_explained(small):
    """Here with depthwise convolutions, ReLU6 and blocks without a last ReLU."""
    keras.utils.set_random_seed(0)
    whole = keras.applications.MobileNetV2((32, 32, 3), weights=None, include_top=False, alpha=0.35)
    x = whole.get_layer("block_3_expand_relu").output  # the first blocks hold all kinds of layers
    x = keras.layers.Dense(4)(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(whole.input, x)
    classifier = Classifier(model, "abcd", batch_size=4)
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(classifier.logits(images), model(images, training=False), rtol=1e-3, atol=1e-3)
    for name, method in METHODS.items():
        if not method.control and not method.unsuited(classifier):
            few = small(name) or ({"samples": 2} if method.takes("samples") else {})
            maps = explain(classifier, images, [0, 1], name, **few)
            assert maps.shape[:3] == (2, 32, 32)
            assert np.isfinite(maps).all()


def test_a_network_without_relu_is_told_so():
    layers = [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, activation="gelu"), keras.layers.Flatten()]
    classifier = Classifier(keras.Sequential([*layers, keras.layers.Dense(2)]), "ab")
    images = np.full((1, 8, 8, 3), 9.0)
    assert explain(classifier, images, [0], "grad_cam").shape == (1, 8, 8)
    with pytest.raises(BamError, match="has no ReLU"):
        explain(classifier, images, [0], "guided_backprop")


class Opaque(keras.Model):
    """A network inside the network that is no graph of layers."""

    def __init__(self):
        super().__init__()
        self.convolution = keras.layers.Conv2D(4, 3, activation="relu")

    def call(self, images):
        return self.convolution(images)

    def get_config(self):
        return {}


def test_a_network_inside_that_is_no_graph_is_told_to_name_a_layer():
    head = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    classifier = Classifier(keras.Sequential([keras.Input((8, 8, 3)), Opaque(), *head]), "ab")
    with pytest.raises(BamError, match="network inside the network"):
        explain(classifier, np.full((1, 8, 8, 3), 9.0), [0], "grad_cam")
    assert set(unsuited(classifier)) >= {"grad_cam", "layered_grad_cam", "guided_grad_cam", "fullgrad", *KIN}
    assert "guided_backprop" not in unsuited(classifier)


def test_nothing_to_explain_and_negative_seeds_are_refused(method, classifier, batch):
    images, targets, masks = batch
    with pytest.raises(BamError, match="was given no images"):
        explain(classifier, images[:0], targets[:0], method, masks=masks[:0])
    with pytest.raises(BamError, match="must not be negative"):
        explain(classifier, images, targets, method, seed=-1, masks=masks)


def unsuited(classifier):
    reasons = {name: method.unsuited(classifier) for name, method in METHODS.items()}
    return {name: reason for name, reason in reasons.items() if reason}


def test_what_does_not_apply_to_a_network_is_said_in_a_few_words(oblong_classifier, oblong_transformer):
    attention = ("attention_rollout", "attention_last_layer", "attention_grad_cam")
    attention += ("transformer_attribution", "legrad")
    assert unsuited(oblong_classifier) == dict.fromkeys(attention, "the network has no attention")
    maps = "the network has tokens in place of feature maps"
    assert unsuited(oblong_transformer) == {
        "guided_backprop": "the network has no ReLU",
        "deconvnet": "the network has no ReLU",
        "fullgrad": "the network is not linear between ReLUs (tokens)",
        "grad_cam": maps,
        "layered_grad_cam": maps,
        "guided_grad_cam": "the network has no ReLU",
        **dict.fromkeys(KIN, maps),
    }
    linear = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    reasons = unsuited(Classifier(linear, "ab"))
    assert reasons["grad_cam"] == "the network has no feature maps"
    assert "fullgrad" not in reasons


def test_what_does_not_apply_is_refused_but_a_named_layer_is_explained(oblong_transformer, batch):
    images, targets, _ = batch
    usual = ("grad_cam", "layered_grad_cam", "fullgrad", "guided_backprop", "guided_grad_cam", "deconvnet")
    for name in (*usual, *KIN):
        with pytest.raises(BamError, match="transformer has no"):
            explain(oblong_transformer, images, targets, name)
    for name in ("grad_cam", *KIN):
        assert explain(oblong_transformer, images, targets, name, layer="embedding").shape == (8, 12, 20)
        with pytest.raises(BamError, match="needs feature maps, but layer norm gives"):
            explain(oblong_transformer, images, targets, name, layer="norm")


def test_a_method_says_what_it_needs_when_it_is_registered(oblong_classifier, monkeypatch):
    monkeypatch.setattr("bam.attributions.registry.METHODS", {})

    @registry.method(needs=[lambda classifier: None, lambda classifier: f"{classifier.name} is too long"])
    def square_only(classifier, images, targets, *, seed):
        return images

    @registry.method
    def plain(classifier, images, targets, *, seed):
        return images

    @registry.method(version=2)
    def improved(classifier, images, targets, *, seed):
        return images

    found = registry.METHODS
    assert {name: method.version for name, method in found.items()} == {
        "square_only": 1,
        "plain": 1,
        "improved": 2,
    }
    assert found["square_only"].unsuited(oblong_classifier) == "oblong is too long"
    assert found["plain"].unsuited(oblong_classifier) is None
    assert square_only(None, 3, None, seed=0) == plain(None, 3, None, seed=0) == 3


def test_settings_are_what_maps_are_made_with(oblong_classifier, batch):
    images, targets, _ = batch
    explainer = METHODS["smoothgrad"].with_settings(samples=3)
    assert explainer.settings == {"samples": 3, "noise": 0.15}
    assert explainer.key == ["smoothgrad", 1, {"samples": 3, "noise": 0.15}]
    found = explainer.explain(oblong_classifier, images, targets, seed=4)
    expected = explain(oblong_classifier, images, targets, "smoothgrad", 4, samples=3)
    np.testing.assert_array_equal(found, expected)


def test_all_settings_are_known_by_their_defaults(method):
    explainer = METHODS[method].with_settings()
    assert explainer.name == method
    assert explainer.settings == METHODS[method].defaults
    assert not {"classifier", "images", "targets", "seed", "masks", "ids", "view"} & set(explainer.settings)
    for name, value in explainer.settings.items():
        assert METHODS[method].with_settings(**{name: value}).key == explainer.key
        with pytest.raises(BamError, match=f"{method}: {name} must be of type"):
            METHODS[method].with_settings(**{name: object()})


def test_images_in_0_to_1_are_suspected(oblong_classifier, batch):
    images, targets = batch[:2]
    with pytest.warns(UserWarning, match="no value of `images` exceeds 1"):
        explain(oblong_classifier, np.asarray(images) / 255, targets)
