"""A classifier's network in a file that PyTorch reads without BAM."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from bam.base.errors import BamError, one_line
from bam.base.files import replacing
from bam.models.torch.importing import import_torch
from bam.models.torch.twin import torch_twin

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

SUFFIX, CLASSES = ".pt2", "class_names.json"


def check_suffix(path: str | Path) -> None:
    """Raise `BamError` if a file of this name is none that PyTorch exports networks to."""
    if Path(path).suffix != SUFFIX:
        raise BamError(f"{path} must end in {SUFFIX}, as files of torch.export do: rename it")


def write_twin(classifier: Classifier, path: str | Path) -> Path:
    """Write what `torch_twin` gives to a .pt2 file, whole or not at all; the path.

    `torch.export.load(path).module()` is the network for float32 (N, 3, H, W) in 0..255 and any N, without
    BAM; `class_names.json` among the file's extra files has the classes in the order of the logits. Raises
    `BamError` as `torch_twin` does, for another suffix, and for a module
    that PyTorch cannot export.
    """
    check_suffix(path)
    torch = import_torch()
    height, width = classifier.input_size
    # Two images, since a size of one is taken for a constant.
    example, sizes = (torch.zeros(2, 3, height, width),), ({0: torch.export.Dim("images", min=1)},)
    twin = torch_twin(classifier)
    try:
        program = torch.export.export(twin, example, dynamic_shapes=sizes)
    except Exception as error:  # whatever it is, it is the module's
        raise BamError(
            f"{classifier.name} cannot be exported by PyTorch ({one_line(error)}): take its `bam.torch_twin` "
            "in Python"
        ) from error
    with replacing(path) as temporary:
        torch.export.save(program, temporary, extra_files={CLASSES: json.dumps(classifier.class_names)})
    return Path(path)
