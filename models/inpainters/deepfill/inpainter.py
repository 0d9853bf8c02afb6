"""DeepFill v1 as an inpainter, which Agarwal and Nguyen (2020) remove parts of pictures with."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from bam.base.digests import array_digest, key_digest
from bam.base.errors import BamError
from bam.models.inpainters.base import Inpainter, inpainter

if TYPE_CHECKING:
    import tensorflow as tf

SIZES = 8  # of pictures, for which the compiled networks are kept


@inpainter
class DeepFill(Inpainter):
    """What DeepFill v1, trained on pictures without prompts, paints into the hole, whatever is named.

    Yu et al. 2018, "Generative Image Inpainting with Contextual Attention" (arXiv:1801.07892): a coarse and
    a refining network, the second of which composes the hole of patches around it. Pictures of any size are
    painted as large as they are: to the next multiple of 8 they are continued below and to the right by their
    last row and column, hole included, and cut again. Values are cut off to whole numbers, as in the
    published code. Nothing is random. On a CPU pictures are painted one by one, so that a picture's fill is
    the same bit for bit in any batch.

    Weights are not part of BAM. Those that the authors trained at 256 x 256 (release_imagenet_256 and
    release_places2_256, linked by JiahuiYu/generative_inpainting on its branch v1.0.0) are under CC BY-NC
    4.0: not for commercial use.

    >>> painter = make_inpainter("deepfill", checkpoint="release_places2_256")  # doctest: +SKIP
    """

    name = "deepfill"
    batch_size = 16
    cite = ("yu2018generative",)

    def __init__(self, checkpoint: str | None = None):
        """checkpoint: a folder with the files of a checkpoint of TensorFlow, as the authors published theirs.
        Raises `BamError` if there is none, or if it is not one of DeepFill v1."""
        if not checkpoint:
            raise BamError(
                "deepfill needs trained weights, which are not part of BAM: give the folder of a checkpoint "
                "as `checkpoint`, such as release_places2_256 of github.com/JiahuiYu/generative_inpainting"
            )
        from bam.models.inpainters.deepfill.checkpoint import read  # which starts TensorFlow

        self.checkpoint = str(checkpoint)
        self._variables = read(checkpoint)
        self._compiled = lru_cache(SIZES)(self._compile)

    @cached_property
    def key(self) -> dict[str, Any]:
        """With the variables, whatever the folder's name, and the device, which decides on last digits."""
        import tensorflow as tf

        content = {name: array_digest(value) for name, value in self._variables.items()}
        gpu = bool(tf.config.list_logical_devices("GPU"))
        short = gpu and tf.config.experimental.tensor_float_32_execution_enabled()
        return super().key | {
            "checkpoint": key_digest(content),
            "device": "gpu" if gpu else "cpu",
            "precision": "tensorfloat32" if short else "float32",
        }

    def _paint(self, images, holes, prompts, seeds, ids) -> np.ndarray:
        import tensorflow as tf

        from bam.models.inpainters.deepfill.network import MULTIPLE

        height, width = images.shape[1:3]
        more = ((0, 0), (0, -height % MULTIPLE), (0, -width % MULTIPLE))
        # With the hole continued like the picture, none of its pixels is taken for a known one.
        images, holes = np.pad(images, (*more, (0, 0)), "edge"), np.pad(holes, more, "edge")
        paint = self._compiled(*images.shape[1:3])
        # Sums in a batch are taken in another order than alone, and a CPU gains little from batches.
        at_once = len(images) if tf.config.list_logical_devices("GPU") else 1
        parts = [slice(start, start + at_once) for start in range(0, len(images), at_once)]
        painted = [paint(tf.constant(images[part]), tf.constant(holes[part])).numpy() for part in parts]
        return np.concatenate(painted)[:, :height, :width]

    def _compile(self, height: int, width: int) -> tf.types.experimental.Callable:
        """From images uint8 (N, height, width, 3) and holes bool (N, height, width) to painted images."""
        import tensorflow as tf

        from bam.models.inpainters.deepfill.network import generator

        def paint(images: tf.Tensor, holes: tf.Tensor) -> tf.Tensor:
            _, refined = generator(self._variables, images, holes)
            return tf.cast(tf.clip_by_value((refined + 1) * 127.5, 0, 255), tf.uint8)

        return tf.function(paint, autograph=False).get_concrete_function(
            tf.TensorSpec((None, height, width, 3), tf.uint8), tf.TensorSpec((None, height, width), tf.bool)
        )
