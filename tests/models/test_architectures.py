import numpy as np
import pytest
import tf_keras as keras

from data_prep.errors import BamError
from models.architectures import ARCHITECTURES, build_model
from models.classifier import Classifier


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_network_is_flat_and_fine_enough(name):
    model = build_model(name, 10, "none", seed=0)
    size = ARCHITECTURES[name].input_size
    assert model.input_shape == (None, size, size, 3)
    assert model.output_shape == (None, 10)
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    features = model.get_layer(Classifier(model, range(10)).feature_layer()).output_shape
    assert min(features[1:3]) >= 7


def test_same_seed_same_weights():
    first, again, other = (build_model("small", 10, "none", seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_imagenet_file_gives_the_features_of_keras_applications(tmp_path):
    reference = keras.applications.ResNet50(include_top=False, weights=None)
    reference.save_weights(tmp_path / "notop.h5")
    model = build_model("resnet50", 10, str(tmp_path / "notop.h5"), seed=0)
    inner = keras.Model(model.inputs, model.get_layer("conv5_block3_out").output)
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 224, 224, 3)).astype(np.float32)
    expected = reference(keras.applications.resnet50.preprocess_input(pixels.copy())).numpy()
    assert expected.std() > 0
    np.testing.assert_allclose(inner(pixels).numpy(), expected, rtol=1e-3, atol=1e-3 * expected.max())


def test_keras_file_gives_its_weights_except_a_head_of_other_classes(tmp_path):
    source = build_model("small", 4, "none", seed=5)
    source.save(tmp_path / "source.keras")
    same = build_model("small", 4, str(tmp_path / "source.keras"), seed=0)
    assert all(np.array_equal(a, b) for a, b in zip(same.get_weights(), source.get_weights(), strict=True))
    other = build_model("small", 10, str(tmp_path / "source.keras"), seed=0)
    assert other.output_shape == (None, 10)
    assert all(
        np.array_equal(a, b) for a, b in zip(other.get_weights()[:-2], source.get_weights()[:-2], strict=True)
    )


def test_unusable_weights_are_one_clear_error(tmp_path):
    (tmp_path / "noise.keras").write_bytes(b"no archive")
    (tmp_path / "noise.h5").write_bytes(b"no hdf5")
    keras.Sequential([keras.layers.Dense(2, input_shape=(3,))]).save(tmp_path / "other.keras")
    for architecture, weights, words in (
        ("small", "imagenet", "no ImageNet weights"),
        ("small", str(tmp_path / "absent.keras"), "no weights file"),
        ("small", str(tmp_path / "noise.keras"), "no .keras file"),
        ("small", str(tmp_path / "other.keras"), "another architecture"),
        ("resnet50", str(tmp_path / "absent.h5"), "no weights file"),
        ("resnet50", str(tmp_path / "noise.h5"), "no ResNet50 weights"),
        ("resnet5", "none", "did you mean 'resnet50'"),
    ):
        with pytest.raises(BamError, match=words):
            build_model(architecture, 10, weights, seed=0)
