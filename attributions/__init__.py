"""The methods under test; one function each, registered by name."""

if __name__ != "bam.attributions":
    raise ImportError("attributions is a part of bam: import bam.attributions")

# Imported in the order in which lists name the methods: these register themselves.
from bam.attributions import gradients, paths, fullgrad, grad_cam, cams, attention, removal, controls  # noqa: F401, I001
from bam.attributions.registry import METHODS, Method, explain

__all__ = ["METHODS", "Method", "explain"]
