"""docs/methods.md has a card for every registered method, whose facts are those of the code."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import tf_keras as keras
from scipy.ndimage import gaussian_filter

from bam.attributions import METHODS, explain
from bam.attributions.lengths import scaled
from bam.attributions.removal.engine import Removal
from bam.base.citations import PUBLICATIONS
from bam.models.architectures.vit import vision_transformer
from bam.models.classifier import Classifier

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "methods.md").read_text(encoding="utf-8")
CARDS = dict(re.findall(r"^### `(\w+)`\n\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
SAMPLES = 3
# Whether the map adds up to the logit's rise from the baseline; what is not here does not.
ADDS_UP = {
    "integrated_gradients": "yes",
    "integrated_gradients_smoothgrad": "on average",
    "gradient_shap": "on average",
    "blur_integrated_gradients": "yes",
    "guided_integrated_gradients": "as steps become smaller",
}
# The samples with which each of these comes so near, relative to the rise.
RISES = {
    "integrated_gradients": (200, 0.01),
    "integrated_gradients_smoothgrad": (2000, 0.1),
    "gradient_shap": (2000, 0.1),
    "blur_integrated_gradients": (200, 0.01),
    "guided_integrated_gradients": (400, 0.1),
}
# How cards call the sections of results.md.
SECTIONS = {
    "Effect of the object, image by image": "effect",
    "Generative versions of methods that remove pixels": "generative versions",
    "Model contrast score": "MCS",
    "Fine-grained MCS": "RMCS",
    "Input dependence rate": "IDR",
    "Input independence rate": "IIR",
    "Inpainting metric": "inpainting",
    "Perturbation metrics": "perturbation",
    "Localisation": "localisation",
    "Methods of other libraries": "other libraries",
    "Several trainings": "trainings",
    "Robustness and randomisation": "robustness and randomisation",
}
SIZE, PATCH = (12, 20), 4
# How many images the slow methods ask about with the settings of `small`, for one map.
ASKED = {
    "sliding_patch": (0, 33),
    "lime": (0, 12),
    "rise": (0, 12),
    "kernel_shap": (0, 12),
    "meaningful_perturbation": (3, 0),
    "sliding_patch_g": (0, 33),
    "lime_g": (0, 12),
    "meaningful_perturbation_g": (3, 0),
    "score_cam": (0, 9),
}
# Of what their maps consist, if not of pixels.
PIECES = {
    "lime": "one for every superpixel",
    "rise": "a mean of interpolated ones",
    "kernel_shap": "one for every superpixel",
    "meaningful_perturbation": "one for every cell of the mask",
    "lime_g": "one for every superpixel",
    "meaningful_perturbation_g": "one for every cell of the mask",
}


@pytest.fixture(scope="module")
def networks():
    """A convolutional network with its preprocessing inside, and a vision transformer."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((*SIZE, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1, name="preprocess")(inputs)
    x = keras.layers.Conv2D(6, 3, activation="relu", padding="same")(x)
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu", padding="same")(x)
    logits = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x))
    transformer = vision_transformer("transformer", SIZE, PATCH, 16, 2, 2, 3)
    models = {"network": keras.Model(inputs, logits), "transformer": transformer}
    return [Classifier(model, "abc", name, "object", batch_size=8) for name, model in models.items()]


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    masks = np.zeros((4, *SIZE), bool)
    masks[:, 3:9, 4:12] = True
    return rng.uniform(0, 255, (4, *SIZE, 3)).astype(np.float32), np.array([0, 1, 2, 0]), masks


@dataclass
class Seen:
    """What a method asked of a classifier.

    gradients, forwards: images that went through a network, with a derivative and without. enlarged: of the
    maps that were brought to the input's size, whether they were smaller.
    """

    gradients: int = 0
    forwards: int = 0
    enlarged: set = field(default_factory=set)

    def spent(self, gradients):
        self.gradients += gradients

    def cost(self, images):
        """In words, for one image."""
        amounts = {1: "1", 2: "2", SAMPLES: "`samples`"}
        words = []
        for count, one, several in (
            (self.gradients / images, "gradient", "gradients"),
            (self.forwards / images, "forward pass", "forward passes"),
        ):
            words += [f"{amounts[count]} {one if count == 1 else several}"] if count else []
        return " and ".join(words) or "no pass through the network"


@pytest.fixture
def watched(monkeypatch):
    """Calls a function; its result, and what it asked of the classifier."""
    from bam.models import classifier

    seen = []
    run, resized, sums = Classifier._run, Classifier.at_input_size, classifier.sampled_sums

    def watched_run(self, key, make, images, *others):
        kind = key if isinstance(key, str) else key[0]
        assert kind in ("gradient", "guided_gradient", "layer_gradients", "logits", "features")
        if kind in ("logits", "features"):
            seen[-1].forwards += len(images)
        else:
            seen[-1].gradients += len(images)
        return run(self, key, make, images, *others)

    def watched_sums(add, *given):
        def watched_add(*arrays):
            seen[-1].gradients += len(arrays[-1])
            return add(*arrays)

        return sums(watched_add, *given)

    def watched_resizing(self, maps):
        seen[-1].enlarged.add(maps.shape[1:3] != SIZE)
        return resized(self, maps)

    batches, compiled = Removal._batches, Classifier.compiled

    def watched_batches(self, *given):
        for ask, index, *arrays in batches(self, *given):
            seen[-1].forwards += len(index)
            yield ask, index, *arrays

    def watched_compiled(self, key, make):
        function = compiled(self, key, make)
        if key == "legrad":
            return lambda images, targets: seen[-1].spent(len(images)) or function(images, targets)
        if not str(key).startswith("meaningful_perturbation"):
            return function

        def step(state, *given):
            seen[-1].gradients += state.shape[1]
            return function(state, *given)

        return step

    monkeypatch.setattr(Removal, "_batches", watched_batches)
    monkeypatch.setattr(Classifier, "compiled", watched_compiled)
    monkeypatch.setattr(Classifier, "_run", watched_run)
    monkeypatch.setattr(Classifier, "at_input_size", watched_resizing)
    monkeypatch.setattr(classifier, "sampled_sums", watched_sums)

    def watch(function):
        seen.append(Seen())
        return function(), seen[-1]

    return watch


def measured(name):
    """The sections of results.md that have a row of the method in a table, by their short names."""
    sections = re.split(r"^## ", (DOCS / "results.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    for section in sections:
        title = section.splitlines()[0].split(" (")[0]
        if re.search(rf"^\| {name}[ (|]", section, re.MULTILINE):
            yield SECTIONS.get(title, title)


def sources(method):
    for key in method.cite:
        publication = PUBLICATIONS[key]
        authors = [author.split(",")[0] for author in publication.authors.split(" and ")]
        who = " & ".join(authors) if len(authors) < 3 else f"{authors[0]} et al."
        year = f"{who} {publication.year}"
        where = f"(https://arxiv.org/abs/{publication.arxiv})"
        yield f"[{year}]{where}" if publication.arxiv else f"{year} ({publication.venue})"


def resolution(name, maps, seen):
    """What the map has a value of its own for, in words."""
    if name in PIECES:
        assert name == "rise" or len(np.unique(maps[0])) < maps[0].size / 2
        return PIECES[name]
    if True not in seen.enlarged:
        return "a value of its own for every pixel"
    whole = False in seen.enlarged or maps.ndim == 4
    return "in part interpolated" if whole else "interpolated"


def facts(name, networks, batch, watched, small, dataset):
    """The list that stands in the card of a method, from the registry and from what it does."""
    method, (images, targets, masks) = METHODS[name], batch
    network = next(each for each in networks if not method.unsuited(each))
    settings = small(name) or ({"samples": SAMPLES} if "samples" in method.defaults else {})

    def maps(targets=targets, seed=0):
        return watched(lambda: explain(network, images, targets, method, seed, masks, **settings))

    found, seen = maps()
    again, other_class = maps(seed=1)[0], maps((targets + 1) % 3)[0]
    needs = [need.__doc__.split("\n")[0].rstrip(".") for need in method.needs]
    words = [need[0].lower() + need[1:] if need.split()[0].istitle() else need for need in needs]
    draws = [] if np.array_equal(found, again) else ["yes, from a seed of each image"]
    assert method.seeded == bool(draws)  # none is asked for that it does not use
    if method.takes("fill_seed"):
        known = {"dataset": dataset, "ids": dataset.view("object_scene").ids[: len(images)]}
        filled = [explain(network, *batch[:2], name, fill_seed=n, **known, **settings) for n in (0, 1)]
        assert not np.array_equal(*filled)
        draws.append("what `donor` fills with, from `fill_seed` and the image's id")
    random = ", and ".join(draws) or "no"
    yield f"- Settings: {f'`{method.signature}`' if method.defaults else 'none'}"
    yield f"- Needs of a network: {'; '.join(words) or 'nothing'}"
    if method.slow:
        assert (seen.gradients / len(images), seen.forwards / len(images)) == ASKED[name]
    yield f"- Costs: {method.slow or seen.cost(len(images))}. Random: {random}"
    label = "no" if np.array_equal(found, other_class) else "yes"
    yield f"- Depends on the class to explain: {label}. Adds up: {ADDS_UP.get(name, 'no')}"
    signed = "signed" if found.min() < 0 else "not negative"
    yield f"- Map: {'H x W x 3' if found.ndim == 4 else 'H x W'}, {signed}, {resolution(name, found, seen)}"
    if not method.control:
        yield f"- From: {', '.join(sources(method))}"
    yield f"- Measured: {', '.join(measured(name)) or 'not yet'}"


def test_there_is_a_card_for_every_method_in_their_order():
    assert list(CARDS) == list(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_the_facts_of_a_card_are_those_of_the_code(name, networks, batch, watched, small, dataset):
    stated = [line for line in CARDS[name].splitlines() if line.startswith("- ")]
    assert stated == list(facts(name, networks, batch, watched, small, dataset))
    prose = CARDS[name].replace("\n".join(stated), "").split()
    assert len(prose) > 5


def test_the_methods_whose_map_of_one_colour_is_zero_are_named(networks, small):
    plain = [name for name, method in METHODS.items() if method.takes("fill")]
    grey = np.full((1, *SIZE, 3), 77, np.float32)
    zero = [
        name
        for name in plain
        if abs(explain(networks[0], grey, [1], name, fill="mean", **small(name))).max() < 1e-6
    ]
    words = re.search(r"An image of one colour has a map of zeros by (.*?), with\s", PAGE.replace("\n", " "))
    assert re.findall(r"`(\w+)`", words[1]) == zero


@pytest.mark.parametrize("name", ADDS_UP)
def test_what_is_said_to_add_up_does(name, networks, batch):
    """Without noise: with it, it is the mean rise to noisy images."""
    network, (images, targets, _) = networks[0], batch
    samples, near = RISES[name]
    settings = {"samples": samples} | ({"noise": 0.0} if "noise" in METHODS[name].defaults else {})
    start = 0 * images
    if name == "blur_integrated_gradients":
        sigma = scaled(METHODS[name].defaults["max_sigma"], SIZE)
        start = gaussian_filter(images, (0, sigma, sigma, 0), mode="constant")
    rise = np.diff([network.logits(each)[np.arange(4), targets] for each in (start, images)], axis=0)[0]
    sums = explain(network, images, targets, name, **settings).sum((1, 2, 3))
    np.testing.assert_allclose(sums, rise, rtol=near)


@pytest.mark.parametrize("name", [name for name in METHODS if name not in ADDS_UP])
def test_what_is_not_said_to_add_up_does_not(name, networks, batch, small):
    images, targets, masks = batch
    network = next(each for each in networks if not METHODS[name].unsuited(each))
    settings = small(name) or ({"samples": SAMPLES} if "samples" in METHODS[name].defaults else {})
    rise = np.diff([network.logits(each)[np.arange(4), targets] for each in (0 * images, images)], axis=0)[0]
    sums = explain(network, images, targets, name, 0, masks, **settings).reshape(4, -1).sum(1)
    assert not np.allclose(sums, rise, rtol=0.1)


# What the table calls the needs.
WORDS = {
    "lacks_relu": "ReLUs",
    "lacks_feature_maps": "feature maps",
    "lacks_second_class": "two classes",
    "lacks_attention": "attention",
    "lacks_token_sums": "attention, sums of tokens",
    "lacks_linear_pieces": "linear pieces",
}


def scored(section, name):
    """A method's value in the first table of a section of results.md, and its rank set if it has one."""
    text = (DOCS / "results.md").read_text(encoding="utf-8").partition(f"\n## {section}")[2]
    head, _, *lines = re.search(r"(^\|.*\n)+", text, re.MULTILINE)[0].splitlines()
    titles = [title.strip() for title in head.split("|")[1:-1]]
    for line in lines:
        cells = dict(zip(titles, (cell.strip() for cell in line.split("|")[1:-1]), strict=True))
        if cells["method"].removesuffix(" (control)") == name:
            rank = cells["rank set"]
            return next(iter(list(cells.values())[1:])) + (f" ({rank})" if rank != "-" else "")
    return "-"


def test_the_table_has_every_method_with_what_its_card_and_the_results_say():
    table = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| [`")]
    assert [re.fullmatch(r"\| \[`(\w+)`\]\(#\1\)", line[0])[1] for line in table] == list(METHODS)
    for name, (_, formula, *stated) in zip(METHODS, table, strict=True):
        card, needs = CARDS[name], [WORDS[need.__name__] for need in METHODS[name].needs]
        source = re.search(r"^- From: (.*)", card, re.MULTILINE)
        cost = re.search(r"^- Costs: (.*?)\. Random", card, re.MULTILINE)[1]
        sections = ("Model contrast score", "Input dependence rate", "Input independence rate")
        assert stated == [
            source[1] if source else "-",
            "; ".join(needs) or "-",
            re.split(": |, and as many", cost)[0],
            *(scored(section, name) for section in sections[:2]),
            f"{scored(sections[2], name)} |",
        ]
        assert formula.strip()
