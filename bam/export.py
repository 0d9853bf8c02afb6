"""Write a network for another framework, as a file that needs no BAM.

python -m bam.export --model scene --out scene.pt2                  # a trained model, for PyTorch
python -m bam.export --model net.keras --class_names names.txt --out net.pt2
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from bam.base.settings import Folder, one_of, setting, settings
from bam.cli import flags as command
from bam.cli.shared import OwnNetwork
from bam.models.formats import check_name
from bam.models.stored import Models, check_knows_its_input, is_own
from bam.models.torch.export import check_suffix, write_twin

FORMATS = ("torch",)


def _file(path: str) -> str:
    check_suffix(path)
    return path


@settings
class What:
    """Which network, and where it goes."""

    model: str = setting(
        "object",
        "a trained model's name, a .keras or .h5 file of Keras, or path/to/file.py:function, which gives an "
        "nn.Module of PyTorch; name what you trust",
    )
    models: Folder = setting("runs/models", "folder of the trained models")
    format: Annotated[str, one_of("format", FORMATS)] = setting(
        "torch", "torch: a program of torch.export, which `torch.export.load` reads; needs PyTorch"
    )
    out: Annotated[str, AfterValidator(_file)] = setting("runs/twin.pt2", "file, which is replaced")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; argv: its name and its flags, by default those of this process."""
    groups = {"what": What, "a network of your own": OwnNetwork}
    command.run(_main, "bam.export", __doc__, groups, argv)


def _main(flags: command.Flags) -> None:
    what, own = flags.settings(What), flags.settings(OwnNetwork)
    models = Models(what.models)
    needed = (own.class_names, own.preprocess, own.input_size)
    if not is_own(what.model) and not models.has(what.model):
        check_name(what.model)

    import bam.cli.quiet  # noqa: F401

    if is_own(what.model):
        classifier = models.file(what.model, *needed)
    else:
        check_knows_its_input(what.model, *needed)
        classifier = models[what.model]
    for remark in classifier.remarks:
        print(remark)
    print(f"written to {write_twin(classifier, Path(what.out))}")


if __name__ == "__main__":
    main()
