"""Networks of PyTorch that a function in a file of the user's builds: path/to/file.py:function."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from bam.base.digests import digest
from bam.base.errors import BamError, one_line
from bam.base.home import function_in, run_file
from bam.models.torch.importing import import_torch

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

# What a network takes, as a command has it ("224" or "224,192"), or as Python has it.
InputSize = str | int | tuple[int, int]


def names_function(path: str | Path) -> bool:
    """Whether this is a function in a Python file, and no file.

    >>> names_function("nets/mine.py:build"), names_function("mine.keras")
    (True, False)
    """
    return ".py:" in str(path)


def read_size(size: InputSize | None) -> tuple[int, int]:
    """Height and width, from one number, two, or a text of these. Raises `BamError` for anything else.

    >>> read_size("224"), read_size((96, 64))
    ((224, 224), (96, 64))
    """
    if size is None:
        raise BamError("a network of PyTorch needs `input_size`, as 224, or 224,192 for height and width")
    parts = size.replace("x", ",").split(",") if isinstance(size, str) else size
    try:
        numbers = tuple(map(int, parts if isinstance(parts, (list, tuple)) else [parts]))
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) not in (1, 2) or min(numbers) < 1:
        raise BamError(
            f"`input_size` must be a number of pixels, or height,width, not {size!r}: give 224, or 224,192"
        )
    return numbers[0], numbers[-1]


def built(
    entry: str | Path,
    class_names: tuple[str, ...],
    input_size: InputSize | None,
    preprocess: str,
    precision: str,
    batch_size: int,
) -> Classifier:
    """The classifier of the nn.Module that a function gives which takes nothing, see `TorchClassifier`.

    Its file is run, its folder first on the path. Raises `BamError` if PyTorch, the file or the function is
    not there, cannot be run, or gives no such module.
    """
    import_torch()  # before the file's own attempt
    from bam.models.torch.classifier import TorchClassifier

    file, _, name = str(entry).rpartition(":")
    path, size = Path(file), read_size(input_size)
    how = {"batch_size": batch_size, "precision": precision, "known": digest(path) if path.is_file() else ""}
    module = _made(path, name)
    return TorchClassifier(module, class_names, size, preprocess, f"{path.stem}:{name}", **how)


def _made(path: Path, name: str) -> Any:
    """What the function of this name gives."""
    from bam.models.torch.network import gpu_hint

    module, home = run_file(path)
    function = function_in(module, home, path, name, lambda: _defined(module))
    try:
        return function()
    except (Exception, SystemExit) as error:  # whatever it is, it is the user's to know
        remedy = gpu_hint(error) or "make it run by itself"
        raise BamError(
            f"{path}: {name}() failed ({one_line(error)}), but an nn.Module of PyTorch is needed: {remedy}"
        ) from error


def _defined(module: ModuleType) -> list[str]:
    """Names of the public functions and classes that a module defines."""
    return [
        name
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", None) == module.__name__ and name[0] != "_"
    ]
