"""Each method's own zero, beside what is counted by hand."""

import numpy as np
import pytest

from bam.base.errors import BamError
from bam.metrics import METRICS
from bam.metrics.contrast.variants import Contrast
from bam.metrics.evaluation.images import shuffled
from bam.metrics.evaluation.pairs import Pairs
from bam.metrics.evaluation.rows import Row
from bam.metrics.evaluation.untrained import adapting_images, own_zero, untrained_networks
from bam.metrics.independence.iir import Independence
from bam.metrics.scoring import evaluate
from bam.models.predictions import Predicted


def rows(values, predicted=0):
    return {
        "m": [
            Row(str(i), "v", "n", "m", 0, predicted, "ok", g, 0.0, 0.0, 0.0, 0.0, 0.1)
            for i, g in enumerate(values)
        ]
    }


def test_the_mean_is_over_networks_on_the_pairs_that_are_used():
    nan = np.nan
    found = Pairs(rows([1, 1, 1, 1]), rows([2, 2, 2, 2]), np.less, {"other": np.array([0, 0, 1, 1])})
    # What an untrained network answers does not matter; image 1 has no map of the second.
    zeros = [
        Pairs(rows([1, 5, 1, 1], predicted=3), rows([2, 2, 2, 2]), np.less),
        Pairs(rows([4, nan, 1, 1]), rows([2, 2, 2, 2], predicted=1), np.less),
    ]
    np.testing.assert_array_equal(own_zero(found, zeros)["m"], [0.5, 0, nan, nan])
    lost = [Pairs(rows([nan] * 4), rows([2] * 4), np.less)]
    np.testing.assert_array_equal(own_zero(found, lost)["m"], [nan] * 4)


METHODS = ("vanilla_gradient", "object_mask")


@pytest.mark.parametrize("name", ["mcs", "idr"])
def test_the_column_is_what_the_networks_themselves_have(name, run_for, all_correct):
    settings = Contrast(robustness=False, untrained=1)
    run = run_for(METHODS, limit=6, batch_size=6, asked={name: settings})
    score = evaluate(METRICS[name], run)
    models = [run.classifier(each) for each in (("object", "scene") if name == "mcs" else ("scene",))]
    before = [model.digest for model in models]
    (networks,) = untrained_networks(run, models, 1)
    views = [shuffled(run.dataset.view("object_scene"), 0)]
    views += [shuffled(run.dataset.view("scene_only"), 0)] if name == "idr" else []
    found = [run.collect(view, network)["vanilla_gradient"] for view in views for network in networks]
    first, second = (np.array([row.g_c for row in each]) for each in found)
    expected = first - second if name == "mcs" else first < second
    assert score["vanilla_gradient"].beside["untrained"].value == pytest.approx(expected.mean())
    assert score["object_mask"].beside["untrained"].value == 1
    assert "| random region | untrained |" in score.table().splitlines()[0]
    assert [run.models[model.name].digest for model in models] == before
    files = {path.name for path in run.keeping.folder.glob("*untrained*")}
    planned = {file for each in METRICS[name].planned(run, settings) for file in each.files.values()}
    assert files == {file for file in planned if "untrained" in file}
    assert len(files) == 2 * len(METHODS)


def test_no_two_networks_are_the_same_and_a_seed_is_enough(run_for):
    def digests(seed, count=1):
        run = run_for(seed=seed)
        models = [run.classifier(name) for name in ("object", "scene")]
        networks = [each for pair in untrained_networks(run, models, count) for each in pair]
        assert [each.labels for each in networks] == ["object", "scene"] * count
        return [each.digest for each in networks]

    first = digests(0, 2)
    assert digests(0) == first[:2]
    assert len({*first, *digests(1)}) == 6


@pytest.mark.parametrize(
    ("name", "view"),
    [
        ("object", ("object_scene", None)),
        ("scene_on_scene_only", ("scene_only", None)),
        ("scene_commonality_0.3", ("commonality", 0.3)),
    ],
)
def test_batch_norms_adapt_on_what_the_network_was_trained_on(name, view, run_for):
    run = run_for()
    found = adapting_images(run, run.classifier(name))
    kind, k = view
    expected = shuffled(run.dataset.view(kind, "train", k=k), run.settings.seed)
    assert found.ids == expected.ids
    assert (found.name, found.present.tolist()) == (expected.name, expected.present.tolist())


def test_iir_has_the_same_patches(run_for, all_correct):
    settings = Independence(patch_tolerance=0.9, untrained=1)
    run = run_for(("constant", "random"), limit=2, batch_size=2, asked={"iir": settings})
    score = evaluate(METRICS["iir"], run)
    assert score["constant"].beside["untrained"].value == 1
    assert score["constant"].beside["untrained"].n == score["constant"].n > 0
    assert "| random region | untrained |" in score.table().splitlines()[0]
    assert len(list((run.out / "patches").iterdir())) == 1
    planned = {file for each in METRICS["iir"].planned(run, settings) for file in each.files.values()}
    assert planned == {path.name for path in run.keeping.folder.glob("*.csv")}


def test_where_there_is_no_zero_it_is_said(run_for):
    run = run_for(model="object", asked={"iir": Independence(untrained=1)})
    with pytest.raises(BamError, match="`untrained` networks explain the true class, which for object"):
        evaluate(METRICS["iir"], run)
    given = Predicted("scene", (16, 16), {}, {}, "a file")
    with pytest.raises(BamError, match="`untrained` needs the networks, of which the answers alone"):
        next(untrained_networks(run, [given], 1))
    assert list(untrained_networks(run, [given], 0)) == []
