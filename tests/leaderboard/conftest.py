"""The entries and networks in the repository, and the dataset that they are of."""

from pathlib import Path

import pytest

from bam import BamError
from bam.base.threads import cores
from bam.leaderboard.canonical import CONTROLS, read_canonical, read_dataset
from bam.leaderboard.entry import read_entries, read_entry
from bam.leaderboard.machine import processor

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "leaderboard"


@pytest.fixture(scope="session")
def canonical():
    """The networks in the repository."""
    return read_canonical(FOLDER / "networks")


@pytest.fixture(scope="session")
def entries():
    """All entries in the repository, by file."""
    return read_entries(FOLDER)


@pytest.fixture(scope="session")
def controls():
    """Those of the controls."""
    return {name: read_entry(FOLDER / f"{name}.json") for name in CONTROLS}


@pytest.fixture
def entry():
    """That of grad_cam."""
    return read_entry(FOLDER / "grad_cam.json")


@pytest.fixture(scope="session")
def canonical_dataset(canonical, tmp_path_factory):
    """The whole drawn sample with seed 0: that in data/bam, if it is there, else drawn, a minute or two.

    Not to be changed.
    """
    from bam.data_prep.build import build
    from bam.data_prep.sources import Sources, make_source

    folder = ROOT / "data" / "bam"
    if not (folder / "dataset.json").exists():
        root = tmp_path_factory.mktemp("canonical")
        folder, drawn = root / "bam", str(root / "drawn")
        sources = Sources(make_source("object", "drawn", drawn), make_source("scene", "drawn", drawn))
        build(sources, folder, images_per_pair=100, seed=0, workers=cores())
    try:
        return read_dataset(folder, canonical)
    except BamError as error:
        if read_entry(FOLDER / "grad_cam.json").machine.processor == processor():
            raise
        # NumPy's sines and exponentials have other last digits where a processor has AVX-512.
        pytest.skip(f"the drawn sample is another one on this processor: {error}")
