"""Effect, of networks and methods whose answers are worked out here."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import softmax

import bam
from bam.attributions import METHODS
from bam.attributions.registry import Method
from bam.base.errors import BamError
from bam.metrics import METRICS
from bam.metrics.effect import effect as module
from bam.metrics.effect.effect import Effect, _calibration
from bam.metrics.evaluation.images import shuffled
from bam.metrics.evaluation.rows import Row
from bam.metrics.evaluation.untrained import untrained_networks
from bam.metrics.scoring import evaluate
from bam.metrics.statistics.resampling import Resampling

LIMIT = 24
FOUR = "integrated_gradients(samples=4)"


def answers(classifier, images, labels):
    """The log odds of the true class."""
    p = softmax(classifier.logits(classifier.prepare(images)).astype(float), 1)[
        np.arange(len(labels)), labels
    ]
    return np.log(p / (1 - p))


def measured(dataset, classifier, kind, seed=0):
    """The effect of the object in each image, by its id."""
    with_object, without = (shuffled(dataset.view(name), seed)[:] for name in ("object_scene", "scene_only"))
    labels = with_object.labels(kind)
    change = answers(classifier, with_object.images, labels) - answers(classifier, without.images, labels)
    return dict(zip(with_object.ids, change, strict=True))


def oracle(effects, sign):
    """A method that gives the object what its effect's place among all is, and without it nothing."""
    order = sorted(effects.values())

    def knowing(classifier, images, targets, *, masks, ids):
        maps = np.zeros(images.shape[:3], np.float32)
        for plane, mask, image in zip(maps, masks, ids, strict=True):
            if mask.any():
                plane[np.where(~mask)[0][:20], np.where(~mask)[1][:20]] = 1  # its largest value
                place = (order.index(effects[image]) + 1) / (len(order) + 1)
                plane[mask] = place if sign > 0 else 1 - place
        return maps

    return knowing


@pytest.fixture(scope="module")
def effects(dataset, suite_folder):
    classifiers = {kind: bam.load_classifier(suite_folder / kind) for kind in ("object", "scene")}
    return {kind: measured(dataset, classifier, kind) for kind, classifier in classifiers.items()}


@pytest.fixture(scope="module")
def scores(effects, run_in, tmp_path_factory):
    """Of both networks, as if they recognised the images that have objects, and f_s the others too."""
    with pytest.MonkeyPatch.context() as patch:
        recognised = property(lambda row: row.model == "scene" or row.view == "object_scene" or
                              row.target == row.predicted)  # fmt: skip
        patch.setattr(Row, "correct", recognised)
        found = {}
        for kind in ("object", "scene"):
            methods = [
                Method(name, oracle(effects[kind], sign)) for name, sign in (("oracle", 1), ("inverted", -1))
            ]
            methods += [
                "vanilla_gradient",
                METHODS["integrated_gradients"].with_settings(samples=4),
                "random",
            ]
            run = run_in(
                tmp_path_factory.mktemp(kind),
                methods,
                limit=LIMIT,
                batch_size=LIMIT,
                asked={"effect": Effect(kind, donors=2, untrained=2 if kind == "scene" else 0)},
            )
            found[kind] = evaluate(METRICS["effect"], run)
    return found


@pytest.mark.parametrize("kind", ["object", "scene"])
def test_what_knows_the_effect_has_1_and_its_opposite_has_less_by_2(scores, kind):
    score = scores[kind]
    assert score["oracle"].value == 1
    assert score["inverted"].value == -1
    assert score["random"].ci_low <= 0 <= score["random"].ci_high
    assert score["oracle"].rank[0] == 1
    assert score["inverted"].rank[1] == 4
    assert {line.n for line in score.lines.values()} == {LIMIT}
    assert score["oracle"].beside["logit"].value < 1


@pytest.mark.parametrize("kind", ["object", "scene"])
def test_how_near_each_method_comes_to_the_effect_of_an_image(scores, kind):
    found = scores[kind].basis.measured.nearness
    assert (found.values["oracle"] == 0).all()
    places = (np.arange(LIMIT) + 0.5) / LIMIT
    assert sorted(found.values["inverted"]) == pytest.approx(sorted(-abs(2 * places - 1)))
    assert len(set(found.ids)) == LIMIT == len(found.sources)
    # Without ties Spearman's correlation is made up of it.
    squares = (found.values["random"] ** 2).mean()
    expected = 1 - 6 * LIMIT**2 / (LIMIT**2 - 1) * squares
    assert scores[kind]["random"].value == pytest.approx(expected)


def test_numbers_are_those_of_rows_and_forward_passes(scores, effects, dataset):
    score = scores["scene"]
    run = score.basis.run
    views = [shuffled(dataset.view(name), 0) for name in ("object_scene", "scene_only")]
    rows = [run.collect(view, run.classifier("scene"))["vanilla_gradient"] for view in views]
    truth = np.array([effects["scene"][row.image_id] for row in rows[0]])
    line = score["vanilla_gradient"]
    changes = {
        key: np.array([getattr(a, key) - getattr(b, key) for a, b in zip(*rows, strict=True)])
        for key in ("g_c", "signed", "raw")
    }
    found = line.beside
    for value, change in (
        (line.estimate, "g_c"),
        (found["signed_change"], "signed"),
        (found["raw_change"], "raw"),
    ):
        assert value.value == pytest.approx(stats.spearmanr(changes[change], truth).statistic)
        assert value.ci_low < value.value < value.ci_high
    alone = [row.g_c for row in rows[0]]
    assert found["attribution"].value == pytest.approx(stats.spearmanr(alone, truth).statistic)
    labels = views[0].scene_labels[:LIMIT]
    within = [
        (
            np.sum(labels == label),
            stats.spearmanr(changes["g_c"][labels == label], truth[labels == label]).statistic,
        )
        for label in np.unique(labels)
        if np.sum(labels == label) >= 4
    ]
    sizes, each = np.array(within).T
    assert found["within_classes"].value == pytest.approx((sizes * each).sum() / sizes.sum())
    details = score.details["effects"]["scene"]
    assert details["mean"]["log_odds_noise"] is None or details["mean"]["log_odds_noise"] > 0
    assert f"of the {details['recognised']} images that count, of {LIMIT}." in score.table()


def test_untrained_networks_are_each_methods_own_zero(scores, effects, dataset):
    run = scores["scene"].basis.run
    views = [shuffled(dataset.view(name), 0) for name in ("object_scene", "scene_only")]
    found = {"vanilla_gradient": [], "oracle": []}
    for (network,) in untrained_networks(run, [run.classifier("scene")], 2):
        rows = [run.collect(view, network) for view in views]
        for name, of in found.items():
            change = [a.g_c - b.g_c for a, b in zip(*(each[name] for each in rows), strict=True)]
            truth = [effects["scene"][row.image_id] for row in rows[0][name]]
            of.append(stats.spearmanr(change, truth).statistic)
    for name, of in found.items():
        assert scores["scene"][name].beside["untrained"].value == pytest.approx(np.mean(of))
    assert found["vanilla_gradient"][0] != found["vanilla_gradient"][1]
    assert "untrained" not in scores["object"]["vanilla_gradient"].beside


def test_signs_count_where_the_effect_is_larger_than_its_noise(scores, effects):
    line = scores["scene"]["oracle"]  # whose g_c always rises
    sign = line.beside["sign"]
    assert 0 < sign.n < LIMIT
    values = [effects["scene"][row.image_id] for row in _rows(scores["scene"])]
    assert sign.value * sign.n <= sum(value > 0 for value in values)
    noise = _noise(scores["scene"])
    clear = [value > 0 for value, wide in zip(values, noise, strict=True) if abs(value) > wide]
    assert (sign.n, sign.value) == (len(clear), pytest.approx(np.mean(clear)))


def _rows(score):
    run = score.basis.run
    return run.collect(shuffled(run.dataset.view("object_scene"), 0), run.classifier("scene"))["random"]


def _noise(score):
    """From the files of the answers, two exchanges."""
    exchanged = []
    for number in (1, 2):
        (path,) = score.basis.run.keeping.folder.glob(f"scene-*-exchanged_{number}-*.csv")
        lines = [line.split(",") for line in path.read_text().splitlines()]
        place = lines[0].index("log_odds")
        exchanged.append([float(line[place]) for line in lines[1:][:LIMIT]])
    first, second = np.array(exchanged)
    return np.abs(first - second) / np.sqrt(2)


def test_the_completeness_error_is_that_of_methods_that_claim_it(scores, dataset):
    score = scores["scene"]
    assert [name for name in score if "completeness_error" in score[name].beside] == [FOUR]
    classifier = score.basis.run.classifier("scene")
    batch = shuffled(dataset.view("object_scene"), 0)[:LIMIT]
    images = classifier.prepare(batch.images)
    maps = bam.explain(classifier, images, batch.scene_labels, method="integrated_gradients", samples=4)
    rise = classifier.logits(images) - classifier.logits(np.zeros_like(images))
    errors = np.abs(maps.sum((1, 2, 3)) - rise[np.arange(LIMIT), batch.scene_labels])
    found = score[FOUR].beside["completeness_error"].value
    assert found == pytest.approx(errors.mean(), rel=0.02, abs=1e-4)


def test_calibration_is_the_mean_effect_in_each_tenth():
    rng = np.random.default_rng(0)
    changes, effects = rng.permutation(30).astype(float), rng.normal(size=32)
    changes = np.concatenate([changes, [np.nan] * 2])
    resampling = Resampling(np.arange(32)[:, None].repeat(2, 1), 0)
    found = _calibration(changes[None], effects, resampling)["curves"]["calibration"]
    expected = [effects[np.argsort(changes)[3 * place : 3 * place + 3]].mean() for place in range(10)]
    assert found == pytest.approx(expected)
    tied = _calibration(np.ones((1, 32)), effects, resampling)
    assert tied["curves"]["calibration"] is tied["curve_intervals"]["calibration"] is None


def test_the_chart_shows_it(scores, tmp_path):
    path = scores["scene"].write(tmp_path)
    assert path.with_suffix(".png").exists()
    again = bam.read_score(path)
    means = again["oracle"].curves["calibration"]
    assert list(means) == sorted(means)
    assert again.chart.panels == {"mean effect on the log odds": "calibration"}


def test_the_series_is_one_correlation_over_all_networks(run_for, dataset, all_correct, monkeypatch):
    two = ("scene_commonality_0.1", "scene_commonality_1.0")
    monkeypatch.setattr(module, "networks", lambda run: {name: run.classifier(name) for name in two})
    run = run_for(limit=4, asked={"effect": Effect("series", donors=2)})
    score = evaluate(METRICS["effect"], run)
    assert tuple(score.details["effects"]) == two
    line, view = score["random"], shuffled(dataset.view("bamboo_forest"), 0)
    assert line.n == line.beside["within_classes"].n == 8
    changes, effects = [], []
    for classifier in map(run.classifier, two):
        first, second = (run.collect(each, classifier)["random"] for each in (view, view.without_object()))
        changes += [a.g_c - b.g_c for a, b in zip(first, second, strict=True)]
        with_dog, without = (
            answers(classifier, each[:4].images, each[:4].scene_labels)
            for each in (view, view.without_object())
        )
        effects += (with_dog - without).tolist()
    assert line.value == pytest.approx(stats.spearmanr(changes, effects).statistic)


def test_a_series_that_is_not_there_is_named(run_for, tmp_path):
    run = run_for(models=tmp_path, asked={"effect": Effect("series")})
    with pytest.raises(BamError, match=r"the series needs ten models, and .* lacks scene_commonality_0\.1"):
        evaluate(METRICS["effect"], run)


def test_an_untrained_network_whose_maps_tie_counts_for_none(effects, run_in, tmp_path, monkeypatch):
    monkeypatch.setattr(Row, "correct", property(lambda row: True))

    def silent(classifier, images, targets):
        if classifier.name.endswith("untrained_1"):
            return np.ones(images.shape[:3], np.float32)
        return classifier.gradient(images, targets)

    asked = {"effect": Effect(donors=2, untrained=2)}
    run = run_in(tmp_path, [Method("silent", silent)], limit=LIMIT, batch_size=LIMIT, asked=asked)
    found = evaluate(METRICS["effect"], run)["silent"].beside["untrained"]
    assert found.n == LIMIT
    assert found.value is not None


def test_maps_of_regions_are_planned(run_in, tmp_path):
    run = run_in(tmp_path, ["vanilla_gradient"], limit=4)
    plain, more = (module._planned(run, Effect(regions=regions)) for regions in (False, True))
    assert len(more) == len(plain) + 1
    assert "vanilla_gradient" in more[-1].files
