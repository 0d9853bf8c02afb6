"""The methods under test; one function each, registered by name."""

# Imported in the order in which lists name the methods: these register themselves.
from attributions import gradients, fullgrad, grad_cam, attention, controls  # noqa: F401, I001
from attributions.registry import METHODS, Method, explain

__all__ = ["METHODS", "Method", "explain"]
