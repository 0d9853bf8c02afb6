"""Folders of untrained models, of every name that the metrics ask for, and runs of these."""

import pytest


@pytest.fixture(scope="session")
def suite_folder(untrained, tmp_path_factory):
    """All thirteen models of the suite, tiny and untrained. Not to be changed."""
    from bam.models.training.task import SUITE

    folder = tmp_path_factory.mktemp("suite")
    for seed, task in enumerate(SUITE):
        untrained(folder, task, seed)
    return folder


@pytest.fixture(scope="session")
def trainings_folder(untrained, tmp_path_factory):
    """Three trainings of `scene`, two of `object`, one of `scene_on_scene_only`. Not to be changed."""
    from bam.base.files import read_json, write_json
    from bam.models.training.task import Task

    folder = tmp_path_factory.mktemp("trainings")
    tasks = [(Task("scene"), 3), (Task("object"), 2), (Task("scene", "scene_only"), 1)]
    for seed, (task, count) in enumerate(tasks):
        for training in reversed(range(count)):
            untrained(folder, task, 10 * seed + training)
            path = folder / task.name / "model.json"
            content = read_json(path)
            content["config"]["training"] = training or None
            write_json(path, content)
            if training:
                (folder / task.name).rename(folder / f"{task.name}@{training}")
    return folder


@pytest.fixture(scope="session")
def run_in(dataset, suite_folder):
    """From a folder for the results to a `Run`, by default of `random`, the suite's models and `dataset`.

    methods: names, methods, functions or explainers; these alone. models: a folder; the networks of one are
    loaded once. data, images, model, class_names and asked are those of `Run`, other settings the run's.
    """
    from bam.attributions import METHODS, Method
    from bam.attributions.registry import Explainer
    from bam.metrics.evaluation.run import Run
    from bam.metrics.evaluation.settings import RunSettings
    from bam.models.stored import Models

    loaded = {}

    def explainer(method):
        if isinstance(method, Explainer):
            return method
        if isinstance(method, str):
            method = METHODS[method]
        elif not isinstance(method, Method):
            method = Method(method.__name__, method)
        return method.with_settings()

    def make(
        out,
        methods=("random",),
        models=suite_folder,
        data=dataset,
        images=None,
        model=None,
        class_names=None,
        asked=None,
        **settings,
    ):
        settings = RunSettings(**settings)
        key = (models, settings.precision, settings.batch_size)
        if key not in loaded:
            loaded[key] = Models(*key)
        explainers = [explainer(method) for method in methods]
        return Run(data, loaded[key], explainers, settings, out, images, model, class_names, asked or {})

    return make


@pytest.fixture
def run_for(run_in, tmp_path):
    """The same, its results in `out` in `tmp_path`."""

    def make(methods=("random",), out="results", **more):
        return run_in(tmp_path / out, methods, **more)

    return make


@pytest.fixture
def all_correct(monkeypatch):
    """As if the untrained models recognised every image."""
    from bam.metrics.evaluation.rows import Row

    monkeypatch.setattr(Row, "correct", property(lambda row: True))


@pytest.fixture(scope="session")
def region_classifier():
    """A network for images of 12 x 16 pixels that knows what it looks at: class 0 is a bright rectangle.

    The logit of class 0 is (mean of the rectangle's red - 100) / 20, that of class 1 is 0. Its attribute
    `region` is the rectangle, bool (12, 16): rows 3 to 6, columns 4 to 9.
    """
    import numpy as np
    import tf_keras as keras

    from bam.models.classifier import Classifier

    region = np.zeros((12, 16), bool)
    region[3:7, 4:10] = True
    weights = np.zeros((12 * 16 * 3, 2), np.float32)
    weights[:, 0] = (region[..., None] * [1, 0, 0]).ravel() / region.sum() / 20
    dense = keras.layers.Dense(2)
    model = keras.Sequential([keras.layers.Flatten(input_shape=(12, 16, 3)), dense])
    dense.set_weights([weights, np.array([-5, 0], np.float32)])
    classifier = Classifier(model, ["bright", "dark"], batch_size=8)
    classifier.region = region
    return classifier


@pytest.fixture
def explained():
    """From a classifier, images and maps to their `Explained`."""

    def make(classifier, images, maps):
        import numpy as np

        from bam.metrics.evaluation.order import orders, relevance
        from bam.metrics.perturbation.masking import Composer, Explained, Originals

        images, seeds = np.asarray(images, np.float32), np.arange(len(images), dtype=np.uint64)
        originals = Originals(Composer(classifier), images, seeds)
        return Explained(originals, maps, orders(relevance(maps)[0], seeds))

    return make


@pytest.fixture
def legible():
    """From a figure to nothing, if all that is written in it is on the sheet and nothing on another."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from bam.metrics.results.style import styled

    def check(figure):
        with styled():
            renderer = FigureCanvasAgg(figure).get_renderer()
            figure.draw(renderer)
            labels = [
                text for axes in figure.axes for text in (*axes.get_xticklabels(), *axes.get_yticklabels())
            ]
            shown = [text for text in (*figure.texts, *labels) if text.get_visible() and text.get_text()]
            boxes = [text.get_window_extent(renderer) for text in shown]
        for place, box in enumerate(boxes):
            name = shown[place].get_text()
            assert box.x0 >= 0 <= box.y0, name
            assert box.x1 <= figure.bbox.x1, name
            assert box.y1 <= figure.bbox.y1, name
            # Between two lines the highest letters may come as near to the lowest as they like.
            inner = [other.padded(0, -0.15 * other.height) for other in (box, *boxes[:place])]
            assert not inner[0].count_overlaps(inner[1:]), name

    return check
