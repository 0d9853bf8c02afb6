"""The scores. Each metric is one module with an `evaluate(request) -> Score`, registered here."""

if __name__ != "bam.metrics":
    raise ImportError("metrics is a part of bam: import bam.metrics")


from functools import partial

from bam.metrics.concepts import tcav
from bam.metrics.contrast import idr, mcs, rmcs
from bam.metrics.independence import iir
from bam.metrics.inpainting import inpainting

# These register their curves themselves.
from bam.metrics.perturbation import deletion, road, saliency, violation  # noqa: F401
from bam.metrics.perturbation import family as curves

METRICS = {
    "mcs": mcs.evaluate,
    "rmcs": rmcs.evaluate,
    "idr": idr.evaluate,
    "iir": iir.evaluate,
    "tcav": tcav.evaluate,
    "inpainting": inpainting.evaluate,
    **{name: partial(curves.evaluate, name) for name in curves.CURVES},
}
# Those that change the pixels that a method calls relevant; they need no labels, and take any images.
PERTURBATION = ("inpainting", *curves.CURVES)
