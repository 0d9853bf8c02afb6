"""Imported by the commands that use TensorFlow, before it: starts it without its greetings.

TensorFlow writes lines about the processor and missing GPUs to stderr before any setting can stop it.
They are held back here, and shown after all if it does not start.
"""

import os
import sys
import tempfile

from bam.base import load_order  # noqa: F401

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# TensorFlow would else take all of a GPU's memory, of which PyTorch needs some for Stable Diffusion.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
# TensorFlow imports Keras 3, which then keeps to what it computes with.
os.environ["KERAS_BACKEND"] = "tensorflow"

with tempfile.TemporaryFile() as _held:
    _stderr = os.dup(2)
    sys.stderr.flush()
    os.dup2(_held.fileno(), 2)
    try:
        import tensorflow

        tensorflow.config.list_physical_devices()
    except BaseException:
        _held.seek(0)
        os.write(_stderr, _held.read())
        raise
    finally:
        os.dup2(_stderr, 2)
        os.close(_stderr)

# It counts what is compiled of one piece of code, for whatever network, and warns of the fifth.
tensorflow.get_logger().addFilter(lambda record: "triggered tf.function retracing" not in record.getMessage())
