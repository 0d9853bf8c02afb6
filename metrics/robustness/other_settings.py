"""With which other settings a method's maps are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bam.attributions.choice import named
from bam.attributions.lengths import scaled
from bam.attributions.registry import Explainer
from bam.base.errors import BamError

Changes = Mapping[str, Any]
# The groups that other settings are reported in: those that are near or the only ones, and other sizes.
SETTING, SIZES = "setting", "patch"
FAR = (5, 17, 29, 41, 53)  # pixels of a picture of 224


def _patches(settings: Changes, side: int) -> list[tuple[str, Changes]]:
    """The next sizes that are others in pixels of the input, and those of Agarwal & Nguyen 2020."""
    own = settings["patch"]
    sizes = {patch: scaled(patch, (side, side)) for patch in range(1, 225)}
    same = scaled(own, (side, side))
    near = [
        *[patch for patch, pixels in sizes.items() if patch < own and pixels < same][-1:],
        *[patch for patch, pixels in sizes.items() if patch > own and pixels > same][:1],
    ]
    far = [patch for patch in FAR if sizes[patch] not in {same, *(sizes[size] for size in near)}]
    return [*((SETTING, {"patch": size}) for size in near), *((SIZES, {"patch": size}) for size in far)]


def _superpixels(settings: Changes, side: int) -> list[tuple[str, Changes]]:
    return [(SETTING, {"segments": 50}), (SETTING, {"segments": 150})]


def _optimisation(settings: Changes, side: int) -> list[tuple[str, Changes]]:
    """Half as many steps, and steps half as long."""
    return [(SETTING, {"iterations": 150}), (SETTING, {"rate": 0.05})]


# By the name of the method; from its own settings and the shorter side of the input, in pixels.
KNOWN: Mapping[str, Callable[[Changes, int], list[tuple[str, Changes]]]] = {
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
    """For each method the same with other settings, by group and what is other: {"lime": {"setting
    segments=150": ...}}.

    asked: entries such as "smoothgrad(samples=20)", see `choose`; what these say of a method is in place of
    what is known of it. Those that come to its own settings are left out. Groups: `SIZES` for patches that
    are far from the method's own, and else `SETTING`. Raises `BamError` for an entry that
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
        asked_for = [(SETTING, each) for each in changes.get(method.name, [])]
        known = KNOWN[method.name](explainer.settings, side) if method.name in KNOWN else []
        others = {
            f"{group} {', '.join(f'{key}={value}' for key, value in each.items())}": replace(
                explainer, settings=method.with_settings(**{**explainer.settings, **each}).settings
            )
            for group, each in asked_for or known
        }
        result[explainer.name] = {
            kind: other for kind, other in others.items() if other.settings != explainer.settings
        }
    return result
