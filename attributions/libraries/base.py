"""From a class of another library to a method: its settings, its version, whether it suits a network."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bam.attributions.checks import checked_maps
from bam.attributions.gradients import BASELINES
from bam.attributions.registry import Method, Need
from bam.base.errors import BamError, first_line, unknown
from bam.base.versions import versions
from bam.models.network.probes import noise

if TYPE_CHECKING:
    from types import ModuleType

    from bam.models.classifier import Classifier

# To be raised when maps of other libraries come out differently by what is done here.
ADAPTER = 1
# A colour: a name in `BASELINES`, a value for all channels or one for each, in 0..255.
Colour = str | float | tuple[float, float, float]
# From one image, float32 (H, W, 3), and a class to its map: (H, W, channels), (H, W), or (h, w) of a layer.
MapOf = Callable[[np.ndarray, int], np.ndarray]
# What the constructor of a class is given that applies another method: NoiseTunnel's.
INNER = "attribution_method"


@dataclass(frozen=True)
class Adapted:
    """What of a class of a library makes a method.

    settings: parameters with type and default. prepare: from a network and all settings to what makes maps.
    draws: it draws random numbers. needs, share: see `Method`; checks: further needs, of networks that the
    library takes.
    """

    settings: Mapping[str, inspect.Parameter]
    prepare: Callable[[Classifier, Mapping[str, Any]], MapOf]
    draws: bool = False
    needs: tuple[Need, ...] = ()
    checks: tuple[Need, ...] = ()
    share: Callable[[Classifier], float] | None = None


@dataclass(frozen=True)
class Library:
    """A library with attribution methods.

    name: what stands before the colon. title: what it is called. package: as it is installed; module: as it
    is imported. classes: from the module to its methods for images, by name. adapted: from such a class, and
    the one in brackets behind it, to what makes the method. cite: key of what is to be cited. in_torch:
    whether it explains the twin, so that maps depend on PyTorch's version too.
    """

    name: str
    title: str
    package: str
    module: str
    classes: Callable[[ModuleType], Mapping[str, type]]
    adapted: Callable[[type, type | None], Adapted]
    cite: str
    in_torch: bool = False

    def found(self) -> Mapping[str, type]:
        """Its methods for images in the version that is installed. Raises `BamError` if it cannot be used."""
        return self.classes(self.imported())

    def imported(self) -> ModuleType:
        """The module. Raises `BamError` that says how to install it if it cannot be imported."""
        hint = f"pip install '{self.package}', or 'bam-benchmark[libraries]' for all of them"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return importlib.import_module(self.module)
        except ModuleNotFoundError as error:
            lacking = error.name or first_line(error)
            itself = lacking.partition(".")[0] == self.module.partition(".")[0]
            needs = "" if itself else f" needs {lacking}, which"
            raise BamError(f"{self.title}{needs} is not installed: {hint}") from None
        # Packages that do not fit each other raise whatever they like, as torchvision does.
        except Exception as error:  # noqa: BLE001
            raise BamError(f"{self.title} cannot be imported ({first_line(error)}): {hint}") from None

    @property
    def version(self) -> str:
        """Of the package that is installed."""
        return versions([self.package])[self.package] or "of unknown version"

    def method(self, name: str, inner: str = "") -> Method:
        """The method of a class; inner: the class in brackets behind its name.

        Raises `BamError` if the library cannot be used, or has no such method for images.
        """
        found = self.found()
        for each in (name, *([inner] if inner else [])):
            if each not in found:
                raise unknown(f"method of {self.title} {self.version}", each, found)
        self._check_brackets(found, name, inner)
        called = f"{self.name}:{name}({inner})" if inner else f"{self.name}:{name}"
        of_torch = f" torch {versions(['torch'])['torch']}," * self.in_torch
        adapted = self.adapted(found[name], found[inner] if inner else None)
        return Method(
            called,
            _function(called, adapted),
            version=f"{self.package} {self.version},{of_torch} {ADAPTER}",
            needs=(*adapted.needs, _tried(called, adapted), *adapted.checks),
            cite=(self.cite,),
            share=adapted.share,
        )

    def _check_brackets(self, found: Mapping[str, type], name: str, inner: str) -> None:
        if wraps(found[name]) and not inner:
            raise BamError(f"{self.name}:{name} needs a method in brackets, as {self.name}:{name}(Saliency)")
        if inner and not wraps(found[name]):
            raise BamError(f"{self.name}:{name} takes no method in brackets, but settings: give NAME=VALUE")
        if inner and wraps(found[inner]):
            raise BamError(
                f"{self.name}:{name} takes no {inner} in brackets, which needs a method itself: name one "
                "that needs none, as Saliency"
            )


def wraps(kind: type) -> bool:
    """Whether a class applies another method, which it is given."""
    return INNER in required(kind.__init__)


def _function(name: str, adapted: Adapted) -> Callable[..., np.ndarray]:
    """What `Method` takes, with the settings in its signature."""

    def function(
        classifier: Classifier,
        images: np.ndarray,
        targets: np.ndarray,
        *,
        seed: np.ndarray | None = None,
        **settings: Any,
    ) -> np.ndarray:
        # Some would search for ever.
        if not np.isfinite(images).all():
            raise BamError(f"{name} takes finite pixels only, but some are NaN or infinite: leave these out")
        seeds = np.zeros(len(images), np.uint64) if seed is None else seed
        maps = []
        try:
            map_of = adapted.prepare(classifier, settings)
            # One by one, so that the map of an image does not depend on what stands beside it.
            for image, target, number in zip(images, targets, seeds, strict=True):
                with seeded(int(number)):
                    maps.append(map_of(image.copy(), int(target)))
        except BamError:
            raise
        except Exception as error:
            raise BamError(f"{name} failed: {first_line(error)}") from error
        return _at_input_size(np.stack(maps).astype(np.float32, copy=False), classifier)

    either, named = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    given = [inspect.Parameter(each, either) for each in ("classifier", "images", "targets")]
    drawn = [inspect.Parameter("seed", named)] if adapted.draws else []
    function.__signature__ = inspect.Signature([*given, *drawn, *adapted.settings.values()])
    function.__name__ = function.__qualname__ = name
    return function


def _at_input_size(maps: np.ndarray, classifier: Classifier) -> np.ndarray:
    """Maps of a layer are enlarged as BAM's own are."""
    if maps.ndim == 3 and maps.shape[1:] != classifier.input_size:
        return classifier.at_input_size(maps[..., None])[..., 0]
    return maps


def _tried(name: str, adapted: Adapted) -> Need:
    """Whether the method can explain a probe, tried once for each network."""

    def lacks_what_the_library_asks(classifier: Classifier) -> str | None:
        """What the library asks for, tried on an image of noise."""

        def attempt() -> Callable[[], str | None]:
            settings = {key: parameter.default for key, parameter in adapted.settings.items()}
            image = probe(classifier)
            try:
                maps = _function(name, adapted)(classifier, image, classifier.predictions(image), **settings)
                checked_maps(maps, name, False, image)
            except BamError as error:
                reason = str(error).removeprefix(f"{name} failed: ")
                return lambda: reason
            return lambda: None

        return classifier.compiled(("suits", name), attempt)()

    return lacks_what_the_library_asks


def probe(classifier: Classifier, count: int = 1) -> np.ndarray:
    """Images of noise, always the same, float32 (count, H, W, 3) in 0..255."""
    return noise(count, (*classifier.input_size, 3))


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within it, the global generators of numpy and torch begin at a seed; afterwards they are as before.

    Warnings are not shown, since they are of how the library is called.
    """
    state = np.random.get_state()  # noqa: NPY002 - what other libraries draw from
    np.random.seed(seed % 2**32)  # noqa: NPY002
    torch = sys.modules.get("torch")  # whoever draws with it has imported it
    try:
        with torch.random.fork_rng(devices=[]) if torch else contextlib.nullcontext():
            if torch:
                torch.manual_seed(seed % 2**63)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


def plain_settings(function: Callable, handled: frozenset[str]) -> dict[str, inspect.Parameter]:
    """Those parameters of a library's function that are settings: a number, a truth or a text by default.

    handled: what is none, since whoever calls the function knows what it must be.
    """
    return {
        name: setting(name, parameter.default, type(parameter.default))
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in handled and isinstance(parameter.default, (bool, int, float, str))
    }


def setting(name: str, default: Any, kind: Any) -> inspect.Parameter:
    """A setting of a method, with its type."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def subclasses(module: ModuleType, of: type) -> dict[str, type]:
    """The classes in a module that are kinds of another one, by name."""
    return {
        name: kind
        for name, kind in sorted(vars(module).items())
        if isinstance(kind, type) and issubclass(kind, of) and kind is not of
    }


def taken(values: Mapping[str, Any], function: Callable) -> dict[str, Any]:
    """Those of the values that a library's function takes by name."""
    return {name: values[name] for name in values.keys() & inspect.signature(function).parameters.keys()}


def required(function: Callable) -> set[str]:
    """Names of the parameters without a default, but for `self` and what collects others."""
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is inspect.Parameter.empty and parameter.kind not in variable and name != "self"
    }


def coloured(image: np.ndarray, colour: Colour) -> np.ndarray:
    """An image of one colour, float32 as `image` (H, W, 3). Raises `BamError` for an unknown name."""
    if isinstance(colour, str):
        if colour not in BASELINES:
            raise unknown("baseline", colour, BASELINES)
        colour = BASELINES[colour](image[None])
    return np.ascontiguousarray(np.broadcast_to(np.asarray(colour, np.float32), (1, *image.shape))[0])
