"""What tells networks apart: their layers, how these are connected, and the weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import tf_keras as keras


def structure(model: keras.Model) -> list[str]:
    """What each layer does, whatever its name: class, settings and shape of its weights, in order."""
    described = []
    for layer in model.layers:
        settings = {key: value for key, value in layer.get_config().items() if key != "name"}
        described.append(f"{type(layer).__name__} {settings} {[weight.shape for weight in layer.weights]}")
    return described


def graph(model: keras.Model) -> dict[str, Any]:
    """What the network computes but for its weights, as JSON has it, whatever its layers are called.

    `layers`: each one's class, settings, and calls with their inputs and constants; `ends`: inputs and
    outputs. An input is a layer's place among them, which of its calls it is of, and which of the results.
    """
    return json.loads(json.dumps(_plain(model.get_config()), default=_json))


def network_digest(model: keras.Model) -> str:
    """SHA-256 over `graph` and weights: the same for the same network, however it was named or stored."""
    return _with_weights(json.dumps(graph(model), sort_keys=True), model)


def seed_digest(model: keras.Model) -> str:
    """SHA-256 over `structure` and weights, on which random numbers depend: it never changes.

    Networks whose like layers are only connected in another way have the same.
    """
    return _with_weights("\n".join(structure(model)), model)


def _with_weights(text: str, model: keras.Model) -> str:
    digest = hashlib.sha256(text.encode())
    for weight in model.get_weights():
        digest.update(repr(weight.shape).encode() + np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()


def _plain(part: Any) -> Any:
    """A part of what Keras stores of a network, without names of layers and modules."""
    if isinstance(part, (list, tuple)):
        return [_plain(inner) for inner in part]
    if not isinstance(part, Mapping):
        return part
    if _is_layers(part.get("layers")):
        return _model(part)
    # A class says what a part is, wherever it is kept; what is `trainable` is a layer inside a layer.
    left_out = {"module"} if "class_name" in part else {"name"} if "trainable" in part else set()
    return {key: _plain(value) for key, value in part.items() if key not in left_out}


def _json(value: Any) -> Any:
    """What stands in JSON for numbers of numpy, dtypes, functions and the like."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return getattr(value, "name", getattr(value, "__name__", str(value)))


def _is_layers(parts: Any) -> bool:
    return isinstance(parts, list) and all(isinstance(part, Mapping) and "config" in part for part in parts)


def _model(config: Mapping[str, Any]) -> dict[str, Any]:
    places = {layer.get("name"): place for place, layer in enumerate(config["layers"])}
    layers = []
    for layer in config["layers"]:
        settings = _plain({key: value for key, value in layer["config"].items() if key != "name"})
        layers.append([layer["class_name"], settings, _placed(layer.get("inbound_nodes"), places)])
    ends = [_placed(config.get(key), places) for key in ("input_layers", "output_layers")]
    return {"layers": layers, "ends": ends}


def _placed(part: Any, places: Mapping[str, int]) -> Any:
    """Calls, or ends, with layers' places for their names."""
    if isinstance(part, Mapping):
        return {key: _placed(value, places) for key, value in part.items()}
    if not isinstance(part, (list, tuple)):
        return part
    if len(part) == 4 and part[0] == "_CONSTANT_VALUE" and isinstance(part[2], list):
        # A constant array, which Keras takes apart when it loads a network.
        return [_placed([*part[:2], value, part[3]], places) for value in part[2]]
    # As Keras recognises an input: [layer, call, result], then constants, if it is the call's first.
    if len(part) in (3, 4) and isinstance(part[0], str) and part[0] in places:
        part = [places[part[0]], *part[1:]]
    return [_placed(inner, places) for inner in part]
