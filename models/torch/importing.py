"""PyTorch, where it is installed."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

from bam.base.errors import BamError, one_line

if TYPE_CHECKING:
    import torch

INSTALL = "`pip install 'bam-benchmark[torch]'` installs it"


def import_torch() -> ModuleType:
    """PyTorch. Raises `BamError` if it is not installed, or cannot be imported."""
    try:
        import torch
    except (ImportError, OSError, RuntimeError) as error:  # what it loads may be missing, or another's
        reason = one_line(error)
        raise BamError(f"this needs PyTorch, which cannot be imported ({reason}): {INSTALL}") from None
    return torch


def device() -> torch.device:
    """Where PyTorch computes: on a GPU if it can use one."""
    torch = import_torch()
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
