"""How far long work is: one line that changes on a terminal, elsewhere a plain line every half minute.

    with Progress("training scene", 1000, "steps") as progress:
        ...
        progress.advance(1)         # training scene: 340 of 1000 steps, 2:10 left

All of it goes to stderr, so that tables on stdout stay whole. Where that is no terminal (a file, the log of a
server, a notebook) nothing is said of work that is done within `REPORTED` seconds.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TextIO, TypeVar

Item = TypeVar("Item")

REDRAWN = 0.25  # seconds between two states of the line on a terminal, at least
REPORTED = 30.0  # seconds between two lines elsewhere, at least
# Work that begins within so many seconds of the end of other work goes on with its half minute: many short
# pieces one after another would else pass in silence.
TOGETHER = 10.0
LASTING = 10.0  # seconds of work whose line stays on a terminal when it is done, at least


class Display:
    """Where progress is shown, and when; of works within each other the innermost.

    stream: by default stderr, as it is when something is shown. clock: gives seconds. beats: whether a thread
    shows progress too, so that there is something to see during one long step.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
        beats: bool = True,
    ):
        self.clock = clock
        self._stream, self._beats = stream, beats
        self._lock = threading.RLock()
        self._works: list[Progress] = []
        self._stages: list[str | Callable[[], str]] = []
        self._shown = self._ended = float("-inf")  # when anything was, or work began; when work last ended
        self._standing = ""  # on the terminal
        self._stop = threading.Event()

    def begin(self, work: Progress) -> None:
        """From now on `work` is shown."""
        with self._lock:
            now = self.clock()
            if not self._works and (self._is_terminal or now - self._ended > TOGETHER):
                self._shown = now
            self._works.append(work)
            if self._beats and len(self._works) == 1:
                self._stop = threading.Event()
                thread = threading.Thread(target=self._beat, args=(self._stop,), daemon=True)
                with suppress(RuntimeError):  # no more threads: it is shown at each step still
                    thread.start()

    def end(self, work: Progress, line: str) -> None:
        """`work` is shown no more; `line`, if not empty, stays on the terminal where its state stood."""
        with self._lock:
            self._works.remove(work)
            self._ended = self.clock()
            if self._standing:
                self._redraw(line and self._staged(line), "\n" if line else "\r")
                self._standing = ""
            if not self._works:
                self._stop.set()

    @contextmanager
    def stage(self, text: str | Callable[[], str]) -> Iterator[None]:
        """While it lasts, work is shown as a part of what `text` says, such as "model 3 of 13"."""
        self._stages.append(text)
        try:
            yield
        finally:
            self._stages.pop()

    def show(self) -> None:
        """Show the state of the work, unless it is too early to."""
        with self._lock:
            terminal, now = self._is_terminal, self.clock()
            if not self._works or now - self._shown < (REDRAWN if terminal else REPORTED):
                return
            self._shown = now
            line = self._staged(self._works[-1].line())
            if terminal:
                self._redraw(line)
            else:
                self._write(f"{line}\n")

    def _staged(self, line: str) -> str:
        stages = [stage if isinstance(stage, str) else stage() for stage in self._stages]
        return ", ".join([*stages, line])

    def _beat(self, stop: threading.Event) -> None:
        while not stop.wait(REDRAWN if self._is_terminal else 1.0):
            self.show()

    @property
    def _target(self) -> TextIO | None:
        """None in a process without stderr."""
        return self._stream or sys.stderr

    @property
    def _is_terminal(self) -> bool:
        """Whether a line can be written over."""
        if os.environ.get("TERM") == "dumb":
            return False
        with suppress(AttributeError, ValueError):  # no stream, or a closed one
            return self._target.isatty()
        return False

    def _columns(self) -> int:
        with suppress(AttributeError, ValueError, OSError):
            return os.get_terminal_size(self._target.fileno()).columns or 80
        return 80

    def _redraw(self, line: str, end: str = "") -> None:
        room = self._columns() - 1  # a line that is longer would go on to the next one
        line = _fitted(line, room)
        if end or line != self._standing:
            self._write(f"\r{line:<{min(len(self._standing), room)}}{end}")
            self._standing = line

    def _write(self, text: str) -> None:
        with suppress(AttributeError, ValueError, OSError):  # nobody reads it: no reason for work to end
            self._target.write(text)
            self._target.flush()


STDERR = Display()


class Progress:
    """How far one piece of work is, shown while its context lasts.

    work: how much there is to do in all, None if that is not known; or how much of each of several kinds, for
    work whose kinds take longer or shorter: the time left is then told from the time that each took so far.
    units: what is counted, in the plural. done: what was done before, of work of one kind.
    """

    def __init__(
        self,
        title: str,
        work: float | Mapping[str, float] | None,
        units: str,
        done: float = 0,
        display: Display = STDERR,
    ):
        self._title, self._units, self._display = title, units, display
        self._total = dict(work) if isinstance(work, Mapping) else {"": work}
        self._done: dict[str, float] = {"": done}
        self._paces: dict[str, _Pace] = {}
        self._kind = self._doing = ""
        self._amount = 0.0  # of the step in work, 0 if that is not known
        self._began = self._since = display.clock()
        self.note = ""  # what else there is to say

    def __enter__(self) -> Progress:
        self._began = self._since = self._display.clock()
        self._display.begin(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        took = self._display.clock() - self._began
        done = self._line(self._count(), f"took {duration(took)}") if took >= LASTING else ""
        self._display.end(self, self.line() if error else done)

    def begin(self, doing: str, kind: str = "", amount: float = 1) -> None:
        """A step begins, so much of a kind of the work; `doing` says what it is, in place of the count."""
        self._doing, self._kind, self._amount, self._since = doing, kind, amount, self._display.clock()
        self._display.show()

    def advance(self, amount: float, computed: bool = True) -> None:
        """So much more of the step's kind is done; computed: False if it was there, and took no time."""
        now = self._display.clock()
        self._done[self._kind] = self._done.get(self._kind, 0) + amount
        if computed:
            self._paces.setdefault(self._kind, _Pace()).add(now - self._since, amount)
        self._since = now
        self._display.show()

    def each(self, items: Iterable[Item], step: str, name: Callable[[Item], str] = str) -> Iterator[Item]:
        """The items, one after another, each a step; `step` is the word for one."""
        total = self._total[""]
        for number, item in enumerate(items, 1):
            place = f"{number:.0f}" if total is None else f"{number:.0f} of {total:.0f}"
            self.begin(f"{step} {place} ({name(item)})")
            yield item
            self.advance(1)

    def line(self) -> str:
        """How far it is, such as "training scene: 340 of 1000 steps, 2:10 left"."""
        left = self._left()
        passed = f"{duration(self._display.clock() - self._began)} so far"
        return self._line(self._doing or self._count(), passed if left is None else f"{duration(left)} left")

    def _line(self, state: str, duration: str) -> str:
        return f"{self._title}: {', '.join(filter(None, (state, self.note, duration)))}"

    def _count(self) -> str:
        done = f"{sum(list(self._done.values())):.0f}"
        known = [total for total in self._total.values() if total is not None]
        return f"{done} of {sum(known):.0f} {self._units}" if known else f"{done} {self._units}"

    def _left(self) -> float | None:
        """Seconds, None where nothing is known of them."""
        counted = {kind: pace.counted for kind, pace in dict(self._paces).items() if pace.counted[1]}
        if not counted or None in self._total.values():
            return None
        usual = sum(each[0] for each in counted.values()), sum(each[1] for each in counted.values())
        pairs = {kind: counted.get(kind, usual) for kind in (*self._total, self._kind)}
        each = {kind: seconds / amount for kind, (seconds, amount) in pairs.items()}
        passed = self._display.clock() - self._since
        if self._kind not in counted and self._amount:
            # It takes that long at least, whatever the others do.
            each[self._kind] = max(each[self._kind], passed / self._amount)
        rest = {kind: max(0.0, total - self._done.get(kind, 0)) for kind, total in self._total.items()}
        gone = min(passed, each[self._kind] * self._amount) if self._amount else passed
        return max(0.0, sum(rest[kind] * each[kind] for kind in rest) - gone)


class _Pace:
    """How long one kind of work takes: without its first step, once the others took half as long.

    At the first one networks are compiled.
    """

    def __init__(self) -> None:
        self._steps: list[tuple[float, float]] = []  # seconds and amount: of the first, of all others

    def add(self, seconds: float, amount: float) -> None:
        """A step of so many seconds."""
        if len(self._steps) < 2:
            self._steps.append((seconds, amount))
        else:
            before = self._steps[1]
            self._steps[1] = before[0] + seconds, before[1] + amount

    @property
    def counted(self) -> tuple[float, float]:
        """Seconds, and the amount that was done in them."""
        first, others = [*self._steps, (0.0, 0.0), (0.0, 0.0)][:2]
        return others if 2 * others[0] >= first[0] > 0 else (first[0] + others[0], first[1] + others[1])


def _fitted(line: str, room: int) -> str:
    """A line of at most so many letters: what is too much is left out of the title, and never at the end."""
    over = len(line) - room
    if over <= 0:
        return line
    start = max(0, len(line.split(": ")[0]) - over - 3)
    return f"{line[:start]}...{line[start + over + 3 :]}"


def duration(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
