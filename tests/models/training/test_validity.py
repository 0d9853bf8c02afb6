import json

import pytest

from bam.models.training.validity import checks, failures, stored, table


def description(labels, object_scene, scene_only, object_only):
    return {
        "config": {"labels": labels},
        "digest": "",
        "class_names": list("abcdefghij"),
        "accuracy": {"object_scene": object_scene, "scene_only": scene_only, "object_only": object_only},
        "confidence_increased": 0.8,
        "bamboo_forest": {"with_dog": 0.97, "without_dog": 0.78, "images": 100, "scenes": 20},
    }


@pytest.mark.parametrize(
    ("labels", "accuracy", "passed"),
    [
        ("scene", (0.94, 0.955, 0.098), [True, True, True]),  # the paper's f_s
        ("scene", (0.94, 0.92, 0.15), [True, True, True]),  # the bounds themselves
        ("scene", (0.94, 0.919, 0.098), [True, False, True]),
        ("scene", (0.94, 0.95, 0.151), [True, True, False]),
        ("scene", (0.94, 0.95, 0.049), [True, True, False]),
        ("scene", (0.10, 0.10, 0.10), [False, True, True]),  # learned nothing
        ("object", (0.911, 0.097, 0.931), [True, True, True]),  # the paper's f_o
        ("object", (0.911, 0.931, 0.097), [True, False, False]),  # looks at scenes
    ],
)
def test_the_three_checks(labels, accuracy, passed):
    found = checks(description(labels, *accuracy))
    assert [check.passed for check in found] == passed
    assert [not check.failure("f") for check in found] == passed


def test_failures_are_those_of_networks_of_which_bam_assumes_something():
    poor = description("scene", 0.94, 0.919, 0.151)
    keeps, falls = failures("f", poor)
    what = "model f fails the validity check scene_only: keeps"
    assert keeps == f"{what}: accuracy 0.919, wanted 0.920 to 1.000"
    assert falls.startswith("model f fails the validity check object_only: falls to chance")
    assert not failures("f", description("scene", 0.94, 0.955, 0.098))
    for config in ({"on": "scene_only"}, {"on": "object_scene", "commonality": 0.3}):
        assert not failures("f", {**poor, "config": {"labels": "scene", **config}})


def test_table_sets_the_papers_numbers_beside_ours(tmp_path):
    for name, labels, accuracy in (
        ("object", "object", (0.9, 0.1, 0.92)),
        ("scene", "scene", (0.9, 0.5, 0.1)),
        ("scene_commonality_0.3", "scene", (0.9, 0.9, 0.1)),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.json").write_text(json.dumps(description(labels, *accuracy)))
    text = table(stored(tmp_path))
    assert "| f_o | 90.0 | 10.0 | 92.0 | 80.0 | yes |" in text
    assert "| f_s | 90.0 | 50.0 | 10.0 | 80.0 | **NO** |" in text
    assert "| f_s, paper | 94.0 | 95.5 | 9.8 |" in text
    assert "| bamboo forest, %, 100 images of 20 scenes | k=0.1 |" in text
    assert "| with dog |  |  | 97 |" in text
    assert "| with dog, paper | 97 | 98 | 96 |" in text


def test_table_has_a_line_of_each_training(tmp_path):
    for name, labels, accuracy in (
        ("object@1", "object", (0.9, 0.1, 0.92)),
        ("scene", "scene", (0.9, 0.91, 0.1)),
        ("scene@2", "scene", (0.88, 0.5, 0.1)),
        ("scene@10", "scene", (0.87, 0.88, 0.1)),
        ("scene_commonality_0.1", "scene", (0.9, 0.9, 0.1)),
        ("scene_commonality_0.3@1", "scene", (0.9, 0.9, 0.1)),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.json").write_text(json.dumps(description(labels, *accuracy)))
    first, second = table(stored(tmp_path)).split("\n\n")
    assert first.splitlines()[2:] == [
        "| f_o, training 1 | 90.0 | 10.0 | 92.0 | 80.0 | yes |",
        "| f_o, paper | 91.1 | 9.7 | 93.1 | | |",
        "| f_s | 90.0 | 91.0 | 10.0 | 80.0 | yes |",
        "| f_s, training 2 | 88.0 | 50.0 | 10.0 | 80.0 | **NO** |",
        "| f_s, training 10 | 87.0 | 88.0 | 10.0 | 80.0 | yes |",
        "| f_s, paper | 94.0 | 95.5 | 9.8 | | |",
    ]
    assert second.splitlines()[2:6] == [
        f"| with dog | 97 |{'  |' * 9}",
        f"| without dog | 78 |{'  |' * 9}",
        f"| with dog, training 1 |  |  | 97 |{'  |' * 7}",
        f"| without dog, training 1 |  |  | 78 |{'  |' * 7}",
    ]


@pytest.mark.parametrize(
    ("classes", "accuracy", "passed"),
    [
        (2, (0.75, 0.55, 0.73), [True, True, True]),  # the bounds themselves: half way from 1/2 to 1
        (2, (0.74, 0.5, 0.74), [False, True, True]),
        (2, (0.9, 0.56, 0.9), [True, True, False]),
        (2, (0.9, 0.44, 0.9), [True, True, False]),
        (9, (0.556, 0.1, 0.556), [True, True, True]),  # five times 1/9
        (9, (0.555, 0.1, 0.555), [False, True, True]),
        (10, (0.5, 0.1, 0.5), [True, True, True]),
    ],
)
def test_chance_is_that_of_the_classes(classes, accuracy, passed):
    entry = description("object", *accuracy) | {"class_names": list("abcdefghij")[:classes]}
    assert [check.passed for check in checks(entry)] == passed


def test_table_has_models_of_a_few_classes(tmp_path):
    for name, on in (
        ("object_bird+dog", "object_scene"),
        ("scene_bedroom+track_on_scene_only", "scene_only"),
    ):
        entry = description(name.split("_")[0], 0.9, 0.5, 0.92) | {"class_names": ["one", "other"]}
        entry["config"] |= {"classes": ["one", "other"], "on": on}
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.json").write_text(json.dumps(entry))
    text = table(stored(tmp_path))
    assert "| object_bird+dog | 90.0 | 50.0 | 92.0 | 80.0 | yes |" in text
    assert "| scene_bedroom+track_on_scene_only | 90.0 | 50.0 | 92.0 | 80.0 | - |" in text
    assert "paper" not in text


def test_hidden_folders_hold_no_models(tmp_path):
    for name in ("scene", ".scene_copy"):
        entry = description("scene", 0.9, 0.92, 0.1)
        entry["config"]["classes"] = None if name == "scene" else ["bedroom", "track"]
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.json").write_text(json.dumps(entry))
    assert ".scene_copy" not in table(stored(tmp_path))
