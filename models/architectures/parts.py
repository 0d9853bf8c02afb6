"""Which modules a stored network may name: Keras imports whatever stands in a file."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import tensorflow as tf
import tf_keras as keras

# Where the parts of stored networks may come from: those of Keras, and the layers of the ViT,
# in files of earlier versions under its former name.
KINDS = ("activations", "constraints", "engine", "initializers", "layers", "mixed_precision", "regularizers")
MODULES = (
    *(f"{root}.{kind}" for root in ("keras", "keras.src", "tf_keras", "tf_keras.src") for kind in KINDS),
    "bam.models.architectures.tokens",
    "bam.models.architectures.vit",
    "models.vit",
)
# Keras Applications, whose layers are read too, and initializers, which these networks name.
APPLICATIONS, INITIALIZERS = "tf_keras.src.applications.", "tensorflow.python.ops.init_ops_v2"
# Of Keras 3, which has operations as parts, and looks up nothing in these but parts of networks.
KINDS_3 = (*KINDS, "applications", "dtype_policies", "models", "ops", "quantizers")
MODULES_3 = tuple(f"{root}.{kind}" for root in ("keras", "keras.src") for kind in KINDS_3)
# Layers that are programs.
PROGRAMS = ("ClassMethod", "FlaxLayer", "JaxLayer", "Lambda", "TFSMLayer", "TorchModuleWrapper")
# Layers that call a function of TensorFlow, by its name: only those of tensors; tf.io's would write files.
CALLS = ("SlicingOpLambda", "TFOpLambda")
SPACES = ("__operators__.", "image.", "linalg.", "math.", "nn.", "signal.")
OPS = {"array_ops", "array_ops_stack", "clip_ops", "linalg_ops", "math_ops", "nn_ops", "special_math_ops"}


def check_parts(part: Any, allowed: Callable[[str, str], bool]) -> None:
    """Raise `ValueError` if a part of a stored network is a program, or of a module that is not allowed.

    part: what Keras stores of it, as JSON has it. allowed: whether a module's part of a name is one of a
    network, `is_part` or `is_part_3`; nothing is imported for it.
    """
    if isinstance(part, dict):
        module, name = part.get("module"), part.get("class_name")
        for named in (name, part.get("config") if name == "function" else None):
            if isinstance(named, str) and named in PROGRAMS:
                raise ValueError(f"it holds a {named}, which is a program, in place of a layer")
        if name in CALLS and not _computes(part.get("config")):
            raise ValueError(f"it holds a {name} that calls what is no function of tensors")
        if "class_name" in part and module is not None and not allowed(str(module), str(name)):
            raise ValueError(f"it names {module}.{name}, which is no part of a network")
        # What it was trained with is not read.
        part = [value for key, value in part.items() if key != "compile_config"]
    if isinstance(part, list):
        for inner in part:
            check_parts(inner, allowed)


def _computes(settings: Any) -> bool:
    """Whether a layer with these settings calls a function of tensors alone."""
    name = str(settings.get("function")) if isinstance(settings, dict) else ""
    function = vars(tf).get(name)
    module = getattr(inspect.unwrap(function), "__module__", "") if callable(function) else ""
    return name.startswith(SPACES) or module.rpartition(".")[2].removeprefix("gen_") in OPS


def is_part(module: str, name: str) -> bool:
    """Whether what tf_keras looks up under these names is a part of a network."""
    if module in ("keras", "tf_keras"):
        return name in ("Functional", "Sequential")
    place = f"tf_{module}" if module.startswith("keras.") else module  # as Keras does
    layer = applications_layers().get(name)
    if (layer is not None and layer.__module__ == place) or _below(module, MODULES):
        return True
    found = vars(sys.modules[module]).get(name) if module == INITIALIZERS else None
    return isinstance(found, type) and found.__module__ == INITIALIZERS


def is_part_3(module: str, name: str) -> bool:
    """Whether what Keras 3 looks up under these names is a part of a network."""
    if module == "keras":
        return name in ("Functional", "Model", "Sequential", "DTypePolicy", "FloatDTypePolicy")
    return _below(module, MODULES_3) or (module, name) == ("builtins", "function")


def _below(module: str, homes: Sequence[str]) -> bool:
    """Whether a module is one of these, or inside one."""
    return any(module == home or module.startswith(f"{home}.") for home in homes)


@cache
def applications_layers() -> dict[str, type]:
    """The layers that Keras Applications define for their networks, by name; Keras itself looks for them
    elsewhere."""
    modules = [module for name, module in sys.modules.items() if name.startswith(APPLICATIONS)]
    kinds = [kind for module in modules for kind in vars(module).values() if isinstance(kind, type)]
    return {
        kind.__name__: kind
        for kind in kinds
        if issubclass(kind, keras.layers.Layer) and kind.__module__.startswith(APPLICATIONS)
    }
