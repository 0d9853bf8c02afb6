"""Sliding patch: how much the target loses when a square is covered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bam.attributions.lengths import scaled
from bam.attributions.registry import method
from bam.attributions.removal.generative import COST, Fills, inpainter_key, the_inpainter
from bam.attributions.removal.substrates import substrate
from bam.attributions.requirements import lacks_second_class
from bam.base.errors import BamError

if TYPE_CHECKING:
    from bam.attributions.removal.engine import PaintedRemoval, Removal
    from bam.data_prep.dataset import Dataset
    from bam.models.classifier import Classifier
    from bam.models.inpainters.store import FillStore

PATCH, STRIDE = 53, 3
PASSES = "1 forward pass for every place of the patch: 3,365 at 224 pixels, 2,501 at 64"


@method(
    needs=[lacks_second_class],
    cite=["zeiler2014visualizing", "agarwal2020explaining"],
    slow=PASSES,
    lengths=["patch", "stride"],
)
def sliding_patch(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    patch: int = PATCH,
    stride: int = STRIDE,
    fill: str = "grey",
) -> np.ndarray:
    """Sliding patch, or occlusion (Zeiler & Fergus 2014, section 4.2), (N, H, W), signed.

    A square of `patch` pixels is covered by `fill` (see `substrate`), at every place that is a multiple of
    `stride` pixels from the top and from the left; the target's probability without it less that with it
    makes a map of places, which is enlarged bilinearly to the whole image, as Agarwal & Nguyen 2020 do.
    Both lengths are of a picture of 224 pixels, see `scaled`.
    """
    from bam.attributions.removal.engine import Removal  # which starts TensorFlow

    removal = Removal("sliding_patch", classifier, images, targets, substrate(images, fill))
    return drops(removal, patch, stride)


@method(
    needs=[lacks_second_class],
    cite=["agarwal2020explaining"],
    slow=f"{PASSES}, {COST}",
    lengths=["patch", "stride"],
    version=2,
    depends=inpainter_key,
)
def sliding_patch_g(
    classifier: Classifier,
    images: np.ndarray,
    targets: np.ndarray,
    *,
    ids: Sequence[str] | None = None,
    dataset: Dataset | None = None,
    fill_store: FillStore | None = None,
    fill_seed: int = 0,
    patch: int = PATCH,
    stride: int = STRIDE,
    inpainter: str | None = None,
    checkpoint: str | None = None,
) -> np.ndarray:
    """Sliding patch with an inpainter (Agarwal & Nguyen 2020, SP-G), (N, H, W), signed.

    As `sliding_patch`, but what the patch covers is painted anew, see `Fills`. inpainter: by default `donor`
    where there is a dataset, and else `blur`; checkpoint: of those that have one. A fill that the inpainter
    withholds is black.
    """
    painter = the_inpainter(inpainter, dataset, checkpoint)
    fills = Fills("sliding_patch_g", painter, classifier, images, targets, fill_seed, ids, fill_store)
    return drops(fills.removal(), patch, stride)


def drops(removal: Removal | PaintedRemoval, patch: int, stride: int) -> np.ndarray:
    """What the target loses with a patch at each of its places, enlarged to the image, float32 (N, H, W)."""
    from bam.attributions.removal.masks import PATCHES

    height, width = size = removal.classifier.input_size
    if patch < 1 or stride < 1:
        raise BamError(f"`patch` and `stride` must be at least 1, not {patch} and {stride}")
    side, step = scaled(patch, size), scaled(stride, size)
    if side > min(size):
        raise BamError(
            f"`patch` must be at most 224, the shorter side: {patch} are {side} pixels of {height} x {width}"
        )
    tops, lefts = (np.arange(0, length - side + 1, step, dtype=np.int32) for length in size)
    # The first one covers nothing.
    places = np.stack(np.meshgrid(tops, lefts, indexing="ij"), -1).reshape(-1, 2)
    boxes = np.concatenate([np.zeros((1, 4), np.int32), np.hstack([places, places + side])])
    counts = [len(boxes)] * len(removal.images)
    found = np.stack(removal.probabilities(PATCHES, counts, lambda image, part: (boxes[part],)))
    lost = (found[:, :1] - found[:, 1:]).reshape(-1, len(tops), len(lefts), 1)
    return removal.classifier.at_input_size(lost.astype(np.float32))[..., 0]
