import pytest

from bam.base.errors import BamError


@pytest.fixture
def run_of_scene(run_for, scene_model_folder):
    """A run whose only model is that of scenes."""

    def make(**more):
        return run_for(models=scene_model_folder, **more)

    return make


@pytest.fixture
def file(scene_model_folder):
    """A .keras file of ten classes."""
    return str(scene_model_folder / "scene" / "model.keras")


def test_models_are_chosen_by_name_or_file(run_of_scene, file, tmp_path):
    assert run_of_scene().explained("scene").name == "scene"
    assert run_of_scene(model="scene").explained("object").name == "scene"
    names = tmp_path / "names.txt"
    names.write_text("".join(f"class {n}\n" for n in range(10)))
    for class_names in (str(names), [f"class {n}" for n in range(10)]):
        classifier = run_of_scene(model=file, class_names=class_names).explained("object")
        assert classifier.class_names[3] == "class 3"
        assert classifier.labels is None


def test_a_classifier_is_explained_as_it_is(run_of_scene, scene_classifier):
    assert run_of_scene(model=scene_classifier).explained("object") is scene_classifier


@pytest.mark.parametrize(
    ("model", "names", "message"),
    [
        ("FILE", ["one", "two"], "has 10 outputs, but 2 class names"),
        ("nowhere.keras", ["one", "two"], "no model file nowhere.keras"),
        ("scene", ["one", "two"], "`class_names` is for a network of your own"),
        ("none", None, "there is no trained model"),
        ("none", ["one", "two"], "there is no trained model"),
        ("net.h5", None, "needs `class_names`"),
        ("net.h5", ["one", "two"], "no model file net.h5"),
        ("net.pth", ["one", "two"], "net.pth is a file of PyTorch"),
        ("runs/models/none", None, "`model` takes the name of a trained model in `models`, a .keras or"),
        (None, None, "there is no trained model"),
    ],
)
def test_models_that_cannot_be_had_are_refused(run_of_scene, file, model, names, message):
    run = run_of_scene(model=file if model == "FILE" else model, class_names=names)
    with pytest.raises(BamError, match=message):
        run.explained("object")


def test_a_model_of_another_dataset_is_for_ones_own_images_alone(run_of_scene, monkeypatch, tmp_path):
    run = run_of_scene(model="scene")
    monkeypatch.setattr(run.dataset, "fingerprint", "other")
    for refused in (lambda: run.explained("object"), lambda: run.classifier("scene")):
        with pytest.raises(BamError, match="was trained on another dataset"):
            refused()
    assert run_of_scene(model="scene", images=tmp_path).explained("object").name == "scene"


def test_without_a_dataset_what_needs_one_is_refused(run_of_scene, scene_classifier, tmp_path):
    run = run_of_scene(data=None)
    for refused in (
        lambda: run.dataset,
        lambda: run.classifier("scene"),
        lambda: run.explained("scene"),
        lambda: run.pictures(scene_classifier),
    ):
        with pytest.raises(BamError, match="needs a dataset: give `data`"):
            refused()
    with pytest.raises(BamError, match="`images` names no folder"):
        run_of_scene(data=None, images=tmp_path / "nowhere").pictures(scene_classifier)


def test_methods_that_do_not_suit_a_network_are_named(run_for, scene_classifier):
    run = run_for(("attention_rollout", "grad_cam", "random"))
    assert run.unsuited(scene_classifier) == {"attention_rollout": "the network has no attention"}
    assert [explainer.name for explainer in run.suited(scene_classifier)] == ["grad_cam", "random"]


def test_controls_are_those_of_the_run(run_for):
    assert run_for(("grad_cam", "random", "object_mask")).controls == {"random", "object_mask"}


def test_the_first_images_are_as_many_as_the_limit(dataset, run_for):
    view = dataset.view("object_scene")
    assert run_for().first(view).ids == view.ids
    assert run_for(limit=3).first(view).ids == view.ids[:3]


@pytest.mark.parametrize(("limit", "whole"), [(None, None), (1, 8), (8, 8), (9, 16)])
def test_limits_are_rounded_up_to_whole_batches(run_for, region_classifier, limit, whole):
    assert run_for(limit=limit).whole(region_classifier) == whole  # whose batches are of 8


def test_exact_networks_are_those_of_the_run_where_it_computes_so(run_for):
    run = run_for()
    assert run.in_float32() is run
    short = run_for(precision="bfloat16")
    assert short.classifier("scene").precision == "bfloat16"
    exact = short.in_float32()
    assert (exact.settings.precision, exact.classifier("scene").precision) == ("float32", "float32")
