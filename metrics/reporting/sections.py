"""The sections of the report that are made of scores: the summary, and one for every metric."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from bam.metrics.metric import METRICS
from bam.metrics.reporting.content import Folded, Part, Picture, Results, Section
from bam.metrics.reporting.tables import Cell, Table, heading, score_table, summary, validity_table
from bam.metrics.results.score import Score
from bam.metrics.results.style import COLUMN
from bam.metrics.results.table import cell
from bam.models.training.numbered import parted_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bam.metrics.judging.report import Judgement

SYMBOLS = {
    "object": "object (f_o)",
    "scene": "scene (f_s)",
    "scene_on_scene_only": "scene, trained without objects",
}


NO_AGREEMENT = "No two of these metrics are shown to agree by these images."
# How notes of a score begin that stand above its chart, and others that the report says elsewhere.
LEAD = ("Not told apart from `random`", "Worse than")
ELSEWHERE = ("`rank set`", "It would take about", "Intervals are for this training", *LEAD)


def overview(results: Results) -> str:
    """What was measured, in one paragraph."""
    scores = results.scores
    methods = list(
        dict.fromkeys(name for each in scores for name, line in each.lines.items() if not line.control)
    )
    controls = list(
        dict.fromkeys(name for each in scores for name, line in each.lines.items() if line.control)
    )
    networks = list(dict.fromkeys(parted_name(name)[0] for name in _networks(scores)))
    trainings = Counter(
        parted_name(name)[0] for name in _networks(score for score in scores if score.trainings > 1)
    )
    named = (
        SYMBOLS.get(name, name) + (f", {trainings[name]} trainings" if trainings[name] > 1 else "")
        for name in networks
    )
    sizes = [score.comparison.images for score in scores if score.comparison.images]
    numbers = " to ".join(dict.fromkeys(map(str, (min(sizes), max(sizes))))) if sizes else "no"
    images = f"{numbers} images a metric"
    return (
        f"{len(methods)} attribution methods and {len(controls)} controls, scored by {len(scores)} "
        f"{'metric' if len(scores) == 1 else 'metrics'} ({', '.join(heading(score) for score in scores)}) "
        f"on {images}, of {len(networks)} {'network' if len(networks) == 1 else 'networks'} "
        f"({'; '.join(named)}). Intervals are of 95%, over further "
        f"images, and {_over_trainings(scores)}. Methods whose rank sets do not meet are told apart; of "
        "others the sections below say it."
    )


def _networks(scores: Iterable[Score]) -> Iterable[str]:
    """Their names, with the numbers of their trainings, each once."""
    return dict.fromkeys(name for score in scores for name in score.configuration.models)


def _over_trainings(scores: Sequence[Score]) -> str:
    """What intervals say of further trainings of the networks."""
    several = [score for score in scores if score.trainings > 1]
    alone = "another training can rank methods otherwise"
    if not several:
        return f"for these networks: each was trained once, and {alone}"
    found = "over further trainings of the networks"
    if len(several) < len(scores):
        names = ", ".join(heading(score) for score in scores if score.trainings == 1)
        found += f", but for {names}: these are of one training, and {alone}"
    return found


def validity_section(results: Results) -> Section:
    """Whether the networks rely on what they are to rely on."""
    table = validity_table(results.networks, SYMBOLS)
    warnings = list(dict.fromkeys(warning for score in results.scores for warning in score.warnings()))
    text = [
        "The scores take for granted that the network that names objects relies on objects, and the one "
        "that names scenes on scenes: each must keep its accuracy without the other feature, and fall to "
        "chance with the other feature alone: 10% where ten classes are told apart. Of a network that was "
        "trained without objects nothing of the kind is promised."
    ]
    if table is None:
        text.append(
            "The networks of these results are not in the models' folder, so nothing is checked here."
        )
    parts = [Part("table", table)] if table else []
    return Section("validity", "Are the networks fit for it?", text, parts, warnings=warnings)


def summary_section(results: Results) -> Section:
    """Who is among the best in what."""
    table = summary(results.scores)
    text = [
        "Each cell: the places that a method can have among the methods (1 is best), and its score. They "
        "come from tests of pairs of methods on the same images, so that close scores can be told apart, "
        "and distant ones not. All sets of a column hold at once, with 95%. Green: may be the best, and "
        "not the last. Red: may be the last, and not the best. White: in between, or nothing is decided. "
        "Columns ask different questions, so there is no sum of them.",
    ]
    return Section("summary", "Which methods are among the best in what?", text, [Part("table", table)])


def chart_parts(score: Score) -> list[Part]:
    """The charts that there are of a score; those of curves fold out."""
    from bam.metrics.reporting import charts

    there = charts.available(score)
    pictures = [_chart("values with 95% intervals", score, charts.bars(score, COLUMN))]
    if charts.series in there:
        pictures.append(_chart("along the series of networks", score, charts.series(score, COLUMN)))
    parts = [Part("picture", picture) for picture in pictures]
    if charts.curves in there:
        panels = score.chart.panels.items()
        curves = [_chart(label, score, charts.curves(score, COLUMN, key)) for label, key in panels]
        parts.append(Part("folded", Folded("Curves of every method", curves)))
    return parts


def _chart(what: str, score: Score, figure: Figure) -> Picture:
    from bam.metrics.reporting.export import inline_svg

    title, description = f"{heading(score)}: {what}", _described(score)
    return Picture(title, description, svg=inline_svg(figure, title, description))


def _described(score: Score) -> str:
    """The values of a chart in words, for those who do not see it."""
    values = [f"{name} {cell(score[name].value)}" for name in score.in_order()]
    return f"{heading(score)}, best first: {', '.join(values)}. All numbers are in the table."


def metric_section(score: Score, pictures: Sequence[Part] = ()) -> Section:
    """One metric: what it asks, who is best, chart, table."""
    metric = METRICS.get(score.metric)
    question = metric.question if metric else ""
    text = [" ".join(filter(None, [question, f"Source: {score.source}."])), *_verdict(score), *_lead(score)]
    table = Part("table", score_table(score))
    return Section(
        f"metric-{score.metric.replace(':', '-')}",
        heading(score),
        text,
        [*pictures, table],
        [*_decided(score), *(note for note in score.notes if not note.startswith(ELSEWHERE))],
        score.warnings(),
    )


def _verdict(score: Score) -> list[str]:
    """Who is best, and what cannot be told."""
    ranks = {name: line.rank for name, line in score.lines.items() if line.rank}
    if len(ranks) < 2:
        return []
    best = [name for name, (low, _) in ranks.items() if low == 1]
    count = score.trainings
    images = f"{score.comparison.images} images" + (f" and {count} trainings" if count > 1 else "")
    if len(best) == 1:
        found = f"**{best[0]}** is best: it is shown to be better than every other method."
    elif len(best) == len(ranks):
        found = f"**No method is shown to be better than another** by these {images}."
    else:
        found = f"**Among the best**, and not told apart by these {images}: {', '.join(best)}."
    pair = score.comparison.undecided
    if pair is None:
        return [found]
    what = f"the largest difference that is open, {pair.better} over {pair.worse} ({pair.difference:.3f})"
    if pair.images is None:
        return [f"{found} How many images would decide {what}, cannot be said: there are too few sources."]
    trainings = f" and {pair.trainings:,} trainings" if pair.trainings else ""
    return [
        f"{found} About {pair.images:,} images{trainings} in all, of those that are used, would decide "
        f"{what}, if it is as large as it seems."
    ]


def _lead(score: Score) -> list[str]:
    """Which methods are not shown to be better than `random`: what else is said is to be read after that."""
    return [note for note in score.notes if note.startswith(LEAD)]


def _decided(score: Score) -> list[str]:
    """All pairs of methods that are told apart, where one of them is better."""
    if not score.comparison.ranks:
        return []
    worse: dict[str, list[str]] = {}
    for test in score.comparison.tests:
        if test.is_significant and not (score[test.better].control or score[test.worse].control):
            worse.setdefault(test.better, []).append(test.worse)
    pairs = [f"{name} than {', '.join(worse[name])}" for name in score.in_order() if name in worse]
    return [f"Shown to be better: {'; '.join(pairs)}."] if pairs else []


def agreement_section(results: Results) -> list[Section]:
    """Kendall's tau between the rankings of the metrics, and the judge's verdicts; nothing for one metric."""
    from bam.metrics.judging.measures import agreement, judged_images
    from bam.metrics.judging.report import read_judgement

    judgement = read_judgement(results.folder)
    copies = judgement.near_copies if judgement else None
    clusters = [each.methods for each in copies.clusters] if copies else []
    found = [judged_images(score, clusters) for score in results.scores if score.images]
    parts = []
    if len(found) > 1:
        taus = {(a.name, b.name): agreement(a, b) for a, b in combinations(found, 2)}
        lines = []
        for first in found:
            cells = [
                _tau(taus.get((first.name, other.name)) or taus.get((other.name, first.name)))
                for other in found
            ]
            lines.append((first.name, cells))
        agree = [f"{a} and {b}" for (a, b), tau in taus.items() if tau and (tau.ci_low or 0) > 0]
        verdict = f"Shown to agree more than by chance: {', '.join(agree)}." if agree else NO_AGREEMENT
        parts.append(Part("text", verdict))
        head = ["metric", *(each.name for each in found)]
        parts.append(
            Part("table", Table("Kendall's tau between rankings of the methods, 95% interval", head, lines))
        )
    text = [
        "Rankings by different metrics may differ, since they ask different questions. Tau is 1 where two "
        "rankings are the same and about 0 where they have nothing to do with each other; few images draw it "
        "towards 0."
    ]
    if judgement:
        parts += _judged(judgement)
    return [Section("agreement", "Do the metrics agree?", text, parts)] if parts else []


def _judged(judgement: Judgement) -> list[Part]:
    """The judge's tables, and what there is to say beside them."""
    from bam.metrics.judging.report import NOTE

    tables = {
        "The judge's verdict on the metrics": judgement.rows(),
        "Pairs of judged metrics: Kendall's tau, and Spearman's over methods and over images": (
            judgement.pair_rows()
        ),
        "Ranks of the methods with other settings of the metrics, mean (best ... worst)": (
            judgement.grid_rows()
        ),
    }
    parts = []
    for title, (head, lines) in tables.items():
        cells = [(str(line[0]), [Cell(cell(value)) for value in line[1:]]) for line in lines]
        parts += [Part("table", Table(title, head, cells))] if lines else []
    notes = [note.replace("**", "") for note in judgement.notes()]
    return parts + [Part("text", note) for note in [NOTE, *notes]]


def _tau(tau: Any) -> Cell:
    if tau is None or tau.tau is None:
        return Cell("-")
    if tau.ci_low is None:
        return Cell(cell(tau.tau))
    return Cell(cell(tau.tau), f"{tau.ci_low:.2f} ... {tau.ci_high:.2f}")
