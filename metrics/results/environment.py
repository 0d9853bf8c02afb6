"""What a result was made with: versions, devices, the commit, the arithmetic."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import bam
from bam.base.versions import versions
from bam.metrics.results.schema import Environment

PACKAGES = ("bam-benchmark", "tensorflow", "tf-keras", "numpy", "scipy", "pillow", "torch", "diffusers")


def environment(computed: bool = True) -> Environment:
    """Versions, devices and the commit that produced a result.

    computed: whether TensorFlow had a part in it; else it is not loaded, and there are no devices.
    """
    devices = _devices() if computed else ()
    known = (platform.python_version(), platform.platform(), devices, packages())
    return Environment(*known, commit())


def _devices() -> tuple[str, ...]:
    import tensorflow as tf

    return tuple(device.name for device in tf.config.list_logical_devices())


def packages() -> dict[str, str | None]:
    """The versions of the packages that results depend on; None for one that is not installed."""
    return versions(PACKAGES)


def effective_precision(precision: str) -> str:
    """What arithmetic of this precision is on this machine: newer GPUs multiply float32 as tensorfloat32."""
    if precision != "float32":
        return precision
    import tensorflow as tf

    on_gpu = bool(tf.config.list_physical_devices("GPU"))
    shortened = on_gpu and tf.config.experimental.tensor_float_32_execution_enabled()
    return "tensorfloat32" if shortened else precision


def commit() -> str | None:
    """The commit of the checkout this runs from; None if it is installed, or without git."""
    if not (Path(bam.__file__).parent / "models").is_symlink():
        return None  # what is around it is another project's
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip()
