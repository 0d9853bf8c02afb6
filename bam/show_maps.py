"""Look at maps: those of some methods, for the images that scores are made of.

python -m bam.show_maps --methods grad_cam,my_file.py:my_method                # six images: a few seconds
python -m bam.show_maps --model object,scene --pair --out pairs.png           # two networks, with and without
python -m bam.show_maps --images photos --model net.keras --class_names names.txt
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from bam.attributions import METHODS
from bam.base.errors import BamError
from bam.base.settings import Folder, setting, settings
from bam.cli import flags as command
from bam.cli.shared import OfMethods, OwnNetwork, with_libraries
from bam.data_prep.dataset import load_dataset
from bam.metrics.reporting.picture import SUFFIXES, check_suffix
from bam.metrics.reporting.selection import Selection, settled
from bam.metrics.reporting.show import DEFAULT_METHODS, DEFAULT_NETWORK, show


def _picture(path: str) -> str:
    check_suffix(path)
    return path


@settings
class What:
    """What is shown, of what, and where it goes."""

    methods: str = setting(
        DEFAULT_METHODS,
        f"comma-separated attribution methods, of {', '.join(METHODS)}, with settings in brackets where they "
        "are not to be the default; all for the usual ones, everything for every one; or your "
        "own, as path/to/file.py:function or a folder of .npy maps, see docs/own_methods.md; or those of "
        "other libraries, as captum:DeepLift, see docs/libraries.md",
    )
    model: str = setting(
        DEFAULT_NETWORK,
        "networks to explain, comma-separated: names in the models' folder, .keras and .h5 files of Keras, "
        "path/to/file.py:function for one of PyTorch, or SavedModel folders, which are programs that are "
        "run; name what you trust",
    )
    images: str | None = setting(
        None, "folder of JPEG and PNG files (by default the dataset); or a number, for --limit"
    )
    data: Folder = setting("data/bam", "folder of the dataset")
    models: Folder = setting("runs/models", "folder of the trained models")
    out: Annotated[str, AfterValidator(_picture)] = setting(
        "runs/maps.pdf", f"file of the picture, which is replaced: {', '.join(SUFFIXES)}"
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; argv: its name and its flags, by default those of this process."""
    groups = {
        "what": What,
        "which images": Selection,
        "settings of methods": OfMethods,
        "a network of your own": OwnNetwork,
    }
    command.run(_main, "bam.show_maps", with_libraries(__doc__, argv), groups, argv)


def _main(flags: command.Flags) -> None:
    what, own, of_methods = flags.settings(What), flags.settings(OwnNetwork), flags.settings(OfMethods)
    try:
        selection, images = settled(flags.settings(Selection), what.images)
    except BamError as error:
        raise command.UsageError(flags.translated(str(error))) from None
    explainers = of_methods.chosen(what.methods, always=())
    data = what.data if images is not None else load_dataset(what.data)

    import bam.cli.quiet  # noqa: F401

    how = (what.model, data, what.models, images, own.class_names, own.preprocess)
    more = {"fills_gb": of_methods.fills_gb, "input_size": own.input_size}
    shown = show(explainers, *how, **more, **asdict(selection))
    path = shown.save(Path(what.out))
    if not isinstance(data, str):
        command.say_if_drawn(data)
    for note in shown.maps.notes:
        print(note)
    print(f"written to {path}")


if __name__ == "__main__":
    main()
