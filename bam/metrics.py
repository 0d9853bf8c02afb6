"""Score attribution methods.

python -m bam.metrics --metric idr                    # all methods and controls: under a minute
python -m bam.metrics --metric idr --methods grad_cam,vanilla_gradient,random --limit 200
"""

from __future__ import annotations

from pathlib import Path

from absl import flags

import bam.quiet  # noqa: F401

# isort: split

from attributions import METHODS
from bam import command
from data_prep import load_dataset
from metrics import METRICS
from metrics.request import Request, parse_methods

FLAGS = flags.FLAGS
controls = ", ".join(name for name in METHODS if METHODS[name].control)
flags.DEFINE_enum("metric", "idr", list(METRICS), "what to measure")
flags.DEFINE_string(
    "methods",
    "all",
    f"comma-separated attribution methods, of {', '.join(METHODS)}; all of them by default "
    f"(of these, controls: {controls}; random and edges are always there)",
)
flags.DEFINE_integer("limit", None, "at most so many test images (default: all)", lower_bound=1)
flags.DEFINE_integer("trials", 10, "random samples of 100 images behind the trial sd", lower_bound=2)
flags.DEFINE_string("models", "runs/models", "folder of the trained models")
flags.DEFINE_string(
    "out",
    "runs/results",
    "folder of the results; a later run of the same metric replaces its table, not its rows",
)
flags.register_validator("models", bool, "must name a folder")
flags.register_validator("out", bool, "must name a folder")
flags.adopt_module_key_flags(command)


def main() -> None:
    methods = parse_methods(FLAGS.methods)
    dataset = load_dataset(FLAGS.data)
    command.say_if_drawn(dataset)
    request = Request(
        dataset, Path(FLAGS.models), methods, FLAGS.limit, FLAGS.trials, FLAGS.seed, Path(FLAGS.out)
    )
    score = METRICS[FLAGS.metric](request)
    path = score.write()
    print(score.table(), end="")
    for warning in score.warnings():
        print(command.red(f"NOT VALID: {warning}"))
    print(f"written to {path}")


if __name__ == "__main__":
    command.run(main)
