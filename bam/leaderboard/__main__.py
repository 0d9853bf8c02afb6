"""Entries of the leaderboard: make one, check one, show all on a page.

python -m bam.leaderboard --make grad_cam                     # an entry of a method: minutes, rows are kept
python -m bam.leaderboard --make mine.py:my_method --authors "A. Name" --link https://... --out mine.json
python -m bam.leaderboard --check mine.json                   # is it one that can be admitted? minutes
python -m bam.leaderboard --page site                         # site/index.html, of all entries
python -m bam.leaderboard --from_results runs/results         # the entries of all BAM's methods

To be run in a clone of the repository, which has the networks. `python -m bam.build_dataset` makes the
dataset. leaderboard/README.md says what is admitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bam.base.errors import BamError
from bam.base.settings import Folder, setting, settings
from bam.cli import flags as command
from bam.leaderboard.entry import Entry, read_entries, read_entry
from bam.leaderboard.making import Wanted, file_name, the_method

# What can be done, with the flags that are for it alone.
ACTIONS = {
    "make": {"authors", "link", "alone", "reported", "out", "work"},
    "check": set(),
    "page": set(),
    "from_results": set(),
}


@settings
class What:
    """What is to be done, one of the first four, and with what."""

    make: str | None = setting(
        None,
        "make the entry of a method: NAME, with settings in brackets if need be, path/to/file.py:function, "
        "or a folder of .npy maps; its numbers are those reported",
    )
    check: str | None = setting(None, "file of an entry that is to be checked")
    page: str | None = setting(None, "folder to write index.html to, with all entries")
    from_results: str | None = setting(
        None, "folder of results of `bam benchmark`, to make the entries of all BAM's methods of"
    )
    entries: Folder = setting("leaderboard", "folder of the entries")
    networks: Folder = setting("leaderboard/networks", "folder of the leaderboard's networks")
    data: Folder = setting("data/bam", "folder of the dataset")
    out: str | None = setting(None, "with --make, file of the entry (by default in --entries)")
    work: Folder = setting("runs/leaderboard", "with --make, folder where rows are kept and scores written")
    authors: str = setting("", "with --make, who the method is of")
    link: str = setting("", "with --make, where it is described: https://...")
    reported: str | None = setting(
        None, "with --make, the entry as it was submitted: its numbers stand beside those measured here"
    )
    metrics: tuple[str, ...] = setting(
        (), "with --make and --check, only these scores (by default all), for a first look"
    )
    alone: bool = setting(
        False, "with --make, without the other methods: sooner, but without rank set, for a first look"
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; argv: its name and its flags, by default those of this process."""
    command.run(_main, "bam.leaderboard", __doc__, {"settings": What}, argv)


def _main(flags: command.Flags) -> None:
    what = flags.settings(What)
    asked = [name for name in ACTIONS if getattr(what, name) is not None]
    if len(asked) != 1:
        named = ", ".join(f"--{name}" for name in ACTIONS)
        raise command.UsageError(f"one of {named} must be given, and not {len(asked)} of them")
    (action,) = asked
    for other, own in ACTIONS.items():
        if other != action and (unfit := sorted(own & flags.given.keys())):
            raise command.UsageError(f"--{unfit[0]} is for --{other}, not for --{action}")
    if what.metrics and action not in ("make", "check"):
        raise command.UsageError(f"--metrics is for --make and --check, not for --{action}")
    {"make": _make, "check": _check, "page": _page, "from_results": _from_results}[action](what)


def _make(what: What) -> None:
    from bam.leaderboard.canonical import read_canonical, read_dataset
    from bam.leaderboard.making import make

    method = the_method(what.make)
    out = Path(what.out or Path(what.entries) / file_name(method.name))
    canonical = read_canonical(what.networks)
    dataset = read_dataset(what.data, canonical)

    import bam.cli.quiet  # noqa: F401

    reported = None if what.reported is None else Path(what.reported)
    wanted = Wanted(
        what.make, what.authors, what.link, what.metrics or None, what.alone, reported, out.as_posix()
    )
    entry = make(wanted, canonical, dataset, Path(what.work))
    print(_shown(entry))
    print(f"entry: {entry.write(out)}")


def _shown(entry: Entry) -> str:
    """The numbers of an entry as a table."""
    from bam.metrics.results.table import markdown_table

    lines = [
        [name, each.method.value, (each.method.ci_low, each.method.ci_high), each.method.rank, each.method.n]
        for findings in list(entry.findings.values())[:1]
        for name, each in findings.metrics.items()
    ]
    return markdown_table([entry.method.name, "value", "95% interval", "rank set", "n"], lines)


def _check(what: What) -> None:
    from bam.leaderboard.canonical import CONTROLS, read_canonical, read_dataset
    from bam.leaderboard.checking import check

    read_entry(what.check)  # what is none is answered at once
    canonical = read_canonical(what.networks)
    dataset = read_dataset(what.data, canonical)
    controls = {name: read_entry(Path(what.entries) / file_name(name)) for name in CONTROLS}

    import bam.cli.quiet  # noqa: F401

    count = failed = 0
    for line in check(what.check, canonical, dataset, controls, what.metrics or None):
        print(line, flush=True)
        count, failed = count + 1, failed + (not line.passed)
    if failed:
        raise BamError(f"{failed} of {count} checks failed: do what their lines say, and check again")
    partly = f"; scores of {', '.join(what.metrics)} alone were computed again" if what.metrics else ""
    print(f"{count} checks passed{partly}")


def _page(what: What) -> None:
    from bam.leaderboard.page import write_page

    print(f"page: {write_page(read_entries(what.entries), what.page)}")


def _from_results(what: What) -> None:
    from bam.leaderboard.canonical import read_canonical, read_dataset
    from bam.leaderboard.making import from_results

    canonical = read_canonical(what.networks)
    dataset = read_dataset(what.data, canonical)

    import bam.cli.quiet  # noqa: F401

    for entry in from_results(Path(what.from_results), canonical, dataset):
        print(f"entry: {entry.write(Path(what.entries) / file_name(entry.method.name))}")


if __name__ == "__main__":
    main()
