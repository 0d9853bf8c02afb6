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


def test_a_dry_run_says_what_lacks_and_computes_nothing(dataset, scene_model_folder, tmp_path, capsys):
    def told(*flags):
        places = {"data": dataset.folder, "models": scene_model_folder, "out": tmp_path / "out"}
        given = [word for name, place in places.items() for word in (f"--{name}", str(place))]
        main(["bam metrics", *given, "--methods", "constant", "--limit", "2", *flags])
        return capsys.readouterr().out

    asked = ("--metric", "violation,idr,inpainting", "--model", "scene", "--norobustness", "--dry_run")
    out = told(*asked)
    assert not (tmp_path / "out").exists()
    assert "| scene | object_scene-pictures | constant | 0 | 2 | unknown |" in out
    assert "idr: 0 rows are there, 12 lack, which takes an unknown time for 6 of the 6 lines" in out
    assert "inpainting: what it needs is known only when it runs" in out
    told("--metric", "idr", "--norobustness")
    out = told(*asked)
    assert "| scene | scene_only | constant | 2 | 0 | 0:00 |" in out
    assert "idr: 12 rows are there, 0 lack, which takes about 0:00" in out
    assert "violation: 0 rows are there, 6 lack, which takes an unknown time for 3 of the 3 lines" in out


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        ("--metric deletion --methods lime_g --inpainter mean", ["lime_g(inpainter='mean')"]),
        ("--metric inpainting --methods lime_g --inpainter blur", ["lime_g(inpainter='blur')"]),
        ("--metric inpainting --methods centre --inpainter blur", ["centre"]),
        ("--metric idr --methods meaningful_perturbation_g --yes", ["meaningful_perturbation_g(yes=True)"]),
        ("--metric idr --methods sliding_patch_g,lime_g(inpainter=blur) --inpainter black", None),
    ],
)
def test_what_paints_reaches_metrics_and_methods_alike(
    flags, names, dataset, scene_model_folder, tmp_path, monkeypatch
):
    """Whichever takes it."""
    runs = []
    monkeypatch.setattr("bam.metrics.__main__._plan", lambda metric, run: runs.append((metric, run)) or "")
    places = {"data": dataset.folder, "models": scene_model_folder, "out": tmp_path / "out"}
    given = [word for name, place in places.items() for word in (f"--{name}", str(place))]
    main(["bam metrics", *given, "--dry_run", *flags.split()])
    metric, run = runs[0]
    names = names or ["sliding_patch_g(inpainter='black')", "lime_g(inpainter='blur')"]
    assert [each.name for each in run.explainers[:-2]] == names
    if metric.name == "inpainting":
        assert run.asked["inpainting"].inpainter == "blur"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            "--metric idr --methods grad_cam --inpainter blur",
            "none of the methods has the setting --inpainter",
        ),
        ("--metric inpainting --methods lime_g --yes", "none of the methods has the setting --yes"),
    ],
)
def test_what_paints_is_refused_where_nothing_takes_it(flags, message, capsys):
    with pytest.raises(SystemExit):
        main(["bam metrics", *flags.split()])
    assert message in capsys.readouterr().err
