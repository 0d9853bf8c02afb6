"""The validity check: do the trained models have the relative feature importance that BAM assumes?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bam.base.files import is_hidden, write_text
from bam.data_prep.classes import COMMONALITIES
from bam.models.stored import read_description
from bam.models.training.numbered import parted_name
from bam.models.training.task import Task

# Figure 2 (top) of the paper, in percent.
PAPER = {
    "object": {"object_scene": 91.1, "scene_only": 9.7, "object_only": 93.1},
    "scene": {"object_scene": 94.0, "scene_only": 95.5, "object_only": 9.8},
}
# Figure 2 (bottom): accuracy on bamboo forest with and without dog for k = 0.1 ... 1.0, in percent.
PAPER_WITH_DOG = (97, 98, 96, 95, 96, 95, 92, 93, 92, 95)
PAPER_WITHOUT_DOG = (78, 77, 81, 75, 78, 81, 93, 93, 93, 93)

TOLERATED_LOSS = 0.02
TOLERATED_DISTANCE_FROM_CHANCE = 0.05
LEARNED = 5  # times chance, at least: a model that learned nothing passes no check


@dataclass(frozen=True)
class Check:
    """One condition of the validity check: whether an accuracy lies between two bounds."""

    check: str
    value: float
    at_least: float
    at_most: float
    passed: bool

    @classmethod
    def of(cls, check: str, value: float, at_least: float, at_most: float = 1.0) -> Check:
        """The condition with its answer."""
        # Rounded, so that a loss of exactly two points is not too much by the 17th digit.
        passed = round(at_least, 9) <= round(value, 9) <= round(at_most, 9)
        return cls(check, value, at_least, at_most, passed)

    def failure(self, model: str) -> str:
        """A sentence, if the model failed it."""
        if self.passed:
            return ""
        return (
            f"model {model} fails the validity check {self.check}: accuracy {self.value:.3f}, "
            f"wanted {self.at_least:.3f} to {self.at_most:.3f}"
        )


def checks(description: Mapping[str, Any]) -> tuple[Check, ...]:
    """Whether one model (the content of its model.json) relies on what its labels name.

    It must classify X_o,s (at least 5 times better than chance; with fewer than nine classes half of the
    way from chance to 1), lose at most 2 points when the other feature is removed, and be within 5 points
    of chance when only the other feature is left (Figure 2, top).
    """
    accuracy, labels = description["accuracy"], description["config"]["labels"]
    own, other = ("scene_only", "object_only") if labels == "scene" else ("object_only", "scene_only")
    chance = 1 / len(description["class_names"])
    return (
        Check.of("object_scene: learned", accuracy["object_scene"], min(LEARNED * chance, (1 + chance) / 2)),
        Check.of(f"{own}: keeps", accuracy[own], accuracy["object_scene"] - TOLERATED_LOSS),
        Check.of(
            f"{other}: falls to chance",
            accuracy[other],
            chance - TOLERATED_DISTANCE_FROM_CHANCE,
            chance + TOLERATED_DISTANCE_FROM_CHANCE,
        ),
    )


def failures(model: str, description: Mapping[str, Any]) -> list[str]:
    """A sentence for each check that a model of this name failed; none where BAM assumes nothing of it.

    That is of networks of the series and of those that never saw an object.
    """
    config = description["config"]
    if config.get("on") == "scene_only" or config.get("commonality") is not None:
        return []
    return [check.failure(model) for check in checks(description) if not check.passed]


def write_table(models: Path) -> str:
    """The table of the models in a folder, which is also written to its `validity.md`."""
    shown = table(stored(models))
    write_text(models / "validity.md", f"{shown}\n")
    return shown


def stored(models: Path) -> dict[str, dict[str, Any]]:
    """What is known of the models in a folder, the content of their model.json, by name."""
    folders = sorted(path.parent for path in models.glob("*/model.json") if not is_hidden(path.parent.name))
    return {folder.name: read_description(folder) for folder in folders}


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Figure 2 of the paper as Markdown, with these models, by name the content of their model.json.

    Of several trainings of a network each has a line.
    """
    by_network: dict[str, dict[int, Mapping[str, Any]]] = {}
    for name, entry in found.items():
        network, training = parted_name(name)
        by_network.setdefault(network, {})[training] = entry
    return "\n".join([*_accuracies(by_network), *_bamboo_forests(by_network)])


def _accuracies(found: Mapping[str, Mapping[int, Mapping[str, Any]]]) -> Iterator[str]:
    yield "| accuracy, % | X_o,s | X_0,s (no object) | X_o,g (no scene) | confidence grows | valid |"
    yield "|---|---|---|---|---|---|"
    symbols = {"object": "f_o", "scene": "f_s", "scene_on_scene_only": "f trained on X_0,s"}
    for name, entries in found.items():
        if any(entry["config"].get("classes") for entry in entries.values()):
            symbols[name] = name
    for name, symbol in symbols.items():
        for training, entry in sorted(found.get(name, {}).items()):
            accuracy = entry["accuracy"]
            values = [accuracy[view] for view in ("object_scene", "scene_only", "object_only")]
            values.append(entry["confidence_increased"])
            # A model that never saw an object: nothing is promised about it.
            saw_none = entry["config"].get("on") == "scene_only"
            passed = all(check.passed for check in checks(entry))
            valid = "-" if saw_none else "yes" if passed else "**NO**"
            cells = [_titled(symbol, training), *map(_percent, values), valid]
            yield f"| {' | '.join(cells)} |"
        if name in PAPER and name in found:
            values = PAPER[name].values()
            yield f"| {symbol}, paper | " + " | ".join(f"{value:.1f}" for value in values) + " | | |"


def _bamboo_forests(found: Mapping[str, Mapping[int, Mapping[str, Any]]]) -> Iterator[str]:
    series = [found.get(Task("scene", commonality=k).name, {}) for k in COMMONALITIES]
    trainings = sorted({training for entries in series for training in entries})
    if not trainings:
        return
    found_one = next(entry["bamboo_forest"] for entries in series for entry in entries.values())
    size = f"{found_one['images']} images of {found_one['scenes']} scenes"
    yield ""
    yield f"| bamboo forest, %, {size} | " + " | ".join(f"k={k}" for k in COMMONALITIES) + " |"
    yield "|---" * 11 + "|"
    for training in trainings:
        for key in ("with_dog", "without_dog"):
            values = [
                _percent(entries[training]["bamboo_forest"][key], 0) if training in entries else ""
                for entries in series
            ]
            yield f"| {_titled(key.replace('_', ' '), training)} | " + " | ".join(values) + " |"
    for key, values in (("with dog", PAPER_WITH_DOG), ("without dog", PAPER_WITHOUT_DOG)):
        yield f"| {key}, paper | " + " | ".join(map(str, values)) + " |"


def _titled(what: str, training: int) -> str:
    return f"{what}, training {training}" if training else what


def _percent(share: float | None, digits: int = 1) -> str:
    return "" if share is None else f"{100 * share:.{digits}f}"
