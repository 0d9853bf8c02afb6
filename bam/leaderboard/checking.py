"""Whether an entry can be admitted: what it says is looked at, and its numbers are computed again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bam.attributions.choice import choose
from bam.base.errors import BamError, unknown
from bam.data_prep.dataset import Dataset
from bam.leaderboard.canonical import CONTROLS, METRICS, Canonical, settings_of
from bam.leaderboard.entry import Entry, Findings, Found, Number, read_entry
from bam.leaderboard.machine import otherwise, this_machine
from bam.leaderboard.making import Wanted, findings_of, measured, probe, the_method
from bam.metrics.metric import METRICS as KNOWN

# What other processors and versions may make of the numbers: of g_c, of scores and the ends of their
# intervals, and of how many images are used, one of which can lie at the border between two classes.
G_C_TOLERANCE, SCORE_TOLERANCE, IMAGES_TOLERANCE = 1e-3, 5e-3, 1
AGAIN = "make the entry with `bam leaderboard --make` of this version"


@dataclass(frozen=True)
class Check:
    """One line: what was looked at, what was found, whether it is as it must be, and else what to do."""

    what: str
    found: str
    passed: bool
    remedy: str = ""

    def __str__(self) -> str:
        todo = f" - to do: {self.remedy}" if not self.passed else ""
        return f"{'ok    ' if self.passed else 'FAILED'}  {self.what}: {self.found}{todo}"


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
        yield Check(
            f"{kind}, metrics",
            f"without {', '.join(missing)}" if missing else ", ".join(METRICS),
            not missing,
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
    yield Check(f"{where}, value", problem or _value(number), not problem, AGAIN)
    missing = [name for name in CONTROLS if name not in found.controls]
    known = {name: _known(name, metric, controls) for name in CONTROLS}
    nowhere = [name for name, ends in known.items() if ends is None]
    outside = [
        f"{name} {_value(found.controls[name])} outside of {ends[0]:.3f} ... {ends[1]:.3f}"
        for name, ends in known.items()
        if name in found.controls and ends is not None and not _within(found.controls[name].value, ends)
    ]
    problems = [f"{', '.join(missing)} missing"] if missing else []
    problems += outside + [f"no measured interval of {name} in its entry" for name in nowhere]
    shown = ", ".join(f"{name} {_value(each)}" for name, each in found.controls.items())
    yield Check(f"{where}, controls", "; ".join(problems) or shown, not problems, AGAIN)


def _settings(where: str, metric: str, found: Found) -> Check:
    wanted, version = settings_of(metric), KNOWN[metric].version
    wrong = [
        f"{name} {found.settings.get(name)}, not {value}"
        for name, value in wanted.items()
        if found.settings.get(name) != value
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


def compare_g_c(
    kind: str, images: Sequence[str], findings: Findings, images_here: Sequence[str], again: Findings
) -> Check:
    """Whether the g_c of an entry's images came out so again: the same where it must be, else nearly so."""
    what = f"{kind}, g_c of {len(images_here)} images"
    if tuple(images) != tuple(images_here):
        return Check(what, "it is of other images, or of another number of them", False, AGAIN)
    differences = []
    for network, values in again.g_c.items():
        known = findings.g_c.get(network, ())
        if len(known) != len(values):
            return Check(what, f"{len(known)} for the network {network}", False, AGAIN)
        differences += [_difference(*pair) for pair in zip(known, values, strict=True)]
    return _compared(what, max(differences), G_C_TOLERANCE, otherwise(findings.machine, again.machine))


def compare_scores(kind: str, findings: Findings, again: Findings) -> Iterator[Check]:
    """Whether scores, intervals and numbers of images came out so again, of the method and the controls."""
    others = otherwise(findings.machine, again.machine)
    for metric, here in again.metrics.items():
        if metric not in findings.metrics:
            continue  # a line of its own says so
        there = findings.metrics[metric]
        pairs = {"method": (there.method, here.method)}
        pairs |= {name: (there.controls[name], here.controls[name]) for name in there.controls}
        differences = {
            name: max(_difference(getattr(a, end), getattr(b, end)) for end in ("value", "ci_low", "ci_high"))
            for name, (a, b) in pairs.items()
        }
        what = f"{kind}, {metric} computed again"
        counts = [
            f"{name} {a.n} images, here {b.n}"
            for name, (a, b) in pairs.items()
            if abs((a.n or 0) - (b.n or 0)) > (IMAGES_TOLERANCE if others else 0)
        ]
        if counts:
            yield Check(what, "; ".join(counts), False, AGAIN)
            continue
        worst = max(differences, key=lambda name: differences[name])
        if differences[worst]:
            what += f" ({worst} {_value(pairs[worst][0])}, here {_value(pairs[worst][1])})"
        yield _compared(what, differences[worst], SCORE_TOLERANCE, others)


def _compared(what: str, difference: float, tolerance: float, others: Sequence[str]) -> Check:
    """others: in what the machines differ; if in nothing, numbers must be the same bit for bit."""
    if difference == 0:
        return Check(what, "the same bit for bit", True)
    found = f"at most {difference:.2g} apart"
    if not others:
        return Check(what, f"{found}, though processor, devices and versions are the same", False, AGAIN)
    found += f", allowed are {tolerance:g} since the machines differ ({'; '.join(others)})"
    return Check(
        what, found, difference <= tolerance, f"{AGAIN}; if it differs again, report it with both files"
    )


def _difference(before: float | None, now: float | None) -> float:
    if before is None or now is None:
        return 0.0 if before is now else float("inf")
    return abs(before - now)


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _value(number: Number) -> str:
    if number.value is None:
        return "no value"
    ends = "" if number.ci_low is None else f" ({number.ci_low:.3f} ... {number.ci_high:.3f})"
    return f"{number.value:.3f}{ends}"


def _short(digest: str | None) -> str:
    return "none" if digest is None else digest[:12]
