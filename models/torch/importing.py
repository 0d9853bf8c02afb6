"""PyTorch, for those who have it."""

from __future__ import annotations

from types import ModuleType

from bam.base.errors import BamError, one_line


def import_torch() -> ModuleType:
    """The module torch. Raises `BamError` if it is not installed, or cannot be imported."""
    try:
        import torch
    except (ImportError, OSError, RuntimeError) as error:  # a broken build raises any of these
        raise BamError(
            f"PyTorch cannot be imported ({one_line(error)}): pip install 'bam-benchmark[torch]'"
        ) from None
    return torch
