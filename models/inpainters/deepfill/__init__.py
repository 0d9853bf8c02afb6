"""DeepFill v1 (Yu et al. 2018): the inpainter, its network, and the reading of its checkpoints."""

from bam.models.inpainters.deepfill.inpainter import DeepFill

__all__ = ["DeepFill"]
