import json

import pytest

from models.validity import check, failures, table


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
    result = check(description(labels, *accuracy))
    assert [entry["passed"] for entry in result["checks"]] == passed
    assert result["passed"] == all(passed)
    assert len(failures("f", result)) == passed.count(False)


def test_table_sets_the_papers_numbers_beside_ours(tmp_path):
    for name, labels, accuracy in (
        ("object", "object", (0.9, 0.1, 0.92)),
        ("scene", "scene", (0.9, 0.5, 0.1)),
        ("scene_commonality_0.3", "scene", (0.9, 0.9, 0.1)),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.json").write_text(json.dumps(description(labels, *accuracy)))
    text = table(tmp_path)
    assert "| f_o | 90.0 | 10.0 | 92.0 | 80.0 | yes |" in text
    assert "| f_s | 90.0 | 50.0 | 10.0 | 80.0 | **NO** |" in text
    assert "| f_s, paper | 94.0 | 95.5 | 9.8 |" in text
    assert "| bamboo forest, %, 100 images of 20 scenes | k=0.1 |" in text
    assert "| with dog |  |  | 97 |" in text
    assert "| with dog, paper | 97 | 98 | 96 |" in text
