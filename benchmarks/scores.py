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

from bam.attributions import METHODS
from bam.data_prep import load_dataset
from bam.data_prep.dataset import Batch, View
from bam.metrics import METRICS
from bam.metrics.evaluation.run import Request
from bam.metrics.evaluation.sweep import collect


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
    parser.add_argument("--precision", default="float32")
    options = parser.parse_args()
    dataset, methods = load_dataset(options.data), list(METHODS.values())
    with tempfile.TemporaryDirectory() as folder:
        request = Request(
            dataset, options.models, methods, 100, 10, 0, Path(folder), precision=options.precision
        )
        begin = time.perf_counter()
        for name in options.metrics.split(","):
            start = time.perf_counter()
            METRICS[name](request).write()
            print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
        print(
            f"together, {len(methods)} methods, 100 images: {time.perf_counter() - begin:.0f} s", flush=True
        )
        classifier, view = request.classifier("scene"), dataset.view("object_scene")
        few = replace(request, limit=None, params={"samples": 2}, out=Path(folder) / "few")
        collect(Repeated(view, 200), classifier, few)
        before = resident()
        collect(Repeated(view, 2000), classifier, replace(few, out=Path(folder) / "many"))
        print(f"memory after 200 images {before:.0f} MB, after 2,000 more {resident():.0f} MB")


if __name__ == "__main__":
    main()
