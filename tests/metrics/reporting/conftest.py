"""Scores made by hand that are as large as those of a whole run, and maps without a network behind them."""

from dataclasses import replace

import numpy as np
import pytest

from bam.metrics.reporting.maps import Maps, MethodMaps
from bam.metrics.reporting.report import write_report
from bam.metrics.results.image_values import ImageValues
from bam.metrics.results.schema import (
    Chart,
    Column,
    Configuration,
    Environment,
    Line,
    Validity,
)
from bam.metrics.results.score import Score
from bam.metrics.statistics.comparison import Comparison, Undecided
from bam.metrics.statistics.estimate import Estimate

METHODS = (
    "grad_cam",
    "layered_grad_cam",
    "fullgrad",
    "smoothgrad_squared",
    "guided_grad_cam",
    "vanilla_gradient",
    "guided_backprop",
    "smoothgrad(noise=0.2, samples=20)",
    "gradient_x_input",
    "integrated_gradients",
    "gradient_shap",
    "integrated_gradients_smoothgrad",
)
CONTROLS = ("object_mask", "constant", "edges", "centre", "random")
FURTHER = {"random_region": "random region", "rescaled": "rescaled", "relocated": "relocated"}
PLACES = tuple(np.linspace(0, 1, 29).tolist())


def _line(name, rng):
    value = rng.random()
    further = {key: Estimate(float(rng.random()), 0.0, 1.0, 80) for key in FURTHER}
    curves = {key: np.sort(rng.random(29))[::-1] for key in ("curve", "other")}
    return Line(
        Estimate(float(value), float(value - 0.1 * rng.random()), float(value + 0.1 * rng.random()), 80),
        control=name in CONTROLS,
        beside=further,
        curves={key: tuple(found.tolist()) for key, found in curves.items()},
        curve_intervals={
            key: (tuple((found - 0.05).tolist()), tuple((found + 0.05).tolist()))
            for key, found in curves.items()
        },
    )


def make_score(names, **more):
    """A score of these with values, further columns, and curves in two panels."""
    rng = np.random.default_rng(0)
    content = {
        "metric": "idr",
        "version": 2,
        "title": "IDR",
        "direction": "up",
        "source": "section 4.3",
        "lines": {name: _line(name, rng) for name in names},
        "columns": tuple(Column(title, key) for key, title in FURTHER.items()),
        "comparison": Comparison("paired", images=80),
        "validity": Validity(None),
        "configuration": Configuration({"seed": 0}, {}, "0a1b", {}, "float32"),
        "environment": Environment("3.12.1", "Linux", (), {}, None),
        "chart": Chart("title", "share of the pixels", PLACES, {"probability": "curve", "share": "other"}),
        "axes": {"curve": PLACES, "other": PLACES},
        "oracle": True,
    }
    return Score(**{**content, **more})


@pytest.fixture
def score():
    """A score of twelve methods and five controls."""
    return make_score((*METHODS, *CONTROLS))


@pytest.fixture(scope="session")
def small_score():
    """A score of three methods and three controls. Not to be changed."""
    return make_score((*METHODS[6:9], *CONTROLS[2:]))


@pytest.fixture(scope="session")
def series_score():
    """The same as that of `rmcs` is, one value of which is not known. Not to be changed."""
    rng = np.random.default_rng(1)
    mcs = {name: rng.random(10).tolist() for name in (*METHODS, *CONTROLS)}
    mcs["fullgrad"][3] = None
    details = {
        "k": [place / 10 for place in range(1, 11)],
        "accuracy_drop": rng.random(10).tolist(),
        "mcs": mcs,
    }
    names = (*METHODS, *CONTROLS, "-k")
    found = make_score(names, metric="rmcs", title="r", details=details, columns=(), chart=None, oracle=False)
    found.lines["-k"] = Line(Estimate(0.7, 0.3, 0.9, None), control=True)
    return found


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


@pytest.fixture
def results(small_score, tmp_path):
    """A folder of two scores, one of which has ranks and the numbers of its images."""
    ranks = {
        "guided_backprop": (1, 2),
        "smoothgrad(noise=0.2, samples=20)": (1, 2),
        "gradient_x_input": (3, 3),
    }
    rng = np.random.default_rng(0)
    values = {name: rng.random(30) for name in small_score.lines}
    lines = {
        name: replace(line, estimate=Estimate(float(values[name].mean()), 0.1, 0.9, 30), rank=ranks.get(name))
        for name, line in small_score.lines.items()
    }
    pair = Undecided("guided_backprop", "smoothgrad(noise=0.2, samples=20)", 0.0123, 4321)
    comparison = Comparison("paired", ranks=ranks, undecided=pair, images=30)
    ids = tuple(f"image {place}" for place in range(30))
    images = ImageValues(ids, np.arange(60).reshape(30, 2).astype(str), values)
    first = replace(small_score, lines=lines, comparison=comparison, images=images)
    first.write(tmp_path)
    replace(first, metric="mcs", title="MCS", notes=("Read `it` <so>.",)).write(tmp_path)
    return tmp_path


@pytest.fixture
def page(results):
    return write_report(results, data=results / "no", models=results / "no").read_text()
