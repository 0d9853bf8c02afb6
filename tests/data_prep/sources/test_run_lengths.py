"""COCO's run lengths: those of any mask, and texts that were cut or are none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as rle

from bam.data_prep.sources import coco
from bam.data_prep.sources.coco import Instance, mask_of
from bam.data_prep.sources.photographs import Unusable
from bam.data_prep.sources.run_lengths import run_lengths


def compressed(runs):
    """COCO's text of runs, from pycocotools."""
    plain = {"size": [int(sum(runs)), 1], "counts": [int(run) for run in runs]}
    return rle.frPyObjects(plain, *plain["size"])["counts"]


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=40).filter(any))
def test_runs_of_every_text_and_list(runs):
    text = compressed(runs)
    for counts in (text, text.decode(), runs, [float(run) for run in runs], [str(run) for run in runs]):
        np.testing.assert_array_equal(run_lengths(counts), runs)


def test_runs_of_a_large_grid():
    runs = [2**31, 5, 2**20, 2**30]
    np.testing.assert_array_equal(run_lengths(compressed(runs)), runs)


@pytest.mark.parametrize(
    "counts",
    [
        "what is this",
        "0\n",
        "0é",
        "P" * 7 + "0",
        "@",  # -16
        "1110@",  # a difference that leads below zero
        None,
        7,
        {},
        [1.5, 2.5],
        [3, -3],
        [1, None],
        [float("inf")],
        ["many"],
        [[1, 2], [3, 4]],
    ],
)
def test_what_is_no_run_lengths(counts):
    with pytest.raises(Unusable, match=r"^segmentation cannot be read: "):
        run_lengths(counts)


def cut_texts():
    """Beginnings of a text whose last character says that the number goes on."""
    text = compressed([4000, 300, 17, 2000, 1, 3682]).decode()
    return [text[:end] for end in range(1, len(text)) if (ord(text[end - 1]) - 48) & 32]


@pytest.mark.parametrize("text", [*cut_texts(), "o", "PPP"])
def test_texts_that_are_cut_within_a_number_are_not_given_to_pycocotools(text, monkeypatch):
    monkeypatch.setattr(coco, "rle", None)  # it would read on behind the text's end
    broken = Instance("a.png", 100, 100, 1, 2000.0, {"size": [100, 100], "counts": text})
    with pytest.raises(Unusable, match=r"^mask stops short of its grid: .* cut within a number$"):
        mask_of(broken)


def test_runs_must_fill_the_grid():
    for last, words in ((5999, "stops short of its grid"), (6001, "exceeds its grid")):
        for counts in ([4000, last], compressed([4000, last])):
            with pytest.raises(Unusable, match=f"^mask {words}$"):
                mask_of(Instance("a.png", 100, 100, 1, 2000.0, {"size": [100, 100], "counts": counts}))
