"""Whether an entry can be admitted: what it says is looked at, and its numbers are computed again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bam.attributions.choice import choose
from bam.base.errors import BamError, unknown
from bam.data_prep.dataset import Dataset
from bam.leaderboard.canonical import CONTROLS, METRICS, Canonical, settings_of
from bam.leaderboard.comparing import (
    AGAIN,
    SCORE_TOLERANCE,
    Check,
    compare_g_c,
    compare_scores,
    in_words,
)
from bam.leaderboard.entry import Entry, Found, Number, read_entry
from bam.leaderboard.machine import this_machine
from bam.leaderboard.making import Wanted, findings_of, measured, probe, the_method
from bam.metrics.metric import METRICS as KNOWN


def check(
    path: str | Path,
    canonical: Canonical,
    dataset: Dataset,
    controls: Mapping[str, Entry],
    metrics: Collection[str] | None = None,
) -> Iterator[Check]:
    """The lines of an entry's file, those that take long last.

    controls: the entries of the controls, whose intervals are the known ones. metrics: scores of these are
    computed again; None: of all. Raises `BamError` for a file that holds no entry.
    """
    for name in metrics or ():
        if name not in METRICS:
            raise unknown("metric of the leaderboard", name, METRICS)
    entry = read_entry(path)
    yield Check("form", f"an entry of format {entry.format}, as leaderboard/entry.schema.json says", True)
    yield from check_text(entry, canonical, controls)
    yield from check_numbers(entry, canonical, dataset, METRICS if metrics is None else metrics)


def check_text(entry: Entry, canonical: Canonical, controls: Mapping[str, Entry]) -> Iterator[Check]:
    """What can be said of an entry without computing anything."""
    method = entry.method
    named = method.authors or method.link
    yield Check("authors", named or "neither authors nor a link", bool(named), "add `authors` or `link`")
    same = entry.dataset.fingerprint == canonical.fingerprint
    yield Check(
        "dataset",
        f"fingerprint {_short(entry.dataset.fingerprint)}"
        + ("" if same else f", the leaderboard's is {_short(canonical.fingerprint)}"),
        same,
        "build it with `python -m bam.build_dataset --data FOLDER`, and make the entry on that",
    )
    wrong = [
        f"{name} {_short(entry.networks.get(name))}, not {_short(digest)}"
        for name, digest in canonical.digests.items()
        if entry.networks.get(name) != digest
    ]
    yield Check(
        "networks",
        "; ".join(wrong) or ", ".join(canonical.digests),
        not wrong,
        "make the entry with the networks in leaderboard/networks",
    )
    yield Check(
        "numbers",
        " and ".join(entry.findings) or "none, neither measured nor reported",
        bool(entry.findings),
        AGAIN,
    )
    for kind, findings in entry.findings.items():
        missing = [name for name in METRICS if name not in findings.metrics]
        others = [name for name in findings.metrics if name not in METRICS]
        wrong = [f"without {', '.join(missing)}"] if missing else []
        wrong += [f"with {', '.join(others)}, which the leaderboard has not"] if others else []
        yield Check(
            f"{kind}, metrics",
            "; ".join(wrong) or ", ".join(METRICS),
            not wrong,
            "make the entry without `metrics`",
        )
        for metric, found in findings.metrics.items():
            if metric in METRICS:
                yield from _of_metric(f"{kind}, {metric}", metric, found, controls, method.control)


def _of_metric(
    where: str, metric: str, found: Found, controls: Mapping[str, Entry], control: bool
) -> Iterator[Check]:
    yield _settings(where, metric, found)
    wanted = METRICS[metric].limit
    sizes = {"method": found.method, **found.controls}
    wrong = [
        f"{name}: {number.n} used and {sum(number.excluded.values())} left out"
        for name, number in sizes.items()
        if not number.n or number.n + sum(number.excluded.values()) != wanted
    ]
    yield Check(
        f"{where}, n",
        f"{'; '.join(wrong)}, which must be {wanted} in all" if wrong else f"{found.method.n} of {wanted}",
        not wrong,
        AGAIN,
    )
    number = found.method
    problem = _inconsistent(number, control)
    yield Check(f"{where}, value", problem or in_words(number), not problem, AGAIN)
    missing = [name for name in CONTROLS if name not in found.controls]
    others = [name for name in found.controls if name not in CONTROLS]
    known = {name: _known(name, metric, controls) for name in CONTROLS}
    nowhere = [name for name, ends in known.items() if ends is None]
    outside = [
        f"{name} {in_words(found.controls[name])} outside of {ends[0]:.3f} ... {ends[1]:.3f}"
        for name, ends in known.items()
        if name in found.controls and ends is not None and not _within(found.controls[name].value, ends)
    ]
    problems = [f"{', '.join(missing)} missing"] if missing else []
    problems += [f"{', '.join(others)} is none of the leaderboard's"] if others else []
    problems += outside + [f"no measured interval of {name} in its entry" for name in nowhere]
    shown = ", ".join(f"{name} {in_words(each)}" for name, each in found.controls.items())
    yield Check(f"{where}, controls", "; ".join(problems) or shown, not problems, AGAIN)


def _settings(where: str, metric: str, found: Found) -> Check:
    wanted, version = settings_of(metric), KNOWN[metric].version
    # Earlier entries do not name settings that came later; they were made as if by default.
    made = asdict(KNOWN[metric].settings()) | dict(found.settings)
    wrong = [
        f"{name} {made.get(name)}, not {value}" for name, value in wanted.items() if made.get(name) != value
    ]
    wrong += [f"version {found.version}, not {version}"] if found.version != version else []
    return Check(f"{where}, settings", "; ".join(wrong) or "those of the leaderboard", not wrong, AGAIN)


def _inconsistent(number: Number, control: bool) -> str:
    """What cannot be in a score; "" if nothing."""
    if number.value is None:
        return "no value"
    low, high = number.ci_low, number.ci_high
    if (low is None) != (high is None) or (low is not None and not low <= number.value <= high):
        return f"{number.value:.3f} is not within its interval, {low} ... {high}"
    if number.rank is None and not control:
        return "no rank set, which needs all methods in one run"
    if number.rank is not None and not 1 <= number.rank[0] <= number.rank[1]:
        return f"the rank set {number.rank[0]} ... {number.rank[1]} is none"
    return ""


def _known(control: str, metric: str, controls: Mapping[str, Entry]) -> tuple[float, float] | None:
    """Where a control's score must lie: its measured interval; None where no score of it is known."""
    entry = controls[control]
    found = entry.measured.metrics.get(metric) if entry.measured else None
    if found is None or found.method.value is None:
        return None
    number = found.method
    if number.ci_low is None or number.ci_high is None:
        return number.value, number.value
    return number.ci_low, number.ci_high


def _within(value: float | None, known: tuple[float, float]) -> bool:
    return value is not None and known[0] - SCORE_TOLERANCE <= value <= known[1] + SCORE_TOLERANCE


def check_numbers(
    entry: Entry, canonical: Canonical, dataset: Dataset, metrics: Collection[str]
) -> Iterator[Check]:
    """Whether the numbers come out so here: g_c first, then the scores of these metrics."""
    try:
        method = the_method(entry.method.choice)
    except BamError as error:
        yield Check("method", str(error), False, "put it where `choice` says, seen from here")
        return
    known = (entry.method.version, dict(entry.method.settings), entry.method.name)
    here = (
        method.method.version,
        {name: _plain(value) for name, value in method.settings.items()},
        method.name,
    )
    yield Check(
        "method",
        f"{method.name}, version {here[0]}, settings {here[1] or 'none'}"
        + (
            ""
            if here == known
            else f", but the entry says {known[2]}, version {known[0]}, {known[1] or 'none'}"
        ),
        here == known,
        AGAIN,
    )
    explainers = choose([method, *CONTROLS], always=())
    machine = this_machine()
    with TemporaryDirectory() as work:
        probes = probe([method], canonical, dataset, Path(work))
        for kind, findings in entry.findings.items():
            again = replace(findings, machine=machine, g_c=probes[1][method.name])
            yield compare_g_c(kind, entry.images, findings, probes[0], again)
        chosen = [name for name in METRICS if name in metrics]
        scores = measured(explainers, canonical, dataset, Path(work), chosen)
    again = findings_of(scores, method, probes, Wanted(method.name).command, machine)
    for kind, findings in entry.findings.items():
        yield from compare_scores(kind, findings, again)


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _short(digest: str | None) -> str:
    return "none" if digest is None else digest[:12]
