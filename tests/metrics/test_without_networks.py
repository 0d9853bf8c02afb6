"""Maps and predictions made elsewhere give the scores that the networks themselves give."""

import csv
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import bam
from bam.base.errors import BamError
from bam.images import main as images_main
from bam.metrics.__main__ import main as metrics_main

METRICS = {"mcs": {"premise": False}, "idr": {"premise": False}, "localisation": {"threshold_images": 12}}
LIMIT = 32  # whole batches
CONTROLS = ("constant", "centre", "object_mask", "inverse_mask")


@pytest.fixture(scope="module")
def half_right():
    """As if networks were right where the predicted class is as even as the true one: half of the time."""
    from bam.metrics.evaluation.rows import Row
    from bam.metrics.localisation.rows import Located

    with pytest.MonkeyPatch.context() as patch:
        for kind in (Row, Located):
            patch.setattr(kind, "correct", property(lambda row: row.target % 2 == row.predicted % 2))
        yield


@pytest.fixture(scope="module")
def made(dataset, suite_folder, tmp_path_factory):
    """A folder with what `bam images` writes, and what its example loop makes there of two networks."""
    folder = tmp_path_factory.mktemp("elsewhere") / "for_maps"
    places = ["--data", dataset.folder, "--models", suite_folder, "--out", folder]
    flags = ["--metric", ",".join(METRICS), "--limit", LIMIT, "--threshold_images", 12]
    images_main(["bam images", *map(str, (*places, *flags))])
    (loop,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    loop = re.sub(r"raise NotImplementedError\(\"resize.*", "return answer(network, pixels)", loop)
    loop = re.sub(r"raise NotImplementedError\(\"ask.*", "return gradient(network, pixels, name)", loop)
    networks = {name: bam.load_classifier(suite_folder / name) for name in ("object", "scene")}

    def answer(network, pixels):
        classifier = networks[network]
        return classifier.class_names[classifier.predictions(classifier.prepare(pixels[None]))[0]]

    def gradient(network, pixels, name):
        classifier = networks[network]
        return classifier.gradient(classifier.prepare(pixels[None]), [classifier.class_names.index(name)])[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        exec(compile(loop, "README.md", "exec"), {"answer": answer, "gradient": gradient})
    return folder


@pytest.fixture(scope="module")
def lowered(made, suite_folder):
    """The predictions with the column that localisation looks at."""
    classifier = bam.load_classifier(suite_folder / "object")

    def logit(line, key):
        with Image.open(made / line[key]) as picture:
            pixels = np.asarray(picture)
        return classifier.logits(classifier.prepare(pixels[None]))[0][
            classifier.class_names.index(line["object"])
        ]

    with open(made / "manifest.csv", newline="") as file:
        asked = {(line["view"], line["image_id"]): line for line in csv.DictReader(file)}
    lines = (made / "predictions.csv").read_text().splitlines()
    result = [f"{lines[0]},object_lowered"]
    for line in lines[1:]:
        of_image = asked[tuple(line.split(",")[:2])]
        fall = of_image["without_object"] and logit(of_image, "image") - logit(of_image, "without_object")
        result.append(f"{line},{fall}")
    (made / "lowered.csv").write_text("\n".join(result) + "\n")
    return made / "lowered.csv"


@pytest.fixture(scope="module")
def scores(made, lowered, dataset, suite_folder, tmp_path_factory, half_right):
    """Each metric's score of the same maps, with the networks and without."""
    out = tmp_path_factory.mktemp("out")
    methods = [made / "my_maps", *CONTROLS]
    found = {}
    for name, settings in METRICS.items():
        how = {"methods": [bam.custom_method(methods[0]), *CONTROLS], "limit": LIMIT, **settings}
        found[name] = (
            bam.score(name, data=dataset, models=suite_folder, out=out / "with", **how),
            bam.score(name, data=made, predictions=lowered, out=out / "without", **how),
        )
    return found


def compared(first, second, path=""):
    """Fails unless two values as of JSON are the same, numbers up to the rounding of float32."""
    assert type(first) is type(second), path
    if isinstance(first, dict):
        assert first.keys() == second.keys(), path
        for key in first.keys() - {"seconds"}:
            compared(first[key], second[key], f"{path}.{key}")
    elif isinstance(first, list):
        assert len(first) == len(second), path
        for place, (a, b) in enumerate(zip(first, second, strict=True)):
            compared(a, b, f"{path}.{place}")
    elif isinstance(first, float):
        assert first == pytest.approx(second, rel=1e-4, abs=1e-6), path
    else:
        assert first == second, path


@pytest.mark.parametrize("name", METRICS)
def test_all_numbers_are_those_of_a_run_with_the_networks(scores, name):
    with_networks, without = scores[name]
    assert set(with_networks) == {"my_maps", *CONTROLS, "random", "edges"}
    first, second = with_networks.to_json(), without.to_json()
    for key in ("lines", "comparison", "direction", "title", "columns", "chart", "axes", "unsuited"):
        compared(first.get(key), second.get(key), key)
    line = without["my_maps"]
    assert 0 < line.n < LIMIT
    assert line.excluded["misclassified"] > 0
    exact = ("my_maps", "random", *CONTROLS)  # of pixels as they are, not resized
    for method in exact:
        values = [score.basis.measured.values[method] for score in scores[name]]
        np.testing.assert_array_equal(*values)
    ids = [score.basis.measured.ids for score in scores[name]]
    assert ids[0] == ids[1]


def test_what_is_not_known_is_said(scores, made, half_right, tmp_path):
    score = scores["mcs"][1]
    content = score.to_json()
    assert content["environment"]["devices"] == []
    assert content["configuration"]["precision"] == "unknown"
    assert "What object predicts is from" in score.table()
    assert content["validity"]["models"] == {}
    plain = bam.score(
        "localisation", methods=[bam.custom_method(made / "my_maps")], data=made, out=tmp_path, limit=LIMIT,
        predictions=made / "predictions.csv", threshold_images=12,
    )  # fmt: skip
    assert "taken for granted that object uses the objects, since no column object_lowered" in plain.table()
    assert plain["my_maps"].excluded["object_not_used"] == 0
    assert plain["my_maps"].n > scores["localisation"][1]["my_maps"].n > 0


def test_rows_are_of_the_predictions_the_maps_and_the_masks(made, half_right, tmp_path):
    place = tmp_path / "for_maps"
    shutil.copytree(made, place)

    def files():
        bam.score(
            "mcs", methods=[bam.custom_method(place / "my_maps")], data=place, out=tmp_path / "out",
            predictions=place / "predictions.csv", robustness=False,
        )  # fmt: skip
        return {path.name for path in (tmp_path / "out" / "rows").glob("*my_maps*.csv")}

    seen = [files()]
    assert len(seen[0]) == 2
    assert files() == seen[0]
    predictions = place / "predictions.csv"
    lines = predictions.read_text().splitlines()
    first = lines[1].split(",")
    first[2] = "dog" if first[2] != "dog" else "bird"
    predictions.write_text("\n".join([lines[0], ",".join(first), *lines[2:]]) + "\n")
    seen.append(files())
    assert len(seen[-1] - seen[-2]) == 1  # of the network that answers otherwise
    path = next((place / "my_maps" / "object" / "object_scene").glob("*.npy"))
    np.save(path, -np.load(path))
    seen.append(files())
    assert len(seen[-1] - seen[-2]) == 2
    with Image.open(place / lines_of(place)[0]["mask"]) as picture:
        mask = np.asarray(picture).copy()
    mask[0] = 255
    Image.fromarray(mask).save(place / lines_of(place)[0]["mask"])
    seen.append(files())
    assert len(seen[-1] - seen[-2]) == 2


def lines_of(folder):
    with open(folder / "manifest.csv", newline="") as file:
        return list(csv.DictReader(file))


def given(folder, *flags):
    """Flags of a run on a folder of `made`, without networks."""
    places = {
        "--data": folder,
        "--methods": folder / "my_maps",
        "--predictions": folder / "predictions.csv",
        "--out": folder / "results",
    }
    asked = [word for name, place in places.items() if name not in flags for word in (name, str(place))]
    return ["bam metrics", *asked, *flags]


def test_neither_tensorflow_nor_torch_is_loaded(made, tmp_path):
    """And nothing that the networks were; here all is as if they recognised everything."""
    place = tmp_path / "for_maps"
    shutil.copytree(made, place)
    lines = ["view,image_id,object,scene"]
    for line in lines_of(place):
        classes = (line[name] if name in line["networks"].split() else "" for name in ("object", "scene"))
        lines.append(",".join((line["view"], line["image_id"], *classes)))
    (place / "predictions.csv").write_text("\n".join(lines) + "\n")
    flags = given(
        place, "--metric", "mcs,idr,localisation", "--threshold_images", "12", "--judge", "--norobustness"
    )
    code = (
        "import sys; from bam.metrics.__main__ import main; "
        f"main({flags}); print(sorted({{'tensorflow', 'tf_keras', 'keras', 'torch'}} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    for name in METRICS:
        assert bam.read_score(place / "results" / f"{name}.json")["my_maps"].n > 0


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (
            "--metric rmcs",
            "--predictions do for mcs, idr, localisation alone: rmcs must ask the network itself",
        ),
        ("--metric mcs --methods grad_cam,my.py:f", "grad_cam, f must ask the network"),
        (
            "--metric localisation --model scene",
            "--model is of a network, and --predictions stand in its place",
        ),
        ("--metric mcs --precision bfloat16", "--precision is of a network"),
        ("--metric mcs --seed 1", "were chosen with the seed 0, not 1: give --seed 0"),
        ("--metric mcs --data {data}", "holds no images that maps are asked for"),
    ],
)
def test_what_needs_a_network_is_refused_in_one_line(
    made, dataset, flags, words, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.py").write_text("def f(classifier, images, targets):\n    return images\n")
    argv = given(made, "--out", str(tmp_path / "out"), *flags.format(data=dataset.folder).split())
    with pytest.raises(SystemExit) as caught:
        metrics_main(argv)
    assert caught.value.code == 1
    error = capsys.readouterr().err
    assert words in error
    assert len(error.splitlines()) == 1


def test_a_folder_of_images_without_predictions_is_named(made, suite_folder, tmp_path):
    with pytest.raises(BamError, match="holds images that maps are asked for: give `predictions` too"):
        bam.score("mcs", methods=["random"], data=made, models=suite_folder, out=tmp_path)


def nan(paths):
    for path in paths[:2]:
        array = np.load(path)
        array[0, 0] = np.nan
        np.save(path, array)


def broken(paths):
    paths[0].write_bytes(b"no array")


def gone(paths):
    for path in paths[:3]:
        path.unlink()


def small(paths):
    for path in paths[:4]:
        np.save(path, np.load(path)[:8, :8])


def flat(paths):
    np.save(paths[0], np.load(paths[0])[..., 0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (nan, r"2 of 64 maps hold values that are NaN or infinite, such as object/object_scene/{first}\.npy"),
        (broken, r"1 of 64 maps are no \.npy arrays of numbers, such as object/object_scene/{first}\.npy"),
        (gone, r"lacks 3 of 64 maps, such as object/object_scene/{first}\.npy"),
        (
            small,
            r"of other sizes than \(16, 16\), or of several: 4 of \(8, 8, 3\) such as .*60 of \(16, 16, 3\)",
        ),
        (flat, r"1 of \(16, 16\) such as object/object_scene/{first}\.npy, 63 of \(16, 16, 3\)"),
    ],
)
def test_maps_that_cannot_be_used_are_counted_and_named(made, change, words, tmp_path):
    shutil.copytree(made / "my_maps", tmp_path / "mine")
    ids = [line["image_id"] for line in lines_of(made) if line["view"] == "object_scene"]
    change([tmp_path / "mine" / "object" / "object_scene" / f"{image}.npy" for image in ids])
    method = bam.custom_method(tmp_path / "mine")
    with pytest.raises(BamError, match=words.format(first=ids[0])) as caught:
        bam.score(
            "mcs", methods=[method], data=made, predictions=made / "predictions.csv", robustness=False,
            out=tmp_path / "out",
        )  # fmt: skip
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_what_was_written_is_used_again_and_nothing_else_is_replaced(
    made, dataset, suite_folder, tmp_path, capsys
):
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*.png")}
    places = ["--data", dataset.folder, "--models", suite_folder, "--out", made]
    flags = ["--metric", ",".join(METRICS), "--limit", LIMIT, "--threshold_images", 12]
    images_main(["bam images", *map(str, (*places, *flags))])
    assert {path: path.stat().st_mtime_ns for path in made.rglob("*.png")} == before
    with pytest.raises(SystemExit):
        images_main(["bam images", *map(str, (*places, *flags)), "--seed", "1"])
    assert "is not empty: give another --out" in capsys.readouterr().err


def test_for_networks_of_ones_own_the_size_is_enough(dataset, tmp_path, capsys):
    def run(*flags):
        out = tmp_path / str(len(list(tmp_path.iterdir())))
        images_main(
            [
                "bam images",
                "--data",
                str(dataset.folder),
                "--models",
                str(tmp_path),
                "--out",
                str(out),
                *flags,
            ]
        )
        return out

    out = run("--metric", "idr", "--norobustness", "--size", "20x12", "--limit", "3", "--seed", "5")
    assert "6 images, of which maps of 20 x 12 are asked for" in capsys.readouterr().out
    lines = lines_of(out)
    assert [line["view"] for line in lines] == ["object_scene"] * 3 + ["scene_only"] * 3
    assert {line["networks"] for line in lines} == {"scene"}
    with Image.open(out / lines[0]["mask"]) as mask, Image.open(out / lines[0]["image"]) as image:
        assert (mask.size, image.size) == ((12, 20), (128, 128))
    text = (out / "README.md").read_text()
    assert "bam metrics --metric idr --norobustness --seed 5 --data . --methods my_maps" in text
    for flags, words in (
        (("--limit", "2"), "or give --size, for networks of your own"),
        (("--size", "0"), "--size is a number of pixels, as 224, or HEIGHTxWIDTH, not '0'"),
        (("--metric", "tcav"), "--metric tcav must ask the network itself: give mcs, idr, localisation"),
        (("--metric", "mc"), "unknown metric 'mc'"),
    ):
        with pytest.raises(SystemExit):
            run(*flags)
        error = capsys.readouterr().err
        assert words in error
        assert len(error.splitlines()) == 1


def test_a_metric_that_needs_no_network_says_what_it_asks_for():
    with pytest.raises(BamError, match="the metric mine needs no network: `planned` must say"):
        bam.metric("mine", direction="up", version=1, source="here", needs_network=False)(print)
