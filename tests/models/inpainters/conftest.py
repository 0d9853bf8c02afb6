"""Checkpoints of DeepFill and, in the small, of Stable Diffusion, with few steps to sample from it."""

import json

import numpy as np
import pytest

LETTERS = "abcdefghijklmnopqrstuvwxyz"
SIDE = 32  # of the pictures that the pipeline paints


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """A folder with an untrained inpainting pipeline of the official layout. Not to be changed."""
    diffusers = pytest.importorskip("diffusers")
    import torch
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.set_num_threads(1)  # networks this small only wait for each other's threads
    folder = tmp_path_factory.mktemp("checkpoints")
    words = ["<|startoftext|>", "<|endoftext|>", *LETTERS, *(f"{letter}</w>" for letter in LETTERS)]
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    torch.manual_seed(0)
    unet = diffusers.UNet2DConditionModel(
        sample_size=SIDE // 2,
        in_channels=9,
        out_channels=4,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=4,
    )
    vae = diffusers.AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4,
        sample_size=SIDE,
    )
    text = CLIPTextConfig(
        hidden_size=16,
        intermediate_size=16,
        num_attention_heads=2,
        num_hidden_layers=2,
        vocab_size=len(words),
        max_position_embeddings=20,
        bos_token_id=0,
        eos_token_id=1,
    )
    tokenizer = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=20)
    pipeline = diffusers.StableDiffusionInpaintPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(text),
        tokenizer=tokenizer,
        unet=unet,
        scheduler=diffusers.PNDMScheduler(skip_prk_steps=True, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder / "tiny")
    return folder / "tiny"


def write_checkpoint(folder, variables):
    """Write variables as TensorFlow 1 does, with the prefix `snap-0`; the folder."""
    import tensorflow as tf

    folder.mkdir(parents=True, exist_ok=True)
    names = list(variables)
    values = [tf.constant(variables[name]) for name in names]
    tf.raw_ops.SaveV2(
        prefix=str(folder / "snap-0"), tensor_names=names, shape_and_slices=[""] * len(names), tensors=values
    )
    (folder / "checkpoint").write_text('model_checkpoint_path: "snap-0"\n')
    return folder


@pytest.fixture(scope="session")
def deepfill_variables():
    """Random values of all variables of DeepFill v1, by name. Not to be changed."""
    from bam.models.inpainters.deepfill.network import VARIABLES

    rng = np.random.default_rng(0)
    return {
        name: (rng.normal(size=shape) * (1.5 / np.prod(shape[:-1])) ** 0.5).astype(np.float32)
        if len(shape) == 4
        else rng.uniform(-0.1, 0.1, shape).astype(np.float32)
        for name, shape in VARIABLES.items()
    }


@pytest.fixture(scope="session")
def deepfill_checkpoint(deepfill_variables, tmp_path_factory):
    """A folder with a checkpoint of these. Not to be changed."""
    return write_checkpoint(tmp_path_factory.mktemp("deepfill") / "snap", deepfill_variables)


@pytest.fixture
def save_checkpoint():
    """Writes variables into a folder, as TensorFlow 1 does."""
    return write_checkpoint


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    """Of sampling, so that tests are quick."""
    monkeypatch.setattr("bam.models.inpainters.stable_diffusion.STEPS", 3)
