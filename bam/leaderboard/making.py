"""From scores to entries: of a run that is made for it, or of a folder of results."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bam.attributions.choice import choose
from bam.attributions.registry import METHODS, Explainer
from bam.base.citations import PUBLICATIONS, SOFTWARE
from bam.base.errors import BamError, unknown
from bam.benchmark.presets import SEED
from bam.benchmark.work import scores_of
from bam.data_prep.dataset import Dataset
from bam.leaderboard.canonical import (
    CONTROLS,
    MEASUREMENTS,
    METRICS,
    PROBED,
    PROBED_NETWORKS,
    PROBED_SET,
    Canonical,
    draw_seed,
    settings_of,
)
from bam.leaderboard.entry import Data, Entry, Findings, Found, Machine, Number, Subject, read_entry
from bam.leaderboard.machine import this_machine
from bam.metrics.api import make_run
from bam.metrics.evaluation.images import shuffled
from bam.metrics.evaluation.settings import RunSettings
from bam.metrics.results.schema import Environment
from bam.metrics.results.score import Score, read_score

ARXIV = "https://arxiv.org/abs/"
# Of each method the g_c by network, of the images of these ids.
Probes = tuple[tuple[str, ...], Mapping[str, Mapping[str, tuple[float | None, ...]]]]


@dataclass(frozen=True)
class Wanted:
    """What is asked of an entry that is made.

    choice: the method, as `methods` names it. authors, link: who it is of, and where it is described; of
    BAM's methods they are known. metrics: only these, for a first look; None: all. alone: without the other
    methods, so that no rank set is known. reported: the entry that was submitted, if numbers are measured
    for the leaderboard. out: the file it is for, which the command names.
    """

    choice: str
    authors: str = ""
    link: str = ""
    metrics: Collection[str] | None = None
    alone: bool = False
    reported: Path | None = None
    out: str = ""

    @property
    def command(self) -> str:
        """The command that makes the numbers again."""
        words = ["python", "-m", "bam.leaderboard", "--make", self.choice]
        words += ["--metrics", ",".join(self.metrics)] if self.metrics is not None else []
        words += ["--alone"] if self.alone else []
        return shlex.join([*words, "--out", self.out or file_name(self.choice)])


def file_name(name: str) -> str:
    """What the file of a method's entry is called.

    >>> file_name("smoothgrad(noise=0.1)")
    'smoothgrad_noise_0.1.json'
    """
    return re.sub(r"[^\w.-]+", "_", name).strip("_") + ".json"


def the_method(choice: str) -> Explainer:
    """The one method that a choice names. Raises `BamError` if it names several, or none."""
    found = choose(choice, always=())
    if len(found) != 1:
        raise BamError(f"an entry is of one method, and {choice} names {len(found)}: name one")
    return found[0]


def make(
    wanted: Wanted, canonical: Canonical, dataset: Dataset, work: Path, say: Callable[[str], None] = print
) -> Entry:
    """Measure a method, beside all others unless it is alone, and make its entry of that.

    work: where rows are kept, and the scores written. Raises `BamError` for what is not there or cannot be.
    """
    for name in wanted.metrics or ():
        if name not in METRICS:
            raise unknown("metric of the leaderboard", name, METRICS)
    submitted = read_entry(wanted.reported) if wanted.reported else None
    method = the_method(wanted.choice)
    explainers = choose([method, *CONTROLS] if wanted.alone else [method, "all"], always=())
    scores = measured(explainers, canonical, dataset, work, wanted.metrics)
    for score in scores:
        score.write(work)
        for warning in score.warnings():
            say(f"{score.metric}: NOT VALID: {warning}")
    probes = probe([method], canonical, dataset, work)
    findings = findings_of(scores, method, probes, wanted.command, this_machine())
    subject = _subject(method, wanted)
    entry = Entry(subject, _data(dataset), canonical.digests, probes[0], findings, None)
    if submitted is None:
        return entry
    if submitted.method.name != method.name:
        raise BamError(
            f"`reported` {wanted.reported} is an entry of {submitted.method.name}, not of {method.name}: "
            "give that of the same method"
        )
    known = replace(subject, authors=submitted.method.authors, link=submitted.method.link)
    return replace(entry, method=known, reported=submitted.reported, measured=findings)


def measured(
    explainers: Sequence[Explainer],
    canonical: Canonical,
    dataset: Dataset,
    out: Path,
    metrics: Collection[str] | None = None,
) -> list[Score]:
    """The scores of the leaderboard, of these methods; metrics: only these."""
    how = canonical.folder, out, metrics
    wanted = [each for each in MEASUREMENTS if metrics is None or set(metrics) & set(each.metrics)]
    return [score for each in wanted for score in scores_of(each, explainers, dataset, *how)]


def probe(explainers: Sequence[Explainer], canonical: Canonical, dataset: Dataset, out: Path) -> Probes:
    """The g_c of each method and network for the first images; rows that are kept in `out` are used."""
    run = make_run(None, explainers, dataset, canonical.folder, out, RunSettings(limit=PROBED, seed=SEED))
    view = shuffled(dataset.view(PROBED_SET), SEED)
    found: dict[str, dict[str, tuple[float | None, ...]]] = {each.name: {} for each in explainers}
    for network in PROBED_NETWORKS:
        for name, rows in run.collect(view, run.classifier(network)).items():
            found[name][network] = tuple(None if row.g_c != row.g_c else row.g_c for row in rows)
    return tuple(view.ids[:PROBED]), found


def from_results(
    folder: Path, canonical: Canonical, dataset: Dataset, say: Callable[[str], None] = print
) -> list[Entry]:
    """The entries of all BAM's methods and controls, from the results of a benchmark; numbers are measured.

    Metrics that the folder lacks are left out, which `say` is told. Their g_c is computed here. The kind of
    processor is only recorded if the rows in the folder have the very same, which shows that they were
    computed on such a one. Raises `BamError` for results of other networks, images or settings.
    """
    scores = []
    for name in METRICS:
        if (folder / f"{name}.json").exists():
            scores.append(read_score(folder / f"{name}.json"))
            _check_canonical(scores[-1], canonical, folder)
        else:
            say(f"{name}: no {name}.json in {folder}, so that the entries are without it")
    if not scores:
        raise BamError(f"there is no score of the leaderboard in {folder}: `bam benchmark` makes them")
    machine = _machine_of(scores)
    names = [name for name in METHODS if any(name in score for score in scores)]
    for name, method in METHODS.items():
        if name not in names and method.usual:
            why = next((score.unsuited[name] for score in scores if name in score.unsuited), "not scored")
            say(f"{name}: no entry, {why}")
    explainers = [METHODS[name].with_settings() for name in names]
    with TemporaryDirectory() as rows:
        probes = probe(explainers, canonical, dataset, Path(rows))
    if _kept(explainers, canonical, dataset, folder) == probes:
        machine = replace(machine, processor=this_machine().processor)
    else:
        say(f"the rows in {folder} are not those computed here: the kind of processor is not recorded")
    entries = []
    for each in explainers:
        wanted = Wanted(each.name)
        own = [score for score in scores if each.name in score]
        findings = findings_of(own, each, probes, wanted.command, machine)
        subject = _subject(each, wanted)
        entries.append(Entry(subject, _data(dataset), canonical.digests, probes[0], None, findings))
    return entries


def _check_canonical(score: Score, canonical: Canonical, folder: Path) -> None:
    """Raise `BamError` if a score was not made as those of the leaderboard are."""
    asked, wrong = score.configuration, []
    if asked.dataset != canonical.fingerprint:
        wrong.append("of another dataset")
    if score.trainings > 1:
        wrong.append(f"of {score.trainings} trainings")
    wrong += [
        f"of another network {name}"
        for name, network in asked.models.items()
        if canonical.digests.get(name) != network.digest
    ]
    given = {**asked.run, **asked.metric}
    wrong += [
        f"with {name} {given.get(name)}, not {value}"
        for name, value in settings_of(score.metric).items()
        if given.get(name) != value
    ]
    if wrong:
        raise BamError(
            f"{folder / score.metric}.json was made {', '.join(wrong)}: make it with `bam benchmark` and "
            f"a copy of {canonical.folder}"
        )


def _machine_of(scores: Sequence[Score]) -> Machine:
    """What they were all made with. Raises `BamError` if that is not the same."""

    def of(found: Environment) -> Machine:
        return Machine(found.python, found.platform, None, found.devices, found.packages)

    first, *others = scores
    for score in others:
        if of(score.environment) != of(first.environment):
            raise BamError(
                f"{first.metric} and {score.metric} were made with other versions or devices, but an "
                "entry is of one machine: make them again on one"
            )
    return of(first.environment)


def _kept(
    explainers: Sequence[Explainer], canonical: Canonical, dataset: Dataset, out: Path
) -> Probes | None:
    """What the rows in a folder say, without computing any; None if some are not there."""
    run = make_run(None, explainers, dataset, canonical.folder, out, RunSettings(limit=PROBED, seed=SEED))
    view = shuffled(dataset.view(PROBED_SET), SEED)
    for network in PROBED_NETWORKS:
        files = run.planned(view, run.classifier(network)).files.values()
        if not all(file and (out / "rows" / file).exists() for file in files):
            return None
    return probe(explainers, canonical, dataset, out)


def findings_of(
    scores: Sequence[Score], method: Explainer, probes: Probes, command: str, machine: Machine
) -> Findings:
    """What scores and probes say of one method."""
    metrics = {score.metric: _found(score, method) for score in scores}
    return Findings(command, machine, probes[1][method.name], metrics)


def _found(score: Score, method: Explainer) -> Found:
    if method.name not in score:
        why = score.unsuited.get(method.name, "it was not scored")
        raise BamError(f"{method.name} has no {score.metric}: {why}")
    given = {**score.configuration.run, **score.configuration.metric}
    numbers = {name: _number(score, name) for name in (method.name, *CONTROLS) if name in score}
    controls = {name: numbers[name] for name in CONTROLS if name in numbers}
    own = numbers[method.name]
    return Found(score.version, given, score.environment.commit, own, controls)


def _number(score: Score, name: str) -> Number:
    line = score[name]
    # Among fewer methods a rank set is another.
    usual = (name for name, each in METHODS.items() if each.usual and not each.control)
    ranked = all(each in score or each in score.unsuited for each in usual)
    rank = line.rank if ranked and not line.control else None
    return Number(line.value, line.ci_low, line.ci_high, line.n, dict(line.excluded), rank)


def _data(dataset: Dataset) -> Data:
    return Data(dataset.fingerprint, draw_seed(dataset), dataset.description.get("versions", {}))


def _subject(method: Explainer, wanted: Wanted) -> Subject:
    authors, link = wanted.authors, wanted.link
    if not method.method.own and not (authors or link):
        source = PUBLICATIONS[next(iter(method.method.cite), SOFTWARE)]
        first, *others = source.authors.split(" and ")
        named = first.partition(",")[0].strip("{}") + (" et al." if others else "")
        authors = f"{named} {source.year or ''}".strip()
        link = f"{ARXIV}{source.arxiv}" if source.arxiv else ""
    return Subject(
        method.name,
        wanted.choice,
        method.method.version,
        {name: list(value) if isinstance(value, tuple) else value for name, value in method.settings.items()},
        method.method.control,
        authors,
        link,
    )
