"""SavedModel folders: programs of TensorFlow, run as they are."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import tensorflow as tf
import tf_keras as keras

from bam.base.digests import digest, key_digest
from bam.base.errors import BamError, first_line
from bam.base.files import files_below

_SIGNATURE = "serving_default"
# The folder of each program, by the digest of its files: a layer is made anew from what it says of itself,
# which is to be the same wherever the folder stands.
_FOLDERS: dict[str, str] = {}


class SavedNetwork(keras.layers.Layer):
    """What a SavedModel gives for pictures (N, H, W, channels), float32.

    Its variables are the layer's weights. program: digest of the folder's files, which `read_saved_model` has
    read.
    """

    # Why methods that look into layers cannot be used.
    concealed = "a SavedModel, whose layers are out of reach"

    def __init__(self, program: str, **settings: Any):
        super().__init__(**settings)
        self.program = program
        self._answer = _signature(program)
        for place, variable in enumerate(self._answer.variables):
            known = {"trainable": False, "getter": lambda *_, variable=variable, **__: variable}
            self.add_weight(f"variable_{place}", variable.shape, variable.dtype, **known)

    def call(self, pictures: tf.Tensor) -> tf.Tensor:
        (name, wanted), *_ = self._answer.structured_input_signature[1].items()
        (answer,) = self._answer(**{name: tf.cast(pictures, wanted.dtype)}).values()
        return tf.cast(answer, tf.float32)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "program": self.program}


def read_saved_model(path: str | Path) -> keras.Model:
    """The network in a SavedModel folder, as a network of tf_keras of one layer.

    Its program is run. Raises `BamError` if it cannot be read, or its signature `serving_default` does not go
    from any number of pictures in floats to one answer.
    """
    path = Path(path)
    try:
        program = key_digest([[name, digest(path / name)] for name in files_below(path)])
        _FOLDERS[program] = str(path.resolve())
        signature = _signature(program)
    except (OSError, ValueError, KeyError, AttributeError, TypeError, tf.errors.OpError) as error:
        reason = first_line(error)
        raise BamError(f"{path} cannot be read as a SavedModel folder ({reason}): save it again") from None
    inputs, outputs = signature.structured_input_signature[1], signature.structured_outputs
    shapes = [[spec.shape for spec in ends.values()] for ends in (inputs, outputs)]
    if [len(ends) for ends in shapes] != [1, 1] or any(ends[0].rank is None for ends in shapes):
        raise BamError(f"{path} goes from {shapes[0]} to {shapes[1]}: from images to logits is needed")
    (wanted,) = inputs.values()
    if not wanted.dtype.is_floating:
        raise BamError(f"{path} takes {wanted.dtype.name}, but floats are needed: save it so")
    if wanted.shape[0] is not None:
        raise BamError(f"{path} takes {wanted.shape[0]} pictures at a time: save it for any number of them")
    start = keras.Input(wanted.shape[1:])
    return keras.Model(
        start, SavedNetwork(program, name="saved_model")(start), name=path.name or "saved_model"
    )


@cache
def _signature(program: str) -> Any:
    """The function that a program is served by. Raises `KeyError` if there is none."""
    loaded = tf.saved_model.load(_FOLDERS[program])
    signature = loaded.signatures[_SIGNATURE]
    signature.program = loaded  # whose variables would go with it
    return signature
