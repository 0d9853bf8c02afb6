"""The scores. Each metric is one module with an `evaluate(request) -> Score`, registered here."""

from metrics import idr, mcs

METRICS = {"mcs": mcs.evaluate, "idr": idr.evaluate}
