"""Contact sheets: one picture per view, each row and scene class in its cell."""

import numpy as np
from PIL import Image

from bam.data_prep.contact_sheet import LEFT, THUMBNAIL, TOP, contact_sheet, sheets

SIZE = (THUMBNAIL - 2, THUMBNAIL - 2)


def cell(sheet, row, column):
    top, left = TOP + THUMBNAIL * row, LEFT + THUMBNAIL * column
    return np.asarray(sheet)[top : top + SIZE[0], left : left + SIZE[1]]


def thumbnail(image):
    return np.asarray(Image.fromarray(image).resize(SIZE, Image.Resampling.BILINEAR))


def test_every_pair_has_its_cell(dataset):
    view = dataset.view("object_scene")
    sheet = contact_sheet(sheets(dataset)["object_scene"])
    for row, column in ((0, 0), (2, 5), (9, 9)):
        (index,) = np.flatnonzero((view.object_labels == row) & (view.scene_labels == column))
        np.testing.assert_array_equal(cell(sheet, row, column), thumbnail(view[[index]].images[0]))


def test_commonality_sheet_has_a_row_for_every_k(dataset):
    rows = sheets(dataset)["commonality"]
    sheet = contact_sheet(rows)
    assert list(rows) == [f"k = {k / 10:.1f}" for k in range(1, 11)]
    bedroom = 1  # gets its dog at k = 0.2
    assert not np.array_equal(cell(sheet, 0, bedroom), cell(sheet, 1, bedroom))
    assert np.array_equal(cell(sheet, 1, bedroom), cell(sheet, 9, bedroom))


def test_scenes_that_a_view_has_not_stay_white(dataset):
    view = dataset.view("object_scene")
    sheet = contact_sheet({"one": view.subset(view.scene_labels == 3)})
    assert (cell(sheet, 0, 4) == 255).all()
    assert (cell(sheet, 0, 3) != 255).any()


def test_one_sheet_per_view(dataset):
    written = {path.stem for path in (dataset.folder / "contact_sheets").iterdir()}
    assert written == {"object_scene", "scene_only", "object_only", "rescaled", "relocated", "commonality"}
