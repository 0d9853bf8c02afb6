"""Whether numbers came out so again, bit for bit where they must, else nearly so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bam.leaderboard.entry import Findings, Number
from bam.leaderboard.machine import otherwise

# What other processors and versions may make of the numbers: of g_c, of scores and the ends of their
# intervals, and of how many images are used, one of which can lie at the border between two classes.
G_C_TOLERANCE, SCORE_TOLERANCE, IMAGES_TOLERANCE = 1e-3, 5e-3, 1
# How many images may be answered otherwise, of metrics whose images are found by a descent, which other
# digits end elsewhere: with other instructions of the processor one of 45 was, in 4 of 14 scores.
ANSWERS_TOLERANCE = {"iir": 2}
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


def in_words(number: Number) -> str:
    """A value with its interval."""
    if number.value is None:
        return "no value"
    ends = "" if number.ci_low is None else f" ({number.ci_low:.3f} ... {number.ci_high:.3f})"
    return f"{number.value:.3f}{ends}"


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
        pairs |= {
            name: (number, here.controls[name])
            for name, number in there.controls.items()
            if name in here.controls  # a line of its own says which must be there
        }
        found = {name: max(_differences(metric, *pair), key=_share) for name, pair in pairs.items()}
        what = f"{kind}, {metric} computed again"
        counts = [
            f"{name} {a.n} images, here {b.n}"
            for name, (a, b) in pairs.items()
            if abs((a.n or 0) - (b.n or 0)) > (IMAGES_TOLERANCE if others else 0)
        ]
        if counts:
            yield Check(what, "; ".join(counts), False, AGAIN)
            continue
        worst = max(found, key=lambda name: _share(found[name]))
        if found[worst][0]:
            what += f" ({worst} {in_words(pairs[worst][0])}, here {in_words(pairs[worst][1])})"
        yield _compared(what, *found[worst], others)


def _differences(metric: str, before: Number, now: Number) -> Iterator[tuple[float, float]]:
    """Of the value, and of the ends of the interval: the difference, and how much is allowed elsewhere."""
    value = _difference(before.value, now.value)
    allowed = SCORE_TOLERANCE
    if value > allowed:  # an interval moves with its value, and else not
        allowed = max(allowed, ANSWERS_TOLERANCE.get(metric, 0) / (now.n or 1))
    yield value, allowed
    # The nearer to 0 or 1, the farther they move.
    ends = allowed if allowed == SCORE_TOLERANCE else 2 * allowed
    yield _difference(before.ci_low, now.ci_low), ends
    yield _difference(before.ci_high, now.ci_high), ends


def _share(found: tuple[float, float]) -> float:
    """A difference as a share of what is allowed."""
    return found[0] / found[1]


def _compared(what: str, difference: float, tolerance: float, others: Sequence[str]) -> Check:
    """others: in what the machines differ; if in nothing, numbers must be the same bit for bit."""
    if difference == 0:
        return Check(what, "the same bit for bit", True)
    found = f"at most {difference:.2g} apart"
    if not others:
        return Check(what, f"{found}, though processor, devices and versions are the same", False, AGAIN)
    found += f", allowed are {tolerance:.3g} since the machines differ ({'; '.join(others)})"
    return Check(
        what, found, difference <= tolerance, f"{AGAIN}; if it differs again, report it with both files"
    )


def _difference(before: float | None, now: float | None) -> float:
    if before is None or now is None:
        return 0.0 if before is now else float("inf")
    return abs(before - now)
