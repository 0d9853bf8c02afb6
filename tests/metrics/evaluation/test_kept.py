"""What runs keep, by kind and last use, and what may be removed of it."""

import os
import time
from dataclasses import fields

import numpy as np
import pytest

import bam.metrics.evaluation.kept as kept_module
from bam.base.errors import BamError
from bam.base.files import locked
from bam.metrics import METRICS
from bam.metrics.contrast.variants import Contrast
from bam.metrics.evaluation.kept import DAY, KINDS, kept, remove_unused
from bam.metrics.evaluation.rows import Row, RowFile
from bam.metrics.scoring import evaluate
from bam.models.inpainters import make_inpainter
from bam.models.inpainters.store import FillStore

DIGEST = "0123456789ab"
# Columns of each kind, a line, the middle of the file's name, and what it is said to be of.
FILES = {
    "rows": ("image_id,method,g_c", "a,smoothgrad(samples=2),0", "object_scene-smoothgrad", "smoothgrad"),
    "curves": ("image_id,method,points", "a,my-maps,0;1", "folder-deletion-my-maps", "deletion, my-maps"),
    "fills": ("image_id,level,overlap", "a,10,1", "v-inpainting-stable-diffusion-x", "stable-diffusion-x"),
    "painted classes": ("label,recognised", "1,2", "blur-classes", "scene-blur-classes"),
    "localisation": ("image_id,method,pointing", "a,smoothgrad,1", "x-localisation-smoothgrad", "smoothgrad"),
    "robustness": ("image_id,method,spearman", "a,rise(samples=9),1", "x-robustness-rise", "rise"),
    "randomisation": ("image_id,method,absolute", "a,rise,1", "x-randomisation-rise", "rise"),
    "others": ("image_id,mine", "a,1", "mine", "scene-mine"),
}


def aged(path, days):
    then = time.time() - days * DAY
    os.utime(path, (then, then))
    return path


@pytest.fixture
def rows(tmp_path):
    """From a kind and how old it is to a file of it."""
    (tmp_path / "rows").mkdir()

    def make(kind="rows", days=0, digest=DIGEST):
        header, line, name, _ = FILES[kind]
        path = tmp_path / "rows" / f"scene-{name}-{digest}.csv"
        path.write_text(f"{header}\n{line}\n")
        return aged(path, days)

    return make


@pytest.fixture
def patches(tmp_path):
    """From how old its table is to a folder of patches, two images and a half one."""

    def make(days=0):
        folder = tmp_path / "patches" / f"scene-iir-scene-paper-{DIGEST}"
        (folder / "below").mkdir(parents=True)
        for name in ("a.png", "below/b.jpg.png", ".partial.1.c.png"):
            (folder / name).write_bytes(b"123")
        (folder / "patches.csv").write_text("image_id\na\nbelow/b.jpg\n")
        aged(folder / "patches.csv", days)
        return folder

    return make


def removed(out, days):
    return [each.path for each in remove_unused(out, days)]


@pytest.mark.parametrize("kind", FILES)
def test_a_file_is_known_by_its_columns_and_its_name(rows, tmp_path, kind):
    path = rows(kind, days=3)
    (found,) = kept(tmp_path)
    assert (found.path, found.kind, found.of, found.lines) == (path, kind, FILES[kind][3], 1)
    assert found.size == path.stat().st_size
    assert found.used == pytest.approx(time.time() - 3 * DAY, abs=60)
    assert found.own


def test_each_kind_has_a_column_of_its_own():
    from bam.metrics.effect.regions import OfRegions
    from bam.metrics.evaluation.effects import Answer
    from bam.metrics.inpainting.class_validity import ClassRow
    from bam.metrics.inpainting.fills import Fill
    from bam.metrics.localisation.rows import Located
    from bam.metrics.perturbation.family import Points
    from bam.metrics.randomisation.rows import Randomised
    from bam.metrics.robustness.rows import Compared

    every = (Row, Points, Fill, ClassRow, Located, Compared, Answer, OfRegions, Randomised)
    for kind, rows in zip(KINDS.values(), every, strict=True):
        assert {KINDS[each.name] for each in fields(rows) if each.name in KINDS} == {kind}


def test_empty_and_damaged_files_are_shown_too(rows, tmp_path):
    rows().write_bytes(b"")
    rows(digest="f" * 12).write_bytes(b"\xff\x00\n")
    assert [(each.kind, each.lines, each.own) for each in kept(tmp_path)] == [("others", 0, True)] * 2


def test_patches_are_one_with_their_table(patches, tmp_path):
    folder = patches(days=5)
    (found,) = kept(tmp_path)
    assert (found.path, found.kind, found.of, found.lines) == (folder, "patches", "scene-iir-scene-paper", 2)
    assert len(found.files) == 4
    assert found.size == 9 + (folder / "patches.csv").stat().st_size
    assert found.used == pytest.approx(time.time() - 5 * DAY, abs=60)


def test_painted_pictures_are_shown_and_removed_by_their_last_use(tmp_path):
    store = FillStore(tmp_path / "fills")
    images = np.zeros((2, 4, 4, 3), np.uint8) + np.array([9, 99], np.uint8)[:, None, None, None]
    given = (np.ones((2, 4, 4), bool), ["", ""], np.zeros(2, np.uint64))
    store.fill(make_inpainter("mean"), images, *given)
    other = tmp_path / "fills" / "mine.png"
    other.write_bytes(b"123")
    found = {each.path: each for each in kept(tmp_path)}
    assert (found[other].kind, found[other].own) == ("others", False)
    pictures = [path for path, each in found.items() if each.kind == "painted pictures" and each.own]
    assert len(pictures) == 2
    for path in (pictures[0], other):
        aged(path, 40)
    assert [each.path for each in remove_unused(tmp_path, 30)] == [pictures[0]]
    assert [path.exists() for path in (*pictures, other)] == [False, True, True]


def test_what_no_run_has_used_is_removed(rows, patches, tmp_path):
    old, fresh = rows("rows", 31), rows("curves", 29)
    folder = patches(days=40)
    (tmp_path / "idr.json").write_text("{}")
    aged(tmp_path / "idr.json", 99)
    assert removed(tmp_path, 50) == []
    assert removed(tmp_path, 30) == [old, folder]
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(
        ["idr.json", "patches", "rows", fresh.name]
    )


def test_only_what_a_run_made_is_removed(rows, patches, tmp_path):
    folder = patches(days=40)
    (folder / "below" / "notes.txt").write_text("mine")
    others = tmp_path / "rows" / "notes.csv", tmp_path / "rows" / "scene-object_scene-smoothgrad-1234.csv"
    for path in others:
        path.write_text("a,g_c\n1,2\n")
        aged(path, 40)
    (tmp_path / "rows" / f"folder-{DIGEST}.csv").mkdir()
    aged(tmp_path / "rows" / f"folder-{DIGEST}.csv", 40)
    assert removed(tmp_path, 1) == [folder]
    assert removed(tmp_path, 1) == []
    assert (folder / "below" / "notes.txt").read_text() == "mine"
    assert all(path.exists() for path in others)


def test_links_are_not_followed(rows, patches, tmp_path):
    away = tmp_path / "away"
    away.mkdir()
    (away / "picture.png").write_bytes(b"123")
    file = aged(away / "picture.png", 90)
    (tmp_path / "rows" / f"scene-x-{DIGEST}.csv").symlink_to(file)
    folder = patches(days=40)
    (folder / "linked").symlink_to(away)
    (folder / "linked.png").symlink_to(file)
    (tmp_path / "patches" / f"scene-{DIGEST}").symlink_to(away)
    assert removed(tmp_path, 1) == [folder]
    assert file.read_bytes() == b"123"
    assert (tmp_path / "rows" / f"scene-x-{DIGEST}.csv").is_symlink()
    other = tmp_path / "other"
    other.mkdir()
    (other / "rows").symlink_to(tmp_path / "rows")
    with pytest.raises(BamError, match=r"is a link to .*, and links are not followed: name by `out`"):
        kept(other)


def test_nothing_is_removed_from_under_a_run(rows, tmp_path):
    path = rows(days=40)
    with locked(tmp_path / "rows" / ".lock"), pytest.raises(BamError, match="another run is writing"):
        removed(tmp_path, 30)
    assert path.exists()


def test_patches_that_a_run_has_used_meanwhile_stay(rows, patches, tmp_path, monkeypatch):
    """Between the listing and the turn of a folder of patches, which a run holds a lock of its own for."""
    folder = patches(days=40)
    lock = kept_module.locked

    def used_before(path):
        if path.parent == folder:
            os.utime(folder / "patches.csv")
        return lock(path)

    monkeypatch.setattr(kept_module, "locked", used_before)
    assert removed(tmp_path, 30) == []
    assert (folder / "patches.csv").exists()


def test_files_that_vanish_while_they_are_listed_are_passed_over(patches, tmp_path, monkeypatch):
    """A run renames what it has written."""
    folder = patches(days=1)
    (folder / "new.png").write_text("")
    walk = os.walk

    def vanishing(path):
        found = list(walk(path))
        (folder / "new.png").unlink(missing_ok=True)
        return found

    monkeypatch.setattr(os, "walk", vanishing)
    (found,) = kept(tmp_path)
    assert folder / "new.png" not in found.files
    assert folder / "patches.csv" in found.files


def test_a_folder_that_is_not_there_is_named(tmp_path):
    assert kept(tmp_path) == []
    assert removed(tmp_path, 1) == []
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(BamError, match="there are no results in"):
        kept(tmp_path / "none")


def test_opening_a_file_of_rows_is_using_it(tmp_path):
    path = tmp_path / "a.csv"
    RowFile(path)
    aged(path, 9)
    RowFile(path)
    assert path.stat().st_mtime == pytest.approx(time.time(), abs=60)


def test_a_run_uses_what_it_finds_and_leaves_the_rest_to_be_removed(run_for, all_correct):
    def scored(seed):
        run = run_for(limit=4, seed=seed, asked={"idr": Contrast(robustness=False, premise=False)})
        return run.out, evaluate(METRICS["idr"], run)

    out, first = scored(0)
    scored(1)
    assert [(each.kind, each.of, each.own) for each in kept(out)] == [("rows", "random", True)] * 4
    for each in kept(out):
        aged(each.path, 40)
    assert scored(0)[1] == first
    gone = removed(out, 30)
    assert len(gone) == 2
    assert len(kept(out)) == 2
    scored(1)
    assert set(gone) < {each.path for each in kept(out)}
