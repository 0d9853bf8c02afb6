import pytest

from data_prep.errors import BamError
from models.suite import SUITE, Task


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
        (("scene", "scene_only", 0.3), "leave out --on"),
        (("scene", "object_scene", 0.35), "must be one of 0.1, 0.2"),
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
