"""What torch modules return: tensors, tuples of them, outputs of Hugging Face."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bam.models.torch.importing import import_torch

if TYPE_CHECKING:
    import torch


def logits_of(output: Any) -> torch.Tensor | None:
    """The logits in what a module returned: a tensor, something that has them, or a tuple; None if none."""
    if isinstance(output, Mapping) and "logits" in output:
        return first_tensor(output["logits"])
    return first_tensor(getattr(output, "logits", output))


def first_tensor(output: Any) -> torch.Tensor | None:
    """A tensor, or the first of a tuple of them; None for anything else."""
    output = output[0] if isinstance(output, (tuple, list)) and output else output
    return output if isinstance(output, import_torch().Tensor) else None
