import json

import pytest

from bam.base.progress import Display
from bam.benchmark.stages import Stage, run


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Work:
    """Stages that leave a file each, and say what was done."""

    def __init__(self, folder, seconds=1.0):
        self.folder, self.seconds, self.done, self.keys, self.lines = folder, seconds, [], {}, []
        self.clock = Clock()

    def stage(self, name, effort=1.0):
        path = self.folder / name

        def work():
            self.clock.now += self.seconds
            self.done.append(name)
            path.write_text(name)

        return Stage(name, f"the {name}", work, lambda: self.keys.get(name, 0), lambda: [path], effort)

    def run(self, *names):
        self.done.clear()
        self.lines.clear()
        stages = [name if isinstance(name, Stage) else self.stage(name) for name in names]
        run(stages, self.folder / "ledger.json", self.lines.append, self.clock, Display(clock=self.clock))
        return self.done


@pytest.fixture
def work(tmp_path):
    return Work(tmp_path)


def test_what_is_done_is_not_done_again(work):
    assert work.run("a", "b") == ["a", "b"]
    assert work.lines == ["stage 1 of 2, the a: done in 0:01", "stage 2 of 2, the b: done in 0:01"]
    assert work.run("a", "b") == []
    assert work.lines == ["stage 1 of 2, the a: done before", "stage 2 of 2, the b: done before"]


def test_a_file_that_others_replaced_is_made_again(work):
    work.run("a", "b")
    (work.folder / "a").write_text("of another benchmark")
    assert work.run("a", "b") == ["a"]
    assert work.run("a", "b") == []


def test_what_depends_on_something_else_now_is_done_again(work):
    work.run("a", "b")
    work.keys["b"] = {"limit": 3}
    assert work.run("a", "b") == ["b"]
    assert work.run("a", "b") == []
    work.keys["b"] = None  # nobody knows
    assert work.run("a", "b") == work.run("a", "b") == ["b"]


def test_what_was_removed_is_made_again(work, tmp_path):
    work.run("a", "b")
    (tmp_path / "a").unlink()
    assert work.run("a", "b") == ["a"]


def test_a_stage_that_fails_or_is_killed_is_not_done(work):
    def killed():
        raise KeyboardInterrupt

    broken = Stage("b", "the b", killed, lambda: 0, list, 1)
    with pytest.raises(KeyboardInterrupt):
        work.run("a", broken, "c")
    assert work.run("a", "b", "c") == ["b", "c"]


@pytest.mark.parametrize("text", ["", "{", "[]", "3"])
def test_a_ledger_that_cannot_be_read_says_nothing(text, work, tmp_path):
    work.run("a")
    (tmp_path / "ledger.json").write_text(text)
    assert work.run("a") == ["a"]
    assert json.loads((tmp_path / "ledger.json").read_text()).keys() == {"a"}


def test_the_line_says_when_all_is_done(tmp_path):
    """From what the stages before took for their effort: here twice as long as elsewhere."""
    work, seen = Work(tmp_path, seconds=20), []
    display = Display(clock=work.clock)

    def look():
        seen.append(display._staged("x"))
        work.clock.now += 5
        seen.append(display._staged("x"))

    stages = [work.stage("a", 10), Stage("b", "the b", look, lambda: 0, list, 30), work.stage("c", 15)]
    run(stages, tmp_path / "ledger.json", work.lines.append, work.clock, display)
    assert seen == ["stage 2 of 3, all done in about 1:30, x", "stage 2 of 3, all done in about 1:25, x"]


def test_what_was_there_says_nothing_of_how_long_others_take(tmp_path):
    """A network that was trained by another command is only loaded."""
    work, seen = Work(tmp_path, seconds=2), []
    display = Display(clock=work.clock)
    look = Stage("b", "the b", lambda: seen.append(display._staged("x")), lambda: 0, list, 30)
    run([work.stage("a", 90), look], tmp_path / "ledger.json", str, work.clock, display)
    assert seen == ["stage 2 of 2, all done in about 0:30, x"]


def test_what_is_done_before_takes_no_time(tmp_path):
    work, seen = Work(tmp_path, seconds=20), []
    work.run("a", "c")
    display = Display(clock=work.clock)
    look = Stage("b", "the b", lambda: seen.append(display._staged("x")), lambda: 0, list, 30)
    run([work.stage("a"), look, work.stage("c", 9)], tmp_path / "ledger.json", str, work.clock, display)
    # That c is done shows only when it comes to it.
    assert seen == ["stage 2 of 3, all done in about 0:39, x"]
