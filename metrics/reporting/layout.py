"""Where everything stands in a picture of maps, and what is written in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bam.base.errors import BamError
from bam.metrics.evaluation.regions import CONSTANT, EMPTY, NAN
from bam.metrics.reporting.lettering import POINT, SPACES, wrapped
from bam.metrics.reporting.maps import Maps

# All lengths are inches, all sizes of text points.
MARGIN, GAP, CELL, WORDS = 0.25, 0.09, 1.05, 1.4
SMALL, PLAIN, LARGE = 6.5, 7.0, 9.5
LEGEND = 0.4  # from the bar of colours to the sentences below it
LEADING = 1.3  # distance of lines of text, of their size
UNDER = 0.17  # below a map, for its number
BESIDE = 12  # maps of an image that stand in one line, at most; else each network has its own
LONGEST = 100  # letters that two lines beside an image have room for, at most
LARGEST = 150  # lines or columns of a picture, at most
WRONG, PALE = "#b2182b", "0.45"

HOW = (
    "Colour: positive relevance, on one scale for all maps. In each, negative values are 0 and channels are "
    "summed; then the minimum becomes 0, the 99th percentile and more 1 (Yang & Kim 2019, appendix E)."
)
OF_TRUTH = "Maps are of the true class, unless another is named as explained."
OF_PREDICTION = "Maps are of the predicted class."
WITHIN = "Under each map stands g_c, its mean over the object's region, which is outlined."
WITHOUT = " Dashes outline where the object would be."
STATES = {
    CONSTANT: "Constant maps are the same everywhere, so that nothing stands out.",
    NAN: "Maps that are not finite hold NaN or infinite values: nothing of them can be shown.",
    EMPTY: "Where - stands in place of g_c, the object vanishes at the network's input size.",
}


def check_size(images: int, networks: int, methods: int) -> None:
    """Raise `BamError` if so many images, in all their versions, are too many for one picture, or methods."""
    lines = images if _is_beside(networks, methods) else images * networks
    if lines > LARGEST:
        raise BamError(f"a picture has up to {LARGEST} lines of maps, not {lines}: give a smaller `limit`")
    if methods > LARGEST:
        raise BamError(f"a picture has up to {LARGEST} methods, not {methods}: name fewer by `methods`")


def _is_beside(networks: int, methods: int) -> bool:
    return networks * methods <= BESIDE


class Layout:
    """Where everything is, in inches from the upper left corner.

    Where the maps of an image are too many for one line, each network has a line of its own (`beside` is
    False). `tops`: of each image those of its lines, all of them `cell` high.
    """

    def __init__(self, maps: Maps):
        self.maps = maps
        shape = np.max([each.positive.shape[1:] for each in maps.maps.values()], 0)
        self.cell = CELL * max(shape[0] / shape[1], maps.images.shape[1] / maps.images.shape[2])
        self.beside = _is_beside(len(maps.networks), len(maps.methods))
        self.has_masks = bool(maps.masks.any())
        self._left = MARGIN + WORDS + GAP
        self.first = self._left + (CELL + GAP) * (1 + self.has_masks) + GAP
        blocks = len(maps.networks) if self.beside else 1
        self.width = self.first + blocks * (len(maps.methods) * (CELL + GAP) + 2 * GAP) - 3 * GAP + MARGIN
        room = self.width - 2 * MARGIN
        self.title = wrapped(maps.rule, room, LARGE, breaks=SPACES)
        self.heads = {name: wrapped(name, CELL, PLAIN) for name in maps.methods}
        self.named = self.beside and len(maps.networks) > 1
        self.heads_top = MARGIN + height(len(self.title), LARGE) + 2 * GAP
        self.heads_high = height(max(map(len, self.heads.values())) + 1.5 * self.named, PLAIN)
        self.tops = list(self._lines(self.heads_top + self.heads_high + GAP))
        self.legend_top = self.bottom + GAP
        self.legend = [line for text in _legend(maps) for line in wrapped(text, room, SMALL, breaks=SPACES)]
        self.height = self.legend_top + LEGEND + height(len(self.legend), SMALL) + MARGIN

    def _lines(self, top: float) -> Iterator[list[float]]:
        """The tops of the lines of each image, of one for all networks or one for each."""
        for place in range(len(self.maps)):
            tops = []
            for words in self.words(place):
                tops.append(top)
                top += max(self.cell + UNDER, height(len(words), SMALL)) + GAP
            top += 0 if self.beside else GAP
            yield tops
        self.bottom = top

    def words(self, place: int) -> list[list[tuple[str, dict[str, Any]]]]:
        """What stands beside each line of an image: lines of text, with what they look like."""
        maps = self.maps
        begin = [(line, {"color": PALE}) for line in _shortened(maps.ids[place])]
        if len(set(maps.views)) > 1:
            begin += [(line, {"color": PALE}) for line in wrapped(maps.views[place], WORDS, SMALL)]
        parts = [_classes(maps, name, place) for name in maps.networks]
        if self.beside:
            return [[*begin, *(line for part in parts for line in part)]]
        return [[*begin, *parts[0]], *parts[1:]]

    def column(self, network: int, method: int) -> float:
        """The left edge of a map."""
        block = network * (len(self.maps.methods) * (CELL + GAP) + 2 * GAP) if self.beside else 0
        return self.first + block + method * (CELL + GAP)

    @property
    def image_left(self) -> float:
        """The left edge of the images."""
        return self._left

    @property
    def mask_left(self) -> float:
        """The left edge of the masks."""
        return self._left + CELL + GAP


def height(lines: float, size: float) -> float:
    """Inches that lines of text take."""
    return lines * size * LEADING * POINT


def _shortened(name: str) -> list[str]:
    """A name in two lines; of a longer one its end, where the file stands."""
    lines, left = wrapped(name, WORDS, SMALL), min(len(name), LONGEST)
    while len(lines) > 2:
        lines, left = wrapped(f"…{name[-left:]}", WORDS, SMALL), left - 1
    return lines


def _classes(maps: Maps, network: str, place: int) -> list[tuple[str, dict[str, Any]]]:
    """What a network says of an image."""
    predicted, true = maps.predicted[network][place], maps.true[network][place]
    explained = maps.explained[network][place]
    wrong = true is not None and predicted != true
    lines = [(f"predicted {predicted}", {"color": WRONG if wrong else "black"})]
    lines += [] if true is None else [(f"true {true}", {})]
    lines += [(f"explained {explained}", {})] if _knows_truth(maps) and explained != true else []
    found = [(line, how) for text, how in lines for line in wrapped(text, WORDS, SMALL, lines=2)]
    if len(maps.networks) > 1:
        found[:0] = [
            (line, {"weight": "bold"}) for line in wrapped(network, WORDS, SMALL, lines=2, bold=True)
        ]
    return found


def _knows_truth(maps: Maps) -> bool:
    return any(true is not None for classes in maps.true.values() for true in classes)


def _legend(maps: Maps) -> list[str]:
    """The sentences below the picture."""
    texts = [HOW, OF_TRUTH if _knows_truth(maps) else OF_PREDICTION]
    if maps.masks.any():
        texts.append(WITHIN if maps.present.all() else WITHIN + WITHOUT)
    else:
        texts.append("Under the maps stands no g_c, since the images have no masks.")
    there = maps.masks.any((1, 2))
    states = {
        state
        for each in maps.maps.values()
        for state, masked in zip(each.status, there, strict=True)
        if masked or state != EMPTY
    }
    texts += [text for state, text in STATES.items() if state in states]
    return [*texts, *maps.notes]
