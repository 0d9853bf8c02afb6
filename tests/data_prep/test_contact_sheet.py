"""Contact sheets: one picture per view, each class pair in its cell."""

import numpy as np
from PIL import Image

from data_prep.contact_sheet import MARGIN, THUMBNAIL, contact_sheet


def cell(sheet, row, column):
    top, left = 20 + THUMBNAIL * row, MARGIN + THUMBNAIL * column
    return np.asarray(sheet)[top : top + THUMBNAIL - 2, left : left + THUMBNAIL - 2]


def test_every_pair_has_its_cell(dataset):
    view = dataset.view("object_scene")
    sheet = contact_sheet(view)
    for row, column in ((0, 0), (2, 5), (9, 9)):
        (index,) = np.flatnonzero((view.object_labels == row) & (view.scene_labels == column))
        image = Image.fromarray(view[[index]].images[0])
        size = (THUMBNAIL - 2, THUMBNAIL - 2)
        expected = np.asarray(image.resize(size, Image.Resampling.BILINEAR))
        np.testing.assert_array_equal(cell(sheet, row, column), expected)


def test_pairs_that_a_view_has_not_stay_white(dataset):
    view = dataset.view("object_scene")
    sheet = contact_sheet(view.subset(view.object_labels == 3))
    assert (cell(sheet, 2, 4) == 255).all()
    assert (cell(sheet, 3, 4) != 255).any()


def test_one_sheet_per_view(dataset):
    sheets = {path.name for path in (dataset.folder / "contact_sheets").iterdir()}
    assert sheets == {
        "object_scene.png",
        "scene_only.png",
        "object_only.png",
        "rescaled.png",
        "relocated.png",
        "commonality-0.3.png",
    }
