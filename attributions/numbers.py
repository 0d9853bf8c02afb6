"""Arrays of numbers from whatever a method returned or a file holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from bam.base.errors import first_line


def as_numbers(value: Any) -> np.ndarray:
    """`value` as a float32 array. Raises `ValueError` with the reason if it is no array of real numbers.

    Nothing is lost without a word: masks, imaginary parts, or all of what is too small for float32. What is
    too large becomes infinite.
    """
    if any(map(np.ma.is_masked, value if isinstance(value, (list, tuple)) else [value])):
        raise ValueError("some of its values are masked")
    try:
        array = np.asarray(value)
        if array.dtype.kind in "cSUMm" or array.dtype.names:
            raise ValueError(f"it holds {array.dtype}")
        with np.errstate(over="ignore", under="ignore"):
            numbers = array.astype(np.float32, copy=False)
    except Exception as error:  # noqa: BLE001 - a tensor of another library may raise whatever it likes
        raise ValueError(first_line(error)) from None
    if numbers is not array and numbers.size and array.any() and not numbers.any():
        raise ValueError("its values are too small for float32: scale them")
    return numbers
