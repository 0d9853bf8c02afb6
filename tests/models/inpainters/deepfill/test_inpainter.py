"""DeepFill as an inpainter, and against outputs of the published code where these are at hand."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from bam.models.inpainters import make_inpainter
from bam.models.inpainters.deepfill.network import generator

PUBLISHED = Path(__file__).resolve().parents[5] / "shared" / "fixtures" / "deepfill_v1"
# Of outputs of the published code, and of the picture and the mask that go with each.
CASES = {
    "": ("images", "masks"),
    "_256x320": ("image_256x320", "mask_256x320"),
    "_128x128": ("image_128x128", "mask_128x128"),
    "_139x205": ("image_139x205", "mask_139x205"),
    "_128x128_full": ("image_128x128", "mask_128x128_full"),
    "_128x128_empty": ("image_128x128", "mask_128x128_empty"),
}


@pytest.fixture
def deepfill(deepfill_checkpoint):
    return make_inpainter("deepfill", checkpoint=str(deepfill_checkpoint))


def fill(inpainter, images, holes):
    return inpainter.fill(images, holes, ["dog"] * len(images), np.zeros(len(images), np.uint64))


@pytest.fixture
def given():
    """Three pictures of noise, of a height that is a multiple of 8 and a width that is none; holes."""
    rng = np.random.default_rng(0)
    images, holes = rng.integers(0, 256, (3, 24, 21, 3), dtype=np.uint8), np.zeros((3, 24, 21), bool)
    holes[0, 4:12, 5:14] = holes[1, :9, 15:] = holes[2, 16:] = True
    return images, holes


def test_the_hole_is_the_refining_networks_and_the_rest_the_pictures(
    deepfill, deepfill_variables, given, loops
):
    images, holes = (part[:2] for part in given)
    filled = fill(deepfill, images, holes)
    for image, hole, found in zip(images, holes, filled, strict=True):
        wide = [np.concatenate([part, np.stack([part[:, -1]] * 3, 1)], 1) for part in (image, hole)]
        _, refined = loops.generator(deepfill_variables, *wide)
        levels = (refined[:, :21, ::-1] + 1) * 127.5
        assert np.array_equal(found[~hole], image[~hole])
        # Cut off, not rounded; rounding of sums can only matter next to a whole number.
        assert (found[hole] <= levels[hole] + 0.01).all()
        assert (found[hole] > levels[hole] - 1.01).all()
        assert found[hole].std() > 5


def test_what_is_in_the_hole_does_not_matter(deepfill, given):
    images, holes = given
    others = np.where(holes[..., None], 255 - images, images)
    assert np.array_equal(fill(deepfill, others, holes)[holes], fill(deepfill, images, holes)[holes])
    around = np.where(holes[..., None], images, 255 - images)
    assert (fill(deepfill, around, holes)[holes] != fill(deepfill, images, holes)[holes]).mean() > 0.9


def test_it_is_compiled_once_for_a_size(deepfill, given):
    images, holes = given
    fill(deepfill, images, holes)
    fill(deepfill, images[:1], holes[:1])
    fill(deepfill, images[:, :, :17], holes[:, :, :17])  # which is continued to the same size
    assert deepfill._compiled.cache_info().misses == 1
    fill(deepfill, images[:, :16], holes[:, :16])
    assert deepfill._compiled.cache_info().misses == 2


def test_a_gpu_paints_batches(deepfill, given, monkeypatch):
    images, holes = given
    alone = fill(deepfill, images, holes)
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind])  # it decides on batches alone
    sizes, compiled = [], deepfill._compiled
    monkeypatch.setattr(
        deepfill,
        "_compiled",
        lambda *size: lambda *batch: sizes.append(len(batch[0])) or compiled(*size)(*batch),
    )
    together = fill(deepfill, images, holes)
    assert sizes == [3]
    assert abs(together.astype(int) - alone).max() <= 1
    assert (together != alone).mean() < 0.01


def test_the_key_knows_a_checkpoint_by_its_content(deepfill, deepfill_variables, save_checkpoint, tmp_path):
    def key(name, **changes):
        folder = save_checkpoint(tmp_path / name, {**deepfill_variables, **changes})
        return make_inpainter("deepfill", checkpoint=str(folder)).key

    assert key("same", discriminator=np.zeros(3, np.float32)) == deepfill.key
    bias = deepfill_variables["inpaint_net/conv5/bias"].copy()
    bias[3] += 1e-6
    assert key("other", **{"inpaint_net/conv5/bias": bias}) != deepfill.key


def test_the_key_knows_what_it_is_computed_with(deepfill_checkpoint, monkeypatch):
    """A fill that a GPU made, in a batch and with shorter numbers, is not that of a CPU."""

    def key():
        return make_inpainter("deepfill", checkpoint=str(deepfill_checkpoint)).key

    found = []
    for devices in ([], ["GPU"]):
        monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind, devices=devices: devices)
        for short in (True, False):
            monkeypatch.setattr(
                tf.config.experimental, "tensor_float_32_execution_enabled", lambda short=short: short
            )
            found.append((key()["device"], key()["precision"]))
    assert found == [("cpu", "float32"), ("cpu", "float32"), ("gpu", "tensorfloat32"), ("gpu", "float32")]


@pytest.fixture(scope="module")
def published():
    """The checkpoint, inputs and outputs of the published code with random weights."""
    if not PUBLISHED.is_dir():
        pytest.skip(f"there is no folder {PUBLISHED} with outputs of the published code")
    inpainter = make_inpainter("deepfill", checkpoint=str(PUBLISHED))
    return inpainter, *(dict(np.load(PUBLISHED / f"{name}.npz")) for name in ("inputs", "outputs"))


@pytest.mark.parametrize("case", CASES)
def test_outputs_are_those_of_the_published_code(published, case):
    inpainter, inputs, outputs = published
    images, holes = (inputs[name] for name in CASES[case])
    stages = [outputs[f"{stage}{case}"] for stage in ("stage1", "stage2", "final")]
    if case:
        images, holes, *stages = (part[None] for part in (images, holes, *stages))
    # The published code drops what goes beyond a multiple of 8.
    height, width = stages[0].shape[1:3]
    images, holes = images[:, :height, :width], holes[:, :height, :width] == 1
    for number, (image, hole) in enumerate(zip(images, holes, strict=True)):
        painted = generator(inpainter._variables, tf.constant(image[None]), tf.constant(hole[None]))
        for found, expected in zip(painted, stages[:2], strict=True):
            np.testing.assert_allclose(found[0, ..., ::-1], expected[number], rtol=0, atol=5e-5)
    filled = fill(inpainter, images, holes)
    # Known pixels are pasted back here; there they lose a level in places.
    assert abs(filled.astype(int) - stages[2]).max() <= 1
    assert not holes.any() or (filled != stages[2])[holes].mean() <= 1e-3
    assert np.array_equal(filled[~holes], images[~holes])
