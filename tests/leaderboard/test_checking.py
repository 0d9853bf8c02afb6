from dataclasses import replace

import pytest

from bam.leaderboard.canonical import METRICS
from bam.leaderboard.checking import check_text
from bam.leaderboard.comparing import compare_g_c, compare_scores


def failed(lines):
    return {line.what: line for line in lines if not line.passed}


def changed(entry, metric="idr", **fields):
    """The entry with other fields of its number by a metric."""
    found = entry.measured.metrics[metric]
    return with_found(entry, metric, method=replace(found.method, **fields))


def with_found(entry, metric, **fields):
    found = replace(entry.measured.metrics[metric], **fields)
    return replace(entry, measured=replace(entry.measured, metrics={**entry.measured.metrics, metric: found}))


def test_all_entries_in_the_repository_are_as_they_must_be(entries, canonical, controls):
    for entry in entries.values():
        lines = list(check_text(entry, canonical, controls))
        assert failed(lines) == {}
        assert {f"measured, {name}, controls" for name in METRICS} <= {line.what for line in lines}


def test_wrong_digests_are_found(entry, canonical, controls):
    other = replace(entry, dataset=replace(entry.dataset, fingerprint="0" * 64))
    (line,) = failed(check_text(other, canonical, controls)).values()
    assert line.what == "dataset"
    assert "000000000000, the leaderboard's is" in line.found
    assert "to do: build it with `python -m bam.build_dataset" in str(line)
    other = replace(entry, networks={**entry.networks, "scene": "1" * 64})
    (line,) = failed(check_text(other, canonical, controls)).values()
    assert line.found.startswith("scene 111111111111, not ")
    missing = replace(entry, networks={})
    assert "object none, not " in failed(check_text(missing, canonical, controls))["networks"].found


def test_controls_that_are_missing_or_not_where_they_must_be(entry, canonical, controls):
    known = entry.measured.metrics["idr"].controls
    without = {name: number for name, number in known.items() if name != "constant"}
    lines = failed(check_text(with_found(entry, "idr", controls=without), canonical, controls))
    assert lines["measured, idr, controls"].found == "constant missing"
    more = {**known, "own": known["constant"]}
    more = with_found(entry, "idr", controls=more)
    lines = failed(check_text(more, canonical, controls))
    assert lines["measured, idr, controls"].found == "own is none of the leaderboard's"
    assert all(line.passed for line in compare_scores("measured", more.measured, entry.measured))
    moved = {**known, "random": replace(known["random"], value=0.7, ci_low=0.6, ci_high=0.8)}
    lines = failed(check_text(with_found(entry, "idr", controls=moved), canonical, controls))
    assert "random 0.700 (0.600 ... 0.800) outside of 0.3" in lines["measured, idr, controls"].found


@pytest.mark.parametrize(
    ("fields", "what", "words"),
    [
        ({"n": 100}, "measured, idr, n", "which must be 100 in all"),
        ({"n": 0, "excluded": {"misclassified": 100}}, "measured, idr, n", "method: 0 used"),
        ({"value": 0.999}, "measured, idr, value", "not within its interval"),
        ({"value": None}, "measured, idr, value", "no value"),
        ({"rank": None}, "measured, idr, value", "needs all methods in one run"),
        ({"rank": (3, 2)}, "measured, idr, value", "3 ... 2 is none"),
    ],
)
def test_numbers_that_cannot_be(entry, canonical, controls, fields, what, words):
    lines = failed(check_text(changed(entry, **fields), canonical, controls))
    assert words in lines[what].found


def test_other_settings_and_missing_metrics(entry, canonical, controls):
    settings = {**entry.measured.metrics["idr"].settings, "limit": 1000}
    lines = failed(check_text(with_found(entry, "idr", settings=settings), canonical, controls))
    assert lines["measured, idr, settings"].found == "limit 1000, not 100"
    metrics = {name: found for name, found in entry.measured.metrics.items() if name != "iir"}
    few = replace(entry, measured=replace(entry.measured, metrics=metrics))
    assert failed(check_text(few, canonical, controls))["measured, metrics"].found == "without iir"
    more = {**entry.measured.metrics, "own": entry.measured.metrics["idr"]}
    more = replace(entry, measured=replace(entry.measured, metrics=more))
    found = failed(check_text(more, canonical, controls))["measured, metrics"].found
    assert found == "with own, which the leaderboard has not"
    none = replace(entry, measured=None, method=replace(entry.method, authors="", link=""))
    assert set(failed(check_text(none, canonical, controls))) == {"numbers", "authors"}


def moved_g_c(findings, by):
    first, *rest = findings.g_c["scene"]
    return replace(findings, g_c={**findings.g_c, "scene": (first + by, *rest)})


def test_g_c_must_come_out_again(entry):
    known, images = entry.measured, entry.images
    assert "bit for bit" in compare_g_c("measured", images, known, images, known).found
    here = moved_g_c(known, 1e-6)
    line = compare_g_c("measured", images, known, images, here)
    assert not line.passed
    assert "though processor, devices and versions are the same" in line.found
    elsewhere = replace(here, machine=replace(here.machine, processor="another"))
    assert compare_g_c("measured", images, known, images, elsewhere).passed
    far = replace(moved_g_c(known, 2e-3), machine=elsewhere.machine)
    line = compare_g_c("measured", images, known, images, far)
    assert not line.passed
    assert "allowed are 0.001" in line.found
    assert "other images" in compare_g_c("measured", images[1:], known, images, known).found
    few = replace(known, g_c={**known.g_c, "scene": ()})
    assert "0 for the network scene" in compare_g_c("measured", images, few, images, known).found


def test_tampered_scores_are_found(entry):
    known = entry.measured
    assert all(line.passed for line in compare_scores("measured", known, known))
    elsewhere = replace(known, machine=replace(known.machine, processor="another"))
    value = known.metrics["mcs"].method.value
    for fields in ({"value": value + 0.01}, {"ci_low": value - 1e-4}, {"n": 99}):
        tampered = changed(entry, "mcs", **fields).measured
        (line,) = failed(compare_scores("measured", tampered, elsewhere)).values()
        assert "mcs computed again" in line.what
    iir = known.metrics["iir"].method
    for images, passes in ((1, True), (3, False)):
        by = images / iir.n
        moved = {"value": iir.value + by, "ci_low": iir.ci_low + by, "ci_high": iir.ci_high + by}
        other = changed(entry, "iir", **moved).measured
        assert (failed(compare_scores("measured", other, elsewhere)) == {}) == passes
        assert len(failed(compare_scores("measured", other, known))) == 1
    # An interval that moved without its value.
    alone = changed(entry, "iir", ci_low=iir.ci_low + 0.01).measured
    assert len(failed(compare_scores("measured", alone, elsewhere))) == 1
    slightly = changed(entry, "mcs", value=value + 0.004).measured
    assert failed(compare_scores("measured", slightly, elsewhere)) == {}
    assert len(failed(compare_scores("measured", slightly, known))) == 1
    controls = known.metrics["mcs"].controls
    controls = {**controls, "random": replace(controls["random"], value=0.5)}
    (line,) = failed(
        compare_scores("measured", with_found(entry, "mcs", controls=controls).measured, known)
    ).values()
    assert "(random 0.500" in line.what
