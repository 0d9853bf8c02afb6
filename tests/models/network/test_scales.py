import numpy as np
import pytest

from bam.base.errors import BamError
from bam.models.network.scales import SCALES, scale_of


def test_means_and_deviations_are_of_pixels_in_0_to_1():
    mean, deviation, reverse = scale_of("0.485,0.456,0.406/0.229,0.224,0.225")
    np.testing.assert_allclose(mean, SCALES["imagenet"][0])
    np.testing.assert_allclose(deviation, SCALES["imagenet"][1])
    assert reverse is False
    assert scale_of("0/1") == SCALES["0..1"]
    assert scale_of("0.1/0.5,0.25,1")[0] == (25.5, 25.5, 25.5)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("imagnet", "did you mean 'imagenet'"),
        ("torch", "unknown preprocessing 'torch': known are none, 0..1, -1..1, imagenet, caffe, MEAN/SD"),
        ("0.5/0", "is no MEAN/SD"),
        ("0.5,0.5/1", "is no MEAN/SD"),
        ("127.5/127.5", "these are of pixels in 0..1"),
        ("0/255", "these are of pixels in 0..1"),
        ("-0.5/1", "is no MEAN/SD"),
        ("nan/1", "is no MEAN/SD"),
        ("a/b", "is no MEAN/SD"),
        ("/", "is no MEAN/SD"),
    ],
)
def test_what_is_no_scale_is_one_line(name, words):
    with pytest.raises(BamError) as caught:
        scale_of(name)
    assert words in str(caught.value)
