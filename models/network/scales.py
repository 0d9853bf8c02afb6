"""The scales of pixels that networks are trained on."""

# Means of ImageNet's red, green and blue, which Keras Applications' weights expect subtracted.
IMAGENET_MEANS = (123.68, 116.779, 103.939)

# How pixels in 0..255 are put on the scale that a network was trained on: mean and standard deviation of each
# channel, and whether the channels are taken in reverse (blue, green, red).
# `torch`, `caffe`: as Keras Applications calls what torchvision's and Caffe's networks expect.
SCALES = {
    "none": ((0, 0, 0), (1, 1, 1), False),
    "0..1": ((0, 0, 0), (255, 255, 255), False),
    "-1..1": ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5), False),
    "torch": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), False),
    "caffe": (IMAGENET_MEANS[::-1], (1, 1, 1), True),
}
