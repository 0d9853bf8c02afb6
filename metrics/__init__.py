"""The scores. Each metric is one module with an `evaluate(request) -> Score`, registered here."""

from metrics import idr

METRICS = {"idr": idr.evaluate}
