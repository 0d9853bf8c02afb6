import numpy as np
import pytest

from bam.base.errors import BamError
from bam.models.training.task import SUITE, Task


def test_the_suite_is_the_papers_thirteen_models():
    names = [task.name for task in SUITE]
    assert len(set(names)) == 13
    assert names[:3] == ["object", "scene", "scene_on_scene_only"]
    assert names[3:] == [f"scene_commonality_{k / 10:.1f}" for k in range(1, 11)]


def test_tasks_name_their_image_sets(dataset):
    assert Task("scene", "scene_only").view(dataset, "train").name == "scene_only"
    view = Task("scene", commonality=0.3).view(dataset, "test")
    assert view.name == "commonality-0.3"
    assert view.present.sum() == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("object", "scene_only"), "no object labels"),
        (("object", "object_scene", 0.3), "no object labels"),
        (("scene", "scene_only", 0.3), "leave out `on`"),
        (("scene", "object_scene", 0.35), "must be one of 0.1, 0.2"),
        (("scene", "object_scene", 0.3, ["bedroom", "track"]), "leave out `classes`"),
        (("object", "object_scene", None, ["bird", "dgo"]), "unknown object class 'dgo': did you mean 'dog'"),
        (
            ("scene", "object_scene", None, ["bird", "dog"]),
            "bird is no scene class, but one of objects: set `labels` to object",
        ),
        (("object", "object_scene", None, ["bird"]), "two or more, each once, not bird"),
        (("object", "object_scene", None, ["bird", "dog", "bird"]), "each once, not bird, dog, bird"),
        (("object", "object_scene", None, []), "two or more, each once, not none"),
        (("object", "scene_only", None, ["bird", "dog"]), "no object labels"),
    ],
)
def test_tasks_without_sense_are_refused(arguments, words):
    with pytest.raises(BamError, match=words):
        Task(*arguments)


def test_flags_name_the_task_that_they_are_of():
    assert [task.flags for task in SUITE[:4]] == [
        "--labels object",
        "--labels scene",
        "--labels scene --on scene_only",
        "--labels scene --commonality 0.1",
    ]


def test_a_few_classes_are_in_label_order_in_name_and_flags():
    task = Task("object", classes=["zebra", "stop_sign", "bird"])
    assert task == Task("object", classes=("bird", "stop_sign", "zebra"))
    assert task.class_names == ("bird", "stop_sign", "zebra")
    assert task.name == "object_bird+stop_sign+zebra"
    assert task.flags == "--labels object --classes bird,stop_sign,zebra"
    scenes = Task("scene", "scene_only", classes=["track", "bedroom"])
    assert scenes.name == "scene_bedroom+track_on_scene_only"
    assert scenes.flags == "--labels scene --on scene_only --classes bedroom,track"


def test_a_few_classes_are_all_that_is_seen_and_are_counted_from_zero(dataset):
    task = Task("object", classes=["zebra", "dog"])
    view = task.view(dataset, "validation")
    whole = dataset.view("object_scene", "validation")
    shown = [image.split("-")[0] for image in view.ids]
    assert view.ids == [image for image in whole.ids if image.startswith(("dog-", "zebra-"))]
    assert set(shown) == {"dog", "zebra"}
    assert [task.class_names[target] for target in task.targets(view)] == shown
    others = ~np.isin(whole.ids, view.ids)
    assert (task.targets(whole)[others] == -1).all()


def test_with_all_classes_targets_are_the_labels(dataset):
    view = dataset.view("object_scene")
    for kind in ("object", "scene"):
        assert np.array_equal(Task(kind).targets(view), view.labels(kind))
        assert Task(kind).of_classes(view) is view
