"""The scores. Each metric is one module with an `evaluate(request) -> Score`, registered here."""

from metrics import idr, iir, mcs, rmcs, tcav

METRICS = {
    "mcs": mcs.evaluate,
    "rmcs": rmcs.evaluate,
    "idr": idr.evaluate,
    "iir": iir.evaluate,
    "tcav": tcav.evaluate,
}
