"""Inpainters: what repaints the hole in a picture, so that a classifier is asked about natural pixels."""

from __future__ import annotations

from typing import Any

from bam.base.errors import unknown
from bam.base.parameters import check_settings
from bam.data_prep.dataset import Dataset, View
from bam.models.inpainters import deepfill, donor, simple, stable_diffusion  # noqa: F401, they register themselves
from bam.models.inpainters.base import INPAINTERS, Inpainter, inpainter, prompt_of

__all__ = ["INPAINTERS", "Inpainter", "inpainter", "make_inpainter", "prompt_of"]


def make_inpainter(
    name: str,
    dataset: Dataset | None = None,
    kind: str | None = None,
    view: View | None = None,
    **settings: Any,
) -> Inpainter:
    """The inpainter of this name, with these of its settings; see its class.

    dataset, kind, view: for those that ask for them, as `donor` does. Raises `BamError` for an unknown name,
    for a setting that the inpainter does not have, and for what it lacks or cannot do.
    """
    if name not in INPAINTERS:
        raise unknown("inpainter", name, INPAINTERS)
    made = INPAINTERS[name]
    check_settings(name, settings, made.settings())
    given = {"dataset": dataset, "kind": kind, "view": view}
    return made(**{key: value for key, value in given.items() if made.takes(key)}, **settings)
