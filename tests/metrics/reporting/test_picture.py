"""The picture of maps: what is in it, and that it can be read."""

from dataclasses import replace

import numpy as np
import pytest

from bam.base.errors import BamError
from bam.metrics.reporting.layout import LARGEST, check_size
from bam.metrics.reporting.lettering import SPACES, width, wrapped
from bam.metrics.reporting.maps import MethodMaps
from bam.metrics.reporting.picture import draw, png, write


def boxes(figure):
    """For each text of a figure, and for each picture in it, the name and the box in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(figure).get_renderer()
    (axes,) = figure.axes
    texts = [(text.get_text(), text.get_window_extent(renderer)) for text in axes.texts]
    pictures = [("picture", picture.get_window_extent(renderer)) for picture in axes.images]
    return [(name, box.extents / figure.dpi) for name, box in (*texts, *pictures)]


def said(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def overlap(first, second):
    """Whether two boxes share more than a line."""
    return (np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2]) > 0.005).all()


@pytest.mark.parametrize(
    ("images", "methods", "networks"),
    [(1, 1, 1), (1, 3, 1), (8, 3, 1), (2, 12, 1), (8, 12, 2), (3, 3, 3), (2, 20, 1)],
)
def test_nothing_overlaps_and_all_is_on_the_page(made_up, images, methods, networks):
    figure = draw(made_up(images, methods, networks))
    found = boxes(figure)
    assert len(found) > images * methods * networks
    for place, (name, box) in enumerate(found):
        assert (box[:2] >= 0).all(), name
        assert (box[2:] <= figure.get_size_inches()).all(), name
        others = [other for other, its in found[:place] if overlap(box, its)]
        assert not others, f"{name} lies on {others}"


def test_every_map_is_named_and_has_its_number(made_up):
    maps = made_up(images=2, methods=3, networks=2)
    texts = said(draw(maps))
    for found in maps.maps.values():
        assert all(f"{value:.3f}" in texts for value in found.g_c)
    assert texts.count("predicted bowling_alley") == texts.count("true bamboo_forest") == 4
    assert texts.count("method_0_") == 2  # once for each network
    assert any("appendix E" in text for text in texts)
    assert {"0", "0.5", "1"} <= set(texts)


def test_maps_that_say_nothing_are_marked(made_up):
    maps = made_up(images=2, methods=1)
    planes = np.stack([np.zeros((16, 16)), np.full((16, 16), np.nan)]).astype(np.float32)
    found = MethodMaps(planes, np.array([0, np.nan]), ("constant_map", "nan_map"))
    texts = said(draw(replace(maps, maps={("object", maps.methods[0]): found})))
    assert {"constant", "not finite", "0.000", "-"} <= set(texts)
    assert any(text.startswith("Constant maps are") for text in texts)
    assert any(text.startswith("Maps that are not finite") for text in texts)


def test_images_without_masks_have_neither_mask_nor_number(made_up):
    plain = made_up(masks=np.zeros((2, 24, 24), bool), true={"object": (None, None)})
    found = {
        key: MethodMaps(each.positive, each.g_c * np.nan, each.status) for key, each in plain.maps.items()
    }
    texts = said(draw(replace(plain, maps=found)))
    assert "mask" not in texts
    assert texts.count("-") == 6
    assert "Under the maps stands no g_c, since the images have no masks." in " ".join(texts)
    assert "Maps are of the predicted class." in texts
    assert "explained bamboo_forest" not in texts


def test_versions_of_an_image_are_named_and_what_is_explained_though_not_there(made_up):
    maps = made_up(views=("object_scene", "scene_only"), present=np.array([True, False]))
    texts = said(draw(replace(maps, true={"object": ("bamboo_forest", None)})))
    assert {"object_scene", "scene_only"} <= set(texts)
    assert texts.count("explained bamboo_forest") == 1
    assert any("Dashes outline where the object would be." in text for text in texts)


def test_what_is_left_out_is_named(made_up):
    maps = made_up(unsuited={"object": {"gone": "no such layer"}}, left_out={"a.png": "no picture"})
    texts = " ".join(said(draw(maps)))
    assert "do not suit object: gone (no such layer)." in texts
    assert "Left out of the folder, 1 images: a.png (no picture)." in texts


@pytest.mark.parametrize("suffix", [".pdf", ".png", ".svg", ".PNG"])
def test_the_same_maps_are_the_same_file(made_up, tmp_path, suffix):
    starts = {".pdf": b"%PDF", ".png": b"\x89PNG", ".svg": b"<?xml"}
    paths = [tmp_path / "below" / f"{n}{suffix}" for n in range(2)]
    for path in paths:
        write(made_up(), path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert first.startswith(starts[suffix.lower()])
    assert png(made_up()) == png(made_up())


def test_other_files_are_refused(made_up, tmp_path):
    with pytest.raises(BamError, match=r"must end in \.pdf, \.png or \.svg"):
        write(made_up(), tmp_path / "maps.jpg")


def test_names_are_shown_as_they_are(made_up):
    maps = made_up(ids=("a$b$_{c}.png", "x/" * 200 + "end.png"))
    texts = said(draw(maps))
    assert any("a$b$" in text for text in texts)
    assert any(text.endswith("end.png") for text in texts)


def test_pictures_of_no_end_are_refused():
    check_size(LARGEST, 1, 12)
    with pytest.raises(BamError, match="give a smaller `limit`"):
        check_size(LARGEST, 2, 12)
    with pytest.raises(BamError, match="name fewer by `methods`"):
        check_size(1, 1, LARGEST + 1)


def test_lines_fit():
    text = "integrated_gradients_smoothgrad(samples=20, noise=0.25)"
    lines = wrapped(text, 1, 7)
    assert lines[0] == "integrated_"
    assert "".join(lines) == text.replace(" ", "")
    assert all(width(line, 7) <= 1 for line in lines)
    assert all(width(line, 7) <= 1 for line in wrapped("m" * 60, 1, 7))
    assert wrapped(text, 1, 7, lines=2)[1].endswith("…")
    assert wrapped("of a (b)", 10, 7, breaks=SPACES) == ["of a (b)"]
    assert wrapped("", 1, 7) == []
