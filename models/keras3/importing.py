"""Keras 3 beside tf_keras, on TensorFlow, when it is first needed."""

from __future__ import annotations

import os
import sys
from types import ModuleType

from bam.base.errors import BamError, one_line

INSTALL = "`pip install 'keras>=3'` installs it"


def import_keras3() -> ModuleType:
    """The module `keras`. Raises `BamError` if it is not there, older than 3.0, or not on TensorFlow.

    Which library Keras 3 computes with is settled when it is first imported, often by TensorFlow itself.
    """
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"
    try:
        import keras
    except ImportError as error:
        raise BamError(
            f"networks of Keras 3 need Keras 3, which cannot be imported ({one_line(error)}): {INSTALL}"
        ) from None
    if int(keras.__version__.split(".")[0]) < 3:
        raise BamError(
            f"networks of Keras 3 need Keras 3, but Keras {keras.__version__} is installed: {INSTALL}"
        )
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise BamError(
            f"networks of Keras 3 are run on TensorFlow, but Keras computes with {backend} here: set the "
            "environment variable KERAS_BACKEND to tensorflow before anything imports it"
        )
    return keras
