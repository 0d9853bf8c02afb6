"""Running a user's file as if it were at home: its folder stands first on the path, and BAM's nowhere."""

from __future__ import annotations

import functools
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import bam
from bam.base.digests import digest
from bam.base.errors import BamError, did_you_mean, one_line
from bam.base.files import near_path

_PACKAGE = Path(bam.__file__).resolve().parent


def _is_checkout(entry: str) -> bool:
    """Whether an entry of the path is the checkout that BAM runs from, whose folders have common names."""
    return (_PACKAGE / "models").is_symlink() and Path(entry or ".").resolve() == _PACKAGE.parent


class Home:
    """The folder of a user's file, and the modules that were imported from it.

    Two files can each have a neighbour of the same name (`models`, `helpers`): what one imports from its
    folder is put aside when its code has run, and is there again when it runs again.
    """

    def __init__(self, folder: Path):
        self.folder = folder.resolve()
        self._modules: dict[str, ModuleType] = {}

    @contextmanager
    def entered(self, modules: Mapping[str, ModuleType] | None = None) -> Iterator[None]:
        """Within it imports are looked for in the folder first, and not in BAM's checkout.

        modules: further ones that belong to the folder.
        """
        self._modules |= modules or {}
        path, others = sys.path[:], dict(sys.modules)
        sys.path[:] = [str(self.folder), *(entry for entry in path if not _is_checkout(entry))]
        hidden = {name: sys.modules.pop(name) for name in self._in_the_way()}
        sys.modules |= self._modules
        try:
            yield
        finally:
            fresh = {name: module for name, module in sys.modules.items() if others.get(name) is not module}
            self._modules |= {name: module for name, module in fresh.items() if self._holds(name, module)}
            for name in self._modules.keys() & sys.modules.keys():
                if name in others:
                    sys.modules[name] = others[name]
                else:
                    del sys.modules[name]
            sys.modules |= hidden
            sys.path[:] = path

    def bound(self, function: Callable) -> Callable:
        """The function, at home whenever it is called."""

        @functools.wraps(function)
        def at_home(*given: Any, **more: Any) -> Any:
            with self.entered():
                return function(*given, **more)

        return at_home

    def _in_the_way(self) -> list[str]:
        """Modules from elsewhere, but not of Python or installed, that have the names of the folder's."""
        own = {path.stem for path in self.folder.glob("*.py")}
        own |= {path.parent.name for path in self.folder.glob("*/__init__.py")}
        own -= {"bam", "__main__", *sys.stdlib_module_names}
        return [
            name
            for name, module in sys.modules.items()
            if name.split(".")[0] in own
            and not self._holds(name, module)
            and not any("site-packages" in place.parts for place in _places(module))
        ]

    def _holds(self, name: str, module: ModuleType) -> bool:
        """Whether a module is of the folder, and not of an environment inside it."""
        return name.split(".")[0] != "bam" and any(
            place.is_relative_to(self.folder) and "site-packages" not in place.parts
            for place in _places(module)
        )


def _places(module: ModuleType) -> list[Path]:
    """Where a module comes from: its file, or the folders of a package.

    Some are no files: torch.classes has a path that is no list, and a file's name without a folder.
    """
    folders = getattr(module, "__path__", ())
    places = [getattr(module, "__file__", None), *(folders if isinstance(folders, Iterable) else ())]
    return [Path(place).resolve() for place in places if isinstance(place, str) and Path(place).is_absolute()]


def function_in(
    module: ModuleType, home: Home, path: Path, name: str, defined: Callable[[], Sequence[str]]
) -> Callable:
    """The function of this name in a file that was run, at home. Raises `BamError` if there is none.

    defined: gives the names of those that the file defines, for the error.
    """
    function = getattr(module, name, None)
    if not callable(function):
        known = defined()
        listed = f"{did_you_mean(name, known)}it defines {', '.join(known) or 'none'}"
        raise BamError(f"{path} has no function {name}: {listed}")
    return home.bound(function)


def run_file(path: Path) -> tuple[ModuleType, Home]:
    """Run a user's Python file; what it defines, and where its functions are at home.

    Raises `BamError` if it is not there or cannot be run.
    """
    if path.suffix != ".py" or not path.is_file():
        hint = near_path(path, lambda near: near.suffix == ".py" and near.is_file())
        raise BamError(f"there is no Python file {path}{hint and ': '}{hint}".strip())
    home = Home(path.parent)
    spec = importlib.util.spec_from_file_location(f"{path.stem}_{digest(path)[:12]}", path)
    module = importlib.util.module_from_spec(spec)
    try:
        with home.entered({spec.name: module}):  # dataclasses and the like look their module up
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever it is, it is the user's to know
        raise BamError(f"{path} cannot be run ({one_line(error)})") from error
    return module, home
