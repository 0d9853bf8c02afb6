"""The commands of BAM by name: `bam build` and the like, each the same as `python -m bam.build_dataset`."""

from __future__ import annotations

import importlib
import sys

import bam
from bam.base.errors import unknown

COMMANDS = {
    "download": ("bam.data_prep.download", "fetch COCO and MiniPlaces"),
    "build": ("bam.build_dataset", "build the dataset, from photographs or from the drawn sample"),
    "train": ("bam.train", "train the classifiers that are explained"),
    "show": ("bam.show_maps", "look at maps of attribution methods"),
    "validate": ("bam.validate", "check that networks are what BAM assumes, by what they rely on"),
    "metrics": ("bam.metrics.__main__", "score attribution methods"),
    "images": ("bam.images", "write the images of which maps made elsewhere are scored"),
    "benchmark": ("bam.benchmark.__main__", "everything, from the dataset to the report"),
    "report": ("bam.report", "make the report on scores that are there, figures, tables, comparisons"),
    "leaderboard": ("bam.leaderboard.__main__", "make and check entries of the leaderboard, and its page"),
    "export": ("bam.export", "write a network for PyTorch, as a file that needs no BAM"),
    "cache": ("bam.cache", "what runs keep for others, and removing what none uses"),
    "doctor": ("bam.doctor", "versions, devices and extras, for reports of bugs"),
}
USAGE = "\n".join(
    [
        "usage: bam COMMAND [--flag VALUE ...]; `bam COMMAND --help` lists the flags",
        "",
        *(f"  bam {name:<11} {what}" for name, (_, what) in COMMANDS.items()),
    ]
)


def main() -> None:
    """Run the command that is named first, with the flags behind it."""
    name, *rest = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help", "help"):
        print(USAGE)
    elif name == "--version":
        print(bam.__version__)
    elif name in COMMANDS:
        module = importlib.import_module(COMMANDS[name][0])
        module.main([f"bam {name}", *rest])
    else:
        print(f"{unknown('command', name, COMMANDS)}; see bam --help", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
