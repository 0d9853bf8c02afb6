"""Taking texts apart."""

from __future__ import annotations


def split_outside_brackets(text: str) -> list[str]:
    """The parts of a text between commas that stand in no brackets, without spaces around; none is empty.

    >>> split_outside_brackets("smoothgrad(noise=.1, samples=20), grad_cam")
    ['smoothgrad(noise=.1, samples=20)', 'grad_cam']
    """
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]
