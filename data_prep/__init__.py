"""From sources of objects and scenes (COCO, MiniPlaces, the drawn sample) to the image sets of BAM."""

if __name__ != "bam.data_prep":
    raise ImportError("data_prep is a part of bam: import bam.data_prep")

from bam.data_prep.dataset import load_dataset

__all__ = ["load_dataset"]
