"""How fast networks are trained, against a plain Keras fit in the same run, and in bfloat16.

  python benchmarks/training.py                                       # the small network: some minutes
  python benchmarks/training.py --architectures resnet50 --steps 10   # 224 px: some minutes

Both train the same network with the same optimizer, loss and size of batch. The plain fit is given arrays
in memory, of images that were composed, resized and augmented before the clock starts. BAM augments while it
trains, and shows its progress; where they do not fit into memory it composes and resizes them too, else once,
before the clock starts (about a second per 1,000). The ratio is that of images per second, above 1 where BAM
trains faster; `images alone` are those that BAM makes per second when nothing is trained. With
`--processor_time` seconds are those of all processors that this program uses, which other work on the machine
changes less; of what a GPU does they know nothing.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tf_keras as keras
from rounds import medians

from bam.base.progress import Progress
from bam.data_prep import load_dataset
from bam.data_prep.dataset import View
from bam.models.architectures import ARCHITECTURES, build_model
from bam.models.training.batches import TrainingPictures, training_batches
from bam.models.training.dropout import with_stepwise_dropout
from bam.models.training.training import ROUND, EveryStep, compiled

LABELS, CLASSES = "scene", 10


def contenders(
    architecture: str, view: View, batch_size: int, steps: int, precisions: list[str]
) -> dict[str, Callable[[], object]]:
    """From names to what trains so many steps, or makes images for them. Each has run once."""
    pictures = TrainingPictures(view, LABELS, (ARCHITECTURES[architecture].input_size,) * 2)

    def batches():
        return training_batches(pictures, batch_size, 0, range(steps))

    images, labels = (np.concatenate(arrays) for arrays in zip(*batches().as_numpy_iterator(), strict=True))
    found: dict[str, Callable[[], object]] = {"images alone": lambda: list(map(len, batches()))}
    for precision in precisions:
        plain, ours = (_model(architecture, precision, steps) for _ in range(2))

        def with_keras(model: keras.Model = plain) -> None:
            model.fit(images, labels, batch_size, verbose=0)

        def with_bam(model: keras.Model = ours) -> None:
            with Progress("training", steps, "steps") as progress:
                model.fit(batches(), verbose=0, callbacks=[EveryStep(progress)])

        found |= {f"Keras, {precision}": with_keras, f"BAM, {precision}": with_bam}
    for run in found.values():
        run()
    return found


def _model(architecture: str, precision: str, steps: int) -> keras.Model:
    """A network as it is trained; in bfloat16 all is computed so, but weights and loss are float32."""
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
    try:
        model = with_stepwise_dropout(build_model(architecture, CLASSES, "none", 0), 0)
    finally:
        keras.mixed_precision.set_global_policy(before)
    compiled(model, ARCHITECTURES[architecture].learning_rate, steps)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--architectures", default="small", help=f"of {', '.join(ARCHITECTURES)}")
    parser.add_argument("--precisions", default="float32,bfloat16")
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=ROUND, help="of a round")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of which the median counts")
    parser.add_argument("--processor_time", action="store_true")
    parser.add_argument("--data", default="data/bam")
    arguments = parser.parse_args()
    view = load_dataset(arguments.data).view("object_scene", "train")
    clock = time.process_time if arguments.processor_time else time.perf_counter
    shown, precisions = arguments.batch_size * arguments.steps, arguments.precisions.split(",")
    print("| network | precision | images alone, /s | plain Keras, images/s | BAM, images/s | ratio |")
    print("|---|---|---|---|---|---|")
    for name in arguments.architectures.split(","):
        runs = contenders(name, view, arguments.batch_size, arguments.steps, precisions)
        rates = {run: shown / seconds for run, seconds in medians(runs, arguments.rounds, clock).items()}
        for precision in precisions:
            alone, plain, ours = (
                rates[run] for run in ("images alone", f"Keras, {precision}", f"BAM, {precision}")
            )
            cells = f"{alone:.0f} | {plain:.1f} | {ours:.1f} | {ours / plain:.2f}"
            print(f"| {name} | {precision} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
