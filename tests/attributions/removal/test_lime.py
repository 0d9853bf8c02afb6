import numpy as np
import pytest

from bam.attributions import explain
from bam.attributions.removal import lime
from bam.attributions.removal.substrates import MEAN_COLOUR
from bam.attributions.removal.superpixels import superpixels
from bam.base.errors import BamError


def test_coefficients_equal_the_closed_form():
    """Written out as an ordinary least squares problem, with a line for each penalty."""
    rng = np.random.default_rng(0)
    switched = rng.integers(0, 2, (60, 7)).astype(bool)
    switched[0], switched[1] = True, False
    found = rng.random(60)
    distance = np.array([1 - row.sum() / (np.sqrt(row.sum() * 7) or np.inf) for row in switched])
    roots = np.sqrt(np.sqrt(np.exp(-(distance**2) / 0.25**2)))
    rows = np.vstack([roots[:, None] * np.column_stack([np.ones(60), switched]), np.eye(8)[1:]])
    expected = np.linalg.lstsq(rows, np.concatenate([roots * found, np.zeros(7)]), rcond=None)[0][1:]
    np.testing.assert_allclose(lime.coefficients(switched, found), expected, atol=1e-10)


def test_maps_are_the_coefficients_of_a_plain_loop(classifier, pair):
    images, targets = pair
    found = explain(
        classifier, images, targets, "lime", [5, 6], samples=30, segments=8, compactness=10.0, sigma=20
    )
    planes = superpixels(images, 8, 10.0, 20)
    for place, (image, plane, target) in enumerate(zip(images, planes, targets, strict=True)):
        count = plane.max() + 1
        switched = np.random.default_rng(5 + place).integers(0, 2, (30, count)).astype(bool)
        switched[0] = True
        pictures = np.stack([np.where(row[plane][..., None], image, MEAN_COLOUR) for row in switched])
        answers = classifier.softmax(pictures)[:, target]
        expected = lime.coefficients(switched, answers.astype(float))
        np.testing.assert_allclose(found[place], expected[plane], atol=1e-6)
        assert np.ptp(expected) > 1e-3


def test_the_package_gives_the_same(classifier, pair, monkeypatch):
    """On the same superpixels and samples."""
    package = pytest.importorskip("lime.lime_image")
    image, target, samples = pair[0][0], int(pair[1][0]), 40
    plane = superpixels(image[None], 10, 30.0, 3)[0]
    explainer, drawn = package.LimeImageExplainer(random_state=3), []
    fit = explainer.base.explain_instance_with_data

    def watched(data, *given, **more):
        drawn.append(data.astype(bool))
        return fit(data, *given, **more)

    monkeypatch.setattr(explainer.base, "explain_instance_with_data", watched)
    theirs = explainer.explain_instance(
        image.astype(np.float64),
        lambda pictures: classifier.softmax(pictures.astype(np.float32)),
        labels=(target,),
        hide_color=MEAN_COLOUR,
        top_labels=None,
        num_features=100000,
        num_samples=samples,
        segmentation_fn=lambda _: plane,
    )
    monkeypatch.setattr(lime, "_switched", lambda seed, samples, count: drawn[0])
    ours = explain(classifier, image[None], [target], "lime", samples=samples, segments=10)[0]
    for segment, coefficient in theirs.local_exp[target]:
        np.testing.assert_allclose(ours[plane == segment], coefficient, atol=1e-6)
    assert len(theirs.local_exp[target]) == plane.max() + 1


def test_one_superpixel_is_one_value(classifier, pair):
    found = explain(classifier, *pair, "lime", samples=20, segments=1)
    assert all(np.ptp(plane) == 0 for plane in found)
    assert found.any()


@pytest.mark.parametrize("samples", [0, 1])
def test_too_few_samples_are_refused(classifier, pair, samples):
    with pytest.raises(BamError, match="`samples` must be at least 2"):
        explain(classifier, *pair, "lime", samples=samples)
