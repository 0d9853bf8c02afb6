"""The scales of pixels that networks are trained on."""

from __future__ import annotations

from bam.base.errors import BamError, unknown

# Means of ImageNet's red, green and blue, which Keras Applications' weights expect subtracted.
IMAGENET_MEANS = (123.68, 116.779, 103.939)

# Mean and standard deviation of each channel, and whether the channels are taken in reverse.
Scale = tuple[tuple[float, ...], tuple[float, ...], bool]

# How pixels in 0..255 are put on the scale that a network was trained on.
# `imagenet`: what torchvision's networks expect, which Keras Applications call torch. `caffe`: as these call
# what Caffe's networks expect, blue, green, red.
SCALES: dict[str, Scale] = {
    "none": ((0, 0, 0), (1, 1, 1), False),
    "0..1": ((0, 0, 0), (255, 255, 255), False),
    "-1..1": ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5), False),
    "imagenet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), False),
    "caffe": (IMAGENET_MEANS[::-1], (1, 1, 1), True),
}


def scale_of(name: str) -> Scale:
    """One of `SCALES`, or MEAN/SD of pixels in 0..1, one number or three for red, green and blue.

    Raises `BamError` for anything else.

    >>> scale_of("0.5/0.5") == SCALES["-1..1"]
    True
    >>> scale_of("0.4,0.5,0.6/0.25")[1]
    (63.75, 63.75, 63.75)
    """
    if name in SCALES:
        return SCALES[name]
    mean, slash, deviation = name.partition("/")
    if not slash:
        raise unknown("preprocessing", name, (*SCALES, "MEAN/SD"))
    numbers = [_numbers(text) for text in (mean, deviation)]
    if None in numbers or max(map(max, numbers)) > 1 or not all(numbers[1]):
        raise BamError(
            f"preprocessing {name!r} is no MEAN/SD: these are of pixels in 0..1, one number each or three, "
            "as 0.485,0.456,0.406/0.229,0.224,0.225"
        )
    mean, deviation = (tuple(255 * one for one in of_channels) for of_channels in numbers)
    return mean, deviation, False


def _numbers(text: str) -> tuple[float, ...] | None:
    """One number for each channel, not negative; None if the text says none."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        return None
    sound = len(numbers) in (1, 3) and all(0 <= one < float("inf") for one in numbers)
    return tuple(numbers * 3)[:3] if sound else None
