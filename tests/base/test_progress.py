import io
import os
import re
import threading
import time

import pytest

from bam.base import progress as module
from bam.base.progress import REDRAWN, REPORTED, Display, Progress


class Stream(io.StringIO):
    """What is written, to a terminal or not."""

    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


class Clock:
    """It stands still but for what passes."""

    now = 1000.0

    def __call__(self):
        return self.now

    def passes(self, seconds):
        self.now += seconds


@pytest.fixture(autouse=True)
def usual_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def terminal(clock):
    """A display on a terminal, and its stream."""
    stream = Stream(True)
    return Display(stream, clock, beats=False), stream


@pytest.fixture
def file(clock):
    """A display on a stream that is no terminal, and the stream."""
    stream = Stream(False)
    return Display(stream, clock, beats=False), stream


def on_screen(stream):
    """The lines that a terminal shows in the end."""
    lines = []
    for line in stream.getvalue().split("\n"):
        shown = ""
        for state in line.split("\r"):
            shown = state + shown[len(state) :]
        lines.append(shown.rstrip())
    return lines


def test_a_terminal_shows_one_line_that_changes(terminal, clock):
    display, stream = terminal
    with Progress("training scene", 1000, "steps", done=300, display=display) as progress:
        for _ in range(40):
            clock.passes(1)
            progress.advance(1)
        assert on_screen(stream) == ["training scene: 340 of 1000 steps, 11:00 left"]
        progress.note = "validation accuracy 0.912"
        clock.passes(10)
        display.show()
        assert on_screen(stream) == [
            "training scene: 340 of 1000 steps, validation accuracy 0.912, 10:50 left"
        ]
        progress.note = ""
        clock.passes(1)
        display.show()
        assert on_screen(stream) == ["training scene: 340 of 1000 steps, 10:49 left"]
        progress.advance(660)
    assert on_screen(stream) == ["training scene: 1000 of 1000 steps, took 0:51", ""]


def test_a_terminal_is_written_to_a_few_times_a_second(terminal, clock):
    display, stream = terminal
    with Progress("work", 1000, "steps", display=display) as progress:
        for _ in range(1000):
            clock.passes(0.01)
            progress.advance(1)
    assert 10 / REDRAWN - 2 <= stream.getvalue().count("\r") <= 10 / REDRAWN + 2


def test_what_is_done_at_once_is_not_shown(terminal, clock):
    display, stream = terminal
    for _ in range(20):
        with Progress("work", 2, "steps", display=display) as progress:
            clock.passes(REDRAWN / 2)
            progress.advance(2)
    assert stream.getvalue() == ""


def test_elsewhere_there_is_a_plain_line_every_half_minute(file, clock):
    display, stream = file
    with Progress("work", 100, "images", display=display) as progress:
        for _ in range(100):
            clock.passes(1)
            progress.advance(1)
    assert stream.getvalue().splitlines() == [
        "work: 30 of 100 images, 1:10 left",
        "work: 60 of 100 images, 0:40 left",
        "work: 90 of 100 images, 0:10 left",
    ]
    assert "\r" not in stream.getvalue()


def test_elsewhere_nothing_is_said_of_short_work(file, clock):
    display, stream = file
    for _ in range(10):  # a notebook whose user thinks between two calls
        with Progress("work", 2, "images", display=display) as progress:
            clock.passes(REPORTED - 1)
            progress.advance(2)
        clock.passes(60)
    assert stream.getvalue() == ""


def test_many_short_works_one_after_another_do_not_pass_in_silence(file, clock):
    display, stream = file
    for number in range(13):
        with Progress(f"work {number}", 2, "images", display=display) as progress:
            clock.passes(7)
            progress.advance(1)
        clock.passes(1)
    found = [line.split(":")[0] for line in stream.getvalue().splitlines()]
    assert found == ["work 3", "work 7", "work 11"]


def test_the_time_left_is_told_from_what_each_kind_takes(terminal, clock):
    display, _ = terminal
    with Progress("work", {"fast": 60, "slow": 60}, "maps", display=display) as progress:
        line = [progress.line()]
        for batch in range(3):
            for kind, seconds in (("fast", 1), ("slow", 100)):
                progress.begin(f"method {kind}, images {20 * batch + 1}-{20 * batch + 20} of 60", kind, 20)
                clock.passes(5 * (batch == 0) + seconds)  # compiled at first
                line.append(progress.line())
                progress.advance(20)
    assert line == [
        "work: 0 of 120 maps, 0:00 so far",
        "work: method fast, images 1-20 of 60, 0:06 so far",
        "work: method slow, images 1-20 of 60, 3:42 left",
        "work: method fast, images 21-40 of 60, 3:41 left",
        "work: method slow, images 21-40 of 60, 1:54 left",
        "work: method fast, images 41-60 of 60, 1:42 left",
        "work: method slow, images 41-60 of 60, 0:00 left",
    ]


def test_what_is_done_in_bursts_is_done_as_fast_as_all_of_them(terminal, clock):
    display, _ = terminal
    with Progress("work", 320, "images", display=display) as progress:
        clock.passes(60)
        for _ in range(32):
            progress.advance(1)
        assert progress.line() == "work: 32 of 320 images, 9:00 left"


def test_what_is_compiled_at_first_is_soon_left_out(terminal, clock):
    display, _ = terminal
    with Progress("work", 1000, "steps", display=display) as progress:
        clock.passes(10)
        for _ in range(10):
            clock.passes(1)
            progress.advance(1)
        assert progress.line() == "work: 10 of 1000 steps, 16:30 left"


def test_what_was_there_counts_as_done_and_not_for_the_pace(terminal, clock):
    display, _ = terminal
    with Progress("work", 100, "images", display=display) as progress:
        progress.advance(50, computed=False)
        assert progress.line() == "work: 50 of 100 images, 0:00 so far"
        for _ in range(10):
            clock.passes(2)
            progress.advance(1)
        assert progress.line() == "work: 60 of 100 images, 1:20 left"


def test_each_names_the_step(terminal, clock):
    display, _ = terminal
    seen = []
    with Progress("reading", 3, "classes", display=display) as progress:
        for item in progress.each(["dog", "kite", "zebra"], "class"):
            seen.append((item, progress.line()))
            clock.passes(20)
    assert seen == [
        ("dog", "reading: class 1 of 3 (dog), 0:00 so far"),
        ("kite", "reading: class 2 of 3 (kite), 0:40 left"),
        ("zebra", "reading: class 3 of 3 (zebra), 0:20 left"),
    ]


def test_work_of_unknown_extent(terminal, clock):
    display, stream = terminal
    with Progress("unpacking", None, "files", display=display) as progress:
        progress.advance(7)
        clock.passes(3700)
        assert progress.line() == "unpacking: 7 files, 1:01:40 so far"
        display.show()
    assert on_screen(stream) == ["unpacking: 7 files, took 1:01:40", ""]


def test_work_that_fails_leaves_how_far_it_was(terminal, clock):
    display, stream = terminal

    def fail():
        with Progress("work", 3, "images", display=display) as progress:
            progress.begin("image 2 of 3")
            clock.passes(1)
            display.show()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert on_screen(stream) == ["work: image 2 of 3, 0:01 so far", ""]


def test_of_works_within_each_other_the_inner_one_is_shown(terminal, clock):
    display, stream = terminal
    with Progress("outer", 2, "steps", display=display):
        clock.passes(1)
        display.show()
        with Progress("in", 3, "images", display=display):
            clock.passes(1)
            display.show()
            assert on_screen(stream) == ["in: 0 of 3 images, 0:01 so far"]
            clock.passes(10)
        assert on_screen(stream) == ["in: 0 of 3 images, took 0:11", ""]
        clock.passes(1)
        display.show()
    assert on_screen(stream) == [
        "in: 0 of 3 images, took 0:11",
        "outer: 0 of 2 steps, took 0:13",
        "",
    ]


def test_work_is_shown_as_a_part_of_its_stages(terminal, file, clock):
    for display, stream in (terminal, file):
        with (
            display.stage("stage 2 of 5"),
            display.stage("model 3 of 13"),
            Progress("training", 4, "steps", 0, display) as work,
        ):
            clock.passes(REPORTED)
            work.advance(1)
        with Progress("reading", 2, "files", 0, display) as work:
            clock.passes(REPORTED)
            work.advance(1)
        assert "stage 2 of 5, model 3 of 13, training: 1 of 4 steps, 1:30 left" in stream.getvalue()
        assert re.search("^.?reading: 1 of 2", stream.getvalue(), re.MULTILINE)


def test_the_line_of_short_work_is_wiped_out_in_the_end(terminal, clock):
    display, stream = terminal
    with Progress("work", 3, "images", display=display):
        clock.passes(5)
        display.show()
        assert on_screen(stream) == ["work: 0 of 3 images, 0:05 so far"]
    assert on_screen(stream) == [""]
    assert stream.getvalue().endswith("\r")


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (67, "scene on object_scene: method 1 of 12 (smoothgrad), 0:01 so far"),
        (61, "scene on object...: method 1 of 12 (smoothgrad), 0:01 so far"),
        (30, "... (smoothgrad), 0:01 so far"),
    ],
)
def test_a_narrow_terminal_cuts_the_title_and_never_the_time(terminal, clock, monkeypatch, columns, line):
    display, stream = terminal
    monkeypatch.setattr(stream, "fileno", lambda: 1)
    monkeypatch.setattr(os, "get_terminal_size", lambda number: os.terminal_size((columns, 10)))
    with Progress("scene on object_scene", 3, "images", display=display) as progress:
        progress.begin("method 1 of 12 (smoothgrad)")
        clock.passes(1)
        display.show()
    assert re.split("[\r\n]", stream.getvalue())[1] == line
    assert len(line) < columns


def test_a_terminal_that_cannot_write_over_a_line_gets_plain_ones(terminal, clock, monkeypatch):
    display, stream = terminal
    monkeypatch.setenv("TERM", "dumb")
    with Progress("work", 3, "images", display=display):
        clock.passes(REPORTED)
        display.show()
    assert stream.getvalue() == "work: 0 of 3 images, 0:30 so far\n"


def test_a_stream_that_takes_nothing_disturbs_nothing(clock, monkeypatch):
    class Broken(Stream):
        def write(self, text):
            raise BrokenPipeError

    closed = Stream(True)
    closed.close()
    monkeypatch.setattr("sys.stderr", None)
    for stream in (Broken(True), Broken(False), closed, None):
        with Progress("work", 3, "images", display=Display(stream, clock, beats=False)) as progress:
            clock.passes(REPORTED)
            progress.advance(3)


def test_one_long_step_is_seen_too(monkeypatch):
    stream, threads = Stream(True), threading.active_count()
    monkeypatch.setattr(module, "REDRAWN", 0.01)
    with Progress("work", 3, "images", display=Display(stream)) as progress:
        progress.begin("image 1 of 3")
        end = time.monotonic() + 20
        while stream.getvalue().count("\r") < 3 and time.monotonic() < end:
            time.sleep(0.01)
    assert "work: image 1 of 3, 0:00 so far" in stream.getvalue()
    while threading.active_count() > threads and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() <= threads


def test_it_is_stderr_that_is_written_to_whatever_that_is_now(clock, capsys):
    with Progress("work", 3, "images", display=Display(None, clock, beats=False)) as progress:
        clock.passes(REPORTED)
        progress.advance(1)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "work: 1 of 3 images, 1:00 left\n"
