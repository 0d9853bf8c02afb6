"""What is installed is `bam` alone, and works beside a user's own `models` and `metrics`."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OUTSIDE = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "data", "runs", "tests")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel of a copy of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "source", symlinks=True, ignore=OUTSIDE)
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        folder,
        folder / "source",
    ]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A virtual environment with the wheel alone, which looks up what BAM needs in the running one."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = folder / "lib" / version / "site-packages"
    target = ["--no-deps", "--no-index", "--quiet", "--target", packages, wheel]
    subprocess.run([sys.executable, "-m", "pip", "install", *target], check=True, capture_output=True)
    # Behind its own, and without the editable install of the checkout.
    (packages / "others.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    (packages / "bin").rename(folder / "scripts")
    return folder


def run(installed, folder, *arguments):
    """stdout of a program of the environment, run in a folder."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [installed / "bin" / "python", *map(str, arguments)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def crowded(tmp_path):
    """A folder with a `models` and a `metrics` of its own, which tell when they are imported."""
    for name in ("models", "metrics", "data_prep", "attributions"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise SystemExit('{name} of the user was imported')\n")
    return tmp_path


def test_the_wheel_holds_bam_alone(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"bam"}
    assert {"bam/py.typed", "bam/models/classifier.py", "bam/metrics/__main__.py"} <= set(names)
    assert "bam/metrics/results/score.schema.json" in names


def test_every_module_can_be_imported(installed, crowded):
    program = (
        "import bam, importlib, pkgutil, sys\n"
        "names = [found.name for found in pkgutil.walk_packages(bam.__path__, 'bam.')]\n"
        "[importlib.import_module(name) for name in names if not name.endswith('__main__')]\n"
        "print(bam.__file__, len(names))\n"
    )
    file, count = run(installed, crowded, "-c", program).split()
    assert Path(file).is_relative_to(installed)
    assert int(count) > 100


def test_the_command_says_what_there_is(installed, crowded):
    out = run(installed, crowded, installed / "scripts" / "bam", "--help")
    assert "bam metrics" in out
    assert "--metric" in run(installed, crowded, installed / "scripts" / "bam", "metrics", "--help")


def test_an_evaluation_beside_the_users_own_packages(installed, crowded, dataset, scene_model_folder):
    out = run(
        installed, crowded, "-m", "bam.metrics", "--metric", "idr", "--methods", "grad_cam", "--limit", 4,
        "--norobustness", "--data", dataset.folder, "--models", scene_model_folder, "--out", crowded / "out",
    )  # fmt: skip
    assert "| grad_cam |" in out


@pytest.mark.parametrize("name", ["models", "metrics", "data_prep", "attributions"])
def test_the_former_names_say_the_new_ones(name):
    done = subprocess.run(
        [sys.executable, "-c", f"from {name} import anything"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stderr.splitlines()[-1] == f"ImportError: {name} is a part of bam: import bam.{name}"


BLOCKED = (
    "import sys\n"
    "class Blocked:\n"
    "    def find_spec(self, name, *rest):\n"
    "        if name.split('.')[0] in ('tensorflow', 'tf_keras', 'keras', 'torch', 'matplotlib'):\n"
    "            raise ModuleNotFoundError(name)\n"
    "sys.meta_path.insert(0, Blocked())\n"
)


# So that what is imported next is imported as the first of the package.
FORGET = "for known in [name for name in sys.modules if name.split('.')[0] == 'bam']: del sys.modules[known]"


def test_rooms_that_work_without_tensorflow():
    rooms = [
        "bam",
        "bam.attributions",
        "bam.cache",
        "bam.data_prep",
        "bam.images",
        "bam.export",
        "bam.leaderboard.checking",
        "bam.leaderboard.page",
        "bam.metrics",
        "bam.metrics.__main__",
        "bam.metrics.api",
        "bam.metrics.judging.report",
        "bam.metrics.reporting.charts",
        "bam.metrics.reporting.export",
        "bam.metrics.reporting.show",
        "bam.metrics.results.score",
        "bam.metrics.statistics.comparison",
        "bam.models",
        "bam.models.inpainters",
        "bam.models.stored",
        "bam.models.torch.twin",
        "bam.models.training.validity",
        "bam.show_maps",
    ]
    steps = "\n".join(f"{FORGET}\nimport {room}" for room in rooms)
    subprocess.run([sys.executable, "-c", f"{BLOCKED}{steps}"], check=True)


WRONG = f"""
import sys
from runpy import run_module
heavy = "tensorflow", "tf_keras", "torch", "scipy.stats", "scipy.ndimage", "pandas", "matplotlib"
sys.modules.update(dict.fromkeys(heavy))
commands, sys.argv[1:] = sys.argv[1:], ["--wrong", "1"]
for command in commands:
    {FORGET}
    try:
        run_module(f"bam.{{command}}", run_name="__main__", alter_sys=True)
    except SystemExit as stopped:
        print(command, stopped.code)
"""


def test_a_wrong_flag_is_answered_without_tensorflow():
    commands = ("build_dataset", "train", "show_maps", "metrics", "images")
    commands += ("leaderboard", "export", "cache", "doctor")
    done = subprocess.run([sys.executable, "-c", WRONG, *commands], capture_output=True, text=True)
    assert done.stdout.splitlines() == [f"{command} 2" for command in commands], done.stderr
    assert done.stderr.count("--wrong") == len(commands)
