"""How much of a map lies on an object: numbers of one map and one mask, of which ties take their expectation.

planes: float (N, H, W), not negative and finite, see `evaluation.order.relevance`; masks: bool (N, H, W), the
objects, neither empty nor all of the image. Pixels of equal relevance count as if they stood in a random
order. A map that is the same everywhere therefore has what chance has: the object's share of the image, and
an AUC of one half.
"""

from __future__ import annotations

import numpy as np

from bam.metrics.evaluation.regions import boxes

# Of the map's maximum (Agarwal & Nguyen 2020).
THRESHOLDS = tuple(round(0.1 + 0.05 * step, 2) for step in range(9))
# Below this intersection over union a box does not find the object.
LEAST_IOU = 0.5


def mass(planes: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """float (N,) in 0..1: the share of the relevance that is inside (relevance mass accuracy, Arras 2022).

    A map of zeros has the object's share of the image, as any other map without differences.
    """
    planes, inside = _flat(planes), _flat(masks)
    total = planes.sum(1)
    shares = np.divide((planes * inside).sum(1), total, out=inside.mean(1), where=total > 0)
    return np.clip(shares, 0, 1)  # of many summands the last digit is not exact


def rank_accuracy(planes: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """float (N,) in 0..1: of the most relevant pixels, as many as the object has, the share inside.

    Relevance rank accuracy (Arras 2022). Of the pixels that are equal to the last of them, each has the same
    chance to be among them.
    """
    planes, inside = _flat(planes), _flat(masks)
    sizes = inside.sum(1)
    last = np.take_along_axis(-np.sort(-planes, 1), sizes[:, None] - 1, 1)
    above, equal = planes > last, planes == last
    chance = (sizes - above.sum(1)) / equal.sum(1)
    return ((above & inside).sum(1) + chance * (equal & inside).sum(1)) / sizes


def pointing(planes: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """float (N,) in 0..1: whether the most relevant pixel is inside (the pointing game, Zhang 2016).

    Of several such pixels the share inside. There is no margin around the object.
    """
    planes, inside = _flat(planes), _flat(masks)
    highest = planes == planes.max(1, keepdims=True)
    return (highest & inside).sum(1) / highest.sum(1)


def auc(planes: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """float (N,) in 0..1: the probability that a pixel inside is more relevant than one outside.

    The area under the ROC curve of the pixels; of equal ones one half.
    """
    from scipy.stats import rankdata  # takes long to load

    planes, inside = _flat(planes), _flat(masks)
    sizes = inside.sum(1)
    ranks = (rankdata(planes, axis=1) * inside).sum(1)
    return (ranks - sizes * (sizes + 1) / 2) / (sizes * (inside.shape[1] - sizes))


def box_ious(planes: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """float (N, thresholds) in 0..1: how far the box around the relevant pixels is that around the object.

    Intersection over union of the two boxes; relevant are pixels that reach this share of the map's maximum,
    for each of `THRESHOLDS`. A map of zeros has no relevant pixels, and 0.
    """
    top = planes.max((1, 2), keepdims=True)
    objects = boxes(masks)
    found = [_iou(boxes(planes >= threshold * top), objects) for threshold in THRESHOLDS]
    return np.stack(found, 1) * (top[:, 0] > 0)


def best_threshold(ious: np.ndarray) -> int:
    """The place in `THRESHOLDS` at which the fewest of the images (N, thresholds) miss their object.

    Of several the one of the largest mean IoU, then the lowest. NaN: an image that is not used; -1 if there
    are no others.
    """
    known = ious[~np.isnan(ious).any(1)]
    if not len(known):
        return -1
    errors = (known < LEAST_IOU).sum(0)
    return int(np.where(errors == errors.min(), known.mean(0), -1).argmax())


def _iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """float (N,): intersection over union of boxes (N, 4)."""
    low, high = np.maximum(first[:, :2], second[:, :2]), np.minimum(first[:, 2:], second[:, 2:])
    common = np.prod(np.maximum(high - low, 0), 1)
    sizes = [np.prod(box[:, 2:] - box[:, :2], 1) for box in (first, second)]
    return common / (sizes[0] + sizes[1] - common)


def _flat(arrays: np.ndarray) -> np.ndarray:
    """One row for each, numbers in float64."""
    arrays = np.asarray(arrays)
    return arrays.reshape(len(arrays), -1).astype(bool if arrays.dtype == bool else np.float64)
