"""Show what runs keep so that others need not compute it again, and remove what none uses any more.

python -m bam.cache                               # how much there is, and when it was last used
python -m bam.cache --remove_unused_days 30       # removes what no run has used for 30 days

A run uses what was made with the same images, networks, settings and versions; what it uses counts as used
then, whether or not it adds to it. What is removed is computed again when it is needed; scores and tables are
not touched, nor is what no run made, nor what lies behind links.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from bam.base.settings import Folder, setting, settings
from bam.cli import flags as command
from bam.metrics.evaluation.kept import Kept, kept, remove_unused
from bam.metrics.results.table import markdown_table


@settings
class Cache:
    """Which folder is looked into, and what is removed of it."""

    out: Folder = setting(
        "runs/results", "folder of the results; what is kept is in its folders `rows`, `patches` and `fills`"
    )
    each: bool = setting(False, "name every file, and when it was last used")
    remove_unused_days: int | None = setting(
        None, "remove what no run has used for so many days; 0: all (by default nothing is removed)", ge=0
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; argv: its name and its flags, by default those of this process."""
    command.run(_main, "bam.cache", __doc__, {"settings": Cache}, argv)


def _main(flags: command.Flags) -> None:
    asked = flags.settings(Cache)
    out = Path(asked.out)
    if asked.remove_unused_days is not None:
        removed = []
        for each in remove_unused(out, asked.remove_unused_days):
            removed.append(each)
            print(f"removed {_line(each)}")
        print(f"removed in all: {_total(removed)}")
    there = kept(out)
    if asked.each:
        for each in there:
            print(_line(each))
    print(_summary(there) if there else f"nothing is kept in {out}")


def _line(each: Kept) -> str:
    return f"{each.path}: {each.kind}, {_size(each.size)}, last used {_day(each.used)}"


def _total(found: Sequence[Kept]) -> str:
    count = sum(len(each.files) for each in found)
    return f"{count} file{'' if count == 1 else 's'}, {_size(sum(each.size for each in found))}"


def _summary(there: Sequence[Kept]) -> str:
    """A table with a line for each kind and method, and one for all."""
    groups: dict[tuple[str, str], list[Kept]] = {}
    for each in sorted(there, key=lambda each: (each.kind, each.of)):
        groups.setdefault((each.kind, each.of), []).append(each)
    lines = [[kind, of, *_cells(group)] for (kind, of), group in groups.items()]
    head = ["kept", "of", "files", "lines", "size", "last used"]
    return markdown_table(head, [*lines, ["all", "", *_cells(there)]])


def _cells(group: Iterable[Kept]) -> list[str]:
    group = list(group)
    days = sorted({_day(each.used) for each in group})
    return [
        str(sum(len(each.files) for each in group)),
        str(sum(each.lines for each in group)),
        _size(sum(each.size for each in group)),
        " ... ".join(dict.fromkeys([days[0], days[-1]])),
    ]


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d")


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"


if __name__ == "__main__":
    main()
