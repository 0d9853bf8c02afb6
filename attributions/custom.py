"""Methods of the user's own: a function, a function in a Python file, or a folder of finished maps."""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from bam.attributions.libraries import LIBRARIES
from bam.attributions.registry import GIVEN, GROUPS, METHODS, Method
from bam.attributions.stored_maps import maps_method
from bam.attributions.torch_methods import explains_module, on_twin
from bam.base.digests import digest
from bam.base.errors import BamError, nearest
from bam.base.files import near_path
from bam.base.home import Home, function_in, run_file
from bam.base.versions import versions
from bam.models.torch.importing import INSTALL

if TYPE_CHECKING:
    from bam.models.classifier import Classifier


def is_custom(entry: str) -> bool:
    """Whether an entry of a list of methods names a file or a folder, there or not, and no known method."""
    named_so = ":" in entry or "/" in entry or entry.endswith(".py")
    return entry not in ("", *GROUPS, *METHODS) and (named_so or Path(entry).exists())


def custom_method(
    entry: str | Path | Callable[..., np.ndarray], name: str | None = None, version: str | None = None
) -> Method:
    """The method that a function, "path/to/file.py:function", or the path of a folder of maps stands for.

    name: what it is called, by default as the function or the folder. version: what tells it from others of
    the name; by default a digest of the whole file that defines it (not of what that imports), or of all
    maps: rows of a changed one are not used. A function that is more than its file says (it has a closure or
    no name, or comes from a notebook or the prompt) has rows that are not kept, unless a version is given.
    Naming a file runs it. A function whose first parameter is annotated as `torch.nn.Module` is given the
    network in PyTorch, see `torch_methods.on_twin`; PyTorch's version is part of its own. Raises `BamError`
    if it is not there, cannot be run, takes other arguments, or has the name of a registered method; the
    method does, where it is called, if it changes the network's weights.

    >>> def brightness(classifier, images, targets):
    ...     return images.mean(-1)
    >>> custom_method(brightness, version="1").name
    'brightness'
    """
    if callable(entry):
        method = _of_function(entry, version)
    else:
        method = maps_method(Path(entry)) if Path(entry).is_dir() else _in_file(str(entry))
    changes = {"name": name, "version": version}
    method = replace(method, **{key: value for key, value in changes.items() if value is not None})
    if method.name in METHODS:
        raise BamError(f"{entry}: {method.name} is the name of a method of BAM's: rename yours")
    return method


def _of_function(function: Callable[..., np.ndarray], version: str | None) -> Method:
    name = getattr(function, "__name__", type(function).__name__)
    called, of_torch = _checked(function, name)
    if version is not None:
        return Method(name, called, version, own=True)
    file = getattr(getattr(function, "__code__", None), "co_filename", "")
    reason = ""
    if not inspect.isfunction(function):
        reason = "it is no plain function"
    elif function.__closure__:
        reason = "it has a closure"
    elif function.__name__ == "<lambda>":
        reason = "it has no name"
    elif not Path(file).is_file():
        reason = "no file defines it"
    if reason:
        return Method(name, called, "", own=True, transient=reason)
    # With the line, since a file can define a name twice.
    known = f"{_file_digest(function)[:12]} {function.__qualname__} {function.__code__.co_firstlineno}"
    return Method(name, called, known + of_torch, own=True)


# By the code's identity; it is kept, so that no other can come to have that.
_SEEN: dict[int, tuple[CodeType, str]] = {}


def _file_digest(function: Callable[..., np.ndarray]) -> str:
    """Digest of the file that defines a function, as it was when this very function was first met.

    What runs is what was imported, even if the file is changed afterwards; imported again, it is another.
    """
    code = function.__code__
    if id(code) not in _SEEN:
        _SEEN[id(code)] = code, digest(code.co_filename)
    return _SEEN[id(code)][1]


def _in_file(entry: str) -> Method:
    file, _, name = entry.rpartition(":") if ":" in entry else (entry, "", "")
    path = Path(file)
    if path.suffix != ".py":
        raise _no_file(entry, path, name)
    if not name and path.is_file():
        functions = ", ".join(_functions(path)) or "none"
        raise BamError(f"{entry} names no function: give {path}:FUNCTION; it defines {functions}")
    module, home = _run(path)
    function = function_in(module, home, path, name, lambda: _functions(path))
    called, of_torch = _checked(function, entry)
    return Method(name, called, digest(path)[:12] + of_torch, own=True)


def _run(path: Path) -> tuple[ModuleType, Home]:
    """What a file defines, see `run_file`; of PyTorch, if that is what it lacks, how it is installed."""
    try:
        return run_file(path)
    except BamError as error:
        lacking = getattr(error.__cause__, "name", None) if isinstance(error.__cause__, ImportError) else None
        if lacking and lacking.split(".")[0] == "torch":
            raise BamError(f"{error}: {INSTALL}") from error.__cause__
        raise


def _functions(path: Path) -> list[str]:
    """Names of the functions in a Python file, which is not run."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return []
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [name for name in names if not name.startswith("_")]


def _no_file(entry: str, path: Path, function: str) -> BamError:
    """The error for an entry that names neither a Python file nor a folder that is there."""
    takes = "`methods` takes path/to/file.py:function or a folder of .npy maps"
    if function:
        meant = (f"{path}.py", f"{str(path).replace('.', '/')}.py")
        hints = [f"did you mean '{file}:{function}'? " for file in meant if Path(file).is_file()]
        library = nearest(str(path), LIBRARIES)
        hints += [f"did you mean '{library}:{function}'? "] if library else []
        return BamError(f"{entry}: {path} is no Python file: {''.join(hints[:1])}{takes}")
    if path.exists():
        return BamError(f"{entry} is neither a Python file nor a folder: {takes}")
    return BamError(f"there is no folder {entry}: {near_path(path, Path.is_dir)}{takes}")


def _checked(function: Callable[..., Any], name: str) -> tuple[Callable[..., np.ndarray], str]:
    """The function as BAM calls it, and what its version has of PyTorch's, if it explains a module."""
    of_torch = explains_module(function)
    first, given = ("module", (*GIVEN, "generator")) if of_torch else ("classifier", GIVEN)
    takes = f"{name} must take ({first}, images, targets), then what it is to be given by name"
    try:
        signature = inspect.signature(function)
        signature.bind(None, None, None, **{key: None for key in given if key in signature.parameters})
    except (TypeError, ValueError) as error:  # a function of C may have no signature
        raise BamError(f"{takes} ({', '.join(given)}) or has a default: {error}") from None
    if not of_torch:
        return _on_loan(function, name), ""
    return on_twin(function), f" torch {versions(['torch'])['torch']}"


def _on_loan(function: Callable[..., np.ndarray], name: str) -> Callable[..., np.ndarray]:
    """The function, which must leave the classifier's weights as they are: `BamError` if it does not."""

    @functools.wraps(function)
    def explained(classifier: Classifier, *given: Any, **settings: Any) -> np.ndarray:
        from bam.models.unchanged import unchanged

        with unchanged(classifier, name):
            return function(classifier, *given, **settings)

    return explained
