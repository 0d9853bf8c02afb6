"""To be imported before TensorFlow: lets PyTorch for GPUs be used in the same process, for Stable Diffusion.

TensorFlow 2.20 and 2.21 show their copy of LLVM to whatever is loaded later. Triton, which comes with PyTorch
for GPUs and which diffusers loads, takes that for its own and crashes the interpreter
(tensorflow/tensorflow#124205), unless it is there first. It takes 0.2 s to load.
"""

import contextlib

with contextlib.suppress(ImportError):
    import triton  # noqa: F401
