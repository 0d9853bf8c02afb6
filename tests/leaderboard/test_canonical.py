import shutil
from pathlib import Path

import pytest

from bam import BamError
from bam.data_prep.dataset import Dataset
from bam.leaderboard.canonical import METRICS, read_canonical, read_dataset, settings_of

NETWORKS = Path(__file__).parents[2] / "leaderboard" / "networks"


def test_another_dataset_is_named_with_its_differences(dataset, canonical):
    with pytest.raises(BamError) as error:
        read_dataset(dataset.folder, canonical)
    message = str(error.value)
    assert (
        f"has the fingerprint {dataset.fingerprint}, the leaderboard's has {canonical.fingerprint}" in message
    )
    assert "source coco and miniplaces, not drawn" in message or "not drawn" in message
    assert "images_per_pair 10, not 100" in message
    assert "python -m bam.build_dataset --data FOLDER" in message


def test_other_pixels_with_the_same_settings_are_named_with_the_packages(dataset, canonical, monkeypatch):
    load = Dataset.check_pixels

    def same_settings(self):
        load(self)
        self.description["settings"] |= {"source": "drawn", "images_per_pair": 100}

    monkeypatch.setattr(Dataset, "check_pixels", same_settings)
    with pytest.raises(BamError, match=r"pictures came out otherwise with bam-benchmark .*pillow \d"):
        read_dataset(dataset.folder, canonical)


def test_networks_that_are_not_there(tmp_path):
    with pytest.raises(BamError, match=r"there is no network .*give as `networks`"):
        read_canonical(tmp_path)
    shutil.copytree(NETWORKS, tmp_path / "networks")
    model = tmp_path / "networks" / "scene" / "model.json"
    model.write_text(model.read_text().replace(read_canonical(NETWORKS).fingerprint, "0" * 64))
    with pytest.raises(BamError, match="are of 2 datasets"):
        read_canonical(tmp_path / "networks")


def test_the_networks_are_those_that_their_files_describe(canonical):
    from bam.models.stored import load_classifier

    for name, digest in canonical.digests.items():
        assert load_classifier(NETWORKS / name).digest == digest


def test_settings_are_those_of_the_demo():
    limits = {name: settings_of(name)["limit"] for name in METRICS}
    assert limits == {"mcs": 100, "idr": 100, "iir": 50, "inpainting": 30, "deletion": 30, "insertion": 30}
    assert settings_of("idr")["robustness"] is False
