"""The sections of the report that are made of scores: the summary, and one for every metric."""

from __future__ import annotations

from collections.abc import Sequence

from bam.metrics.metric import METRICS
from bam.metrics.reporting.content import Part, Results, Section
from bam.metrics.reporting.tables import heading, score_table, summary, validity_table
from bam.metrics.results.score import Score

SYMBOLS = {
    "object": "object (f_o)",
    "scene": "scene (f_s)",
    "scene_on_scene_only": "scene, trained without objects",
}


def overview(results: Results) -> str:
    """What was measured, in one paragraph."""
    scores = results.scores
    methods = list(
        dict.fromkeys(name for each in scores for name, line in each.lines.items() if not line.control)
    )
    controls = list(
        dict.fromkeys(name for each in scores for name, line in each.lines.items() if line.control)
    )
    networks = list(dict.fromkeys(name for score in scores for name in score.configuration.models))
    sizes = [score.comparison.images for score in scores if score.comparison.images]
    images = f"{min(sizes)} to {max(sizes)} images a metric" if sizes else "no images"
    return (
        f"{len(methods)} attribution methods and {len(controls)} controls, scored by {len(scores)} "
        f"{'metric' if len(scores) == 1 else 'metrics'} ({', '.join(heading(score) for score in scores)}) on "
        f"{images}, of {len(networks)} {'network' if len(networks) == 1 else 'networks'} "
        f"({', '.join(SYMBOLS.get(name, name) for name in networks)}). Intervals are of 95%; methods whose "
        "rank sets meet cannot be told apart by these images."
    )


def validity_section(results: Results) -> Section:
    """Whether the networks rely on what they are to rely on."""
    table = validity_table(results.networks, SYMBOLS)
    warnings = list(dict.fromkeys(warning for score in results.scores for warning in score.warnings()))
    text = [
        "The scores take for granted that the network that names objects relies on objects, and the one that "
        "names scenes on scenes: each must keep its accuracy without the other feature, and fall to chance "
        "with the other feature alone."
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
        "Each cell: the places that a method can have among the methods (1 is best), and its score. All sets "
        "of a column hold at once, with 95%. Green: may be the best, and not to be told from the other green "
        "ones of its column by these images. Red: may be the last. Columns ask different questions, so there "
        "is no sum of them.",
    ]
    return Section("summary", "Which methods are among the best in what?", text, [Part("table", table)])


def metric_section(score: Score, pictures: Sequence[Part] = ()) -> Section:
    """One metric: what it asks, who is best, chart, table."""
    metric = METRICS.get(score.metric)
    question = metric.question if metric else ""
    text = [" ".join(filter(None, [question, f"Source: {score.source}."])), *_verdict(score)]
    table = Part("table", score_table(score))
    return Section(
        f"metric-{score.metric.replace(':', '-')}",
        heading(score),
        text,
        [*pictures, table],
        score.notes,
        score.warnings(),
    )


def _verdict(score: Score) -> list[str]:
    """Who is best, and what cannot be told."""
    ranks = {name: line.rank for name, line in score.lines.items() if line.rank}
    if not ranks:
        return []
    best = [name for name, (low, _) in ranks.items() if low == 1]
    images = score.comparison.images
    if len(ranks) == 1:
        return []
    if len(best) == 1:
        found = f"**{best[0]}** is best: it is shown to be better than every other method."
    elif len(best) == len(ranks):
        found = f"**No method is shown to be better than another** by these {images} images."
    else:
        found = f"**Among the best**, and not told apart by these {images} images: {', '.join(best)}."
    pair = score.comparison.undecided
    if pair is None:
        return [found]
    what = f"the largest difference that is open, {pair.better} over {pair.worse} ({pair.difference:.3f})"
    if pair.images is None:
        return [f"{found} How many images would decide {what}, cannot be said: there are too few sources."]
    return [f"{found} About {pair.images:,} images would decide {what}, if it is as large as it seems."]
