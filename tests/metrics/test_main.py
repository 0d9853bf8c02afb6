"""What the command prints beside the tables."""

import numpy as np
import pytest
from PIL import Image

from bam.cli import flags as command
from bam.metrics.__main__ import main


@pytest.fixture
def folder(tmp_path):
    for shade in (40, 90, 150):
        pixels = np.random.default_rng(shade).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        (tmp_path / "own").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "own" / f"{shade}.png")
    return tmp_path / "own"


@pytest.fixture
def said(monkeypatch, dataset, scene_model_folder, tmp_path, folder):
    """Whether a run of these flags says that its dataset is drawn; {own} is a folder of images."""

    def run(flags):
        asked = []
        monkeypatch.setattr(command, "say_if_drawn", asked.append)
        places = {"data": dataset.folder, "models": scene_model_folder, "out": tmp_path / "out"}
        given = [word for name, place in places.items() for word in (f"--{name}", str(place))]
        given += ["--model", "scene", "--methods", "random", "--limit", "2"]
        main(["bam metrics", *given, *flags.format(own=folder).split()])
        return bool(asked)

    return run


PAINT = "inpainting --levels 50 --fills 1 --patch_grid 0"


@pytest.mark.parametrize(
    ("flags", "seen"),
    [
        ("--metric deletion", True),
        ("--metric deletion --images {own}", False),
        (f"--metric {PAINT} --images {{own}} --inpainter blur", False),
        (f"--metric {PAINT} --images {{own}}", True),
        (f"--metric deletion,{PAINT} --images {{own}} --inpainter mean", False),
        ("--metric iir --images {own}", True),
        ("--metric deletion,idr --norobustness --images {own}", True),
    ],
)
def test_a_drawn_dataset_is_named_where_anything_of_it_is_seen(said, flags, seen):
    assert said(flags) == seen
