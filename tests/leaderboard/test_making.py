"""Entries made again from the repository, on the whole drawn sample, which takes a minute or two to draw."""

import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from bam import BamError
from bam.attributions import METHODS
from bam.base.files import read_json, write_json
from bam.leaderboard.__main__ import main
from bam.leaderboard.checking import check
from bam.leaderboard.comparing import compare_g_c, compare_scores
from bam.leaderboard.entry import read_entry
from bam.leaderboard.making import Wanted, _number, file_name, from_results, the_method
from bam.metrics.results.schema import Line
from bam.metrics.statistics.estimate import Estimate

FOLDER = Path(__file__).parents[2] / "leaderboard"
CHEAP, SCORES = ("grad_cam", "gradient_x_input"), ("mcs", "idr")


def test_an_entry_is_of_one_method():
    assert the_method("smoothgrad(noise=.1)").name == "smoothgrad(noise=0.1)"
    with pytest.raises(BamError, match="an entry is of one method, and grad_cam,smoothgrad names 2"):
        the_method("grad_cam,smoothgrad")


def test_the_command_says_all_that_was_asked():
    wanted = Wanted("smoothgrad(noise=.1)", metrics=("idr",), alone=True, out="x.json")
    assert shlex.split(wanted.command)[3:] == [
        *("--make", "smoothgrad(noise=.1)", "--metrics", "idr", "--alone", "--out", "x.json")
    ]
    assert file_name("smoothgrad(noise=0.1)") == "smoothgrad_noise_0.1.json"


def test_a_rank_is_one_among_all_usual_methods_but_the_controls():
    """A score that was made before a control was added has its ranks."""

    class Scored(dict):
        unsuited = MappingProxyType({"attention_rollout": "no attention"})

    usual = [name for name, each in METHODS.items() if each.usual and not each.control]
    line = Line(Estimate(0.5, n=3), rank=(1, 2))
    score = Scored({name: line for name in usual if name not in Scored.unsuited})
    assert _number(score, "grad_cam").rank == (1, 2)
    del score["smoothgrad"]
    assert _number(score, "grad_cam").rank is None


@pytest.fixture(scope="module")
def again(canonical_dataset, tmp_path_factory):
    """From a method to its entry, made by the command that the one in the repository states.

    Of the cheap scores, and without the methods that the rank sets need, which would take minutes.
    """
    folder = tmp_path_factory.mktemp("again")

    def make(name):
        words = shlex.split(read_entry(FOLDER / f"{name}.json").measured.command)
        assert words[:3] == ["python", "-m", "bam.leaderboard"]
        place = words.index("--out") + 1
        words[place] = str(folder / words[place])
        where = ("--data", canonical_dataset.folder, "--networks", FOLDER / "networks")
        where += ("--work", folder / "work")
        fewer = ("--metrics", ",".join(SCORES), "--alone")
        main(["bam leaderboard", *words[3:], *map(str, where), *fewer])
        return read_entry(words[place])

    return {name: make(name) for name in CHEAP}, folder / "work"


@pytest.mark.parametrize("name", CHEAP)
def test_built_in_entries_come_out_again(again, name):
    known, found = read_entry(FOLDER / f"{name}.json"), again[0][name]
    assert found.reported.metrics.keys() == set(SCORES)
    assert (found.method, found.networks) == (known.method, known.networks)
    assert found.dataset.fingerprint == known.dataset.fingerprint
    lines = [compare_g_c("measured", known.images, known.measured, found.images, found.reported)]
    lines += compare_scores("measured", known.measured, found.reported)
    assert len(lines) == 1 + len(SCORES)
    assert [str(line) for line in lines if not line.passed] == []


def test_the_check_computes_again(again, canonical, canonical_dataset, controls, tmp_path):
    """A value that was tampered with, and its interval with it, is found by computing it."""
    content = read_json(FOLDER / "gradient_x_input.json")
    number = content["measured"]["metrics"]["idr"]["method"]
    for key in ("value", "ci_low", "ci_high"):
        number[key] += 0.02
    write_json(tmp_path / "tampered.json", content)
    lines = list(check(tmp_path / "tampered.json", canonical, canonical_dataset, controls, ["idr"]))
    (line,) = (line for line in lines if not line.passed)
    assert "measured, idr computed again (method 0.9" in line.what
    assert "apart" in line.found


def test_entries_from_a_folder_of_results(again, canonical, canonical_dataset):
    said, name = [], CHEAP[-1]  # the run that was the last
    made = from_results(again[1], canonical, canonical_dataset, said.append)
    found = {entry.method.name: entry for entry in made}
    assert {name, "random", "constant", "object_mask"} == set(found)
    mine = again[0][name].reported
    assert found[name].measured.metrics == mine.metrics
    assert found[name].measured.g_c == mine.g_c
    assert found[name].measured.machine == mine.machine  # the rows show that it is this one
    assert any(line.startswith("iir: no iir.json") for line in said)
    assert "smoothgrad: no entry, not scored" in said
    assert "attention_rollout: no entry, not scored" in said


def test_results_of_other_settings_are_refused(again, canonical, canonical_dataset, tmp_path):
    content = read_json(again[1] / "idr.json")
    content["configuration"]["run"]["limit"] = 20
    content["configuration"]["models"]["scene"]["digest"] = "0"
    write_json(tmp_path / "idr.json", content)
    with pytest.raises(BamError, match="another network scene, with limit 20, not 100"):
        from_results(tmp_path, canonical, canonical_dataset, str)
    with pytest.raises(BamError, match="there is no score of the leaderboard"):
        from_results(tmp_path / "none", canonical, canonical_dataset, str)


def test_measured_numbers_stand_beside_the_reported_ones(again, canonical_dataset, tmp_path):
    shutil.copytree(again[1], tmp_path / "work")
    entry = again[0]["grad_cam"]
    named = replace(entry, method=replace(entry.method, authors="A. Name"))
    named.write(tmp_path / "submitted.json")
    where = (
        "--data",
        canonical_dataset.folder,
        "--networks",
        FOLDER / "networks",
        "--work",
        tmp_path / "work",
    )
    how = ("--metrics", "idr", "--alone", "--reported", tmp_path / "submitted.json")
    main(["bam leaderboard", "--make", "grad_cam", "--out", str(tmp_path / "x.json"), *map(str, where + how)])
    found = read_entry(tmp_path / "x.json")
    assert found.reported == entry.reported
    assert found.measured.metrics["idr"] == entry.reported.metrics["idr"]
    assert found.method.authors == "A. Name"
