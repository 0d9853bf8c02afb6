"""Stable Diffusion through diffusers itself, on an untrained pipeline in the small."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from bam.base.errors import BamError
from bam.models.inpainters import make_inpainter
from bam.models.inpainters import stable_diffusion as module

diffusers = pytest.importorskip("diffusers")


@pytest.fixture
def given():
    """Three pictures that are not square, holes, prompts and seeds."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 36, 52, 3), dtype=np.uint8)
    return images, rng.random((3, 36, 52)) < 0.4, ["dog", "ski slope", "kite"], np.arange(3, dtype=np.uint64)


@pytest.fixture
def copy(checkpoint, tmp_path):
    """A copy of the checkpoint that may be spoiled."""
    return shutil.copytree(checkpoint, tmp_path / "copy")


def make(folder, paste_back=True):
    return make_inpainter("stable-diffusion", checkpoint=str(folder), paste_back=paste_back)


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_it_is_the_pipeline_of_diffusers_with_the_papers_settings(checkpoint, given):
    import torch

    assert (module.GUIDANCE, module.CHECKPOINT) == (7.5, "stable-diffusion-v1-5/stable-diffusion-inpainting")
    images, holes, prompts, seeds = given
    painted = make(checkpoint, paste_back=False).fill(*given)
    pipeline = diffusers.StableDiffusionInpaintPipeline.from_pretrained(checkpoint)
    pipeline.set_progress_bar_config(disable=True)
    for image, hole, prompt, seed, ours in zip(images, holes, prompts, seeds, painted, strict=True):
        # Its own defaults, and white where to repaint; the small pipeline works on 32 x 32.
        whole = pipeline(
            prompt,
            Image.fromarray(image).resize((32, 32), Image.Resampling.BICUBIC),
            Image.fromarray(np.where(hole, 255, 0).astype(np.uint8)).resize(
                (32, 32), Image.Resampling.NEAREST
            ),
            generator=torch.Generator().manual_seed(int(seed)),
            num_inference_steps=3,
        ).images[0]
        assert np.array_equal(ours, whole.resize((52, 36), Image.Resampling.BICUBIC))
    pasted = make(checkpoint).fill(*given)
    assert np.array_equal(pasted, np.where(holes[..., None], painted, images))


def test_without_pasting_back_all_has_passed_the_autoencoder(checkpoint, given):
    images, holes, *others = given
    holes[0] = False
    filled = make(checkpoint, paste_back=False).fill(images, holes, *others)
    assert (filled != images)[~holes].any(-1).mean() > 0.9


def test_the_number_of_steps_is_the_papers(checkpoint, given, monkeypatch):
    monkeypatch.undo()  # what `few_steps` did
    inpainter = make(checkpoint)
    assert inpainter.key["steps"] == 50
    pipeline, taken = inpainter._pipeline, []
    whole = pipeline.unet.forward
    monkeypatch.setattr(
        pipeline.unet, "forward", lambda *args, **more: taken.append(1) or whole(*args, **more)
    )
    inpainter.fill(*(part[:1] for part in given))
    assert len(taken) == 51  # the scheduler takes the second one twice


def test_a_gpu_paints_batches(checkpoint, given, monkeypatch):
    inpainter = make(checkpoint)
    alone = inpainter.fill(*given)
    pipeline, sizes = type(inpainter._pipeline), []
    call = pipeline.__call__
    monkeypatch.setattr(
        pipeline,
        "__call__",
        lambda self, prompt, **more: sizes.append(len(prompt)) or call(self, prompt, **more),
    )
    monkeypatch.setattr(inpainter, "_device", "cuda")  # with the pipeline loaded, it decides on batches alone
    together = inpainter.fill(*given)
    assert sizes == [3]
    assert abs(together.astype(int) - alone).max() <= 1


def with_safety_checker(folder, threshold):
    """Add an untrained safety checker that withholds what is nearer to a concept than the threshold."""
    import torch
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessor

    small = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1}
    vision = {**small, "image_size": 32, "patch_size": 8}
    checker = StableDiffusionSafetyChecker(
        CLIPConfig(text_config=small, vision_config=vision, projection_dim=16)
    )
    checker.concept_embeds_weights.data[:] = threshold
    checker.special_care_embeds_weights.data[:] = torch.inf
    checker.save_pretrained(folder / "safety_checker")
    size = {"size": {"shortest_edge": 32}, "crop_size": 32}
    CLIPImageProcessor(**size).save_pretrained(folder / "feature_extractor")
    edit(
        folder / "model_index.json",
        safety_checker=["stable_diffusion", "StableDiffusionSafetyChecker"],
        feature_extractor=["transformers", "CLIPImageProcessor"],
    )


@pytest.mark.parametrize("paste_back", [True, False])
def test_what_the_safety_checker_withholds_is_black_all_over(copy, given, paste_back):
    free = make(copy, paste_back).fill(*given)
    with_safety_checker(copy, threshold=-2)  # below all cosines
    inpainter = make(copy, paste_back)
    assert inpainter.may_refuse
    assert not inpainter.fill(*given).any()
    with_safety_checker(copy, threshold=2)
    assert np.array_equal(make(copy, paste_back).fill(*given), free)


def test_one_withheld_sample_leaves_the_others(copy, given, monkeypatch):
    free = make(copy).fill(*given)
    with_safety_checker(copy, threshold=2)
    inpainter = make(copy)
    weights = inpainter._pipeline.safety_checker.concept_embeds_weights
    call = inpainter._sampled

    def refusing_kites(images, holes, prompts, seeds):
        weights.data[:] = -2 if prompts == ["kite"] else 2
        return call(images, holes, prompts, seeds)

    monkeypatch.setattr(inpainter, "_sampled", refusing_kites)
    filled = inpainter.fill(*given)
    assert np.array_equal(filled[:2], free[:2])
    assert not filled[2].any()


def test_failed_arithmetic_is_black_all_over(checkpoint, given):
    inpainter = make(checkpoint)
    inpainter._pipeline.vae.decoder.conv_out.bias.data[1] = np.nan  # the green channel
    assert not inpainter.fill(*given).any()


def test_nothing_is_printed(copy, given, capfd):
    with_safety_checker(copy, threshold=-2)
    make(copy).fill(*given)
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "%" not in printed.err  # no progress bars


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        ("model_index.json", "holds no model_index.json"),
        ("unet", r"lacks unet/\*.safetensors: fetch the whole pipeline"),
        ("vae/diffusion_pytorch_model.safetensors", r"lacks vae/\*.safetensors"),
        ("text_encoder", r"lacks text_encoder/\*.safetensors"),
        ("tokenizer/tokenizer.json", "lacks tokenizer/tokenizer.json"),
        ("scheduler", "lacks scheduler/scheduler_config.json"),
    ],
)
def test_a_folder_that_lacks_parts_is_refused_before_work_begins(copy, lost, message):
    shutil.rmtree(copy / lost) if (copy / lost).is_dir() else (copy / lost).unlink()
    with pytest.raises(BamError, match=f"{copy} {message}") as caught:
        make(copy)
    assert "\n" not in str(caught.value)


def test_another_kind_of_pipeline_is_refused(copy):
    edit(copy / "model_index.json", _class_name="StableDiffusionXLPipeline")
    with pytest.raises(BamError, match="holds a StableDiffusionXLPipeline: a StableDiffusionInpaintPipeline"):
        make(copy)
    (copy / "model_index.json").write_text("[]")
    with pytest.raises(BamError, match="holds no model_index"):
        make(copy)


def without_some_weights(folder):
    from safetensors.torch import load_file, save_file

    path = folder / "text_encoder" / "model.safetensors"
    weights = load_file(path)
    weights.pop(sorted(weights)[0])
    save_file(weights, path, metadata={"format": "pt"})


def with_a_program(folder):
    edit(folder / "model_index.json", scheduler=["program", "Program"])
    (folder / "scheduler" / "program.py").write_text(
        f"open({str(folder / 'was_here')!r}, 'w')\nclass Program: pass\n"
    )


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda folder: (folder / "text_encoder" / "model.safetensors").write_bytes(b"junk"),
            "fetch it again",
        ),
        (lambda folder: (folder / "vae" / "config.json").write_text("{"), "not a valid JSON file"),
        (lambda folder: edit(folder / "unet" / "config.json", cross_attention_dim=24), "expected shape"),
        (lambda folder: edit(folder / "model_index.json", scheduler=["diffusers", "No"]), "no class `No`"),
        (without_some_weights, "lacks 1 weights, such as text_encoder/"),
        (with_a_program, "contains custom code in program.py"),
    ],
)
def test_a_folder_that_cannot_be_loaded_is_named(copy, given, spoil, message):
    spoil(copy)
    with pytest.raises(BamError, match=message) as caught:
        make(copy).fill(*given)
    assert str(copy) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (copy / "was_here").exists()


@pytest.mark.parametrize("name", ["no/such/folder", "nothing", "../no-such-neighbour", "/no/folder"])
def test_what_is_neither_folder_nor_id_is_refused(name):
    with pytest.raises(BamError, match=f"there is no folder {name}"):
        make(name)


def test_an_id_that_cannot_be_fetched_is_named(given, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    inpainter = make("bam-benchmark/no-such-pipeline")
    assert inpainter.key["checkpoint"] == "bam-benchmark/no-such-pipeline"
    with pytest.raises(
        BamError, match="bam-benchmark/no-such-pipeline is no folder, and could not be fetched"
    ):
        inpainter.fill(*given)


def test_what_is_fetched_is_used(checkpoint, given, monkeypatch):
    asked = []

    def download(name, **settings):
        asked.append((name, settings))
        return str(checkpoint)

    monkeypatch.setattr(diffusers.StableDiffusionInpaintPipeline, "download", download)
    filled = make_inpainter("stable-diffusion").fill(*given)
    assert asked == [(module.CHECKPOINT, {"use_safetensors": True})]
    assert np.array_equal(filled, make(checkpoint).fill(*given))


def test_the_key_knows_a_checkpoint_by_its_content(checkpoint, copy):
    key = make(checkpoint).key
    assert make(copy).key == key
    assert make(copy, paste_back=False).key != key
    (copy / "README.md").write_text("notes")
    assert make(copy).key == key
    path = copy / "unet" / "diffusion_pytorch_model.safetensors"
    weights = bytearray(path.read_bytes())
    weights[len(weights) // 2] ^= 1
    path.write_bytes(weights)
    assert make(copy).key != key


def test_the_key_knows_linked_folders_but_not_hidden_files(copy, tmp_path):
    before = make(copy).key
    (copy / "unet").rename(tmp_path / "unet")
    (copy / "unet").symlink_to(tmp_path / "unet")
    (copy / ".cache").mkdir()
    (copy / ".cache" / "download.json").write_text("{}")
    assert make(copy).key == before
    edit(tmp_path / "unet" / "config.json", sample_size=9)
    assert make(copy).key != before
