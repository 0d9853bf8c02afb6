"""The report on metrics that have been computed: `judge`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bam.attributions.controls import NOISE_SHARES, degraded_oracle
from bam.base.errors import BamError
from bam.base.files import read_json, write_json, write_text
from bam.metrics.evaluation.run import Run
from bam.metrics.judging.measures import (
    Judged,
    Separation,
    Soundness,
    Spread,
    Tau,
    agreement,
    human_agreement,
    judged,
    separation,
    soundness,
    spread,
)
from bam.metrics.metric import METRICS
from bam.metrics.results.environment import environment
from bam.metrics.results.panels import Curve, Section, small_multiples
from bam.metrics.results.schema import ARROWS, FORMAT, Configuration, Direction, Environment
from bam.metrics.results.score import Score
from bam.metrics.results.style import PAGE, write_png
from bam.metrics.results.table import markdown_table
from bam.metrics.scoring import evaluate

HUMAN = "human"
NOTE = (
    "`random from real`: Cohen's d of the paired differences between the real methods' mean and `random`, "
    "more than 0 if they are better; `better than random`, `worse`: how many methods are, by the paired "
    "tests of the table. `spread`: Cohen's f, the standard deviation between methods over what is left "
    "within images, less what is due to chance; `pairs apart`: pairs of real methods that tests tell apart. "
    "`noise test`: does each step of more noise in the oracle map make the score worse? Where it does not, "
    "the steps are named; one whose interval holds no change may be chance, and at its limit a score does "
    "not change. `tau`: Kendall's, between rankings of the real methods; chance in the rankings draws it "
    "towards 0, which its interval allows for in part."
)


@dataclass(frozen=True)
class Verdict:
    """What there is to say of one metric. tau: with the metrics that know the truth, and with people."""

    direction: Direction
    real_methods: tuple[str, ...]
    separation: Separation | None
    spread: Spread | None
    soundness: Soundness | None
    tau: Mapping[str, Tau | None]


@dataclass(frozen=True)
class Agreement:
    """Kendall's tau between the rankings of two metrics."""

    pair: tuple[str, str]
    tau: Tau


@dataclass(frozen=True)
class Judgement:
    """What there is to say of metrics.

    taus: between all pairs of rankings; left_out: metrics that are not judged; configurations: what was asked
    of each metric; human: people's ranks.
    """

    metrics: Mapping[str, Verdict]
    taus: tuple[Agreement, ...]
    left_out: tuple[str, ...]
    configurations: Mapping[str, Configuration]
    human: Mapping[str, float] | None
    environment: Environment
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
        tables = [markdown_table(*self.rows())]
        if self.taus:
            tables.append(self._tau_table())
        reason = "Not judged, giving no values for single images: "
        notes = [NOTE, *([f"{reason}{', '.join(self.left_out)}."] if self.left_out else [])]
        return "\n\n".join([*tables, *notes]) + "\n"

    def _repr_markdown_(self) -> str:
        return self.table()

    def rows(self) -> tuple[list[str], list[list[Any]]]:
        """The table of the metrics: the headings of its columns, and its cells."""
        known = list(dict.fromkeys(name for verdict in self.metrics.values() for name in verdict.tau))
        head = ["metric", "random from real", "95% interval", "better than random", "worse", "spread"]
        head += ["95% interval", "pairs apart"]
        lines = []
        for name, verdict in self.metrics.items():
            apart, between = verdict.separation, verdict.spread
            effect = apart and apart.pooled
            lines.append(
                [
                    f"{name} {ARROWS[verdict.direction]}",
                    effect,
                    (effect.ci_low, effect.ci_high) if effect else (None, None),
                    apart and f"{len(apart.better_than_random)} of {apart.of}",
                    apart and f"{len(apart.worse_than_random)} of {apart.of}",
                    between and between.f,
                    (between.f.ci_low, between.f.ci_high) if between else (None, None),
                    between and f"{between.pairs_apart} of {between.pairs}",
                    _noise_test(verdict.soundness),
                    *(tau and tau.tau for tau in map(verdict.tau.get, known)),
                ]
            )
        return [*head, "noise test", *(f"tau with {name}" for name in known)], lines

    def _tau_table(self) -> str:
        names = list(self.metrics)
        found = {each.pair: each.tau.tau for each in self.taus}
        found |= {pair[::-1]: tau for pair, tau in found.items()} | {(name, name): 1.0 for name in names}
        lines = [[name, *(found.get((name, other)) for other in names)] for name in names]
        return markdown_table(["tau", *names], lines)

    def _noise_section(self) -> Section:
        """The noise test, every metric between what it gives noise alone (0) and the oracle (1)."""
        curves = {}
        for name, verdict in self.metrics.items():
            values = verdict.soundness.values if verdict.soundness else (0.0,)
            if values[0] != values[-1]:
                curves[name] = Curve([(value - values[-1]) / (values[0] - values[-1]) for value in values])
        label = "score, from that of noise (0) to the oracle's (1)"
        return Section(label, "noise in the oracle map, %", [100 * share for share in NOISE_SHARES], curves)


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


def judge(scores: Score | Sequence[Score], human: Mapping[str, float] | None = None) -> Judgement:
    """Judge the metrics behind `scores`, by these and by their scores of the oracle with noise.

    scores: as they were computed, not read from files. human: ranks of methods, see
    `read_ranking`. Of the user's own images no oracle is known, so that there is no test with noise. Raises
    `BamError` if no metric can be judged.
    """
    scores = [scores] if isinstance(scores, Score) else scores
    if not scores:
        raise BamError("there is nothing to judge: give scores that were computed here")
    if any(each.basis is None for each in scores):
        raise BamError("scores that were read from files cannot be judged: give some that were computed here")
    found = [metric for each in scores for metric in judged(each)]
    names = {metric.name for metric in found}
    left_out = tuple(each.metric for each in scores if each.metric not in names)
    if not found:
        raise BamError(f"{', '.join(left_out)} give no values for single images: judge another metric")
    degraded = {
        metric.name: metric
        for each in scores
        if each.metric in names and each.basis.measured.oracle
        for metric in judged(evaluate(METRICS[each.metric], _noisy(each, scores)))
    }
    taus = tuple(
        Agreement((first.name, second.name), tau)
        for first, second in combinations(found, 2)
        if (tau := agreement(first, second))
    )
    return Judgement(
        {metric.name: _verdict(metric, degraded, taus, human) for metric in found},
        taus,
        left_out,
        {each.metric: each.configuration for each in scores},
        human,
        environment(computed=any(each.environment.devices for each in scores)),
    )


def _noisy(score: Score, scores: Sequence[Score]) -> Run:
    """The run of a score, but of the oracle with ever more noise in it, and no further than needed."""
    run = score.basis.run
    # Metrics of one run share what they compute.
    asked = {each.metric: _plainest(each) for each in scores if each.basis.run is run}
    oracles = [degraded_oracle(share).with_settings() for share in NOISE_SHARES]
    return replace(run, explainers=oracles, asked=asked)


def _plainest(score: Score) -> Any:
    """The settings of a metric, without variants and untrained networks beside the score."""
    settings = score.basis.settings
    without = {"robustness": False, "untrained": 0}
    return replace(settings, **{name: off for name, off in without.items() if hasattr(settings, name)})


def _verdict(
    metric: Judged,
    degraded: Mapping[str, Judged],
    taus: Sequence[Agreement],
    human: Mapping[str, float] | None,
) -> Verdict:
    noisy = degraded.get(metric.name)
    tau: dict[str, Tau | None] = {}
    for name in (name for name, other in METRICS.items() if other.knows_truth):
        if any(name in each.pair for each in taus):
            pair = {metric.name, name}
            tau[name] = next((each.tau for each in taus if set(each.pair) == pair), None)
    if human:
        tau[HUMAN] = human_agreement(metric, human)
    return Verdict(
        metric.direction,
        tuple(metric.real),
        separation(metric),
        spread(metric),
        soundness(noisy, NOISE_SHARES) if noisy else None,
        tau,
    )
