import numpy as np
import pytest
import tensorflow as tf
from scipy.sparse import lil_matrix
from scipy.sparse.linalg import spsolve

from bam.metrics.metric import NoSettings
from bam.metrics.perturbation.family import CURVES
from bam.metrics.perturbation.imputation import linear_imputation
from bam.metrics.perturbation.road import noise

HEIGHT, WIDTH = 18, 23  # of no use to coarser grids as it is
COMPILED = tf.function(linear_imputation, jit_compile=True)


def direct(image, hole):
    """Noisy linear imputation (Rong et al. 2022) without the noise, as one sparse system solved exactly."""
    unknown = {place: number for number, place in enumerate(map(tuple, np.argwhere(hole)))}
    system, right = lil_matrix((len(unknown), len(unknown))), np.zeros((len(unknown), 3))
    for (row, column), number in unknown.items():
        for down in (-1, 0, 1):
            for across in (-1, 0, 1):
                place, distance = (row + down, column + across), abs(down) + abs(across)
                if not distance or not (0 <= place[0] < HEIGHT and 0 <= place[1] < WIDTH):
                    continue
                weight = 1 / 6 if distance == 1 else 1 / 12
                system[number, number] += weight
                if place in unknown:
                    system[number, unknown[place]] -= weight
                else:
                    right[number] += weight * image[place]
    filled = image.astype(float).copy()
    filled[hole] = spsolve(system.tocsc(), right)
    return filled


def imputed(images, holes):
    return COMPILED(images.astype(np.float32), holes[..., None]).numpy()


@pytest.fixture(scope="module")
def holes():
    """Four kinds: scattered, nearly everything, a block at the border, one pixel in a corner and a ring."""
    rng = np.random.default_rng(0)
    block, ring = np.zeros((2, HEIGHT, WIDTH), bool)
    block[5:, :12] = True
    ring[3:15, 4:20] = True
    ring[7:10, 9:12] = False
    ring[0, 0] = True
    nearly = rng.random((HEIGHT, WIDTH)) < 0.98
    return np.stack([rng.random((HEIGHT, WIDTH)) < 0.5, nearly, block, ring])


def test_it_solves_the_systems(holes):
    images = np.random.default_rng(1).uniform(0, 255, (4, HEIGHT, WIDTH, 3))
    found = imputed(images, holes)
    expected = np.stack([direct(*pair) for pair in zip(images, holes, strict=True)])
    np.testing.assert_allclose(found, expected, atol=0.1)  # the noise has a deviation of 2.55
    np.testing.assert_array_equal(found[~holes], images.astype(np.float32)[~holes])


def test_a_ramp_is_restored(holes):
    row, column = np.indices((HEIGHT, WIDTH))
    ramp = np.stack([3 * row + 2 * column, 100 - column, 40 + 0 * row], -1)
    inner = np.zeros((HEIGHT, WIDTH), bool)
    inner[2:-2, 3:-2] = True
    found = imputed(np.stack([ramp] * 4), np.stack([inner] * 4))
    np.testing.assert_allclose(found, np.stack([ramp] * 4), atol=0.1)


def test_where_nothing_is_known_it_is_grey():
    images = np.random.default_rng(2).uniform(0, 255, (4, HEIGHT, WIDTH, 3))
    holes = np.zeros((4, HEIGHT, WIDTH), bool)
    holes[0] = True
    found = imputed(images, holes)
    assert np.unique(found[0]) == 127.5
    np.testing.assert_array_equal(found[1:], images[1:].astype(np.float32))


def test_oracle_beats_random_beats_inverted(region_classifier, explained):
    region, rng = region_classifier.region, np.random.default_rng(3)
    images = rng.integers(0, 60, (8, 12, 16, 3)).astype(np.float32)
    images[:, region] = rng.integers(200, 256, (8, region.sum(), 3))
    # Without ties, since the order within a region matters to what is imputed.
    oracle = region + 0.1 * rng.random((8, 12, 16))
    curve = CURVES["road"]

    def values(maps):
        points = curve.measure(explained(region_classifier, images, maps), NoSettings()).astype(float)
        parts = curve.parts(points, (12, 16))
        return curve.value(parts).mean(), curve.beside["least_relevant_first"][1](parts).mean()

    most, least = zip(values(oracle), values(rng.random((8, 12, 16))), values(-oracle + 2), strict=True)
    # With a tenth of the pixels a bright rest of the rectangle is left, with two tenths none, and with the
    # other nine tenths most of it.
    assert most[0] == least[2] == pytest.approx(1 / 7)
    assert least[0] == most[2] == 1
    assert most[0] + 0.1 < most[1] < 1
    assert least[2] + 0.1 < least[1] < 1


def test_noise_is_of_the_image_alone(region_classifier, explained):
    images = np.zeros((3, 12, 16, 3))
    first = noise(explained(region_classifier, images, np.ones((3, 12, 16))).originals)
    again = noise(explained(region_classifier, images[:2], np.ones((2, 12, 16))).originals)
    np.testing.assert_array_equal(first[:2], again)
    assert first.std() == pytest.approx(2.55, rel=0.1)
    assert abs(np.corrcoef(first[0].ravel(), first[1].ravel())[0, 1]) < 0.2
