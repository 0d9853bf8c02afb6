"""Every script in benchmarks/ runs to its end at a tiny size."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SMALL = ("--architecture", "small", "--rounds", 1)
# What each prints, among other things.
RUNS = {
    "benchmarks/dataset.py": (("--per_class", 10, "--images", 40, "--rounds", 1), "composing a view"),
    "benchmarks/attributions.py": (
        (*SMALL, "--images", 2, "--batch_size", 2, "--samples", 2),
        "all 12 methods, bfloat16",
    ),
    "benchmarks/deletion.py": ((*SMALL, "--images", 2, "--batch_size", 2), "all 8 metrics"),
    "benchmarks/tcav.py": ((*SMALL, "--images", 4, "--runs", 2), "| block_layer1 |"),
    "benchmarks/coverage.py": (("--data_sets", 1), "mean width of 12"),
    "benchmarks/removal.py": (
        (*SMALL, "--batch_size", 4, "--stride", 80, "--samples", 6, "--masks", 6),
        "| rise | 6 |",
    ),
    "benchmarks/scores.py": (
        ("--images", 2, "--metrics", "idr", "--methods", "grad_cam"),
        "memory after 4 images",
    ),
}


# What is no script, and the script that runs it.
PARTS = {
    "benchmarks/peers.py": "benchmarks/attributions.py",
    "benchmarks/removal_peers.py": "benchmarks/removal.py",
    "benchmarks/rounds.py": "benchmarks/removal.py",
}


def test_every_script_is_run_here():
    scripts = {
        f"benchmarks/{path.name}" for path in BENCHMARKS.glob("*.py") if "__main__" in path.read_text()
    }
    assert scripts == set(RUNS)
    assert scripts | set(PARTS) == {f"benchmarks/{path.name}" for path in BENCHMARKS.glob("*.py")}
    for part, script in PARTS.items():
        assert f"from {Path(part).stem} import" in (BENCHMARKS.parent / script).read_text()


@pytest.mark.parametrize("script", RUNS)
def test_it_runs(script, dataset, scene_model_folder, tmp_path):
    flags, words = RUNS[script]
    if script == "benchmarks/scores.py":
        flags = (*flags, "--data", dataset.folder, "--models", scene_model_folder)
    done = subprocess.run(
        [sys.executable, BENCHMARKS.parent / script, *map(str, flags)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert words in done.stdout
