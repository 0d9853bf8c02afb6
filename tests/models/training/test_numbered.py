"""What several trainings of a network are called, from what seeds they are, and which are there."""

import pytest

from bam.base.errors import BamError
from bam.models import Models
from bam.models.given import GivenModels
from bam.models.training.numbered import parted_name, training_name, training_seed, trainings_of
from bam.models.training.task import Task
from bam.models.training.training import make_config


@pytest.mark.parametrize(
    ("name", "parted"),
    [
        ("scene", ("scene", 0)),
        ("scene@1", ("scene", 1)),
        ("scene_commonality_0.3@12", ("scene_commonality_0.3", 12)),
        ("object_bird+dog@2", ("object_bird+dog", 2)),
        # No names that a training is given.
        ("scene@0", ("scene@0", 0)),
        ("scene@01", ("scene@01", 0)),
        ("scene@x", ("scene@x", 0)),
        ("@1", ("@1", 0)),
    ],
)
def test_a_name_has_its_network_and_its_number(name, parted):
    assert parted_name(name) == parted
    assert training_name(*parted) == name


def test_seeds_differ_between_trainings_and_the_first_is_the_seed_itself():
    seeds = {(seed, training): training_seed(seed, training) for seed in range(5) for training in range(100)}
    assert [seeds[seed, 0] for seed in range(5)] == list(range(5))
    assert len(set(seeds.values())) == len(seeds)
    assert all(0 <= seed < 2**32 for seed in seeds.values())
    # Derived so for ever: trainings that are there are gone on from, and added to.
    assert (seeds[0, 1], seeds[0, 2], seeds[3, 1]) == (2708527690, 2812809864, 657918153)


def test_those_that_are_done_are_listed(tmp_path):
    for name in ("scene", "scene@10", "scene@2", "scene@x", ".scene@3", "scene_on_scene_only@4", "object@1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.json").write_text("{}")
    (tmp_path / "scene@5").mkdir()
    (tmp_path / "scene@5" / "training.npz").write_bytes(b"not done")
    assert trainings_of(tmp_path, "scene") == (0, 2, 10)
    assert trainings_of(tmp_path, "object") == (1,)
    assert trainings_of(tmp_path / "none", "scene") == ()
    assert Models(tmp_path).trainings("scene_on_scene_only") == (4,)
    given = GivenModels("scene=mine.py:build", tmp_path)
    assert (given.trainings("scene"), given.trainings("object")) == ((0,), ())


def test_a_training_is_counted_from_0(dataset):
    with pytest.raises(BamError, match="`training` must be 0 or more, not -1"):
        make_config(Task("scene"), dataset, training=-1)
