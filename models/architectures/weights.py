"""The weights a network starts from, and the files they come in."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import h5py
import tf_keras as keras

from bam.base.errors import BamError, first_line
from bam.models.architectures import tokens  # noqa: F401 - Keras finds its layers by their registered names
from bam.models.architectures.parts import applications_layers, check_parts, is_part, is_part_3
from bam.models.formats import check_format, is_hdf5, is_saved_model, stored_network
from bam.models.network.description import graph, structure
from bam.models.network.ends import with_plain_ends


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
    """The network in a .keras or .h5 file of Keras 2 or 3, or a SavedModel folder, in tf_keras.

    A dictionary of one output stands for this. Files are read in Keras' safe mode, which refuses Lambda
    layers, and so are they here, since that of .h5 files of Keras 2 does not. As Keras imports whatever
    modules a file names, those that hold no parts of networks are refused before. So is what is neither an
    archive nor in HDF5. A network of Keras 3 is rebuilt, see `keras3.translation`. A SavedModel is a program,
    which is run. Raises `BamError` if it is missing or cannot be read.
    """
    check_format(path)
    if is_saved_model(path):
        from bam.models.saved_model import read_saved_model

        return read_saved_model(path)
    if not Path(path).is_file():
        raise BamError(f"there is no model file {path}")
    hdf5 = is_hdf5(path)
    wrong = f"{path} cannot be read as a {'.h5' if hdf5 else '.keras'} file"
    if not hdf5 and not zipfile.is_zipfile(path):
        raise BamError(f"{wrong} (it is no archive such as model.save('NAME.keras') writes)")
    if not hdf5 and Path(path).suffix != ".keras":
        raise BamError(f"{wrong} (its name does not end so): rename it")
    try:
        config, version = stored_network(path)
        check_parts(config, is_part_3 if version == 3 else is_part)
        if version == 3:
            from bam.models.keras3.reading import read_keras3

            return read_keras3(path)
        model = keras.models.load_model(path, applications_layers(), compile=False, safe_mode=True)
    except BamError:
        raise
    except (OSError, EOFError, ValueError, TypeError, KeyError, AttributeError, zipfile.BadZipFile) as error:
        reason = first_line(error)
        remedy = ": save it as NAME.keras" if hdf5 else ""
        raise BamError(f"{wrong} ({reason}){remedy}") from None
    return with_plain_ends(model, str(path))


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
