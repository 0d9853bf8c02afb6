"""What networks do along CAVs, made up."""

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def sensitivity():
    """A network whose logit rises in the given share of images, per layer; random concepts: in half."""
    from bam.metrics.concepts.sensitivity import Sensitivity

    def make(name, shares, correct, rng, runs=30):
        images = len(correct)
        dogs = np.stack([rng.random((runs, images)) < share for share in shares])
        random = rng.random(dogs.shape) < 0.5
        accuracies = np.full((2, len(shares), runs), 0.9)
        layers = [f"layer{index}" for index in range(len(shares))]
        rises = np.stack([dogs, random])
        return Sensitivity(name, layers, rises, accuracies, (0.1, 0.0), np.asarray(correct), 1.0)

    return make
