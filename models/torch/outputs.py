"""What modules of torch return, as tensors and arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bam.models.torch.importing import import_torch

if TYPE_CHECKING:
    import torch


def logits_of(output: Any) -> torch.Tensor | None:
    """The logits in what a network returned: a tensor, something that has them, or a tuple; None if none."""
    if isinstance(output, Mapping) and "logits" in output:
        return first_of(output["logits"])
    return first_of(getattr(output, "logits", output))


def first_of(output: Any) -> torch.Tensor | None:
    """A tensor, or the first of a tuple of them; None for anything else."""
    output = output[0] if isinstance(output, (tuple, list)) and output else output
    return output if isinstance(output, import_torch().Tensor) else None


def array(tensor: torch.Tensor) -> np.ndarray:
    """The values of a tensor."""
    return np.ascontiguousarray(tensor.detach().cpu().numpy())
