"""With which other settings a method's maps are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bam.attributions.choice import named
from bam.attributions.registry import Explainer
from bam.base.errors import BamError

Changes = Mapping[str, Any]


def _patches(side: int) -> list[Changes]:
    """One pixel more and less, and the sizes of Agarwal & Nguyen 2020; settings are in pixels of 224."""
    own = max(1, round(53 * side / 224))
    near = [round(size * 224 / side) for size in (own - 1, own + 1) if size > 0]
    return [{"patch": size} for size in (*near, 5, 17, 29, 41, 53)]


def _superpixels(side: int) -> list[Changes]:
    return [{"segments": 50}, {"segments": 150}]


def _optimisation(side: int) -> list[Changes]:
    """Half as many steps, and steps half as long."""
    return [{"iterations": 150}, {"rate": 0.05}]


# By the name of the method; from the shorter side of the input, in pixels.
KNOWN: Mapping[str, Callable[[int], list[Changes]]] = {
    "sliding_patch": _patches,
    "sliding_patch_g": _patches,
    "lime": _superpixels,
    "lime_g": _superpixels,
    "kernel_shap": _superpixels,
    "meaningful_perturbation": _optimisation,
    "meaningful_perturbation_g": _optimisation,
}


def other_settings(
    explainers: Sequence[Explainer], asked: Sequence[str], side: int
) -> dict[str, dict[str, Explainer]]:
    """For each method the same with other settings, by what is other: {"lime": {"segments=150": ...}}.

    asked: entries such as "smoothgrad(samples=20)", see `choose`; what these say of a method is in place of
    what is known of it. Those that come to its own settings are left out. Raises `BamError` for an entry that
    names none of the methods, or no setting, and for settings that a method does not have.
    """
    changes: dict[str, list[Changes]] = {}
    for entry in asked:
        for method, found in named(entry):
            if not found:
                raise BamError(
                    f"`other_settings` takes a method and settings, as smoothgrad(samples=20), not {entry}"
                )
            changes.setdefault(method.name, []).append(found)
    names = sorted({explainer.method.name for explainer in explainers})
    for name in changes:
        if name not in names:
            raise BamError(
                f"`other_settings` names {name}, which is none of the methods asked for: {', '.join(names)}"
            )
    result = {}
    for explainer in explainers:
        method = explainer.method
        known = changes.get(method.name) or (KNOWN[method.name](side) if method.name in KNOWN else [])
        others = {
            ", ".join(f"{key}={value}" for key, value in each.items()): method.with_settings(
                **{**explainer.settings, **each}
            )
            for each in known
        }
        result[explainer.name] = {
            text: other for text, other in others.items() if other.settings != explainer.settings
        }
    return result
