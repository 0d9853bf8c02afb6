import json
from types import SimpleNamespace

import numpy as np
import pytest
import tf_keras as keras

from bam.attributions import METHODS
from bam.base.errors import BamError
from bam.base.files import write_json
from bam.data_prep.classes import COMMONALITIES, OBJECTS, SCENES
from bam.metrics.concepts import tcav
from bam.metrics.concepts.sensitivity import Measured, Pool, along, make_draws, make_pool, measure
from bam.metrics.evaluation.run import Request
from bam.metrics.independence.scenes import dogs
from bam.models.classifier import Classifier

BAMBOO = SCENES.index("bamboo_forest")
RED_RISES, RED_FALLS, GREEN_ONLY = range(3)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def colour_network():
    """Logits of the mean red, green and blue: red speaks for the first class, against the second, and
    is nothing to the third."""
    inputs = keras.Input((4, 4, 3))
    colours = keras.layers.GlobalAveragePooling2D(name="colours")(keras.layers.Rescaling(1 / 255)(inputs))
    dead = keras.layers.Rescaling(0.0, name="dead")(colours)
    logits = keras.layers.Dense(3, use_bias=False, name="logits")(
        keras.layers.Add(name="sum")([colours, dead])
    )
    model = keras.Model(inputs, logits)
    model.set_weights([np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])])
    return Classifier(model, range(3), "colours", labels="object", batch_size=16)


class Pictures:
    """Pictures in place of a view, all of one class."""

    def __init__(self, images, label):
        self.images, self.label = images, label
        self.sources = np.array([(f"c{i % 5}", f"s{i % 7}") for i in range(len(images))])

    def __len__(self):
        return len(self.images)

    def __getitem__(self, part):
        return SimpleNamespace(images=self.images[part])

    def labels(self, kind):
        assert kind == "object"
        return np.full(len(self), self.label)


def noise(rng, count):
    return rng.integers(0, 150, (count, 4, 4, 3)).astype(np.uint8)


@pytest.fixture
def red_pool(rng):
    """Noise, the first 60 pictures of it redder: the concept is the red channel."""
    pictures = noise(rng, 260)
    pictures[:60, ..., 0] += 100
    return Pool(pictures, make_draws(60, 200, images=30, runs=30, seed=0))


@pytest.mark.parametrize(("label", "score"), [(RED_RISES, 1), (RED_FALLS, 0)])
def test_the_known_concept_has_the_known_score(colour_network, red_pool, rng, label, score):
    pictures = Pictures(noise(rng, 40), label)
    measured = measure(colour_network, red_pool, pictures, ["colours", "logits"])
    found = tcav.layer_scores(measured, np.ones(40, bool))
    for layer in ("colours", "logits"):
        assert found[layer]["score"] == score
        assert found[layer]["passed"]
        assert found[layer]["cav_accuracy"] > 0.95
        assert found[layer]["random_cav_accuracy"] == pytest.approx(0.5, abs=0.15)
        assert 0 < found[layer]["random_score"] < 1


def test_what_moves_all_logits_alike_is_nothing_at_the_logits(red_pool, rng):
    inputs = keras.Input((4, 4, 3))
    colours = keras.layers.GlobalAveragePooling2D(name="colours")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, use_bias=False, name="logits")(colours))
    model.set_weights([np.array([[1.0, 1.0, 1.0], [1.0, -1.0, 0.0], [0.0, 1.0, -1.0]])])
    classifier = Classifier(model, range(3), labels="object")
    measured = measure(classifier, red_pool, Pictures(noise(rng, 10), 0), ["colours", "logits"])
    found = tcav.layer_scores(measured, np.ones(10, bool))
    assert found["colours"]["score"] == 1  # the logit itself does rise
    assert not found["logits"]["passed"]
    assert found["logits"]["cav_accuracy"] == pytest.approx(0.5, abs=0.1)


def test_what_is_nothing_to_the_class_is_not_significant(colour_network, red_pool, rng):
    measured = measure(colour_network, red_pool, Pictures(noise(rng, 10), GREEN_ONLY), ["colours", "dead"])
    found = tcav.layer_scores(measured, np.ones(10, bool))
    assert not found["colours"]["passed"]
    # A dead layer gives no direction, and no direction is no rise.
    assert found["dead"]["score"] == found["dead"]["random_score"] == 0
    assert (found["dead"]["p"], found["dead"]["passed"]) == (1, False)
    assert found["dead"]["cav_accuracy"] == 0.5


def test_the_gradient_at_the_logits_is_the_class_itself(colour_network, rng):
    images = colour_network.prepare(noise(rng, 5))
    targets = np.array([0, 1, 2, 1, 0])
    ((_, gradient),) = colour_network.layer_gradients(images, targets, ["logits"])
    np.testing.assert_array_equal(gradient, np.eye(3)[targets])


def test_correct_images_are_those_of_the_network(colour_network, red_pool, rng):
    pictures = noise(rng, 50)
    measured = measure(colour_network, red_pool, Pictures(pictures, RED_RISES), ["colours"])
    red, green, _ = pictures.mean((1, 2)).T
    assert measured.correct.tolist() == (red > green).tolist()
    assert measured.rises.shape == (2, 1, 30, 50)


def test_the_same_seed_measures_the_same(colour_network, red_pool, rng):
    pictures = Pictures(noise(rng, 20), RED_RISES)
    once, again = (measure(colour_network, red_pool, pictures, ["colours"]) for _ in range(2))
    np.testing.assert_array_equal(once.rises, again.rises)
    np.testing.assert_array_equal(once.accuracies, again.accuracies)


def test_a_derivative_of_zero_is_no_rise():
    gradient = np.array([[[1.0, 0.0]], [[0.0, 1.0]]], np.float32)
    cavs = np.array([[1.0, -1.0], [0.0, 2.0]], np.float32)
    assert along(gradient, cavs).tolist() == [[True, False], [False, True]]


def test_draws_are_distinct_images_of_their_kind():
    concept, random = make_draws(concept=12, others=30, images=10, runs=3, seed=0)
    assert len(concept) == len(random) == 3
    for dog, control in zip(concept, random, strict=True):
        assert len(set(dog.concept)) == 10
        assert set(dog.concept) <= set(range(12))
        for drawn in (dog.others, np.concatenate([control.concept, control.others])):
            assert len(set(drawn)) == len(drawn)
            assert set(drawn) <= set(range(12, 42))
    assert not np.array_equal(concept[0].others, concept[1].others)
    again = make_draws(concept=12, others=30, images=10, runs=2, seed=0)
    np.testing.assert_array_equal(again[0][1].concept, concept[1].concept)
    other = make_draws(concept=12, others=30, images=10, runs=2, seed=1)
    assert not np.array_equal(other[0][0].concept, concept[0].concept)


def test_the_pool_is_of_training_images(dataset):
    pool = make_pool(dataset, images=20, runs=2, seed=0)
    assert pool.images.shape == (80 + 100, 128, 128, 3)  # of 80 dogs and of 10 scenes of each class
    composed = dogs(dataset.view("object_scene", "train"))
    assert {OBJECTS[label] for label in composed.object_labels} == {"dog"}
    composites = {image.tobytes() for image in composed[:].images}
    assert all(image.tobytes() in composites for image in pool.images[:80])
    scenes = {image.tobytes() for image in dataset.view("scene_only", "train")[:].images}
    others = {image.tobytes() for image in pool.images[80:]}
    assert others <= scenes
    assert len(others) == 100


def test_too_few_images_are_named(dataset):
    with pytest.raises(BamError, match=r"80 training images .* 100 training scenes.* 100 and 200"):
        make_pool(dataset, images=100, runs=2, seed=0)


def test_welch_test_and_its_conventions(rng):
    ones, zeros = np.ones(5), np.zeros(5)
    assert tcav.p_value(ones, ones) == 1
    assert tcav.p_value(ones, zeros) == 0
    a, b = rng.normal(0, 1, 12), rng.normal(1, 3, 12)
    variances = a.var(ddof=1) / 12, b.var(ddof=1) / 12
    t = (a.mean() - b.mean()) / np.sqrt(sum(variances))
    freedom = sum(variances) ** 2 / ((variances[0] ** 2 + variances[1] ** 2) / 11)
    from scipy.stats import t as student

    assert tcav.p_value(a, b) == pytest.approx(2 * student.sf(abs(t), freedom))
    assert 0 < tcav.p_value(ones, np.array([1, 0, 1, 0, 1.0])) < 1
    assert tcav.p_value(a, b, (0.0, 0.0)) < tcav.p_value(a, b, (0.3, 0.0)) < tcav.p_value(a, b, (0.3, 0.3))


def test_the_test_holds_its_level_where_runs_share_images(rng):
    """Runs of a concept that is nothing: each errs by the mean of 20 of the same 60 numbers."""
    from bam.metrics.concepts.cav import common_share

    passed = []
    for seed in range(200):
        kinds = make_draws(60, 60, images=20, runs=15, seed=seed)
        common = [common_share(draws, 120) for draws in kinds]
        values = rng.normal(size=120)
        scores, baseline = (
            np.array([values[d.split()[0][0]].mean() - values[d.split()[0][1]].mean() for d in draws])
            for draws in kinds
        )
        passed.append((tcav.p_value(scores, baseline) < 0.05, tcav.p_value(scores, baseline, common) < 0.05))
    naive, corrected = np.mean(passed, 0)
    assert naive > 0.2
    assert corrected == pytest.approx(0.05, abs=0.04)


def measured(name, shares, correct, rng, runs=30):
    """A network whose logit rises in the given share of images, per layer; random concepts: in half."""
    images = len(correct)
    dogs = np.stack([rng.random((runs, images)) < share for share in shares])
    random = rng.random(dogs.shape) < 0.5
    accuracies = np.full((2, len(shares), runs), 0.9)
    layers = [f"layer{index}" for index in range(len(shares))]
    return Measured(name, layers, np.stack([dogs, random]), accuracies, (0.1, 0.0), np.asarray(correct), 1.0)


@pytest.fixture
def made_of():
    return np.array([(f"c{i % 8}", f"s{i % 9}") for i in range(60)])


def test_contrast_is_the_difference_over_layers_that_pass(rng, made_of):
    correct = np.arange(60) != 7
    first = measured("object", [0.9, 0.5, 0.8], correct, rng)
    second = measured("scene", [0.5, 0.3, 0.5], np.arange(60) != 8, rng)
    entries = tcav.contrast(first, second, made_of, seed=0)
    entry = entries["tcav"]
    used = correct & (np.arange(60) != 8)
    assert (entry["n"], entry["excluded"]) == (58, {"misclassified": 2})
    assert entry["passed"] == "2 of 3, 1 of 3"
    assert entry["first"] == pytest.approx(first.rises[0][[0, 2]][..., used].mean())
    assert entry["second"] == pytest.approx(second.rises[0][1][..., used].mean())
    assert entry["value"] == pytest.approx(entry["first"] - entry["second"])
    assert entry["ci_low"] < entry["value"] < entry["ci_high"]
    everywhere = [side.rises[0][..., used].mean() for side in (first, second)]
    assert entry["all_layers"]["value"] == pytest.approx(everywhere[0] - everywhere[1])
    control = entries["tcav_random"]
    assert control["control"]
    assert control["first"] == pytest.approx(first.rises[1][..., used].mean())
    assert control["ci_low"] < 0 < control["ci_high"]
    json.dumps(entries)


def test_the_interval_of_independent_values_is_that_of_their_mean(rng):
    table = rng.normal(0, 1, (1, 200)) + rng.normal(0, 1, (100, 1))
    alone = np.array([(f"c{i}",) for i in range(200)])
    low, high = tcav.run_interval(table, alone, 0.0, seed=0)
    sd = np.sqrt(1 / 200 + 1 / 100)
    assert high - low == pytest.approx(2 * 1.96 * sd, rel=0.15)
    low, high = tcav.run_interval(table, alone, 0.5, seed=0)
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(1 / 200 + 1 / 100 + 1), rel=0.15)
    assert tcav.run_interval(table, np.full((200, 1), "c"), 0.0, seed=0) == (None, None)


def test_where_no_layer_passes_the_score_is_that_of_the_random_concept(rng, made_of):
    sides = [measured(name, [share], np.ones(60, bool), rng) for name, share in (("f", 0.9), ("g", 0.5))]
    entry = tcav.contrast(*sides, made_of, seed=0)["tcav"]
    chance = sides[1].rises[1].mean()
    assert entry["second"] == pytest.approx(chance)
    assert entry["value"] == pytest.approx(sides[0].rises[0].mean() - chance)
    assert entry["ci_low"] < entry["value"] < entry["ci_high"]
    assert entry["all_layers"]["value"] == pytest.approx(0.4, abs=0.05)
    assert tcav._rejected(entry) == [
        "In none of the layers of g does the dog differ from a random concept (p < 0.01 after correction), "
        "so it has the score of that."
    ]


def test_no_correct_image_gives_no_number(rng, made_of):
    sides = [measured("f", [0.9], np.zeros(60, bool), rng)] * 2
    for entry in tcav.contrast(*sides, made_of, seed=0).values():
        assert (entry["value"], entry["n"], entry["excluded"]) == (None, 0, {"misclassified": 60})


@pytest.fixture
def models(scene_model_folder, dataset, tmp_path):
    """Untrained models of every name that TCAV looks for, quick to load."""
    content = json.loads((scene_model_folder / "scene" / "model.json").read_text())
    inputs = keras.Input((64, 64, 3))
    maps = keras.layers.MaxPooling2D(16, name="maps")(inputs)
    outputs = keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(maps))
    model = keras.Model(inputs, outputs)
    digest = Classifier(model, range(10)).digest
    for name in ("object", "scene", *(f"scene_commonality_{k:.1f}" for k in COMMONALITIES)):
        config = {**content["config"], "labels": name.split("_")[0]}
        config["commonality"] = float(name[-3:]) if "_" in name else None
        (tmp_path / "models" / name).mkdir(parents=True)
        model.save(tmp_path / "models" / name / "model.keras")
        write_json(tmp_path / "models" / name / "model.json", {**content, "config": config, "digest": digest})
    return tmp_path / "models"


def request(dataset, models, out, **settings):
    options = {"tcav_images": 10, "tcav_runs": 3, **settings}
    return Request(dataset, models, [METHODS["random"]], None, 10, 0, out, options=options)


def test_from_dataset_to_table(dataset, models, tmp_path):
    for k in COMMONALITIES[:9]:
        (models / f"scene_commonality_{k:.1f}" / "model.json").unlink()
    score = tcav.evaluate(request(dataset, models, tmp_path))
    content = json.loads(score.write().read_text())
    for entry in content["methods"].values():
        assert entry["n"] + entry["excluded"]["misclassified"] == 10
    assert [entry["control"] for entry in content["methods"].values()] == [False, True]
    assert content["series"] is None
    assert content["settings"]["runs"] == 3
    assert "9 of its 10 models are not there" in score.markdown()
    assert "tcav_random (control)" in score.markdown()


def test_the_series_follows_the_accuracy_drop(dataset, models, tmp_path, monkeypatch, rng):
    rises = dict(zip(COMMONALITIES, [0.9] * 6 + [0.2] * 4, strict=True))

    def fake(classifier, pool, view, names):
        share = rises.get(classifier.description["config"]["commonality"], 0.8)
        correct = np.ones(len(view), bool)
        if view.name == "bamboo_forest":
            correct[: 50 if share == 0.2 else 10] = False
        return measured(classifier.name, [share, 0.5], correct, np.random.default_rng(0))

    monkeypatch.setattr(tcav, "measure", fake)
    half = np.where(np.arange(100) < 50, BAMBOO, BAMBOO + 1)
    monkeypatch.setattr(tcav, "probabilities", lambda classifier, view: np.eye(10)[half])
    score = tcav.evaluate(request(dataset, models, tmp_path))
    series = score.content()["series"]
    np.testing.assert_allclose(series["accuracy_drop"], [0.4] * 6 + [0.0] * 4, atol=1e-9)
    values = [entry["value"] for entry in series["entries"]]
    np.testing.assert_allclose(values, [0.7] * 6 + [0.0] * 4, atol=0.03)
    assert series["entries"][-1]["value"] == 0
    assert series["correlation"]["value"] > 0.99
    assert series["correlation"]["n"] == 10
    assert series["predictors"]["step (k <= 0.6)"]["value"] == pytest.approx(1)
    ks = np.array(COMMONALITIES)
    assert series["predictors"]["-k"]["value"] == pytest.approx(np.corrcoef(-ks, ks <= 0.6)[0, 1])
    assert series["problems"] == []
    assert "| **accuracy drop** | 0.400 |" in score.markdown()
    assert set(score.models) == {"object", "scene", *(f"scene_commonality_{k:.1f}" for k in COMMONALITIES)}


def test_a_k_without_score_is_left_out_of_the_correlation():
    drops = [0.2, 0.1, 0.0, 0.3, 0.1]
    assert tcav._correlation([0.4, 0.2, 0.0, 0.6, None], drops)["n"] == 4
    assert tcav._correlation([0.4, 0.2, 0.0, 0.6, None], drops)["value"] == pytest.approx(1)
    assert tcav._correlation([None] * 5, drops) == {"value": None, "ci_low": None, "ci_high": None, "n": 0}
