"""What a result holds. `score.schema.json` beside this file is the JSON schema of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bam.metrics.statistics.estimate import Estimate
from bam.metrics.statistics.trainings import Between
from bam.models.training.validity import Check

FORMAT = 4
Direction = Literal["up", "down"]
ARROWS = {"up": "↑", "down": "↓"}


@dataclass(frozen=True)
class Column:
    """A further column of the table, between the interval and n.

    key: what of a `Line` stands there: one of `beside`, then the number or its interval; one of `counts`; or
    its trial_sd, sd_trainings or rank.
    """

    title: str
    key: str
    direction: Direction | None = None
    shows: Literal["value", "interval"] = "value"

    @property
    def heading(self) -> str:
        """The title, with an arrow where a direction is better."""
        return f"{self.title} {ARROWS[self.direction]}" if self.direction else self.title


@dataclass(frozen=True)
class Line:
    """What was found of one method: a row of the table.

    control: a row below the methods. excluded: how many images are left out, by reason. seconds: what the
    method took, as if nothing else were asked for. trial_sd: standard deviation between random samples of
    100 images. trainings: of several trainings of the networks, how the score varies between them; seconds
    and excluded are then of all of them, and trial_sd is the mean of theirs. rank: its rank set, see
    `Comparison`. beside: further numbers; counts: numbers
    of images or maps, or short texts; curves: means over the images, along the axes of `Score.axes`;
    curve_intervals: the lower and the upper ends of their 95% intervals, each point for itself, None where
    there are none, be it of the curve or of a point. version, settings: of the method, with all its settings.
    """

    estimate: Estimate
    control: bool = False
    excluded: Mapping[str, int] = field(default_factory=dict)
    seconds: float | None = None
    trial_sd: float | None = None
    rank: tuple[int, int] | None = None
    beside: Mapping[str, Estimate] = field(default_factory=dict)
    counts: Mapping[str, int | str] = field(default_factory=dict)
    curves: Mapping[str, tuple[float, ...] | None] = field(default_factory=dict)
    curve_intervals: Mapping[str, tuple[tuple[float | None, ...], tuple[float | None, ...]] | None] = field(
        default_factory=dict
    )
    version: int | str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    trainings: Between | None = None

    @property
    def value(self) -> float | None:
        """The score."""
        return self.estimate.value

    @property
    def ci_low(self) -> float | None:
        """Lower end of its 95% interval."""
        return self.estimate.ci_low

    @property
    def ci_high(self) -> float | None:
        """Upper end of its 95% interval."""
        return self.estimate.ci_high

    @property
    def n(self) -> int | None:
        """How many images it is of."""
        return self.estimate.n


@dataclass(frozen=True)
class Validity:
    """Whether the score is to be trusted; `passed` is None if nothing was checked.

    models: the checks of each network that is to pass them; problems: what the metric itself found.
    """

    passed: bool | None
    models: Mapping[str, tuple[Check, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @classmethod
    def of(cls, models: Mapping[str, tuple[Check, ...]], problems: Sequence[str]) -> Validity:
        """What these checks and problems come to."""
        passed = [check.passed for checks in models.values() for check in checks] + [False] * len(problems)
        return cls(all(passed) if passed else None, models, tuple(problems))

    def warnings(self) -> list[str]:
        """One sentence for each thing that is not as it should be."""
        failed = [check.failure(name) for name, checks in self.models.items() for check in checks]
        return [*filter(None, failed), *self.problems]


@dataclass(frozen=True)
class Chart:
    """Curves of all methods, in panels side by side.

    panels: label of the y axis -> key of `Line.curves`.
    """

    title: str
    x_label: str
    x: tuple[float, ...]
    panels: Mapping[str, str]


@dataclass(frozen=True)
class Network:
    """A network that was explained: its digests (see `Classifier`), and its training if that is known."""

    digest: str
    seed_digest: str
    training: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Configuration:
    """All that was asked for, with the settings that were in effect.

    dataset: its fingerprint. images: which set, how many, and what was left out of a folder. precision: of
    the arithmetic, as it was on this machine. run, metric: their settings.
    """

    run: Mapping[str, Any]
    metric: Mapping[str, Any]
    dataset: str | None
    models: Mapping[str, Network]
    precision: str
    images: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digests(self) -> dict[str, str]:
        """Those of the networks, by name."""
        return {name: network.digest for name, network in self.models.items()}


@dataclass(frozen=True)
class Environment:
    """What a result was made with."""

    python: str
    platform: str
    devices: tuple[str, ...]
    packages: Mapping[str, str | None]
    commit: str | None
