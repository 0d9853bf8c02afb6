"""What there is to say of metrics that were judged, and its tables and files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from bam.attributions.controls import NOISE_SHARES
from bam.base.errors import BamError
from bam.base.files import read_json, write_json, write_text
from bam.metrics.judging.consistency import Consistency
from bam.metrics.judging.copies import NearCopies
from bam.metrics.judging.grid import Grid
from bam.metrics.judging.inversion import Inversion
from bam.metrics.judging.measures import Separation, Soundness, Spread, Tau
from bam.metrics.results.panels import Curve, Section, small_multiples
from bam.metrics.results.schema import ARROWS, FORMAT, Configuration, Direction, Environment
from bam.metrics.results.style import PAGE, write_png
from bam.metrics.results.table import cell, markdown_table
from bam.metrics.statistics.estimate import Estimate

NOTE = (
    "`random from real`: Cohen's d of the paired differences between the real methods' mean and `random`, "
    "more than 0 if they are better; `better than random`, `worse`: how many methods are, by the paired "
    "tests of the table. `spread`: Cohen's f, the standard deviation between methods over what is left "
    "within images, less what is due to chance; `pairs apart`: pairs of real methods that tests tell apart. "
    "`alpha`: Krippendorff's, of the real methods' ranks in single images, 1 where all rank them alike and 0 "
    "where each does by chance. `noise test`: does each step of more noise in the oracle map make the score "
    "worse? Where it does not, the steps are named; one whose interval holds no change may be chance, and at "
    "its limit a score does not change. `inverted not worse`: of how many real methods the inverted map "
    "scores better or as well; `shown worse`: of how many it is worse by paired tests. `tau`: Kendall's, "
    "between rankings of the real methods; chance in the rankings draws it towards 0, which its interval "
    "allows for in part. `image by image`: Spearman's correlation, within an image, of what the metric gives "
    "the methods with how near each comes to the measured effect, the mean over the images. "
    "`over methods`, `over images`: Spearman's correlation of the methods within images "
    "and of the images within methods. `W`: Kendall's, of the ranks with other settings, 1 if all are alike."
)


@dataclass(frozen=True)
class Verdict:
    """What there is to say of one metric.

    networks: those explained. reliability: Krippendorff's alpha of the methods' ranks in single images. tau:
    with the metrics that know the truth, and with people. in_images: with truths that are known of single
    images, Spearman's correlation of the methods within images.
    """

    direction: Direction
    networks: tuple[str, ...]
    real_methods: tuple[str, ...]
    separation: Separation | None
    spread: Spread | None
    reliability: Estimate
    soundness: Soundness | None
    inversion: Inversion | None
    tau: Mapping[str, Tau | None]
    in_images: Mapping[str, Estimate] = field(default_factory=dict)


@dataclass(frozen=True)
class Agreement:
    """Kendall's tau between the rankings of two metrics, and Spearman's correlations in single images."""

    pair: tuple[str, str]
    tau: Tau
    consistency: Consistency | None


@dataclass(frozen=True)
class Judgement:
    """What there is to say of metrics.

    taus: between all pairs of rankings; near_copies: methods that count as one; grids: ranks with other
    settings, by metric; left_out: metrics that are not judged; missing_truths: those that know the truth, and
    were not asked for; warnings: why networks are not to be trusted; configurations: what was asked of each
    metric; human: people's ranks; missing_networks: truths of networks that are explained, which were not
    asked for, and the metrics that explain these; unranked: metrics that rank no methods.
    """

    metrics: Mapping[str, Verdict]
    taus: tuple[Agreement, ...]
    near_copies: NearCopies | None
    grids: Mapping[str, Grid]
    left_out: tuple[str, ...]
    missing_truths: tuple[str, ...]
    warnings: tuple[str, ...]
    configurations: Mapping[str, Configuration]
    human: Mapping[str, float] | None
    environment: Environment
    missing_networks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unranked: tuple[str, ...] = ()
    format: int = FORMAT

    def write(self, folder: str | Path) -> Path:
        """Write judgement.json, .md and .png (the noise test) to a folder; returns the first."""
        path = Path(folder) / "judgement.json"
        write_json(path, _adapter().dump_python(self, mode="json"))
        write_text(path.with_suffix(".md"), self.table())
        write_png(small_multiples([self._noise_section()], PAGE, "metric"), path.with_suffix(".png"))
        return path

    def table(self) -> str:
        """As Markdown."""
        tables = [self.rows(), self.pair_rows(), self.grid_rows()]
        parts = [markdown_table(*table) for table in tables if table[1]]
        return "\n\n".join([*parts, NOTE, *self.notes()]) + "\n"

    def _repr_markdown_(self) -> str:
        return self.table()

    def notes(self) -> list[str]:
        """Sentences on what counts as one, what is not there, and what is not to be trusted."""
        notes = [self.near_copies.sentence()] if self.near_copies else []
        if any((each.run.get("trainings") or 1) > 1 for each in self.configurations.values()):
            notes.append("Judged is what metrics say of one training of the networks, number 0.")
        if self.left_out:
            notes.append(f"Not judged, having no score of single images: {', '.join(self.left_out)}.")
        if self.missing_truths:
            notes.append(f"Not asked for, so that there is no tau with it: {', '.join(self.missing_truths)}.")
        for truth, names in self.missing_networks.items():
            notes.append(f"There is no {truth}, so that there is no tau with it of {', '.join(names)}.")
        if self.unranked:
            notes.append(
                f"Not ranking methods, so that agreement with them would say nothing: "
                f"{', '.join(self.unranked)}."
            )
        return notes + [f"**NOT VALID: {warning}**" for warning in self.warnings]

    def rows(self) -> tuple[list[str], list[list[Any]]]:
        """The table of the metrics: the headings of its columns, and its cells."""
        known = list(dict.fromkeys(name for verdict in self.metrics.values() for name in verdict.tau))
        head = ["metric", "network", "random from real", "95% interval", "better than random", "worse"]
        head += ["spread", "95% interval", "pairs apart", "alpha", "95% interval", "noise test"]
        head += ["inverted not worse", "shown worse", *(f"tau with {name}" for name in known)]
        found = [verdict.in_images for verdict in self.metrics.values()]
        of_images = list(dict.fromkeys(name for each in found for name in each))
        head += [f"{name}, image by image" for name in of_images]
        lines = []
        for name, verdict in self.metrics.items():
            apart, between, alpha = verdict.separation, verdict.spread, verdict.reliability
            effect, inverse = apart and apart.pooled, verdict.inversion
            lines.append(
                [
                    f"{name} {ARROWS[verdict.direction]}",
                    ", ".join(verdict.networks) or None,
                    effect,
                    (effect.ci_low, effect.ci_high) if effect else (None, None),
                    apart and f"{len(apart.better_than_random)} of {apart.of}",
                    apart and f"{len(apart.worse_than_random)} of {apart.of}",
                    between and between.f,
                    (between.f.ci_low, between.f.ci_high) if between else (None, None),
                    between and f"{between.pairs_apart} of {between.pairs}",
                    alpha,
                    (alpha.ci_low, alpha.ci_high),
                    _noise_test(verdict.soundness),
                    inverse and f"{len(inverse.not_worse)} of {len(inverse.falls)}",
                    inverse and f"{len(inverse.shown_worse)} of {len(inverse.falls)}",
                    *(tau and tau.tau for tau in map(verdict.tau.get, known)),
                    *map(verdict.in_images.get, of_images),
                ]
            )
        return head, lines

    def pair_rows(self) -> tuple[list[str], list[list[Any]]]:
        """The table of pairs of metrics: tau, and Spearman's over methods and over images, each or "-"."""
        names = list(self.metrics)
        found = {each.pair: _three(each) for each in self.taus}
        found |= {pair[::-1]: three for pair, three in found.items()}
        lines = [[name, *(found.get((name, other)) for other in names)] for name in names]
        return ["tau / over methods / over images", *names], lines if self.taus else []

    def grid_rows(self) -> tuple[list[str], list[list[Any]]]:
        """The table of ranks with other settings: of each method the mean, and the best and the worst."""
        methods = list(dict.fromkeys(name for grid in self.grids.values() for name in grid.ranks))
        lines = [
            [name, len(grid.combinations), grid.w, *(_range(grid.ranks.get(each)) for each in methods)]
            for name, grid in self.grids.items()
        ]
        return ["metric, other settings", "combinations", "W", *methods], lines

    def _noise_section(self) -> Section:
        """The noise test, every metric between what it gives noise alone (0) and the oracle (1)."""
        curves = {}
        for name, verdict in self.metrics.items():
            values = verdict.soundness.values if verdict.soundness else (0.0,)
            if values[0] != values[-1]:
                curves[name] = Curve([(value - values[-1]) / (values[0] - values[-1]) for value in values])
        label = "score, from that of noise (0) to the oracle's (1)"
        return Section(label, "noise in the oracle map, %", [100 * share for share in NOISE_SHARES], curves)


def _three(found: Agreement) -> str:
    images = found.consistency
    values = [found.tau.tau, *([images.over_methods, images.over_images] if images else [None, None])]
    return " / ".join(map(cell, values))


def _range(ranks: tuple[float, ...] | None) -> str | None:
    return f"{np.mean(ranks):.1f} ({min(ranks):g} ... {max(ranks):g})" if ranks else None


def _noise_test(sound: Soundness | None) -> str | None:
    if sound is None:
        return None
    if sound.passes:
        return "passes"
    steps = "; ".join(
        f"{reversal.shares[0]:.0%} to {reversal.shares[1]:.0%}"
        + (
            " (no change)"
            if reversal.rise.value == 0
            else ""
            if reversal.beyond_chance
            else " (may be chance)"
        )
        for reversal in sound.reversals
    )
    return f"not worse at {steps}"


@cache
def _adapter() -> TypeAdapter:
    return TypeAdapter(Judgement)


def judgement_schema() -> dict[str, Any]:
    """The JSON schema of a judgement file."""
    return _adapter().json_schema(mode="serialization")


def read_judgement(folder: str | Path) -> Judgement | None:
    """The judgement in a folder of results; None if there is none. Raises `BamError` for a damaged one."""
    path = Path(folder) / "judgement.json"
    if not path.exists():
        return None
    content = read_json(path)
    try:
        return _adapter().validate_python(content)
    except ValidationError as error:
        raise BamError(f"{path} holds no judgement ({str(error).splitlines()[0]}): make it again") from None
