"""The plan of the house: imports run one way, modules and functions stay small, names are said once."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Each may import those that stand before it, and none behind.
FLOORS = (
    "bam.base",
    "bam.data_prep",
    "bam.models",
    "bam.attributions",
    "bam.metrics.statistics",
    "bam.metrics.results",
    "bam.metrics.evaluation",
    "bam.metrics.metric",
    "bam.metrics.stacking",
    "bam.metrics.scoring",
    "bam.metrics.contrast",
    "bam.metrics.independence",
    "bam.metrics.concepts",
    "bam.metrics.localisation",
    "bam.metrics.robustness",
    "bam.metrics.effect",
    "bam.metrics.randomisation",
    "bam.metrics.perturbation",
    "bam.metrics.inpainting",
    "bam.metrics.judging",
    "bam.metrics.reporting",
    "bam.metrics.api",
    "bam.metrics.reporting.show",
    "bam.metrics.reporting.grids",
    "bam.metrics.reporting.painted",
    "bam.metrics.reporting.report",
    "bam.cli",
    "bam.data_prep.download",
    "bam.build_dataset",
    "bam.train",
    "bam.validate",
    "bam.show_maps",
    "bam.images",
    "bam.export",
    "bam.cache",
    "bam.benchmark",
    "bam.leaderboard",
    "bam.report",
    "bam.doctor",
    "bam.metrics.__main__",
    "bam.__main__",
)
FACES = ("bam", "bam.metrics")  # they name what is above them, for whoever asks


def modules():
    """Every module of the project by its name, without the links: path and syntax tree."""
    found = {}
    for room in ("bam", "data_prep", "models", "attributions", "metrics"):
        for path in sorted((ROOT / room).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            parts = parts if parts[0] == "bam" else ("bam", *parts)
            name = ".".join(parts).removesuffix(".__init__")
            if room != "bam" or parts[1] not in ("data_prep", "models", "attributions", "metrics"):
                found[name] = (path, ast.parse(path.read_text(encoding="utf-8")))
    return found


MODULES = modules()


def floor(name):
    fitting = [place for place, room in enumerate(FLOORS) if name == room or name.startswith(f"{room}.")]
    assert fitting, f"{name} stands on no floor"
    return max(fitting, key=lambda place: len(FLOORS[place]))


def imports(tree):
    """Names of the project's modules that a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "bam")
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "bam":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module


def test_imports_run_one_way():
    upward = [
        f"{name} imports {other}"
        for name, (_, tree) in MODULES.items()
        if name not in FACES
        for other in imports(tree)
        if other not in FACES and floor(other) > floor(name)
    ]
    assert upward == []


def test_no_two_modules_import_each_other():
    arrows = {
        name: {other for other in imports(tree) if other in MODULES} for name, (_, tree) in MODULES.items()
    }
    done, path = set(), []

    def visit(name):
        assert name not in path, f"a circle: {' -> '.join([*path[path.index(name) :], name])}"
        if name not in done:
            path.append(name)
            for other in sorted(arrows[name] - set(FACES)):
                visit(other)
            done.add(path.pop())

    for name in arrows:
        visit(name)


@pytest.mark.parametrize("name", MODULES)
def test_modules_and_functions_fit_a_screen(name):
    path, tree = MODULES[name]
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 310
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 66, node.name


def test_public_functions_say_what_they_do():
    silent = [
        f"{name}.{node.name}"
        for name, (_, tree) in MODULES.items()
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        if not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert silent == []
