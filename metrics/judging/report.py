"""The report on metrics that have been computed: `judge`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from bam.attributions.controls import NOISE_SHARES, degraded_oracle
from bam.base.errors import BamError
from bam.base.files import write_json, write_text
from bam.metrics.evaluation.folder import FolderPictures
from bam.metrics.evaluation.run import Request
from bam.metrics.judging.measures import (
    Judged,
    agreement,
    human_agreement,
    judged,
    separation,
    soundness,
    spread,
)
from bam.metrics.results.environment import environment
from bam.metrics.results.plot import Plot
from bam.metrics.results.score import ARROWS, Score
from bam.metrics.results.table import markdown_table

VERSION = 1
# What BAM knows the truth of; with these the rankings of the others are compared.
TRUTH = ("mcs", "idr")
NOTE = (
    "`random from real`: Cohen's d of the paired differences between the real methods' mean and `random`, "
    "more than 0 if they are better; `better than random`: how many methods are, by paired tests with Holm's "
    "correction. `spread`: Cohen's f, the standard deviation between methods over what is left within "
    "images; `pairs apart`: pairs of real methods that tests tell apart. `noise test`: does each step of "
    "more noise in the oracle map make the score worse? Where it does not, the steps are named; one whose "
    "interval holds no change may be chance. `tau`: Kendall's, between rankings of the real methods."
)


@dataclass(frozen=True)
class Judgement:
    """What there is to say of metrics. metrics: one entry each; taus: between all pairs of rankings."""

    request: Request
    metrics: Mapping[str, Mapping[str, Any]]
    taus: Sequence[Mapping[str, Any]]
    left_out: Sequence[str]

    def write(self) -> Path:
        """Write judgement.json, .md and .png (the noise test) to the results' folder; returns the first."""
        path = self.request.out / "judgement.json"
        content = {
            "version": VERSION,
            "metrics": self.metrics,
            "kendall": self.taus,
            "left_out": self.left_out,
            "config": {"seed": self.request.seed, "limit": self.request.limit},
            "environment": environment(),
        }
        write_json(path, content)
        write_text(path.with_suffix(".md"), self.table())
        self._plot().write(path.with_suffix(".png"))
        return path

    def table(self) -> str:
        """As Markdown."""
        tables = [self._metrics_table()]
        if self.taus:
            tables.append(self._tau_table())
        reason = "Not judged, giving no values for single images: "
        notes = [NOTE, *([f"{reason}{', '.join(self.left_out)}."] if self.left_out else [])]
        return "\n\n".join([*tables, *notes]) + "\n"

    def _metrics_table(self) -> str:
        known = [name for name in (*TRUTH, "human") if any(name in m["tau"] for m in self.metrics.values())]
        head = ["metric", "random from real", "95% interval", "better than random", "spread", "pairs apart"]
        lines = []
        for name, entry in self.metrics.items():
            apart, between = entry["separation"] or {}, entry["spread"] or {}
            lines.append(
                [
                    f"{name} {ARROWS[entry['direction']]}",
                    apart.get("value"),
                    (apart.get("ci_low"), apart.get("ci_high")),
                    f"{len(apart['better_than_random'])} of {apart['of']}" if apart else None,
                    between.get("f"),
                    f"{between['pairs_apart']} of {between['pairs']}" if between else None,
                    _verdict(entry["soundness"]),
                    *((entry["tau"].get(other) or {}).get("tau") for other in known),
                ]
            )
        return markdown_table([*head, "noise test", *(f"tau with {name}" for name in known)], lines)

    def _tau_table(self) -> str:
        names = list(self.metrics)
        found = {tuple(tau["pair"]): tau["tau"] for tau in self.taus}
        found |= {pair[::-1]: tau for pair, tau in found.items()} | {(name, name): 1.0 for name in names}
        lines = [[name, *(found.get((name, other)) for other in names)] for name in names]
        return markdown_table(["tau", *names], lines)

    def _plot(self) -> Plot:
        """The noise test, every metric between what it gives noise alone (0) and the oracle (1)."""
        curves = {}
        for name, entry in self.metrics.items():
            values = entry["soundness"]["values"] if entry["soundness"] else [0.0]
            if values[0] != values[-1]:
                curves[name] = [(value - values[-1]) / (values[0] - values[-1]) for value in values]
        label = "score, from that of noise (0) to the oracle's (1)"
        shares = [100 * share for share in NOISE_SHARES]
        return Plot("metrics of the oracle map with noise in it", "noise, %", shares, {label: curves})


def _verdict(sound: Mapping[str, Any] | None) -> str | None:
    if sound is None:
        return None
    if sound["passes"]:
        return "passes"
    steps = "; ".join(
        f"{reversal['shares'][0]:.0%} to {reversal['shares'][1]:.0%}"
        + ("" if reversal["beyond_chance"] else " (may be chance)")
        for reversal in sound["reversals"]
    )
    return f"not worse at {steps}"


def judge(
    request: Request,
    scores: Sequence[Score],
    evaluate: Mapping[str, Callable[[Request], Score]],
    human: Mapping[str, float] | None = None,
) -> Judgement:
    """Judge the metrics behind `scores`, by these and by their scores of the oracle with noise.

    evaluate: the metrics by name; human: ranks of methods, see `read_ranking`. Of the user's own images no
    oracle is known, so that there is no test with noise. Raises `BamError` if no metric can be judged.
    """
    found = [metric for score in scores for metric in judged(score)]
    names = {metric.name for metric in found}
    left_out = [score.metric for score in scores if score.metric not in names]
    if not found:
        raise BamError(f"{', '.join(left_out)} give no values for single images: judge another metric")
    oracles = [degraded_oracle(share) for share in NOISE_SHARES]
    noisy = replace(request, methods=oracles, options={**request.options, "robustness": False})
    degraded = {
        metric.name: metric
        for score in scores
        if score.metric in names and not _is_of_folder(score)
        for metric in judged(evaluate[score.metric](noisy))
    }
    taus = [
        {"pair": [first.name, second.name], **tau}
        for first, second in combinations(found, 2)
        if (tau := agreement(first, second))
    ]
    return Judgement(
        request, {metric.name: _entry(metric, degraded, taus, human) for metric in found}, taus, left_out
    )


def _is_of_folder(score: Score) -> bool:
    return score.extra.get("images", {}).get("set") == FolderPictures.name


def _entry(
    metric: Judged,
    degraded: Mapping[str, Judged],
    taus: Sequence[Mapping[str, Any]],
    human: Mapping[str, float] | None,
) -> dict[str, Any]:
    noisy = degraded.get(metric.name)
    tau = {
        other: next((tau for tau in taus if set(tau["pair"]) == {metric.name, other}), None)
        for other in TRUTH
        if any(other in tau["pair"] for tau in taus)
    }
    if human:
        tau["human"] = human_agreement(metric, human)
    return {
        "direction": metric.direction,
        "real_methods": list(metric.real),
        "separation": separation(metric),
        "spread": spread(metric),
        "soundness": soundness(noisy, NOISE_SHARES) if noisy else None,
        "tau": tau,
    }
