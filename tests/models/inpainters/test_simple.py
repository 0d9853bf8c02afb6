import numpy as np
import pytest
from scipy import ndimage

from bam.models.inpainters import make_inpainter


def fill_all(name, images):
    holes, seeds = np.ones(images.shape[:3], bool), np.zeros(len(images), np.uint64)
    return make_inpainter(name).fill(images, holes, ["dog"] * len(images), seeds)


def test_mean_is_each_pictures_own():
    images = np.random.default_rng(0).integers(0, 256, (3, 7, 9, 3), dtype=np.uint8)
    images[1] //= 3
    filled = fill_all("mean", images)
    for image, colour in zip(images, filled, strict=True):
        for channel in range(3):
            expected = round(sum(image[..., channel].ravel().tolist()) / 63)
            assert (colour[..., channel] == expected).all()


def test_black_is_black():
    assert not fill_all("black", np.full((2, 5, 5, 3), 200, np.uint8)).any()


@pytest.mark.parametrize(
    ("height", "width", "deviation"), [(224, 224, 10), (112, 150, 5), (64, 40, 40 * 10 / 224)]
)
def test_blur_is_gaussian_and_as_wide_for_the_picture_at_every_size(height, width, deviation):
    rng = np.random.default_rng(0)
    image = np.repeat(np.repeat(rng.integers(0, 256, (8, 10, 3)), 28, 0), 23, 1)[:height, :width]
    filled = fill_all("blur", image[None].astype(np.uint8))[0].astype(float)
    for channel in range(3):
        # Pillow takes the picture's border on beyond it, as "nearest" does.
        expected = ndimage.gaussian_filter(image[..., channel].astype(float), deviation, mode="nearest")
        assert abs(filled[..., channel] - expected).max() < 6
        assert abs(filled[..., channel] - expected).mean() < 1
        for other in (0.8, 1.25):  # the test would notice another width
            wrong = ndimage.gaussian_filter(
                image[..., channel].astype(float), other * deviation, mode="nearest"
            )
            assert abs(filled[..., channel] - wrong).mean() > 1
