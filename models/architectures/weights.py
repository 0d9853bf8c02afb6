"""The weights a network starts from, and the files they come in."""

from __future__ import annotations

import json
import sys
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import tf_keras as keras

from bam.base.errors import BamError
from bam.models.architectures import tokens  # noqa: F401 - Keras finds its layers by their registered names
from bam.models.formats import check_format
from bam.models.network.description import graph, structure
from bam.models.network.ends import with_plain_ends

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


@dataclass(frozen=True)
class Published:
    """Keras Applications' ImageNet weights of a network, in a .h5 file.

    md5: of that file; first: name of the first convolution.
    """

    title: str
    url: str
    md5: str
    first: str


def load_weights(model: keras.Model, weights: str, published: Published | None = None) -> None:
    """Give a new network its first weights: "none" leaves them random, else "imagenet" or a file.

    A .h5 file is read as Keras Applications' own, if there is one `published`; any other as one of ours.
    Raises `BamError` if the weights cannot be had or do not fit.
    """
    if weights == "none":
        return
    if weights == "imagenet":
        if published is None:
            raise BamError(f"there are no ImageNet weights for {model.name}: set `weights` to none or a file")
        weights = _downloaded(published)
    if not Path(weights).is_file():
        raise BamError(f"there is no weights file {weights}: `weights` is imagenet, none, or a file")
    if weights.endswith(".h5") and published is not None:
        _load_applications(model, weights, published)
    else:
        _load_keras(model, weights)


def read_network(path: str | Path) -> keras.Model:
    """The network in a .keras file. Raises `BamError` if it is missing or cannot be read.

    A dictionary of one output stands for this. The file is read in Keras' safe mode, which refuses Lambda
    layers. As Keras imports whatever modules it names, those that hold no parts of networks are refused
    before. So is what is no archive, since Keras would take it for a file in an older format, and run the
    code in it.
    """
    check_format(path)
    if not Path(path).is_file():
        raise BamError(f"there is no model file {path}")
    wrong = f"{path} cannot be read as a .keras file"
    if not zipfile.is_zipfile(path):
        raise BamError(f"{wrong} (it is no archive such as model.save('NAME.keras') writes)")
    if Path(path).suffix != ".keras":
        raise BamError(f"{wrong} (its name does not end so): rename it")
    try:
        with zipfile.ZipFile(path) as archive:
            _check_modules(json.loads(archive.read("config.json")))
        model = keras.models.load_model(path, _applications_layers(), compile=False, safe_mode=True)
    except (OSError, EOFError, ValueError, TypeError, KeyError, AttributeError, zipfile.BadZipFile) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise BamError(f"{wrong} ({reason})") from None
    return with_plain_ends(model, str(path))


def _check_modules(part: Any) -> None:
    """Raise `ValueError` if a part of a stored network is of a module that is not in `MODULES`."""
    if isinstance(part, dict):
        module, name = part.get("module"), part.get("class_name")
        if "class_name" in part and module is not None and not _is_part(str(module), str(name)):
            raise ValueError(f"it names {module}.{name}, which is no part of a network")
        # What it was trained with is not read.
        part = [value for key, value in part.items() if key != "compile_config"]
    if isinstance(part, list):
        for inner in part:
            _check_modules(inner)


def _is_part(module: str, name: str) -> bool:
    """Whether what is looked up under these names is a part of a network; nothing is imported for it."""
    if module in ("keras", "tf_keras"):
        return name in ("Functional", "Sequential")
    place = f"tf_{module}" if module.startswith("keras.") else module  # as Keras does
    layer = _applications_layers().get(name)
    if (layer is not None and layer.__module__ == place) or module.startswith(MODULES):
        return True
    found = vars(sys.modules[module]).get(name) if module == INITIALIZERS else None
    return isinstance(found, type) and found.__module__ == INITIALIZERS


@cache
def _applications_layers() -> dict[str, type]:
    """The layers that Keras Applications define for their networks, by name; Keras itself looks for them
    elsewhere."""
    modules = [module for name, module in sys.modules.items() if name.startswith(APPLICATIONS)]
    kinds = [kind for module in modules for kind in vars(module).values() if isinstance(kind, type)]
    return {
        kind.__name__: kind
        for kind in kinds
        if issubclass(kind, keras.layers.Layer) and kind.__module__.startswith(APPLICATIONS)
    }


def _load_keras(model: keras.Model, path: str) -> None:
    """Take over the weights of a .keras file, except those of a last layer with other classes."""
    other = read_network(path)
    if structure(model)[:-1] != structure(other)[:-1]:
        raise BamError(f"{path} holds another architecture than {model.name}")
    if graph(model)["layers"][:-1] != graph(other)["layers"][:-1]:
        raise BamError(
            f"{path} holds another architecture than {model.name}: its layers are connected in another way, "
            "or with other constants"
        )
    for mine, theirs in zip(model.layers, other.layers, strict=True):
        if [weight.shape for weight in mine.weights] == [weight.shape for weight in theirs.weights]:
            mine.set_weights(theirs.get_weights())


def _downloaded(published: Published) -> str:
    name = published.url.rsplit("/", 1)[-1]
    try:
        return keras.utils.get_file(name, published.url, cache_subdir="models", file_hash=published.md5)
    except Exception as error:  # noqa: BLE001 - get_file raises plain Exception when the server cannot be reached
        raise BamError(
            f"the ImageNet weights cannot be fetched ({error}): set `weights` to none, or to Keras "
            "Applications' .h5 file"
        ) from None


def _load_applications(model: keras.Model, path: str, published: Published) -> None:
    """Load by layer name all but the last layer; the file's first kernel expects blue, green, red."""
    wrong = f"{path} holds no {published.title} weights in Keras Applications' layout"
    try:
        with h5py.File(path, "r") as file:
            stored = {
                name.decode() if isinstance(name, bytes) else name for name in file.attrs["layer_names"]
            }
        needed = [layer.name for layer in model.layers[:-1] if layer.weights]
        lacking = [name for name in needed if name not in stored]
        if lacking:
            raise BamError(
                f"{wrong}: there is no layer {lacking[0]} (file of {Path(published.url).name} wanted)"
            )
        model.load_weights(path, by_name=True)
    except (OSError, ValueError, KeyError) as error:
        raise BamError(f"{wrong} ({error})") from None
    first = model.get_layer(published.first)
    kernel, bias = first.get_weights()
    first.set_weights([kernel[:, :, ::-1], bias])
