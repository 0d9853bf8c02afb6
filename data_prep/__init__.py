"""From COCO and MiniPlaces, or the drawn sample, to the image sets of BAM."""

from data_prep.dataset import load_dataset

__all__ = ["load_dataset"]
