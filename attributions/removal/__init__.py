"""Methods that replace pixels and ask the network again."""

# Imported in the order in which lists name the methods: these register themselves.
from bam.attributions.removal import (  # noqa: F401, I001
    sliding_patch,
    lime,
    rise,
    kernel_shap,
    meaningful_perturbation,
    score_cam,
)
