import json
import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from bam.base.errors import BamError
from bam.base.seeds import generator
from bam.data_prep.classes import OBJECTS, SCENES
from bam.data_prep.sources import coco, coco_annotations, miniplaces
from bam.data_prep.sources.drawn import sample
from bam.data_prep.sources.drawn.brush import Canvas, product, spline
from bam.data_prep.sources.photographs import read_upright


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn") / "drawn"
    sample.draw_sample(folder, workers=2, pictures_per_class=3)
    return folder


# Of the first picture of each class, as it was before a sample could have another seed: pixels of the object;
# mean red, green and blue of the scene. Nearly, since other versions of Pillow may differ in single pixels.
AREAS = (14064, 7208, 6233, 10412, 5201, 12612, 16872, 10234, 9477, 10390)
COLOURS = (
    *((125, 147, 134), (64, 63, 60), (59, 96, 74), (61, 67, 81), (92, 129, 91)),
    *((55, 50, 39), (55, 67, 67), (120, 113, 158), (117, 115, 104), (145, 109, 66)),
)


def firsts(folder):
    """What `AREAS` and `COLOURS` say, of the sample in a folder."""
    instances = coco.Coco(folder / "coco").items()
    scenes = miniplaces.MiniPlaces(folder / "miniplaces")
    pictures = [scenes.read(files[0]) for files in scenes.items().values()]
    areas = np.array([instances[name][0].area for name in OBJECTS])
    return areas, np.array([picture.mean((0, 1)) for picture in pictures])


def test_the_sample_of_seed_0_is_that_of_earlier_versions(drawn):
    areas, colours = firsts(drawn)
    np.testing.assert_allclose(areas, AREAS, rtol=0.01)
    np.testing.assert_allclose(colours, COLOURS, atol=2)
    assert json.loads((drawn / "drawn.json").read_text()) == {"version": 2, "pictures_per_class": 3}


def test_another_seed_draws_other_pictures_whatever_the_workers(drawn, tmp_path):
    for workers in (1, 3):
        sample.draw_sample(tmp_path / f"of_{workers}" / "seven", workers, pictures_per_class=1, seed=7)
    assert contents(tmp_path / "of_1") == contents(tmp_path / "of_3")
    seven = tmp_path / "of_1" / "seven"
    assert json.loads((seven / "drawn.json").read_text())["seed"] == 7
    pictures, others = contents(seven), contents(drawn)
    shared = {path for path in pictures.keys() & others.keys() if path.suffix == ".jpg"}
    assert len(shared) == 20
    assert all(pictures[path] != others[path] for path in shared)
    areas, colours = firsts(seven)
    assert (np.abs(areas / AREAS - 1) > 0.01).sum() >= 8
    assert (np.abs(colours - COLOURS).max(1) > 2).sum() >= 8
    with pytest.raises(BamError, match="version 2, seed 0 and 1 pictures a class: give another folder"):
        sample.draw_sample(seven, workers=1, pictures_per_class=1)


def test_products_are_those_of_matrices_rounded_a_term_at_a_time():
    rng = np.random.default_rng(0)
    vectors, matrix = rng.normal(size=(7, 5, 3)), rng.normal(size=(3, 2))
    np.testing.assert_allclose(product(vectors, matrix), vectors @ matrix, rtol=1e-12, atol=1e-14)
    single, by = vectors.astype(np.float32), matrix.astype(np.float32)
    assert product(single, by).dtype == np.float32
    np.testing.assert_allclose(product(single, by), single @ by, rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="other kernels have other names")
def test_pictures_do_not_depend_on_the_kernels_that_blas_has_for_a_processor():
    """Some pictures of bus interiors and runways did: one kernel multiplies and adds in one."""
    script = (
        "import sys; from bam.data_prep.sources.drawn import sample\n"
        "for name in ('bus_interior', 'runway', 'cockpit'):\n"
        "    for index in range(4):\n"
        "        picture = sample.draw_scene(name, sample.picture_generator(name, index))\n"
        "        sys.stdout.buffer.write(picture.tobytes())"
    )
    drawn = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "OPENBLAS_CORETYPE": kernel},
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        for kernel in ("Haswell", "Prescott")
    ]
    assert drawn[0] == drawn[1]


def test_what_a_killed_drawing_of_another_seed_left_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(sample, "OBJECTS", sample.OBJECTS[:1])
    monkeypatch.setattr(sample, "SCENES", ())
    folder = tmp_path / "drawn"
    with monkeypatch.context() as patched:
        patched.setattr(sample, "write_json", lambda path, value: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            sample.draw_sample(folder, workers=1, pictures_per_class=1, seed=7)
    sample.draw_sample(folder, workers=1, pictures_per_class=1, seed=8)
    sample.draw_sample(tmp_path / "undisturbed" / "drawn", workers=1, pictures_per_class=1, seed=8)
    assert contents(folder) == contents(tmp_path / "undisturbed" / "drawn")


@pytest.mark.parametrize("name", SCENES)
def test_scenes_cover_the_canvas_and_vary(name):
    first, again, other = (
        np.asarray(sample.draw_scene(name, np.random.default_rng(seed))) for seed in (1, 1, 2)
    )
    assert first.shape == (128, 128, 3)
    assert np.array_equal(first, again)
    assert np.abs(first.astype(int) - other).mean() > 10
    for quarter in (first[:64, :64], first[:64, 64:], first[64:, :64], first[64:, 64:]):
        assert quarter.std() > 8  # evidence everywhere, an object covers up to a half


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_fill_their_canvas_and_vary(name):
    first, again, other = (
        np.asarray(sample.draw_object(name, np.random.default_rng(seed))) for seed in (1, 1, 2)
    )
    assert first.shape == (160, 160, 4)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    for drawing in (first, other):
        mask = drawing[..., 3] >= 128
        sides = [np.ptp(np.flatnonzero(mask.any(axis))) + 1 for axis in (0, 1)]
        assert max(sides) > 120
        assert mask.sum() > 0.15 * sides[0] * sides[1]
        assert drawing[mask][:, :3].std() > 5


def test_the_readers_read_what_is_drawn(drawn):
    instances = coco.Coco(drawn / "coco").items()
    forms = set()
    for index, name in enumerate(OBJECTS):
        assert len(instances[name]) == 3
        for number, instance in enumerate(instances[name]):
            segmentation = instance.segmentation
            forms.add("polygons" if isinstance(segmentation, list) else type(segmentation["counts"]))
            rng = generator(sample.VERSION, "drawn", name, str(number))
            photograph, mask = sample.draw_photograph(name, rng)
            read = coco.mask_of(instance)
            assert (read & mask).sum() / (read | mask).sum() > 0.98, f"{name} {number}"
            stored = np.asarray(
                read_upright(drawn / "coco" / coco_annotations.PHOTOGRAPHS / instance.file), int
            )
            assert np.abs(stored - np.asarray(photograph, int)).mean() < 4  # JPEG
        assert instances[name][0].file == f"{(index + 1) * 10_000 + 1:012d}.jpg"
    assert forms == {"polygons", str, list}
    scenes = miniplaces.MiniPlaces(drawn / "miniplaces")
    for name, files in scenes.items().items():
        assert len(files) == 3
        assert scenes.read(files[0]).shape == (128, 128, 3), name


def test_outlines_begin_at_the_rightmost_lowest_point():
    """Another order of the same points would change the digest of the annotations, and so the datasets'."""
    mask = np.zeros((4, 5), bool)
    mask[:2, :2] = mask[2, 2] = True  # touching corners do not join
    assert list(sample._polygons(mask)) == [
        [1.5, 2, 0.5, 2, 0, 1.5, 0, 0.5, 0.5, 0, 1.5, 0, 2, 0.5, 2, 1.5, 1.5, 2],
        [2.5, 3, 2, 2.5, 2.5, 2, 3, 2.5, 2.5, 3],
    ]
    mask[:3, :3] = True
    mask[1, 1] = False
    assert list(sample._polygons(mask)) == []  # a hole


def test_a_killed_drawing_goes_on_to_the_same_end(drawn, tmp_path, monkeypatch):
    folder = tmp_path / "drawn"
    write_json = sample.write_json

    def killed(path, value):
        raise KeyboardInterrupt

    monkeypatch.setattr(sample, "write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        sample.draw_sample(folder, workers=1, pictures_per_class=3)
    assert not folder.exists()
    monkeypatch.setattr(sample, "write_json", write_json)
    sample.draw_sample(folder, workers=2, pictures_per_class=3)
    assert contents(folder) == contents(drawn)


def test_a_sample_that_is_there_is_kept_and_anything_else_is_refused(drawn, tmp_path):
    before = (drawn / "drawn.json").stat().st_mtime_ns
    sample.draw_sample(drawn, workers=1, pictures_per_class=3)
    assert (drawn / "drawn.json").stat().st_mtime_ns == before
    with pytest.raises(BamError, match="holds no drawn sample of version"):
        sample.draw_sample(drawn, workers=1, pictures_per_class=4)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BamError, match="remove it"):
        sample.draw_sample(tmp_path, workers=1)


def test_spline_passes_through_its_points():
    points = np.array([(0.1, 0.2), (0.5, 0.9), (0.8, 0.3), (0.6, 0.1)])
    assert np.allclose(spline(points, steps=10)[::10], points)
    open_curve = spline(points, closed=False, steps=10)
    assert np.allclose(open_curve[::10], points)
    assert np.allclose(open_curve[-1], points[-1])


def test_shapes_land_where_they_are_put():
    canvas = Canvas(100, 50)
    canvas.rectangle(0.2, 0.4, 0.5, 0.8, (200, 10, 10))
    pixels = np.asarray(canvas.finish())
    inside = np.zeros((50, 100), bool)
    inside[20:40, 20:50] = True
    assert (pixels[..., 3][inside] == 255).all()
    assert np.count_nonzero(pixels[..., 3][~inside]) <= 2 * (20 + 30) + 4  # at most a line of soft edge
    assert (pixels[30, 30, :3] == (200, 10, 10)).all()
