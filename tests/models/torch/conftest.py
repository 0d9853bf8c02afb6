"""A network of tf_keras, and what it is in PyTorch, written by hand."""

import numpy as np
import pytest
import tf_keras as keras

SIZE = (14, 10)
CLASSES = ("cat", "dog", "eel", "fly")


@pytest.fixture(scope="session")
def in_keras():
    """Two convolutions with ReLUs, a batch norm between them, of pixels on ImageNet's scale."""
    from bam.models.network.rebuilt import preprocessed

    keras.utils.set_random_seed(0)
    inputs = keras.Input((*SIZE, 3))
    x = keras.layers.Conv2D(6, 3, name="first")(inputs)
    x = keras.layers.BatchNormalization(name="norm", epsilon=1e-5)(x)
    x = keras.layers.ReLU(name="relu")(x)
    x = keras.layers.Conv2D(8, 3, strides=2, name="second")(x)
    x = keras.layers.ReLU(name="last")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(4, name="head")(x))
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(0.5, 1.5, w.shape) if w.ndim == 1 else w for w in model.get_weights()])
    return preprocessed(model, "imagenet")


@pytest.fixture(scope="session")
def in_torch(in_keras):
    """From how ReLUs are called to the same network as a module, which takes ImageNet's scale."""
    torch = pytest.importorskip("torch")
    from torch import nn

    relus = {
        "functional": nn.functional.relu,
        "function": torch.relu,
        "method": lambda x: x.relu(),
        "in place": lambda x: x.relu_(),
        "functional in place": lambda x: nn.functional.relu(x, inplace=True),
    }

    class Network(nn.Module):
        def __init__(self, relu):
            super().__init__()
            self.first, self.norm, self.second = nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.Conv2d(6, 8, 3, 2)
            self.head = nn.Linear(8, 4)
            # One for both, as in torchvision's networks.
            self.relu = relus[relu] if relu in relus else nn.ReLU(inplace=relu == "shared in place")

        def forward(self, x):
            x = self.relu(self.norm(self.first(x)))
            return self.head(self.relu(self.second(x)).mean((2, 3)))

    def make(relu="shared"):
        network = Network(relu)
        for name in ("first", "second"):
            kernel, bias = in_keras.get_layer(name).get_weights()
            getattr(network, name).weight.data = torch.tensor(kernel).permute(3, 2, 0, 1).contiguous()
            getattr(network, name).bias.data = torch.tensor(bias)
        gamma, beta, mean, variance = map(torch.tensor, in_keras.get_layer("norm").get_weights())
        network.norm.weight.data, network.norm.bias.data = gamma, beta
        network.norm.running_mean, network.norm.running_var = mean, variance
        kernel, bias = map(torch.tensor, in_keras.get_layer("head").get_weights())
        network.head.weight.data, network.head.bias.data = kernel.T.contiguous(), bias
        return network

    return make


@pytest.fixture(scope="session")
def both(in_keras, in_torch):
    """The two as classifiers."""
    from bam.models.classifier import Classifier
    from bam.models.torch.classifier import TorchClassifier

    module = in_torch("shared in place").eval()
    return (
        Classifier(in_keras, CLASSES, batch_size=4),
        TorchClassifier(module, CLASSES, SIZE, "imagenet", batch_size=4),
    )


@pytest.fixture(scope="session")
def images():
    return np.random.default_rng(0).uniform(0, 255, (6, *SIZE, 3)).astype(np.float32)
