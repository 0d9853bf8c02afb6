"""The scores. Each metric is one module with an `evaluate(request) -> Score`, registered here."""

from functools import partial

# These register their curves themselves.
from metrics import curves, deletion, idr, iir, inpainting, mcs, rmcs, road, saliency, tcav, violation  # noqa: F401

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
