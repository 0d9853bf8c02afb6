"""What all commands share: flags, exit codes, errors of one line."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable

from absl import app, flags, logging

from bam.base.errors import BamError
from bam.data_prep.dataset import Dataset

flags.DEFINE_string("data", "data/bam", "folder of the dataset")
flags.register_validator("data", bool, "must name a folder")
flags.DEFINE_integer("seed", 0, "seed of every random draw", lower_bound=0, upper_bound=2**32 - 1)


def must_be_finite(*names: str) -> None:
    """Refuse NaN and infinity for the flags `names`."""
    for name in names:
        flags.register_validator(name, lambda value: value is None or math.isfinite(value), "must be finite")


def red(text: str) -> str:
    """`text` in red on a terminal, as it is elsewhere."""
    return f"\033[31m{text}\033[0m" if sys.stdout.isatty() else text


def say_if_drawn(dataset: Dataset) -> None:
    """One line if the dataset is made from the drawn sample."""
    if dataset.description["settings"]["source"] == "drawn":
        print(f"{dataset.folder} is made from the drawn sample, not from photographs")


def run(main: Callable[[], None]) -> None:
    """Run a command: 0 done, 1 failed with one line, 2 wrong usage, 130 interrupted."""

    def guarded(argv: list[str]) -> None:
        if len(argv) > 1:
            print(f"unexpected argument {argv[1]!r}: every setting is a flag, see --help", file=sys.stderr)
            sys.exit(2)
        logging.set_verbosity(logging.ERROR)  # TensorFlow warns of several machines, and of many models
        try:
            main()
        except (BamError, OSError) as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(1)
        except KeyboardInterrupt:
            print("interrupted: run the same command again, it uses what is finished", file=sys.stderr)
            sys.exit(130)

    app.run(guarded, flags_parser=_parse)


def _parse(argv: list[str]) -> list[str]:
    try:
        return flags.FLAGS(argv)
    except SystemExit:  # absl has shown the help that was asked for, and would call that a failure
        sys.exit(0)
    except flags.Error as error:
        # absl puts the values of all flags that were looked at before the reason.
        reason = re.sub(r"^flags .*?: (?=--)", "", str(error), flags=re.DOTALL)
        print(f"{reason}; see --help", file=sys.stderr)
        sys.exit(2)
