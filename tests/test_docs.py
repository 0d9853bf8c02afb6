"""The documentation and the code agree: examples run, commands, flags, names and links exist."""

import doctest
import importlib
import itertools
import pkgutil
import re
import runpy
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import bam
from bam.__main__ import COMMANDS
from bam.attributions import METHODS, explain
from bam.attributions.choice import choose
from bam.attributions.custom import custom_method
from bam.attributions.libraries import LIBRARIES
from bam.base.errors import BamError
from bam.base.settings import parameters
from bam.base.texts import split_outside_brackets
from bam.cli import flags as cli
from bam.metrics.metric import METRICS, find_metric
from bam.models.architectures import ARCHITECTURES

ROOT = Path(__file__).parents[1]
MODULES = [
    found.name for found in pkgutil.walk_packages(bam.__path__, "bam.") if "__main__" not in found.name
]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "leaderboard").glob("*.md")]
}
# Of these, the examples are run here; those of extending.md by tests/test_extending.py.
RUN = {
    "README.md": 1,
    "docs/own_methods.md": 2,
    "docs/python.md": 4,
    "docs/pitfalls.md": 1,
    "docs/extending.md": 5,
    "docs/torch.md": 3,
}


def examples(name):
    return re.findall(r"```python\n(.*?)```", PAGES[name], re.DOTALL)


@pytest.fixture
def at_home(tmp_path, monkeypatch, dataset, scene_model_folder):
    """A folder with `data/bam` and `runs/models`, as the commands leave them."""
    (tmp_path / "data").mkdir()
    (tmp_path / "runs").mkdir()
    (tmp_path / "data" / "bam").symlink_to(dataset.folder)
    (tmp_path / "runs" / "models").symlink_to(scene_model_folder)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_every_example_is_run_by_a_test(page):
    assert len(examples(page)) == RUN.get(page, 0)


def test_a_function_of_ones_own(at_home, scene_classifier):
    function, _ = examples("docs/own_methods.md")
    (at_home / "contrast.py").write_text(function)
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    logits = scene_classifier.logits(images)
    best, second = np.argsort(logits, axis=1)[:, ::-1].T[:2]
    maps = explain(scene_classifier, images, best, custom_method("contrast.py:contrast"))
    expected = scene_classifier.gradient(images, best) - scene_classifier.gradient(images, second)
    np.testing.assert_allclose(maps, expected, rtol=1e-5)


def test_a_folder_of_maps(at_home, scene_classifier, dataset):
    _, folder = examples("docs/own_methods.md")
    exec(compile(folder, "own_methods.md", "exec"), {})
    batch = dataset.view("scene_only")[:3]
    method = custom_method("my_maps")
    maps = explain(
        scene_classifier, batch.images, batch.scene_labels, method, ids=batch.ids, view="scene_only"
    )
    own = explain(scene_classifier, batch.images, batch.scene_labels, "vanilla_gradient")
    np.testing.assert_allclose(maps, np.abs(own), rtol=1e-3, atol=1e-4 * np.abs(own).max())


def run_as_script(folder, text):
    """Run a text as a script of the user's, for the rows of its functions to be kept; its names."""
    (folder / "example.py").write_text(text)
    names = {}
    exec(compile(text, folder / "example.py", "exec"), names)
    return names


def test_the_example_of_the_readme(at_home, capsys):
    (example,) = examples("README.md")
    assert "limit=100" in example
    run_as_script(at_home, example.replace("limit=100", "limit=4"))
    assert "| contrast |" in capsys.readouterr().out
    assert (at_home / "idr.csv").exists()
    assert (at_home / "idr.tex").exists()
    assert (at_home / "maps.pdf").exists()


def test_the_examples_of_the_page_on_python(at_home, dataset, scene_model_folder, capsys):
    (at_home / "photos").mkdir()
    for number, image in enumerate(dataset.view("scene_only")[:40:10].images):
        Image.fromarray(image).save(at_home / "photos" / f"{number}.png")
    (at_home / "net.keras").symlink_to(scene_model_folder / "scene" / "model.keras")
    (at_home / "names.txt").write_text("\n".join(f"class_{number}" for number in range(10)))
    text = "\n".join(examples("docs/python.md"))
    names = run_as_script(at_home, text.replace("limit=100", "limit=4").replace("limit=20", "limit=2"))
    assert names["again"].metric == "idr"
    assert names["score"].metric == "deletion"
    out = capsys.readouterr().out
    assert "| contrast |" in out
    assert "| metric | network | random from real |" in out
    for file in ("maps.pdf", "idr.csv", "idr.tex", "idr.pdf", "photos.pdf", "runs/results/report.html"):
        assert (at_home / file).stat().st_size > 0


def test_the_example_of_the_page_on_pitfalls(at_home, capsys):
    (example,) = examples("docs/pitfalls.md")
    names = run_as_script(at_home, example)
    worth, given = (float(line.split(":")[1]) for line in capsys.readouterr().out.splitlines())
    assert -1 <= worth <= 1
    assert 0 <= given <= 1
    assert names["test"].masks.any(axis=(1, 2)).all()
    assert not names["without"].present.any()


def test_the_examples_of_the_page_on_pytorch(at_home, scene_classifier, capsys):
    torch = pytest.importorskip("torch")
    function, twin, _ = examples("docs/torch.md")
    (at_home / "sign.py").write_text(function)
    images = np.random.default_rng(0).uniform(1, 255, (3, 64, 64, 3)).astype(np.float32)
    method = custom_method("sign.py:sign").with_settings(noise=0.0)
    expected = np.sign(explain(scene_classifier, images, [0, 1, 2])) * images
    found = method.explain(scene_classifier, images, [0, 1, 2])
    assert (np.abs(found - expected) < 1e-3).mean() > 0.99  # signs of derivatives that are near 0 can differ
    run_as_script(at_home, twin)
    assert capsys.readouterr().out == f"{torch.Size([2, 10])} {torch.Size([2, 128, 8, 8])}\n"


QUICKSTART = ROOT / "docs/examples/quickstart.py"


def test_the_walk_runs_from_top_to_end(at_home, capsys):
    text = QUICKSTART.read_text(encoding="utf-8")
    small = text.replace("LIMIT = 40", "LIMIT = 4").replace("samples=10", "samples=2")
    assert small.count("LIMIT = 4 ") == small.count("samples=2") == 1
    names = run_as_script(at_home, small)
    assert set(names["idr"]) == {*names["METHODS"], "brightness", "object_mask", "random", "edges"}
    assert names["idr"]["brightness"].settings == {}
    out = capsys.readouterr().out
    assert "| metric | network | random from real |" in out
    files = {path.name for path in (at_home / "runs" / "quickstart").iterdir()}
    assert {"maps.pdf", "idr.json", "deletion.json", "idr.pdf", "idr.tex", "report.html"} <= files


def test_the_walk_says_which_command_makes_what_is_lacking(tmp_path, monkeypatch, dataset):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"make it with `python -m bam\.build_dataset"):
        runpy.run_path(str(QUICKSTART))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "bam").symlink_to(dataset.folder)
    with pytest.raises(SystemExit, match=r"make it with `python -m bam\.train --labels scene"):
        runpy.run_path(str(QUICKSTART))


def test_the_examples_of_docstrings(at_home):
    found = 0
    for name in MODULES:
        module = importlib.import_module(name)
        for test in doctest.DocTestFinder(exclude_empty=True).find(module, name):
            result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test)
            assert result.failed == 0, test.name
            found += result.attempted
    assert found > 15


# Commands


def without_examples(text):
    """A page without its blocks of Python, whose indented lines are no commands."""
    return re.sub(r"```python\n.*?```", "", text, flags=re.DOTALL)


def inline(text):
    """What stands between single backticks in a page."""
    return [" ".join(found.split()) for found in re.findall(r"(?<!`)`([^`]+)`(?!`)", without_examples(text))]


def lines(text):
    """The lines of a page's indented and fenced blocks."""
    fenced = re.findall(r"```(?:\w*)\n(.*?)```", without_examples(text), re.DOTALL)
    indented = re.findall(r"^    (.*)$", without_examples(text), re.MULTILINE)
    return joined("\n".join([*fenced, *indented]))


def joined(text):
    """Its lines, those that end in a backslash as one with the next."""
    return text.replace("\\\n", " ").splitlines()


def commands(found):
    """Those words, as a shell parts them, of each command in the lines that is one of BAM's: name, flags."""
    for line in found:
        if not re.match(r"(\S+/)?(python|bam|make)( |$)|bam\.\w", line):
            continue
        words = shlex.split(line, comments=True)
        for place in [place for place, word in enumerate(words) if word in ("&&", "|", ";")][::-1]:
            words, others = words[:place], words[place + 1 :]
            yield from commands([shlex.join(others)])
        if words[:2] == ["python", "-m"]:
            words = words[2:]
        yield words[0], words[1:]


OF_MODULE = {module.removesuffix(".__main__"): module for module, _ in COMMANDS.values()}
ALL = [(page, entry) for page, text in PAGES.items() for entry in commands(lines(text) + inline(text))]
ALL += [
    (module, entry)
    for module in OF_MODULE.values()
    for entry in commands(joined(importlib.import_module(module).__doc__))
]
# Words that stand for more of them, or for what is not said.
ELLIPSIS = "..."


@pytest.fixture
def flags_alone(monkeypatch, tmp_path):
    """A command reads its flags and does nothing; files that pages name are there, as the pages have them."""
    before = [(registry, dict(registry)) for registry in (METRICS, METHODS)]
    for page in PAGES:
        for name, text in re.findall(r"```python\n(# \w+\.py\n)(.*?)```", PAGES[page], re.DOTALL):
            (tmp_path / name[2:-1]).write_text(text)
    (tmp_path / "my_maps").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(ARCHITECTURES, "shallow", ARCHITECTURES["small"])  # extending.md adds it
    read = []

    def run(main, command, doc, groups, argv):
        read.append(argv[0])
        given = argv[1:]
        groups = groups(given) if callable(groups) else groups
        found = cli.Flags(argv[0], doc, groups, given)
        for kind in groups.values():
            found.settings(kind)

    monkeypatch.setattr(cli, "run", run)
    yield read
    for registry, content in before:
        registry.clear()
        registry.update(content)


def readable(module, flags, read):
    """That a command takes these flags, and knows the metrics and methods among their values."""
    importlib.import_module(module).main([module, *flags])
    assert read.pop() == module
    said = {name: value for name, value in itertools.pairwise(flags) if name.startswith("--")}
    for name in split_outside_brackets(said.get("--metric", "")):
        find_metric(name)
    for name in split_outside_brackets(said.get("--methods", "")):
        mine = ".py:" in name and not Path(name.partition(":")[0]).exists()  # such as mine.py:f
        if not mine and name != "my_maps":
            needs_library(name)
            choose(name)


def needs_library(method):
    """Skip the test if the method is of a library that cannot be imported."""
    library = LIBRARIES.get(method.partition(":")[0])
    try:
        if library:
            library.imported()
    except BamError as error:
        pytest.skip(f"could not import '{library.module.split('.')[0]}': {error}")


@pytest.mark.parametrize(("page", "entry"), ALL, ids=lambda value: str(value)[:70])
def test_commands_and_their_flags_exist(page, entry, flags_alone):
    if page == "docs/torch.md":
        pytest.importorskip("torch")  # which its file imports
    name, words = entry
    if name == "bam":
        if not words or words == ["--help"] or words[0] in ("COMMAND", ELLIPSIS):
            return
        assert words[0] in COMMANDS, f"bam {words[0]}"
        name, words = COMMANDS[words[0]][0], words[1:]
    name = name.removesuffix(".__main__")
    if name in OF_MODULE:
        if words[:1] != ["--help"]:
            readable(OF_MODULE[name], words, flags_alone)
    elif name == "make":
        targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert {word for word in words if "=" not in word} <= set(targets)
    elif name == "python":
        source = (ROOT / words[0]).read_text(encoding="utf-8")
        for word in words[1:]:
            assert not word.startswith("--") or f'"{word}"' in source, word
    else:
        name = re.sub(r"\(.*", "", name)  # a name in the package, such as bam.score(...)
        parts = name.split(".")
        found = bam
        for place, part in enumerate(parts[1:], 2):
            if not hasattr(found, part):
                importlib.import_module(".".join(parts[:place]))
            found = getattr(found, part)


def test_flags_that_stand_alone_exist():
    known = {"--help", "--version"}

    def run(main, command, doc, groups, argv):
        for kind in (groups(()) if callable(groups) else groups).values():
            for parameter in parameters(kind):
                known.add(f"--{parameter.name}")
                known.update({f"--no{parameter.name}"} if parameter.default is True else ())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "run", run)
        for module in OF_MODULE.values():
            importlib.import_module(module).main([module])
    unknown = [
        f"{page}: {flag}"
        for page, text in PAGES.items()
        for entry in inline(text)
        for flag in re.findall(r"(?<!\S)--\w+", entry)
        if not entry.startswith(("python ", "pip ")) and flag not in known
    ]
    assert unknown == []


# Links and names of files


def slug(heading):
    """The anchor of a heading, as GitHub makes it."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)|`", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def anchors(text):
    return {slug(heading) for heading in re.findall(r"^#+ (.*)$", without_examples(text), re.MULTILINE)}


LINKS = [
    (page, target)
    for page, text in PAGES.items()
    for target in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", without_examples(text))
    if not target.startswith(("http:", "https:"))
]


@pytest.mark.parametrize(("page", "target"), LINKS)
def test_links_lead_somewhere(page, target):
    file, _, anchor = target.partition("#")
    path = (ROOT / page).parent / file if file else ROOT / page
    assert path.exists()
    assert not anchor or anchor in anchors(path.read_text(encoding="utf-8"))


def test_pages_are_linked_from_the_readme():
    linked = {target.partition("#")[0] for page, target in LINKS if page == "README.md"}
    assert {name for name in PAGES if name != "README.md"} <= linked


def test_files_that_are_named_exist():
    rooms = "bam|data_prep|models|attributions|metrics|tests|benchmarks|docs|leaderboard"
    named = [
        (page, entry)
        for page, text in PAGES.items()
        for entry in inline(text)
        if re.fullmatch(rf"({rooms})/[\w/]+(\.py|\.md|\.json|/)", entry) and "NAME" not in entry
    ]
    assert len(named) > 20
    assert [entry for entry in named if not (ROOT / entry[1]).exists()] == []
