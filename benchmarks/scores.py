"""How long the scores of 100 images take, and whether memory grows with the number of images.

  python benchmarks/scores.py                  # with data/bam and runs/models as the commands make them

Computes MCS, IDR and IIR with all methods for 100 test images into an empty folder and prints the seconds;
then the rows of 200 and of 2,000 images (test images again and again under other names) and by how many
megabytes the resident memory of the process grew in between.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from bam.attributions.choice import choose
from bam.data_prep import load_dataset
from bam.data_prep.dataset import Batch, View
from bam.metrics import METRICS
from bam.metrics.api import make_run
from bam.metrics.evaluation.settings import RunSettings
from bam.metrics.evaluation.sweep import Keeping, collect
from bam.metrics.scoring import evaluate


class Repeated:
    """A view whose images come again and again, under names of their own."""

    def __init__(self, view: View, count: int):
        self.view, self.name, self.fingerprint = view, "repeated", view.fingerprint
        self.ids = [f"{view.ids[i % len(view)]}-{i}" for i in range(count)]

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, key: slice) -> Batch:
        places = np.arange(len(self))[key]
        return replace(self.view[places % len(self.view)], ids=[self.ids[place] for place in places])


def resident() -> float:
    """Megabytes of this process that are in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", default="data/bam")
    parser.add_argument("--models", type=Path, default=Path("runs/models"))
    parser.add_argument("--metrics", default="mcs,idr,iir")
    parser.add_argument("--methods", default="all")
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--precision", default="float32")
    options = parser.parse_args()
    dataset, explainers = load_dataset(options.data), choose(options.methods)
    with tempfile.TemporaryDirectory() as folder:
        settings = RunSettings(limit=options.images, precision=options.precision)
        asked = {name: METRICS[name].settings() for name in options.metrics.split(",")}
        run = make_run(asked, explainers, dataset, options.models, folder, settings)
        begin = time.perf_counter()
        for name in asked:
            start = time.perf_counter()
            evaluate(METRICS[name], run).write(folder)
            print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
        seconds = time.perf_counter() - begin
        print(f"together, {len(explainers)} methods, {options.images} images: {seconds:.0f} s", flush=True)
        classifier, view = run.classifier("scene"), dataset.view("object_scene")
        few = replace(run, explainers=choose("all", {"samples": 2}))
        first, many = 2 * options.images, 20 * options.images
        for count in (first, many):
            before = resident()
            repeated = Repeated(view, count)
            collect(repeated, classifier, few.suited(classifier), 0, Keeping(Path(folder) / str(count)))
        print(
            f"memory after {2 * options.images} images {before:.0f} MB, after {many} more {resident():.0f} MB"
        )


if __name__ == "__main__":
    main()
