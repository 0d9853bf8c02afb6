"""The vision transformer against a forward pass written out from the paper, in numpy."""

import numpy as np
import pytest
import tf_keras as keras
from scipy.special import erf

from bam.base.errors import BamError
from bam.models.architectures import build_model
from bam.models.architectures.vit import load_npz, vision_transformer
from bam.models.classifier import Classifier

PATCH, WIDTH, DEPTH, HEADS, CLASSES = 4, 12, 2, 3, 5


def tiny(size=(12, 12), classes=CLASSES):
    return vision_transformer("tiny", size, PATCH, WIDTH, DEPTH, HEADS, classes)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def arrays(rng):
    """Random weights in the layout of google-research/vision_transformer, for 3 x 3 patches."""
    each = WIDTH // HEADS
    shapes = {
        "cls": (1, 1, WIDTH),
        "embedding/kernel": (PATCH, PATCH, 3, WIDTH),
        "embedding/bias": (WIDTH,),
        "Transformer/posembed_input/pos_embedding": (1, 10, WIDTH),
        "Transformer/encoder_norm/scale": (WIDTH,),
        "Transformer/encoder_norm/bias": (WIDTH,),
        "head/kernel": (WIDTH, CLASSES),
        "head/bias": (CLASSES,),
    }
    for number in range(DEPTH):
        block = f"Transformer/encoderblock_{number}"
        for norm in ("LayerNorm_0", "LayerNorm_2"):
            shapes |= {f"{block}/{norm}/{kind}": (WIDTH,) for kind in ("scale", "bias")}
        attention = f"{block}/MultiHeadDotProductAttention_1"
        for part in ("query", "key", "value"):
            shapes |= {
                f"{attention}/{part}/kernel": (WIDTH, HEADS, each),
                f"{attention}/{part}/bias": (HEADS, each),
            }
        shapes |= {f"{attention}/out/kernel": (HEADS, each, WIDTH), f"{attention}/out/bias": (WIDTH,)}
        for dense, (before, after) in enumerate(((WIDTH, 4 * WIDTH), (4 * WIDTH, WIDTH))):
            mlp = f"{block}/MlpBlock_3/Dense_{dense}"
            shapes |= {f"{mlp}/kernel": (before, after), f"{mlp}/bias": (after,)}
    return {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}


def normed(x, arrays, name):
    """A layer norm: mean 0 and variance 1 of each token, then scale and bias."""
    deviations = x - x.mean(-1, keepdims=True)
    x = deviations / np.sqrt((deviations**2).mean(-1, keepdims=True) + 1e-6)
    return x * arrays[f"{name}/scale"] + arrays[f"{name}/bias"]


def forward(image, arrays):
    """Logits and each block's attention for one image in 0..255, in float64, token by token."""
    arrays = {name: array.astype(np.float64) for name, array in arrays.items()}
    pixels, tokens = image.astype(np.float64) / 127.5 - 1, [arrays["cls"][0, 0]]
    for top in range(0, len(image), PATCH):  # equation 1
        for left in range(0, image.shape[1], PATCH):
            patch = pixels[top : top + PATCH, left : left + PATCH].ravel()
            kernel = arrays["embedding/kernel"].reshape(-1, WIDTH)
            tokens.append(patch @ kernel + arrays["embedding/bias"])
    z = np.array(tokens) + arrays["Transformer/posembed_input/pos_embedding"][0]
    attentions = []
    for number in range(DEPTH):
        block = f"Transformer/encoderblock_{number}"
        attention, y = f"{block}/MultiHeadDotProductAttention_1", normed(z, arrays, f"{block}/LayerNorm_0")
        out, probabilities = arrays[f"{attention}/out/bias"], []
        for head in range(HEADS):  # equation 2, and 5 to 8 of the appendix
            query, key, value = (
                y @ arrays[f"{attention}/{part}/kernel"][:, head] + arrays[f"{attention}/{part}/bias"][head]
                for part in ("query", "key", "value")
            )
            weights = np.exp(query @ key.T / np.sqrt(WIDTH / HEADS))
            weights /= weights.sum(1, keepdims=True)
            out = out + weights @ value @ arrays[f"{attention}/out/kernel"][head]
            probabilities.append(weights)
        attentions.append(probabilities)
        z = z + out
        mlp = f"{block}/MlpBlock_3/Dense_"  # equation 3
        y = normed(z, arrays, f"{block}/LayerNorm_2") @ arrays[f"{mlp}0/kernel"] + arrays[f"{mlp}0/bias"]
        y = y * (1 + erf(y / np.sqrt(2))) / 2
        z = z + y @ arrays[f"{mlp}1/kernel"] + arrays[f"{mlp}1/bias"]
    y = normed(z, arrays, "Transformer/encoder_norm")[0]  # equation 4
    return y @ arrays["head/kernel"] + arrays["head/bias"], np.array(attentions)


def stored(tmp_path, arrays):
    np.savez(tmp_path / "weights.npz", **arrays)
    return str(tmp_path / "weights.npz")


def test_logits_and_attention_are_those_of_the_equations(tmp_path, arrays, rng):
    model = tiny()
    load_npz(model, stored(tmp_path, arrays))
    classifier = Classifier(model, range(CLASSES))
    images = rng.uniform(0, 255, (2, 12, 12, 3)).astype(np.float32)
    logits, first, second = (
        classifier.logits(images),
        classifier.features(images, "block1_attention"),
        classifier.features(images, "block2_attention"),
    )
    for index, image in enumerate(images):
        expected, attentions = forward(image, arrays)
        np.testing.assert_allclose(logits[index], expected, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(first[index], attentions[0], rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(second[index], attentions[1], rtol=1e-3, atol=1e-5)


def test_derivatives_reach_every_blocks_attention(tmp_path, arrays, rng):
    model = tiny()
    load_npz(model, stored(tmp_path, arrays))
    classifier, images = Classifier(model, range(CLASSES)), rng.uniform(0, 255, (1, 12, 12, 3))
    names = ["block1_attention", "block2_attention"]
    for values, gradient in classifier.layer_gradients(images.astype(np.float32), np.array([2]), names):
        assert values.shape == gradient.shape == (1, HEADS, 10, 10)
        assert np.abs(gradient).max() > 0


def test_rounded_arithmetic_is_near_and_a_stored_network_is_the_same(tmp_path, arrays, rng):
    model = tiny()
    load_npz(model, stored(tmp_path, arrays))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    exact, rounded, loaded = (
        Classifier(network, range(CLASSES), precision=precision)
        for network, precision in ((model, "float32"), (model, "bfloat16"), (again, "float32"))
    )
    assert loaded.digest == exact.digest
    images = rng.uniform(0, 255, (2, 12, 12, 3)).astype(np.float32)
    assert np.array_equal(loaded.logits(images), exact.logits(images))
    difference = np.abs(rounded.logits(images) - exact.logits(images)).max()
    assert 0 < difference < 0.1 * np.abs(exact.logits(images)).max()
    gradients = [c.gradient(images, np.array([0, 1])).ravel() for c in (exact, rounded)]
    assert np.corrcoef(*gradients)[0, 1] > 0.99


def test_a_head_for_other_classes_is_left_out(tmp_path, arrays):
    keras.utils.set_random_seed(0)
    model = tiny(classes=4)
    before = model.get_layer("logits").get_weights()
    path = stored(tmp_path, {**arrays, "pre_logits/kernel": np.ones((WIDTH, WIDTH))})
    load_npz(model, path)
    for kept, old in zip(model.get_layer("logits").get_weights(), before, strict=True):
        assert np.array_equal(kept, old)
    assert np.array_equal(model.get_layer("embedding").get_weights()[1], arrays["embedding/bias"])
    with pytest.raises(BamError, match="1 unknown, first pre_logits/kernel"):
        load_npz(tiny(), path)  # there the head would count on it


def test_positions_of_another_grid_are_resized_bilinearly(tmp_path, arrays):
    """A plane stays a plane, from corner to corner."""
    name, model = "Transformer/posembed_input/pos_embedding", tiny((20, 12))
    plane = np.add.outer(np.arange(3.0), 10 * np.arange(3.0)).reshape(1, 9, 1)
    arrays[name] = np.concatenate([np.full((1, 1, WIDTH), 77.0), np.repeat(plane, WIDTH, 2)], 1)
    load_npz(model, stored(tmp_path, arrays))
    positions = model.get_layer("tokens").get_weights()[1][0]
    assert (positions[0] == 77).all()
    expected = np.add.outer(np.linspace(0, 2, 5), 10 * np.arange(3.0))
    np.testing.assert_allclose(positions[1:, 0].reshape(5, 3), expected, rtol=1e-5, atol=1e-5)


def test_unusable_files_are_one_clear_error(tmp_path, arrays):
    few = {name: array for name, array in arrays.items() if "encoderblock_1" not in name}
    headless = {name: array for name, array in arrays.items() if name != "head/kernel"}
    (tmp_path / "noise.npz").write_bytes(b"noise")
    with open(tmp_path / "array.npz", "wb") as file:
        np.save(file, np.zeros(3))
    cases = (
        (few, r"tiny: 16 missing, first Transformer/encoderblock_1/LayerNorm_0/scale"),
        (headless, "1 missing, first head/kernel"),
        ({**arrays, "opt/step": np.zeros(1)}, "1 unknown, first opt/step"),
        (
            {**arrays, "cls": np.zeros((1, 1, 7))},
            r"1 of another shape, first cls \(1, 1, 7\), not \(1, 1, 12\)",
        ),
        ({**arrays, "cls": np.array([None])}, r"no \.npz file of arrays"),
        ("noise.npz", r"no \.npz file of arrays"),
        ("array.npz", r"no \.npz file of arrays"),
        ("absent.npz", "there is no weights file"),
    )
    model = tiny()
    before = model.get_weights()
    for given, words in cases:
        path = str(tmp_path / given) if isinstance(given, str) else stored(tmp_path, given)
        with pytest.raises(BamError, match=words):
            load_npz(model, path)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True))
    for weights, words in (
        ("absent.npz", "there is no weights file"),
        ("imagenet", r"no ImageNet weights to fetch for vit_tiny: set `weights` to a \.npz file"),
    ):
        with pytest.raises(BamError, match=words):
            build_model("vit_tiny", 10, weights, seed=0)
