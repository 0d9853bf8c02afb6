"""Maps without a network behind them."""

import numpy as np
import pytest

from bam.metrics.reporting.maps import Maps, MethodMaps


@pytest.fixture(scope="session")
def made_up():
    """From numbers of images, methods and networks to random `Maps` of these; `changes` are its fields."""

    def make(images=2, methods=3, networks=1, size=(16, 16), **changes):
        rng = np.random.default_rng(0)
        masks = np.zeros((images, 24, 24), bool)
        masks[:, 6:15, 9:20] = True
        names = tuple(("object", "scene", "a_network_with_quite_a_long_name")[:networks])
        kinds = tuple(
            f"method_{n}_of_a_name(with=settings, noise=0.1{n})"[: 9 + 4 * n] for n in range(methods)
        )
        shape = (images, *size)
        maps = {
            (network, kind): MethodMaps(
                rng.random(shape, np.float32), rng.random(images), tuple(["ok"] * images)
            )
            for network in names
            for kind in kinds
        }
        fields = {
            "ids": tuple(f"zebra-bamboo_forest-{n:04}" for n in range(images)),
            "views": ("object_scene",) * images,
            "images": rng.integers(0, 256, (images, 24, 24, 3), np.uint8),
            "masks": masks,
            "present": np.ones(images, bool),
            "networks": names,
            "methods": kinds,
            "explained": dict.fromkeys(names, ("bamboo_forest",) * images),
            "predicted": dict.fromkeys(names, ("bowling_alley",) * images),
            "true": dict.fromkeys(names, ("bamboo_forest",) * images),
            "maps": maps,
            "rule": "The first of a number of test images of object_scene in data/bam.",
        }
        return Maps(**{**fields, **changes})

    return make
