import math

import pytest

from bam.base.errors import BamError
from bam.metrics.evaluation.rows import Row, RowFile


def row(image_id, g_c=0.1):
    return Row(image_id, "object_scene", "scene", "grad_cam", 3, 4, "ok", g_c, 0.2, 0.1, 3.5, 4.0, 0.001)


def test_rows_come_back_exactly(tmp_path):
    path = tmp_path / "rows" / "a.csv"
    rows = [row("dog-track-0001", 1 / 3), row("dog-track-0002", float("nan"))]
    RowFile(path).append(rows)
    back = RowFile(path).rows
    assert back["dog-track-0001"] == rows[0]
    assert math.isnan(back["dog-track-0002"].g_c)
    assert not back["dog-track-0001"].correct


def test_a_torn_line_is_dropped_and_appending_goes_on(tmp_path):
    path = tmp_path / "a.csv"
    RowFile(path).append([row("a"), row("b")])
    whole = path.read_bytes()
    for cut in (len(whole) - 1, len(whole) - 20):
        path.write_bytes(whole[:cut])
        file = RowFile(path)
        assert list(file.rows) == ["a"]
        file.append([row("b")])
        assert path.read_bytes() == whole


def test_a_file_torn_in_its_header_begins_anew(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"image_id,vi")
    RowFile(path).append([row("a")])
    assert list(RowFile(path).rows) == ["a"]


def test_rows_of_another_version_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("image,score\n1,2\n")
    with pytest.raises(BamError, match="of another version"):
        RowFile(path)


def test_damaged_rows_are_one_clear_error(tmp_path):
    path = tmp_path / "a.csv"
    RowFile(path).append([row("a")])
    path.write_text(path.read_text() * 2)  # a second header in the middle
    with pytest.raises(BamError, match="is damaged"):
        RowFile(path)
