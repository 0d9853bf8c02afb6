"""Stable Diffusion as an inpainter, which Cohen, Chefer and Wolf (2025) repaint pictures with."""

from __future__ import annotations

import hashlib
import re
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bam.base.errors import BamError, first_line
from bam.base.files import files_below, read_json
from bam.models.inpainters.base import Inpainter, inpainter

# The weights that the paper used (runwayml/stable-diffusion-inpainting), where they are kept now.
CHECKPOINT = "stable-diffusion-v1-5/stable-diffusion-inpainting"
GUIDANCE, STEPS = 7.5, 50  # the paper's
PIPELINE = "StableDiffusionInpaintPipeline"
# The parts of a pipeline, and files of which each needs one.
PARTS = {
    "scheduler": ("scheduler_config.json",),
    "text_encoder": ("*.safetensors",),
    "tokenizer": ("tokenizer.json", "vocab.json"),
    "unet": ("*.safetensors",),
    "vae": ("*.safetensors",),
}
HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")
# What identifies a local checkpoint: files of these kinds, and of each at most so many bytes.
SUFFIXES, SAMPLED = (".json", ".txt", ".safetensors"), 2**20


@inpainter
class StableDiffusion(Inpainter):
    """What Stable Diffusion paints for the class named (extra: stable-diffusion).

    A prompt is painted into the hole by an inpainting pipeline of diffusers. Pictures are resized to the
    pipeline's own size (512 x 512) and the result back, both bicubic; holes by nearest neighbour. Arithmetic
    is float16 on a GPU, and float32 on a CPU, where pictures are painted one by one, so that a picture's fill
    is the same bit for bit in any batch. A sample that the pipeline's safety checker withholds, or that
    arithmetic failed for, is black all over.

    With `paste_back` False the whole picture is what the pipeline returned, as in the paper: all of it has
    passed its autoencoder.
    """

    name = "stable-diffusion"
    targeted = True
    batch_size = 8
    may_refuse = True

    def __init__(self, checkpoint: str | None = None, paste_back: bool = True):
        """checkpoint: a folder that holds a pipeline, or its id on the Hugging Face hub, from where it is
        fetched when first needed. Raises `BamError` if the folder lacks parts, or a library is missing."""
        self.checkpoint, self.paste_back = str(checkpoint or CHECKPOINT), paste_back
        self._torch, self._diffusers, self._transformers = _libraries()
        self._device = "cuda" if self._torch.cuda.is_available() else "cpu"
        folder = Path(self.checkpoint).expanduser()
        self._folder = folder if folder.is_dir() else None
        if self._folder:
            _check_parts(self._folder)
        elif not HUB_ID.fullmatch(self.checkpoint):
            raise BamError(
                f"there is no folder {self.checkpoint}: name one that holds a Stable Diffusion inpainting "
                f"pipeline, or the id of one on the Hugging Face hub, such as {CHECKPOINT}"
            )

    @cached_property
    def key(self) -> dict[str, Any]:
        """With the settings, and the checkpoint: the content of a folder (in samples), or an id."""
        return super().key | {
            "checkpoint": _digest(self._folder) if self._folder else self.checkpoint,
            "guidance": GUIDANCE,
            "steps": STEPS,
            "precision": "float16" if self._device == "cuda" else "float32",
        }

    @cached_property
    def _pipeline(self) -> Any:
        torch, diffusers, transformers = self._torch, self._diffusers, self._transformers
        for library in (diffusers, transformers):
            library.utils.logging.set_verbosity_error()
        folder = self._folder or self._fetched()
        for library in (diffusers, transformers):  # only now, since fetching takes long enough for a bar
            library.utils.logging.disable_progress_bar()
        pipeline = _load(folder, diffusers, transformers)
        pipeline.set_progress_bar_config(disable=True)
        pipeline.vae.enable_slicing()  # one picture after the other: decoding is what needs most memory
        return pipeline.to(self._device, torch.float16 if self._device == "cuda" else torch.float32)

    def _fetched(self) -> Path:
        try:
            pipeline = self._diffusers.StableDiffusionInpaintPipeline
            folder = Path(pipeline.download(self.checkpoint, use_safetensors=True))
        except (OSError, ValueError) as error:
            raise BamError(
                f"{self.checkpoint} is no folder, and could not be fetched from the Hugging Face hub "
                f"({first_line(error)}): check id and network, or name a folder that holds a pipeline"
            ) from None
        _check_parts(folder)
        return folder

    def _paint(
        self,
        images: np.ndarray,
        holes: np.ndarray,
        prompts: list[str],
        seeds: np.ndarray,
        ids: list[str | None],
    ) -> np.ndarray:
        # Sums in a batch are taken in another order than alone; a CPU gains no time from batches anyway.
        at_once = 1 if self._device == "cpu" else len(images)
        parts = [slice(start, start + at_once) for start in range(0, len(images), at_once)]
        return np.concatenate(
            [self._sampled(images[part], holes[part], prompts[part], seeds[part]) for part in parts]
        )

    def _sampled(
        self, images: np.ndarray, holes: np.ndarray, prompts: list[str], seeds: np.ndarray
    ) -> np.ndarray:
        """What the pipeline paints, uint8 (N, H, W, 3); black all over where it failed or refused."""
        side = self._pipeline.unet.config.sample_size * self._pipeline.vae_scale_factor
        painted = self._pipeline(
            prompt=prompts,
            image=[_resized(image, (side, side), Image.Resampling.BICUBIC) for image in images],
            mask_image=[
                _resized(hole, (side, side), Image.Resampling.NEAREST) for hole in np.uint8(255) * holes
            ],
            height=side,
            width=side,
            strength=1.0,
            guidance_scale=GUIDANCE,
            num_inference_steps=STEPS,
            # Drawn on the CPU, noise is the same on every device.
            generator=[self._torch.Generator().manual_seed(int(seed)) for seed in seeds],
            output_type="np",
        ).images
        painted[~np.isfinite(painted).all((1, 2, 3))] = 0
        height, width = images.shape[1:3]
        return np.stack(
            [
                np.asarray(_resized(sample, (width, height), Image.Resampling.BICUBIC))
                for sample in np.rint(255 * painted).astype(np.uint8)
            ]
        )


def _resized(pixels: np.ndarray, size: tuple[int, int], how: Image.Resampling) -> Image.Image:
    return Image.fromarray(pixels).resize(size, how)


def _libraries() -> tuple[Any, Any, Any]:
    try:
        import diffusers
        import torch
        import transformers
    except ImportError as error:
        raise BamError(
            f"stable-diffusion needs a library that is not installed ({error}): "
            "`pip install 'bam-benchmark[stable-diffusion]'`"
        ) from None
    return torch, diffusers, transformers


def _check_parts(folder: Path) -> None:
    """Raise `BamError` unless the folder holds all of a pipeline, with weights that are no pickles."""
    index = read_json(folder / "model_index.json") if (folder / "model_index.json").is_file() else {}
    found = index.get("_class_name") if isinstance(index, dict) else None
    if found != PIPELINE:
        raise BamError(
            f"{folder} holds {'a ' + str(found) if found else 'no model_index.json of a pipeline'}: "
            f"a {PIPELINE} in the layout of diffusers is needed, such as {CHECKPOINT}"
        )
    lacking = [
        f"{name}/{patterns[0]}"
        for name, patterns in PARTS.items()
        if not any(path for pattern in patterns for path in (folder / name).glob(pattern))
    ]
    if lacking:
        raise BamError(
            f"{folder} lacks {', '.join(lacking)}: fetch the whole pipeline, with weights as .safetensors "
            "(pickled ones are not read, since they can run code)"
        )


def _load(folder: Path, diffusers: Any, transformers: Any) -> Any:
    """The pipeline in a folder. Raises `BamError` if it cannot be loaded, or not with all its weights."""
    from safetensors import SafetensorError

    kinds = {
        "text_encoder": transformers.CLIPTextModel,
        "unet": diffusers.UNet2DConditionModel,
        "vae": diffusers.AutoencoderKL,
    }
    parts, lacking = {}, []
    try:
        for name, kind in kinds.items():
            parts[name], report = kind.from_pretrained(
                folder, subfolder=name, use_safetensors=True, output_loading_info=True
            )
            lacking += [f"{name}/{weight}" for weight in report["missing_keys"]]
        pipeline = diffusers.StableDiffusionInpaintPipeline.from_pretrained(
            folder, use_safetensors=True, **parts
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise BamError(
            f"{folder} cannot be loaded as a pipeline ({first_line(error)}): fetch it again"
        ) from None
    if lacking:  # The libraries would draw them at random.
        raise BamError(f"{folder} lacks {len(lacking)} weights, such as {lacking[0]}: fetch it again")
    return pipeline


def _digest(folder: Path) -> str:
    """SHA-256 of the files' names and sizes, and of up to a MiB in the middle of each."""
    digest = hashlib.sha256()
    for path in sorted(folder / file for file in files_below(folder) if Path(file).suffix in SUFFIXES):
        size = path.stat().st_size
        digest.update(f"{path.relative_to(folder).as_posix()} {size}\n".encode())
        with open(path, "rb") as file:
            file.seek(max(0, (size - SAMPLED) // 2))
            digest.update(file.read(SAMPLED))
    return digest.hexdigest()
