import os

import numpy as np
import pytest

from bam.models.inpainters import make_inpainter
from bam.models.inpainters.simple import Blur
from bam.models.inpainters.store import FillStore


@pytest.fixture
def given():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (5, 20, 30, 3), dtype=np.uint8)
    holes = rng.random((5, 20, 30)) < 0.5
    return images, holes, ["dog"] * 5, np.arange(5, dtype=np.uint64)


@pytest.fixture
def painted(monkeypatch):
    """How many pictures were painted, call by call."""
    counts, paint = [], Blur._paint

    def watched(self, images, *others):
        counts.append(len(images))
        return paint(self, images, *others)

    monkeypatch.setattr(Blur, "_paint", watched)
    return counts


def test_what_was_painted_is_kept_by_all_that_it_depends_on(given, painted, tmp_path):
    blur, store = make_inpainter("blur"), FillStore(tmp_path / "fills")
    expected = blur.fill(*given)
    for _ in range(2):
        np.testing.assert_array_equal(store.fill(blur, *given), expected)
    assert painted == [5, 5]
    images, holes, prompts, seeds = given
    store.fill(blur, images[::-1], holes[::-1], prompts, seeds[::-1])
    store.fill(blur, images[:1], ~holes[:1], prompts[:1], seeds[:1])
    store.fill(blur, images[:1] // 2, holes[:1], prompts[:1], seeds[:1])
    store.fill(blur, images[:1], holes[:1], ["cat"], seeds[:1])
    store.fill(blur, images[:1], holes[:1], prompts[:1], seeds[:1] + np.uint64(9))
    assert painted == [5, 5, 1, 1, 1, 1]
    mean = make_inpainter("mean")
    np.testing.assert_array_equal(store.fill(mean, *given), mean.fill(*given))


def test_the_same_hole_twice_is_painted_once(given, painted, tmp_path):
    images, holes, prompts, seeds = (
        part[[0, 1, 0, 0]] if hasattr(part, "shape") else part[:4] for part in given
    )
    found = FillStore(tmp_path).fill(make_inpainter("blur"), images, holes, prompts, seeds)
    assert painted == [2]
    np.testing.assert_array_equal(found[2], found[0])


def test_what_a_kill_left_or_is_damaged_is_painted_anew(given, painted, tmp_path):
    blur, store = make_inpainter("blur"), FillStore(tmp_path)
    expected = store.fill(blur, *given)
    torn, wrong, *_ = sorted(tmp_path.glob("*.png"))
    torn.write_bytes(torn.read_bytes()[:40])
    wrong.write_bytes(b"")
    np.testing.assert_array_equal(FillStore(tmp_path).fill(blur, *given), expected)
    assert painted == [5, 2]


def test_a_full_store_is_gone_through_once_for_many_batches(given, painted, tmp_path, monkeypatch):
    """It is left with some room."""
    blur, (images, holes, prompts, seeds) = make_inpainter("blur"), given
    FillStore(tmp_path).fill(blur, *given)
    size = max(path.stat().st_size for path in tmp_path.glob("*.png"))
    scans, glob = [], type(tmp_path).glob
    monkeypatch.setattr(type(tmp_path), "glob", lambda *given: scans.append(1) or glob(*given))
    store = FillStore(tmp_path, 60 * size / 1e9)
    for number in range(40):
        more = seeds + np.uint64(10 * (number + 1))
        store.fill(blur, images, holes, prompts, more)
    assert 1 < len(scans) < 40
    assert 40 < len(list(glob(tmp_path, "*.png"))) <= 60


def test_what_another_run_is_writing_stays(given, painted, tmp_path):
    half = tmp_path / ".partial.0.png"
    half.write_bytes(b"half a picture")
    os.utime(half, (1, 1))
    FillStore(tmp_path, 1e-9).fill(make_inpainter("blur"), *given)
    assert list(tmp_path.iterdir()) == [half]


def test_what_was_not_used_for_longest_goes_first(given, painted, tmp_path):
    blur, (images, holes, prompts, seeds) = make_inpainter("blur"), given
    FillStore(tmp_path).fill(blur, *given)
    sizes = {path: path.stat().st_size for path in tmp_path.glob("*.png")}
    for number, path in enumerate(sorted(sizes)):
        os.utime(path, (1000 + number, 1000 + number))
    used = (images[:1], holes[:1], prompts[:1], seeds[:1])
    store = FillStore(tmp_path, 3.5 * max(sizes.values()) / 1e9)  # 3.15 when it was full
    store.fill(blur, *used)
    store.fill(blur, images[:1], ~holes[:1], prompts[:1], seeds[:1])
    left = list(tmp_path.glob("*.png"))
    assert sum(path.stat().st_size for path in left) <= 3.5 * max(sizes.values())
    assert len(left) == 3
    store.fill(blur, *used)
    assert painted == [5, 1]
