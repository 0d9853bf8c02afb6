import numpy as np
import pytest

from bam.attributions import explain
from bam.attributions.controls import NOISE_SHARES, degraded_oracle
from bam.base.errors import BamError


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)


def test_random_is_fresh_for_every_seed_and_even(scene_classifier, images):
    maps = explain(scene_classifier, images, [0, 0], "random", [1, 2])
    assert not np.array_equal(maps[0], maps[1])
    assert np.array_equal(explain(scene_classifier, images[:1], [0], "random", [2])[0], maps[1])
    assert maps.mean() == pytest.approx(0.5, abs=0.02)
    one_seed = explain(scene_classifier, images, [0, 0], "random", 5)
    assert not np.array_equal(one_seed[0], one_seed[1])


def test_edges_are_where_the_brightness_changes(scene_classifier):
    image = np.zeros((1, 64, 64, 3), np.float32)
    image[:, :, 32:] = 100
    edges = explain(scene_classifier, image, [0], "edges")[0]
    assert (edges[:, 31:33] == 400).all()
    assert np.count_nonzero(edges) == 2 * 64


def test_centre_is_highest_in_the_middle(scene_classifier, images):
    bell = explain(scene_classifier, images, [0, 0], "centre")[0]
    assert np.unravel_index(bell.argmax(), bell.shape) in {(31, 31), (31, 32), (32, 31), (32, 32)}
    assert np.allclose(bell, bell.T)
    assert np.allclose(bell, bell[::-1, ::-1])


def test_the_oracle_knows_what_each_classifier_looks_at(scene_classifier, images, monkeypatch):
    masks = np.zeros((2, 64, 64), bool)
    masks[0, 10:30, 10:30] = True
    scene = explain(scene_classifier, images, [0, 0], "object_mask", masks=masks)
    assert (scene[0][masks[0]] == 0).all()
    assert (scene[0][~masks[0]] >= 0.5).all()
    assert (scene[1] >= 0.5).all()
    monkeypatch.setattr(scene_classifier, "labels", "object")
    objects = explain(scene_classifier, images, [0, 0], "object_mask", masks=masks)
    assert np.array_equal(objects, masks.astype(np.float32))
    with pytest.raises(BamError, match="object_mask needs masks"):
        explain(scene_classifier, images, [0, 0], "object_mask")


def test_the_inverse_mask_is_what_is_no_object_for_any_network(scene_classifier, images, monkeypatch):
    masks = np.zeros((2, 64, 64), bool)
    masks[0, 10:30, 10:30] = True
    for labels in ("object", "scene"):
        monkeypatch.setattr(scene_classifier, "labels", labels)
        found = explain(scene_classifier, images, [0, 0], "inverse_mask", masks=masks)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, 1 - masks.astype(np.float32))


def test_noise_in_the_oracle_keeps_its_values_and_grows_with_the_share(scene_classifier):
    classifier = scene_classifier
    images, masks = np.zeros((2, 64, 64, 3), np.float32), np.zeros((2, 64, 64), bool)
    masks[:, 10:30, 20:50] = True
    seeds = np.array([1, 2], np.uint64)
    oracle = explain(classifier, images, [0, 0], "object_mask", seeds, masks)
    changed = []
    for share in NOISE_SHARES:
        maps = explain(classifier, images, [0, 0], degraded_oracle(share), seeds, masks)
        np.testing.assert_array_equal(np.sort(maps, axis=None), np.sort(oracle, axis=None))
        changed.append(maps != oracle)
    assert not changed[0].any()
    counts = [part.sum() for part in changed]
    assert counts == sorted(counts)
    assert len(set(counts)) == len(counts)
    assert counts[-1] > 0.9 * oracle.size  # the oracle of scenes is a ramp, of which few pixels are equal


def test_wholly_degraded_the_oracle_knows_nothing(scene_classifier):
    images, masks = np.zeros((1, 64, 64, 3), np.float32), np.zeros((1, 64, 64), bool)
    masks[:, :32] = True
    (plane,) = explain(scene_classifier, images, [0], degraded_oracle(1.0), np.array([5], np.uint64), masks)
    assert abs(np.corrcoef(plane.ravel(), ~masks.ravel())[0, 1]) < 0.05


def test_degraded_oracles_differ_between_images_and_have_names_of_their_own(scene_classifier):
    images, masks = np.zeros((2, 64, 64, 3), np.float32), np.zeros((2, 64, 64), bool)
    seeds = np.array([1, 2], np.uint64)
    first, second = explain(scene_classifier, images, [0, 0], degraded_oracle(0.6), seeds, masks)
    assert (first != second).any()
    assert len({degraded_oracle(share).name for share in NOISE_SHARES}) == len(NOISE_SHARES)
