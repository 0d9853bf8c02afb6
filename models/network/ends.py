"""What a network is given and what it gives: one tensor each, whatever it was saved with."""

from __future__ import annotations

import sys
from typing import Any

import tf_keras as keras

from bam.base.errors import BamError


def with_plain_ends(model: Any, name: str) -> keras.Model:
    """The same network, with a tensor for a dictionary or a list of one, as its input or its output.

    A network of Keras 3 is rebuilt in tf_keras, see `keras3.translation`. name: what it is called in errors.
    Raises `BamError` for a dictionary of several outputs, and for what is no network of Keras.
    """
    if not isinstance(model, keras.Model):
        keras_3 = sys.modules.get("keras")
        if keras_3 is not None and isinstance(model, keras_3.Model):
            from bam.models.keras3.translation import translated

            return translated(model, name)
        kind = f"{type(model).__module__.split('.')[0]}.{type(model).__name__}"
        raise BamError(f"{name} is a {kind}, but a network of Keras is needed: build it with Keras")
    if not getattr(model, "_is_graph_network", False):
        return model
    if isinstance(model.output, dict) and len(model.outputs) != 1:
        keys = ", ".join(map(str, model.output))
        raise BamError(
            f"{name} gives a dictionary ({keys}), but one output, logits, is needed: "
            "take keras.Model(model.input, model.output[KEY])"
        )
    nested = [isinstance(end, (dict, list, tuple)) for end in (model.input, model.output)]
    if not any(nested) or len(model.inputs) != 1 or len(model.outputs) != 1:
        return model
    return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
