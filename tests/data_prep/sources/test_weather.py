"""What comes between a scene and its picture."""

import numpy as np
import pytest
from PIL import Image

from bam.data_prep.sources.drawn import weather
from bam.data_prep.sources.drawn.brush import Canvas


def half_and_half():
    """A canvas, dark on the left and light on the right."""
    canvas = Canvas(128, 128, (40, 40, 40))
    canvas.rectangle(0.5, 0, 1, 1, (220, 220, 220))
    return canvas


def test_pictures_are_those_of_the_generator():
    first, again, other = (
        np.asarray(weather.photographed(half_and_half(), np.random.default_rng(seed), 128))
        for seed in (1, 1, 2)
    )
    assert first.shape == (128, 128, 3)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first.astype(int) - other).mean() > 10


def test_nothing_beside_the_scene_is_shown():
    """Seen from anywhere, a white scene fills the picture."""
    surface = Canvas(128, 128, (255, 255, 255)).image
    for seed in range(200):
        seen = np.asarray(weather._from_standpoint(surface, np.random.default_rng(seed), 64))
        assert (seen == 255).all(), seed


def test_weather_makes_scenes_alike_but_hides_none():
    """The edge between dark and light is weaker than in the scene, yet always there where it is in view."""
    contrasts = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        pixels = np.asarray(weather.photographed(half_and_half(), rng, 128), float).mean(-1)
        contrasts.append(np.quantile(pixels, 0.9) - np.quantile(pixels, 0.1))
    assert max(contrasts) < 240
    assert np.median(contrasts) < 150  # 180 in the scene
    assert np.quantile(contrasts, 0.05) > 25


@pytest.mark.parametrize("things", weather._THINGS)
def test_things_in_the_way_leave_much_of_the_scene(things):
    shares = []
    for seed in range(40):
        layer = Canvas(64, 64)
        things(layer, np.random.default_rng(seed), (90, 120, 60))
        shares.append((np.asarray(layer.finish())[..., 3] > 127).mean())
    assert min(shares) > 0
    assert np.median(shares) > 0.02
    assert max(shares) < 0.75


def test_light_and_grain_keep_the_outline():
    canvas = Canvas(64, 64)
    canvas.ellipse(0.5, 0.5, 0.3, 0.2, (120, 130, 140))
    plain = canvas.finish()
    lit = weather.lit(plain, np.random.default_rng(0), 0.2)
    grained = weather.grained(plain, np.random.default_rng(0), 5)
    inside = np.asarray(plain)[..., 3] == 255
    for picture in (lit, grained):
        np.testing.assert_array_equal(np.asarray(picture)[..., 3], np.asarray(plain)[..., 3])
    ratio = np.asarray(lit)[inside][:, :3] / (120, 130, 140)
    assert 0.79 < ratio.min() < ratio.max() < 1.21
    assert ratio.std() > 0.02
    noise = np.asarray(grained, float)[inside][:, :3] - (120, 130, 140)
    assert noise.std() == pytest.approx(5, rel=0.15)


def test_grain_does_not_wrap_around():
    for value in (0, 255):
        picture = Image.new("RGB", (64, 64), (value,) * 3)
        grained = np.asarray(weather.grained(picture, np.random.default_rng(0), 8), int)
        assert np.abs(grained - value).max() < 60
