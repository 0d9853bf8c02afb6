"""What a run would compute, from the rows that are there."""

from types import SimpleNamespace

import pytest

from bam.base.errors import BamError
from bam.metrics import METRICS
from bam.metrics.contrast.variants import Contrast
from bam.metrics.evaluation.plan import Planned, shares
from bam.metrics.evaluation.rows import seconds_of
from bam.metrics.independence.iir import Independence
from bam.metrics.localisation.localisation import Localisation
from bam.metrics.metric import NoSettings
from bam.metrics.randomisation.randomisation import Randomisation
from bam.metrics.robustness.robustness import Robustness
from bam.metrics.scoring import evaluate

HEAD = "image_id,method,seconds"


def planned(images="object_scene", model="scene", count=6, **files):
    """Of images called 0, 1, ..., in batches of two."""
    ids = [str(number) for number in range(count)]
    classifier = SimpleNamespace(name=model, batch_size=2)
    return Planned(SimpleNamespace(name=images, ids=ids), classifier, files)


def write(folder, name, **seconds):
    lines = [HEAD, *(f"{image[1:]},x,{time}" for image, time in seconds.items())]
    (folder / name).write_text("\n".join(lines) + "\n")


def test_rows_are_counted_and_the_others_timed_by_them(tmp_path):
    write(tmp_path, "a.csv", _0=1.0, _1=2.0, _2=3.0)
    write(tmp_path, "whole.csv", **{f"_{number}": 5 for number in range(6)})
    of = planned(some="a.csv", none="b.csv", whole="whole.csv", unkept=None)
    other = planned("scene_only", some="c.csv")
    found = {(each.images, each.method): each for each in shares([of, other], tmp_path, None)}
    some = found["object_scene", "some"]
    assert (some.there, some.lacking, some.model) == (3, 3, "scene")
    assert some.seconds == 8.0  # of four images, since batches are whole
    assert found["scene_only", "some"].seconds == 12.0  # told by the other images
    assert found["object_scene", "none"].seconds is None
    assert found["object_scene", "unkept"].lacking == 6
    whole = found["object_scene", "whole"]
    assert (whole.there, whole.lacking, whole.seconds) == (6, 0, 0.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "whole.csv"]


def test_a_limit_is_rounded_up_to_whole_batches_for_the_time_alone(tmp_path):
    write(tmp_path, "a.csv", _0=1.0, _1=1.0)
    (share,) = shares([planned(some="a.csv")], tmp_path, 3)
    assert (share.there, share.lacking, share.seconds) == (2, 1, 2.0)
    (share,) = shares([planned(some="a.csv")], tmp_path, 2)
    assert (share.there, share.lacking, share.seconds) == (2, 0, 0.0)


def test_asking_changes_no_file(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"{HEAD}\n0,x,0.5\n1,x,0.")  # torn
    before = path.stat().st_mtime_ns
    assert seconds_of(path) == {"0": 0.5}
    assert path.stat().st_mtime_ns == before
    assert seconds_of(tmp_path / "none.csv") == {}
    path.write_text("image,score\n1,2\n")
    with pytest.raises(BamError, match="is damaged or of another version: remove it"):
        seconds_of(path)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("mcs", Contrast(robustness=False, premise=False)),
        ("idr", Contrast(premise=False)),
        ("rmcs", NoSettings()),
        ("iir", Independence(patch_recipe="both")),
        ("violation", None),
        ("localisation", Localisation(threshold_images=3)),
        ("robustness", Robustness(other_seeds=1)),
        ("randomisation", Randomisation(weight_draws=1)),
    ],
)
def test_what_is_planned_is_what_a_run_writes(run_for, all_correct, name, settings):
    metric = METRICS[name]
    settings = metric.settings() if settings is None else settings
    run = run_for(("constant", "random"), limit=3, batch_size=4, asked={name: settings})
    folder = run.keeping.folder

    def asked():
        wanted = metric.planned(run, settings)
        return wanted, shares(wanted, folder, 3)

    wanted, before = asked()
    assert not run.out.exists()
    assert {(each.there, each.lacking, each.seconds) for each in before} == {(0, 3, None)}
    evaluate(metric, run)
    files = {file for each in wanted for file in each.files.values()}
    assert files == {path.name for path in folder.glob("*.csv")}
    assert {(each.there, each.lacking, each.seconds) for each in asked()[1]} == {(3, 0, 0.0)}
