"""What the layers of a network add to their outputs."""

from __future__ import annotations

import numpy as np
import tf_keras as keras

from bam.models.network.frozen import folded_norms, scale_and_shift


def ends_in_relu(layer: keras.layers.Layer) -> bool:
    """Whether a layer's own activation is a ReLU."""
    return getattr(layer, "activation", None) is keras.activations.relu


def layer_biases(model: keras.Model, network: keras.Model) -> dict[str, np.ndarray]:
    """What each layer adds to its output, by the layer's name; for a convolution whose batch norm became
    part of it in `network` (the model, `frozen`), by the norm's name."""
    folded = folded_norms(model)
    biases = {norm.name: network.get_layer(name).bias.numpy() for name, norm in folded.items()}
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization) and layer.name not in biases:
            biases[layer.name] = scale_and_shift(layer)[1].astype(np.float32)
        elif getattr(layer, "use_bias", False) and layer.name not in folded:
            biases[layer.name] = layer.bias.numpy()
    # Some layer must be asked for, if none has a bias.
    return biases or {model.output_names[0]: np.zeros((), np.float32)}
