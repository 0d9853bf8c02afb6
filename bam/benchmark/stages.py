"""Long work in stages, each of which is left out when it was done before with all that it depends on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bam.base.digests import digest, key_digest
from bam.base.errors import BamError
from bam.base.files import read_json, write_json
from bam.base.progress import STDERR, Display, duration

# What takes less than this share of its effort was there already, and says nothing of the others.
THERE = 0.2


@dataclass(frozen=True)
class Stage:
    """A part of the work.

    name: of its entry in the file of what is done. key: all that its result depends on, as JSON could hold
    it, when all stages before it are done; None if nobody knows, so that it is always done again. outputs:
    the files that it leaves. effort: about how long it takes, in seconds of some machine.
    """

    name: str
    title: str
    work: Callable[[], None]
    key: Callable[[], Any]
    outputs: Callable[[], Sequence[Path]]
    effort: float


def run(
    stages: Sequence[Stage],
    ledger: Path,
    say: Callable[[str], None] = print,
    clock: Callable[[], float] = time.monotonic,
    display: Display = STDERR,
) -> None:
    """Do the stages one after another, and note in the file `ledger` what is done.

    A stage is done if the ledger has its key and its files are there as it left them. What it leaves behind
    when it is killed is its own affair: those of this package go on from there.
    """
    done = _read(ledger)
    rest = _Rest(stages, clock)
    for number, stage in enumerate(stages, 1):
        place = f"stage {number} of {len(stages)}"
        state = _state(stage)
        if state and done.get(stage.name) == state:
            say(f"{place}, {stage.title}: done before")
            rest.skip(stage)
            continue
        rest.begin(stage)
        with display.stage(lambda place=place: f"{place}, {rest.line()}"):
            stage.work()
        say(f"{place}, {stage.title}: done in {duration(rest.end())}")
        # What the work itself made can be a part of the key.
        done[stage.name] = _state(stage)
        write_json(ledger, done)


def _state(stage: Stage) -> str | None:
    """A digest of what its result depends on and of its files, which another benchmark can have replaced;
    None if it is to be done in any case."""
    key, outputs = stage.key(), stage.outputs()
    if key is None or not all(path.exists() for path in outputs):
        return None
    return key_digest([key, [digest(path) for path in outputs]])


def _read(ledger: Path) -> dict[str, Any]:
    """What is done. A ledger that cannot be read says nothing, and all is looked at again."""
    try:
        found = read_json(ledger) if ledger.exists() else {}
    except BamError:
        return {}
    return found if isinstance(found, dict) else {}


class _Rest:
    """How long all stages will take still, told from what those before took for their effort."""

    def __init__(self, stages: Sequence[Stage], clock: Callable[[], float]):
        self._waiting: Mapping[str, float] = {stage.name: stage.effort for stage in stages}
        self._clock = clock
        self._took = self._effort = 0.0
        self._since, self._own = clock(), 0.0

    def skip(self, stage: Stage) -> None:
        """The stage takes no time."""
        self._waiting = {name: effort for name, effort in self._waiting.items() if name != stage.name}

    def begin(self, stage: Stage) -> None:
        """The stage begins."""
        self.skip(stage)
        self._since, self._own = self._clock(), stage.effort

    def end(self) -> float:
        """The stage is done; how long it took."""
        took = self._clock() - self._since
        if took > THERE * self._own:
            self._took += took
            self._effort += self._own
        return took

    def line(self) -> str:
        """Such as "all done in about 6:30"."""
        passed = self._clock() - self._since
        # Before any stage is done, that this one takes as long as elsewhere is the best guess.
        pace = self._took / self._effort if self._effort else 1.0
        left = max(0.0, self._own * pace - passed) + sum(self._waiting.values()) * pace
        return f"all done in about {duration(left)}"
