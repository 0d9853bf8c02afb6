"""The scores: metrics by family, what they are made with, and what is made of them.

Importing it registers the metrics, and loads neither TensorFlow nor networks.
"""

if __name__ != "bam.metrics":
    raise ImportError("metrics is a part of bam: import bam.metrics")

# In the order in which lists name the metrics: these register themselves.
from bam.metrics.effect import effect  # noqa: F401, I001
from bam.metrics.contrast import mcs, rmcs, idr  # noqa: F401
from bam.metrics.independence import iir  # noqa: F401
from bam.metrics.concepts import tcav  # noqa: F401
from bam.metrics.inpainting import inpainting  # noqa: F401
from bam.metrics.localisation import localisation  # noqa: F401
from bam.metrics.robustness import robustness  # noqa: F401
from bam.metrics.randomisation import randomisation  # noqa: F401
from bam.metrics.perturbation import deletion, road, violation, saliency  # noqa: F401
from bam.metrics.metric import METRICS, metric

__all__ = ["METRICS", "metric"]
