"""Inpainters: what repaints the hole in a picture, so that a classifier is asked about natural pixels."""

from __future__ import annotations

from bam.base.errors import BamError, unknown
from bam.data_prep.dataset import Dataset, View
from bam.models.inpainters.base import Inpainter, prompt_of
from bam.models.inpainters.donor import Donor
from bam.models.inpainters.simple import Black, Blur, Mean
from bam.models.inpainters.stable_diffusion import StableDiffusion

INPAINTERS = {
    "donor": "the same picture with another scene, or another object, of the class named",
    "stable-diffusion": "what Stable Diffusion paints for the class named (extra: stable-diffusion)",
    "mean": "the picture's mean colour, whatever is named",
    "blur": "the picture, blurred, whatever is named",
    "black": "black, whatever is named",
}
_SIMPLE = {kind.name: kind for kind in (Mean, Blur, Black)}

__all__ = ["INPAINTERS", "Inpainter", "make_inpainter", "prompt_of"]


def make_inpainter(
    name: str,
    dataset: Dataset | None = None,
    kind: str | None = None,
    view: View | None = None,
    checkpoint: str | None = None,
    paste_back: bool = True,
) -> Inpainter:
    """The inpainter of this name.

    dataset, kind, view: for `donor`, see there; the others do not look at them. checkpoint, paste_back:
    for `stable-diffusion` alone, see there. Raises `BamError` for an unknown name, and for what an
    inpainter lacks or cannot do.
    """
    if name not in INPAINTERS:
        raise unknown("inpainter", name, INPAINTERS)
    if name == "stable-diffusion":
        return StableDiffusion(checkpoint, paste_back)
    if checkpoint is not None or not paste_back:
        raise BamError(f"a checkpoint, and not pasting back, are for stable-diffusion, not for {name}")
    return Donor(dataset, kind, view) if name == "donor" else _SIMPLE[name]()
