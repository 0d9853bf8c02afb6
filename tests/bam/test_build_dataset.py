"""The command that builds the dataset, where the drawn sample has another seed."""

import json

import pytest

from bam.build_dataset import main
from bam.data_prep import load_dataset
from bam.data_prep.sources.drawn import sample


@pytest.fixture
def build(tmp_path, monkeypatch, capsys):
    """Runs the command in a folder of its own, with a small drawn sample; its exit code and what it said."""
    monkeypatch.setattr(sample, "PICTURES_PER_CLASS", 12)
    monkeypatch.chdir(tmp_path)

    def run(*flags):
        code = 0
        try:
            main(["bam build", "--images_per_pair", "10", "--workers", "2", *map(str, flags)])
        except SystemExit as ended:
            code = ended.code
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def test_another_drawn_sample_is_another_dataset_in_folders_of_its_own(build, tmp_path):
    assert build("--draw_seed", 7, "--data", "data/seven")[0] == 0
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["drawn-7", "seven"]
    settings = load_dataset("data/seven").description["settings"]
    assert (settings["draw_seed_of_objects"], settings["draw_seed_of_scenes"], settings["seed"]) == (7, 7, 0)
    code, said = build("--data", "data/seven")
    assert code == 1
    assert "data/seven was built with " in said
    assert "draw_seed_of_objects 7, not 0" in said
    assert build("--data", "data/zero")[0] == 0
    zero, seven = load_dataset("data/zero"), load_dataset("data/seven")
    assert zero.fingerprint != seven.fingerprint
    # As a dataset of an earlier version, which does not say with what seed its pictures were drawn.
    content = json.loads((zero.folder / "dataset.json").read_text())
    del content["settings"]["draw_seed_of_objects"], content["settings"]["draw_seed_of_scenes"]
    (zero.folder / "dataset.json").write_text(json.dumps(content))
    code, said = build("--data", "data/zero")
    assert (code, "data/zero is there already, and used as it is" in said) == (0, True)
    assert "draw_seed_of_scenes 0, not 8" in build("--data", "data/zero", "--draw_seed", 8)[1]


def test_a_seed_of_drawings_is_for_drawings(build, sources_folder):
    photographs = "--coco", sources_folder / "coco", "--miniplaces", sources_folder / "miniplaces"
    code, said = build(*photographs, "--draw_seed", 7)
    assert code == 1
    assert (
        said
        == "error: --draw_seed is for the drawn sample: leave it out, or the sources that are not drawn\n"
    )
    half = "--objects", f"coco={sources_folder / 'coco'}", "--scenes", "drawn=own"
    assert build(*half, "--draw_seed", 7)[0] == 0
    settings = load_dataset("data/bam").description["settings"]
    assert settings["draw_seed_of_scenes"] == 7
    assert "draw_seed_of_objects" not in settings
