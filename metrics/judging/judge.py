"""Judging metrics that have been computed: `judge`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from bam.attributions.controls import NOISE_SHARES, degraded_oracle
from bam.base.errors import BamError
from bam.base.settings import checked
from bam.metrics.evaluation.run import Run
from bam.metrics.judging.consistency import consistency
from bam.metrics.judging.copies import near_copies, plainest
from bam.metrics.judging.grid import Grid, grid_of, read_grid
from bam.metrics.judging.inversion import inversion, inverted
from bam.metrics.judging.measures import (
    Judged,
    Tau,
    agreement,
    judged,
    reliability,
    separation,
    soundness,
    spread,
)
from bam.metrics.judging.report import Agreement, Judgement, Verdict
from bam.metrics.judging.settings import Judging
from bam.metrics.judging.truths import (
    Truth,
    fixed_taus,
    in_images,
    known_truths,
    missing,
    named,
    networks_of,
    truths,
)
from bam.metrics.metric import METRICS
from bam.metrics.results.environment import environment
from bam.metrics.results.score import Score
from bam.metrics.scoring import evaluate

BOTH = ("object", "scene")


@dataclass(frozen=True, eq=False)
class Entry:
    """A score that is judged. suffix: what its names end in, to tell it from one of another network."""

    score: Score
    suffix: str

    @property
    def name(self) -> str:
        """What it is called."""
        return self.score.metric + self.suffix

    @property
    def networks(self) -> tuple[str, ...]:
        """Names of the networks that it explains."""
        return tuple(self.score.basis.measured.models)


def judge(
    scores: Score | Sequence[Score], human: Mapping[str, float] | None = None, **settings: Any
) -> Judgement:
    """Judge the metrics behind `scores`, by these, and by what they say of other maps and networks.

    scores: as they were computed, not read from files; several of one metric if of several networks. A metric
    is compared with `effect` of the networks that it explains alone. human: ranks of methods, see
    `read_ranking`. settings: those of `Judging`. What metrics say of the oracle with noise, of inverted maps,
    by the other network and with other settings is computed, and its rows are kept. Of the user's own images
    no oracle is known, so that there is no test with noise. Raises `BamError` if no metric can be judged, for
    two scores of one metric by the same networks, and for settings that cannot be.

    >>> import bam
    >>> score = bam.score("deletion", methods="grad_cam", model="scene", limit=4)
    >>> bam.judge(score, judge_copies=0).metrics["deletion"].inversion.inverse
    'maximum'
    """
    how = checked(Judging, settings)
    scores = [scores] if isinstance(scores, Score) else list(scores)
    if not scores:
        raise BamError("there is nothing to judge: give scores that were computed here")
    if any(each.basis is None for each in scores):
        raise BamError("scores that were read from files cannot be judged: give some that were computed here")
    grids = read_grid(how.judge_grid, {each.metric for each in scores})
    fixed = truths(scores, human)
    further = _of_other_networks(scores) if how.judge_both else []
    order = [each.metric for each in scores]
    entries = _entries(sorted([*scores, *further], key=lambda each: order.index(each.metric)))
    if not entries:
        names = ", ".join(each.metric for each in scores)
        raise BamError(f"{names} give no values for single images: judge another metric")
    copies = near_copies([each.score for each in entries], how.judge_copies) if how.judge_copies else None
    clusters = [each.methods for each in copies.clusters] if copies else []
    found = {each: judged(each.score, each.suffix, clusters) for each in entries}
    ranked = [each for each in entries if METRICS[each.score.metric].ranked]
    taus = tuple(
        Agreement((first.name, second.name), tau, consistency(first, second))
        for first, second in combinations([metric for each in ranked for metric in found[each]], 2)
        if (tau := agreement(first, second))
    )
    noisy = _again(entries, _noisy)
    inverse = _again(entries, _inverted) if how.judge_inverted else {}
    grids_of = {each.name: _grid(each, grids.get(each.score.metric, ()), clusters) for each in entries}
    others = [each for each in scores if not judged(each)]
    return Judgement(
        {
            metric.name: _verdict(metric, each, noisy, inverse, taus, fixed)
            for each in entries
            for metric in found[each]
        },
        taus,
        copies,
        {name: grid for name, grid in grids_of.items() if grid},
        tuple(map(_called, others)),
        tuple(name for name in known_truths() if all(each.metric != name for each in scores)),
        tuple(dict.fromkeys(warning for each in entries for warning in each.score.warnings())),
        {_called(each): each.configuration for each in others}
        | {each.name: each.score.configuration for each in entries},
        human,
        environment(computed=any(each.environment.devices for each in scores)),
        missing({each.name: each.score for each in ranked}, fixed),
        tuple(each.name for each in entries if each not in ranked),
    )


def _called(score: Score) -> str:
    """The name of a score that is not judged, with the networks of a truth."""
    return score.metric + (named(networks_of(score).values()) if METRICS[score.metric].knows_truth else "")


def _entries(scores: Sequence[Score]) -> list[Entry]:
    """Those scores that have values for single images, the networks named from the second of a metric on."""
    entries: list[Entry] = []
    for score in scores:
        if judged(score):
            again = any(each.score.metric == score.metric for each in entries)
            entry = Entry(score, f" ({', '.join(score.basis.measured.models)})" if again else "")
            if any((each.score.metric, each.networks) == (score.metric, entry.networks) for each in entries):
                raise BamError(f"{score.metric} is given twice: name its other settings in `judge_grid`")
            entries.append(entry)
    return entries


def _of_other_networks(scores: Sequence[Score]) -> list[Score]:
    """What metrics say that explain one of f_o and f_s by default, by the other, where it is there."""
    known = [(each.metric, list(each.basis.measured.models)) for each in scores]
    runs: dict[tuple[int, str], Run] = {}
    found = []
    for score, (name, networks) in zip(scores, known, strict=True):
        run, metric = score.basis.run, METRICS[name]
        free = metric.images == "any" and metric.per_image and run.images is None and run.model is None
        others = [each for each in BOTH if networks != [each]]
        if free and len(others) == 1 and (name, others) not in known and run.models.has(others[0]):
            # One run for all metrics of a run, since they share what they compute.
            other = runs.setdefault((id(run), others[0]), replace(run.of_one_training, model=others[0]))
            found.append(evaluate(metric, other))
    return found


def _again(
    entries: Sequence[Entry], change: Callable[[Entry, Sequence[Entry]], Run | None]
) -> dict[str, Judged]:
    """What the metrics say of a changed run, if there is one, by their names."""
    runs = {each: change(each, entries) for each in entries}
    return {
        metric.name: metric
        for each, run in runs.items()
        if run is not None
        for metric in judged(evaluate(METRICS[each.score.metric], run), each.suffix)
    }


def _noisy(entry: Entry, entries: Sequence[Entry]) -> Run | None:
    """The run of a score, but of the oracle with ever more noise in it, and no further than needed."""
    oracles = [degraded_oracle(share).with_settings() for share in NOISE_SHARES]
    run = entry.score.basis.run
    return replace(run, explainers=oracles, asked=_asked(run, entries)) if entry.score.oracle else None


def _inverted(entry: Entry, entries: Sequence[Entry]) -> Run | None:
    """The same, but of the inverted maps of the real methods, if the metric says what these are."""
    run, inverse = entry.score.basis.run, METRICS[entry.score.metric].inverse
    real = [each for each in run.explainers if not each.method.control]
    if inverse is None or not real:
        return None
    alike = [each for each in entries if METRICS[each.score.metric].inverse == inverse]
    return replace(run, explainers=[inverted(each, inverse) for each in real], asked=_asked(run, alike))


def _asked(run: Run, entries: Sequence[Entry]) -> dict[str, Any]:
    """Metrics of one run share what they compute."""
    return {each.score.metric: plainest(each.score) for each in entries if each.score.basis.run is run}


def _grid(
    entry: Entry, combinations: Sequence[Mapping[str, Any]], clusters: Sequence[Sequence[str]]
) -> Grid | None:
    """The methods' ranks with these settings; None without any."""
    name, run = entry.score.metric, entry.score.basis.run
    found = []
    for each in combinations:
        asked = {name: replace(plainest(entry.score), **each)}
        score = evaluate(METRICS[name], replace(run, asked=asked))
        found += [(each, metric) for metric in judged(score, "", clusters) if metric.name == name]
    return grid_of(*zip(*found, strict=True)) if found else None


def _taus(
    metric: Judged, entry: Entry, taus: Sequence[Agreement], fixed: Sequence[Truth]
) -> dict[str, Tau | None]:
    """With the metrics that know the truth, and with people."""
    found: dict[str, Tau | None] = {}
    for name in known_truths():
        if any(name in each.pair for each in taus):
            pair = {metric.name, name}
            found[name] = next((each.tau for each in taus if set(each.pair) == pair), None)
    return found | fixed_taus(metric, entry.score, fixed)


def _verdict(
    metric: Judged,
    entry: Entry,
    noisy: Mapping[str, Judged],
    inverse: Mapping[str, Judged],
    taus: Sequence[Agreement],
    fixed: Sequence[Truth],
) -> Verdict:
    ranked = METRICS[entry.score.metric].ranked
    degraded, other = noisy.get(metric.name), inverse.get(metric.name)
    how = METRICS[entry.score.metric].inverse
    if how == "minus" and metric.name != entry.name:
        other = None  # its further scores order pixels by positive parts
    return Verdict(
        metric.direction,
        entry.networks,
        tuple(metric.real),
        separation(metric),
        spread(metric),
        reliability(metric),
        soundness(degraded, NOISE_SHARES) if degraded else None,
        inversion(metric, other, how or "") if other else None,
        _taus(metric, entry, taus, fixed) if ranked else {},
        in_images(metric, entry.score, fixed) if ranked else {},
    )
