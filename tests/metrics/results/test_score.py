"""The table and the files of a score, for any metric."""

import csv
import io
import json
from dataclasses import replace

import pytest
from PIL import Image

from bam.base.errors import BamError
from bam.metrics.results.schema import Chart, Column, Validity
from bam.metrics.results.score import read_score
from bam.metrics.statistics.comparison import Comparison, PairedTest
from bam.metrics.statistics.estimate import Estimate
from bam.models.training.validity import Check


def with_value(line, value):
    return replace(line, estimate=replace(line.estimate, value=value))


@pytest.fixture
def full(score, known):
    """A score with all that one can have."""
    line = replace(
        known,
        seconds=1.5,
        trial_sd=0.02,
        rank=(1, 3),
        beside={"base": Estimate(0.125, 0.1, 0.2, 3)},
        counts={"ties": 4, "why": "x"},
        curves={"curve": (1.0, 0.0), "none": None},
        curve_intervals={"curve": ((0.75, 0.0), (1.0, 0.5)), "none": None},
        version=2,
        settings={"samples": 50, "noise": 0.15, "layer": None},
    )
    test = PairedTest("smooth_grad(noise=[1, 2])", "random", Estimate(0.25, 0.125, 0.5, 7), 0.01, 0.02)
    return replace(
        score,
        direction="down",
        lines={"smooth_grad(noise=[1, 2])": line, **score.lines},
        columns=(Column("ties", "ties"), Column("base line", "base", "up"), Column("rank", "rank")),
        comparison=Comparison("paired", (test,), {"smooth_grad(noise=[1, 2])": (1, 3)}, images=7, sources=2),
        unsuited={"attention_rollout": "the network has no attention"},
        notes=("Read it so.",),
        chart=Chart("title", "x", (0.0, 1.0), {"y": "curve"}),
        axes={"curve": (0.0, 1.0)},
        oracle=True,
        details={"threshold": 0.1},
    )


def cells(score, method):
    line = next(line for line in score.table().splitlines() if line.startswith(f"| {method}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_best_first_unknown_last_controls_below(score):
    lines = score.table().splitlines()
    assert lines[0] == "| method | IIR ↑ | 95% interval | n | left out |"
    assert lines[2] == "| vanilla_gradient | 0.500 | 0.250 ... 0.750 | 7 | 3 misclassified |"
    assert lines[3] == "| grad_cam | - | - | 0 | 0 |"
    assert cells(score, "random")[0] == "random (control)"
    assert len(lines) == 5


def test_where_less_is_better_the_least_is_first(score, known):
    down = replace(score, direction="down", title="left", lines={"a": known, "b": with_value(known, 0.1)})
    assert "| left ↓ |" in down.table()
    assert down.table().index("| b |") < down.table().index("| a |")


def test_columns_of_every_kind(score, known, unknown):
    line = replace(
        known,
        trial_sd=0.02,
        rank=(1, 3),
        beside={"base": Estimate(0.125, 0.1, 0.2, 3)},
        counts={"ties": 4, "why": "x"},
    )
    columns = (
        Column("ties", "ties"),
        Column("baseline", "base", "down"),
        Column("between", "base", shows="interval"),
        Column("rank", "rank"),
        Column("reason", "why"),
    )
    images = Comparison("paired", images=7)
    wide = replace(score, lines={"a": line, "b": unknown}, columns=columns, comparison=images)
    assert cells(wide, "a")[3:-1] == ["0.020", "4", "0.125", "0.100 ... 0.200", "1 ... 3", "x", "7"]
    assert cells(wide, "b")[3:-1] == ["-"] * 6 + ["0"]
    assert "| trial sd | ties | baseline ↓ | between | rank | reason | n |" in wide.table()


def test_the_trial_sd_has_a_column_where_it_is_known(score, known):
    """Of a mean over images that are too few for trials it is not."""
    few = replace(score, comparison=Comparison("paired", images=7))
    assert "| 95% interval | n |" in few.table()
    many = replace(few, lines={"a": replace(known, trial_sd=0.02), "b": known})
    assert "| 95% interval | trial sd | n |" in many.table()
    assert cells(many, "b")[3] == "-"


def test_what_a_method_takes_is_told_for_each_image_that_it_explained(score, known, unknown):
    """Also for those that are left out: known has 7 images used and 3 misclassified."""
    slow, fast = replace(known, seconds=4.2), replace(known, seconds=0.0123)
    timed = replace(score, lines={"slow": slow, "fast": fast, "no_image": replace(unknown, seconds=0.0)})
    assert "| ms/image | n |" in timed.table()
    assert [cells(timed, name)[3] for name in timed] == ["420", "1.2", "-"]
    assert "ms/image" not in score.table()


def test_rows_of_other_predictors_may_be_controls(score, known):
    step = replace(score, lines={"a": known, "step": replace(with_value(known, 1.0), control=True)})
    assert cells(step, "step")[0] == "step (control)"
    assert step.to_json()["lines"]["step"]["control"] is True
    assert step.to_json()["lines"]["a"]["control"] is False


def test_notes_details_and_problems_are_written(score, tmp_path):
    problems = replace(
        score,
        details={"threshold": 0.1},
        notes=("Read it so.",),
        validity=Validity.of({}, ["nothing was learned"]),
    )
    path = problems.write(tmp_path)
    assert path == tmp_path / "iir.json"
    content = json.loads(path.read_text())
    assert content["details"] == {"threshold": 0.1}
    assert content["notes"] == ["Read it so."]
    assert content["validity"] == {"passed": False, "models": {}, "problems": ["nothing was learned"]}
    text = (tmp_path / "iir.md").read_text()
    assert "\n\nRead it so.\n" in text
    assert text.endswith("\n\n**NOT VALID: nothing was learned**\n")


def test_checks_that_failed_are_warned_of():
    good, bad = Check("learned", 0.9, 0.5, 1, True), Check("needs_dog", 0.25, 0.5, 1, False)
    validity = Validity.of({"scene": (good, bad)}, ["too few"])
    assert validity.passed is False
    assert validity.warnings() == [
        "model scene fails the validity check needs_dog: accuracy 0.250, wanted 0.500 to 1.000",
        "too few",
    ]
    assert Validity.of({"scene": (good,)}, []) == Validity(True, {"scene": (good,)})


def test_nothing_checked_is_not_passed(score):
    assert Validity.of({}, []).passed is None
    assert score.to_json()["validity"]["passed"] is None


def test_a_method_is_looked_up_by_its_name(score, known):
    assert score["vanilla_gradient"] == known
    assert (score["random"].value, score["random"].ci_low, score["random"].ci_high) == (0.9, 0.25, 0.75)
    assert score["random"].n == 7
    with pytest.raises(BamError, match="unknown method of this score 'gradcam': did you mean 'grad_cam'"):
        score["gradcam"]


def test_a_prompt_shows_the_best(score, full):
    assert repr(score) == "<Score iir of 3 methods: vanilla_gradient 0.5, grad_cam None, random 0.9>"
    assert repr(full).endswith(
        "of 4 methods: smooth_grad(noise=[1, 2]) 0.5, vanilla_gradient 0.5, grad_cam None, ...>"
    )


def test_a_notebook_shows_the_table_and_the_warnings(full):
    shown = replace(full, validity=Validity.of({}, ["nothing was learned"]))._repr_markdown_()
    assert shown == (
        "| method | IIR ↓ | 95% interval | trial sd | ties | base line ↑ | rank | ms/image | n | left out |\n"
        "|---|---|---|---|---|---|---|---|---|---|\n"
        "| smooth_grad(noise=[1, 2]) | 0.500 | 0.250 ... 0.750 | 0.020 | 4 | 0.125 | 1 ... 3 | 150 | 7 | "
        "3 misclassified |\n"
        "| vanilla_gradient | 0.500 | 0.250 ... 0.750 | - | - | - | - | - | 7 | 3 misclassified |\n"
        "| grad_cam | - | - | - | - | - | - | - | 0 | 0 |\n"
        "| random (control) | 0.900 | 0.250 ... 0.750 | - | - | - | - | - | 7 | 3 misclassified |\n"
        "\nRead it so.\n"
        "\n**NOT VALID: nothing was learned**\n"
    )


def test_csv_has_all_numbers_in_full(full, tmp_path):
    text = full.to_csv(tmp_path / "deep" / "iir.csv")
    assert (tmp_path / "deep" / "iir.csv").read_text() == text
    assert text == (
        "method,value,ci_low,ci_high,n,control,trial_sd,rank_low,rank_high,base,base_ci_low,base_ci_high,"
        "ties,why,excluded_misclassified,excluded_nan_map,seconds\n"
        '"smooth_grad(noise=[1, 2])",0.5,0.25,0.75,7,False,0.02,1,3,0.125,0.1,0.2,4,x,3,0,1.5\n'
        "vanilla_gradient,0.5,0.25,0.75,7,False,,,,,,,,,3,0,\n"
        "grad_cam,,,,0,False,,,,,,,,,,,\n"
        "random,0.9,0.25,0.75,7,True,,,,,,,,,3,0,\n"
    )
    assert next(csv.DictReader(io.StringIO(text)))["method"] == "smooth_grad(noise=[1, 2])"


def test_csv_rounds_nothing(score, known):
    third = replace(score, lines={"a": with_value(known, 1 / 3)})
    assert float(third.to_csv().splitlines()[1].split(",")[1]) == 1 / 3


def test_latex_is_a_tabular(full, tmp_path):
    full = replace(full, columns=full.columns[::2])  # lines that fit the page
    text = full.to_latex(tmp_path / "iir.tex")
    assert (tmp_path / "iir.tex").read_text() == text
    assert text == (
        r"""\begin{tabular}{lrrrrrrrr}
\toprule
method & IIR $\downarrow$ & 95\% interval & trial sd & ties & rank & ms/image & n & left out \\
\midrule
smooth\_grad(noise={[}1, 2]) & 0.500 & 0.250 ... 0.750 & 0.020 & 4 & 1 ... 3 & 150 & 7 & 3 misclassified \\
vanilla\_gradient & 0.500 & 0.250 ... 0.750 & - & - & - & - & 7 & 3 misclassified \\
grad\_cam & - & - & - & - & - & - & 0 & 0 \\
random (control) & 0.900 & 0.250 ... 0.750 & - & - & - & - & 7 & 3 misclassified \\
\bottomrule
\end{tabular}
"""
    )


@pytest.mark.parametrize(
    ("ranks", "bold"),
    [
        ({"a": (1, 2), "b": (1, 3), "c": (2, 3)}, ["a", "b"]),
        ({"a": (1, 1), "b": (2, 3), "c": None}, ["a"]),
        ({"a": (1, 1)}, []),
        ({"a": None, "b": None}, []),
    ],
)
def test_latex_is_bold_where_no_method_is_shown_to_be_better(score, known, ranks, bold):
    lines = {name: replace(known, rank=rank) for name, rank in ranks.items()}
    text = replace(score, lines={**lines, "random": score["random"]}).to_latex()
    found = [line.split(" & ")[0] for line in text.splitlines() if r"\textbf{0.500} & 0.250 ..." in line]
    assert found == bold
    assert text.count("textbf") == len(bold)


def test_a_data_frame_has_the_numbers_of_the_csv(full):
    pd = pytest.importorskip("pandas")
    frame = full.to_dataframe()
    read = pd.read_csv(io.StringIO(full.to_csv()), index_col="method")
    pd.testing.assert_frame_equal(frame, read, check_dtype=False)
    assert frame.index.name == "method"
    assert frame.loc["random", "value"] == 0.9
    assert frame["value"].dtype == float
    assert frame["control"].dtype == bool
    assert frame.loc[~frame["control"], "value"].mean() == 0.5


def test_a_score_without_methods_is_an_empty_table(score):
    empty = replace(score, lines={}, columns=(Column("rank", "rank"),))
    assert (
        empty.table()
        == "| method | IIR ↑ | 95% interval | rank | n | left out |\n|---|---|---|---|---|---|\n"
    )
    assert empty.to_csv() == "method\n"
    assert empty.to_latex().splitlines()[3:] == [r"\midrule", r"\bottomrule", r"\end{tabular}"]
    assert repr(empty) == "<Score iir of 0 methods: >"


def test_a_file_is_read_as_it_was_written(full, score, tmp_path):
    for each in (full, score, replace(score, lines={})):
        found = read_score(replace(each, basis="not written").write(tmp_path))
        assert found == each
        assert found.basis is None
        assert found.markdown() == each.markdown()


def test_a_chart_is_drawn(full, tmp_path):
    full.write(tmp_path)
    assert Image.open(tmp_path / "iir.png").width > 300


def test_a_score_without_a_chart_has_no_picture(score, tmp_path):
    score.write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["iir.json", "iir.md"]


# As it was written before lines had types.
FORMAT_1 = {
    "metric": "iir",
    "version": 1,
    "direction": "up",
    "methods": {"grad_cam": {"value": 0.5, "ci_low": 0.25, "ci_high": 0.75, "n": 7, "control": False}},
    "notes": [],
    "validity": {"passed": None, "models": {}, "problems": []},
    "config": {"seed": 0, "limit": None, "trials": 10, "params": {}, "options": {}},
}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (json.dumps(FORMAT_1), "iir.json is of format 1, this version reads 4: make it again"),
        (json.dumps({**FORMAT_1, "format": 3}), "is of format 3, this version reads 4"),
        (json.dumps({**FORMAT_1, "format": 4}), "holds no score .*: make it again"),
        ("[]", "is of format 1"),
        ('{"format": 4', "holds no score .*: make it again"),
        ("", "holds no score .*: make it again"),
        (b"\xff\xfe{", "holds no score .*: make it again"),
    ],
)
def test_what_holds_no_score_is_refused_with_one_line(text, message, tmp_path):
    path = tmp_path / "iir.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BamError, match=message) as error:
        read_score(path)
    assert len(str(error.value).splitlines()) == 1


def test_a_score_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BamError, match=r"there is no score .*`bam metrics` makes it"):
        read_score(tmp_path / "iir.json")


def test_what_is_replaced_is_said(score, tmp_path):
    assert score.replaces(tmp_path) == ""
    path = score.write(tmp_path)
    assert score.replaces(tmp_path) == ""  # the same once more
    fewer = {name: line for name, line in score.lines.items() if name != "grad_cam"}
    other = replace(score.configuration, run={"seed": 1}, dataset="other", models={})
    words = replace(score, lines=fewer, configuration=other).replaces(tmp_path)
    assert words == (
        f"this replaces {path}, of a run with seed 0, not 1; of other images; of other networks; "
        "with grad_cam, which this one has not"
    )
    path.write_text("{}")
    assert score.replaces(tmp_path) == f"this replaces {path}, which is of another version or damaged"
