"""The attribution methods by name, and `explain`, which applies one of them.

A method is a function `f(classifier, images, targets, **settings) -> maps`: images float32 (N, H, W, 3),
prepared by the classifier; targets int (N,), class indices; maps (N, H, W) or (N, H, W, channels), raw and
signed. A function with a parameter `seed` is given uint64 (N,), one per image, to draw random numbers from;
one with `masks` the object masks, bool (N, H, W); one with `ids` or `view`, the images' ids or the name of
the image set they are from; one with `dataset`, `fill_store` or `fill_seed` what the run has of these. Its
other parameters are settings. What it needs of a network is declared, see `attributions.requirements`.
"""

from __future__ import annotations

import inspect
import typing
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from bam.attributions.checks import checked_maps, class_indices, seeds_per_image
from bam.attributions.lengths import scaled
from bam.base.citations import SOFTWARE
from bam.base.errors import BamError, unknown
from bam.base.parameters import defaults, is_plain
from bam.base.registry import check_name
from bam.models.inpainters.simple import BLUR_SHARE

if TYPE_CHECKING:
    from bam.data_prep.dataset import Dataset
    from bam.models.classifier import Classifier
    from bam.models.inpainters.store import FillStore

# Why a network lacks what is needed, in a few words; None if it does not.
Need = Callable[["Classifier"], "str | None"]
Depends = Callable[[Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any]]
# What a function may ask for beside the classifier, the images and the targets.
GIVEN = ("seed", "masks", "ids", "view", "dataset", "fill_store", "fill_seed")


@dataclass(frozen=True)
class Method:
    """An attribution method.

    version: rows of another one are not used. control: it knows nothing of the model, or everything of the
    truth, and shows what a score is worth. own: it is the user's: it is given copies, which it may change,
    and a map with NaN is an error. needs: what a network must have, see `unsuited`. transient: why its rows
    cannot be kept, if so: they depend on more than `version`. cite: keys of `base.citations`. usual: whether
    it is one of "all", which tables, presets and the leaderboard compare; if not for its cost, `slow` says
    that. lengths: those of its settings that are pixels of a picture of 224, see `scaled`. depends: the key
    of the inpainter whose fills its maps depend on, from the settings and what of `GIVEN` the run has; it
    raises `BamError` for what cannot be. share: of the logit, what its map sums to for a network.
    """

    name: str
    function: Callable[..., np.ndarray]
    version: int | str = 1
    control: bool = False
    own: bool = False
    needs: tuple[Need, ...] = ()
    transient: str = ""
    cite: tuple[str, ...] = ()
    usual: bool = True
    slow: str = ""
    lengths: tuple[str, ...] = ()
    depends: Depends | None = None
    share: Callable[[Classifier], float] | None = None

    @cached_property
    def _parameters(self) -> Mapping[str, inspect.Parameter]:
        return inspect.signature(self.function).parameters

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """Its settings, as they are by default."""
        return defaults(self.function, GIVEN)

    @property
    def signature(self) -> str:
        """Its name, with its settings and their defaults: `smoothgrad(samples=50, noise=0.15)`."""
        settings = ", ".join(f"{name}={value!r}" for name, value in self.defaults.items())
        return f"{self.name}({settings})" if settings else self.name

    def takes(self, parameter: str) -> bool:
        """Whether the function has a parameter of this name."""
        return parameter in self._parameters

    @property
    def seeded(self) -> bool:
        """Whether the function is given seeds: by name, or with whatever else it takes."""
        kinds = [parameter.kind for parameter in self._parameters.values()]
        return self.takes("seed") or inspect.Parameter.VAR_KEYWORD in kinds

    def needs_given(self, parameter: str) -> bool:
        """Whether it has this parameter, without a default."""
        return self.takes(parameter) and self._parameters[parameter].default is inspect.Parameter.empty

    def unsuited(self, classifier: Classifier) -> str | None:
        """Why it does not apply to the classifier's network, in a few words; None if it does."""
        return next(filter(None, (need(classifier) for need in self.needs)), None)

    def with_settings(self, **settings: Any) -> Explainer:
        """The method with these settings, the others as they are by default.

        Texts are read as the function's type hints say. Raises `BamError` for a setting that it lacks, and
        for a value that no file can record.

        >>> from bam.attributions import METHODS
        >>> METHODS["smoothgrad"].with_settings(samples="20").name
        'smoothgrad(samples=20)'
        """
        for name in settings:
            if name not in self.defaults:
                raise unknown(f"setting of {self.name}", name, self.defaults)
        known = {**self.defaults, **{name: self._read(name, value) for name, value in settings.items()}}
        for name, value in known.items():
            if not is_plain(value):
                raise BamError(
                    f"{self.name}: {name} must be a number, a text or a list of such, not {value!r}"
                )
        return Explainer(self, known)

    def _read(self, name: str, value: Any) -> Any:
        hint = self._hint(name)
        try:
            return TypeAdapter(hint).validate_python(value)
        except ValidationError:
            kind = getattr(hint, "__name__", hint)
            raise BamError(f"{self.name}: {name} must be of type {kind}, not {value!r}") from None

    def _hint(self, name: str) -> Any:
        """The type of a parameter, as its annotation says; Any for one that is no type."""

        def probe() -> None: ...

        # Of this parameter alone, since the names in others may be there for type checkers only.
        annotation = self._parameters[name].annotation
        probe.__annotations__ = {} if annotation is inspect.Parameter.empty else {name: annotation}
        try:
            names = getattr(inspect.unwrap(self.function), "__globals__", {})
            return typing.get_type_hints(probe, names).get(name, Any)
        except (NameError, SyntaxError, TypeError):
            return Any


@dataclass(frozen=True, eq=False)
class Explainer:
    """A method with all its settings: what one row of a table is about.

    given: what of `GIVEN` the run has for it, whatever the images.
    """

    method: Method
    settings: Mapping[str, Any]
    given: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def name(self) -> str:
        """The method's name, with those settings that are not as by default: `smoothgrad(noise=0.1)`."""
        defaults = self.method.defaults
        changed = [f"{key}={value!r}" for key, value in self.settings.items() if value != defaults[key]]
        return f"{self.method.name}({', '.join(changed)})" if changed else self.method.name

    @property
    def key(self) -> list[Any]:
        """All that its maps depend on, besides network, images and seeds; for JSON."""
        painted = [self.painting, self.given.get("fill_seed", 0)] if self.method.depends else []
        return [self.method.name, self.method.version, dict(self.settings), *painted]

    @property
    def painting(self) -> Mapping[str, Any]:
        """The key of its inpainter; empty if it has none. Raises `BamError` for what it cannot paint with."""
        return self.method.depends(self.settings, self.given) if self.method.depends else {}

    def with_given(self, **given: Any) -> Explainer:
        """The same with what the run has, as far as the method takes it."""
        return replace(self, given={name: value for name, value in given.items() if self.method.takes(name)})

    def at_size(self, size: tuple[int, int]) -> dict[str, float]:
        """What its lengths come to in pictures (height, width), by the settings' names, and its blur."""
        found: dict[str, float] = {name: scaled(self.settings[name], size) for name in self.method.lengths}
        fills = () if self.method.own else (self.settings.get("fill"), self.painting.get("name"))
        if "blur" in fills:
            found["blur"] = round(BLUR_SHARE * min(size), 2)
        return found

    def explain(self, *given: Any, **more: Any) -> np.ndarray:
        """Its maps, from the classifier, images, targets and the further arguments of `explain`."""
        return explain(*given, method=self.method, **self.given, **more, **self.settings)


METHODS: dict[str, Method] = {}
# What stands for many of them in lists: for the usual ones, and for all there are.
GROUPS = ("all", "everything")


def method(
    function: Callable[..., np.ndarray] | None = None,
    *,
    needs: Sequence[Need] = (),
    version: int = 1,
    cite: Sequence[str] = (),
    usual: bool = True,
    slow: str = "",
    lengths: Sequence[str] = (),
    depends: Depends | None = None,
) -> Callable:
    """Register an attribution method under its function's name: `@method`, or `@method(needs=[...])`.

    version: to be raised when its maps come out differently: rows of the old ones are not used. The others
    are those of `Method`; what is slow is not usual.
    """

    def register(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
        lists = {"needs": tuple(needs), "cite": tuple(cite), "lengths": tuple(lengths)}
        known = {"usual": usual and not slow, "slow": slow, "depends": depends}
        return _enter(Method(function.__name__, function, version, **lists, **known))

    return register if function is None else register(function)


def control(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Register a control under its function's name."""
    return _enter(Method(function.__name__, function, control=True, cite=(SOFTWARE,)))


def _enter(method: Method) -> Callable[..., np.ndarray]:
    former = METHODS.get(method.name)
    check_name("a method", method.name, method.function, former and former.function)
    METHODS[method.name] = method
    return method.function


def explain(
    classifier: Classifier,
    images: np.ndarray,
    targets: Sequence[int] | np.ndarray,
    method: str | Method | Callable[..., np.ndarray] = "vanilla_gradient",
    seed: int | Sequence[int] | np.ndarray = 0,
    masks: np.ndarray | None = None,
    ids: Sequence[str] | None = None,
    view: str | None = None,
    dataset: Dataset | None = None,
    fill_store: FillStore | None = None,
    fill_seed: int = 0,
    **params: Any,
) -> np.ndarray:
    """Attribution maps of one method, float32 (N, h, w[, channels]) at the classifier's input size.

    images: (N, H, W, 3) in 0..255, any size and dtype; one image is `image[None]`, which gives one map.
    targets: the class index to explain, per image. seed: one per image, which gives an image the same map
    whatever stands beside it; or one number, from which each place in the batch gets its own. masks: bool
    (N, H, W), True on the pasted object, for the methods that take them, as `ids` and `view` are. dataset,
    fill_store: where those that fill holes take fills from and keep them. fill_seed: from this and an image's
    id (its pixels, without ids) they draw what fills its holes. Raises `BamError` for an unknown method or
    target, for what is missing or not one per image, for maps of a wrong shape, and maps with values that are
    not finite from a method of the user's own.

    >>> import bam
    >>> classifier = bam.load_classifier("runs/models/scene")
    >>> batch = bam.load_dataset("data/bam").view("object_scene", split="test")[:2]
    >>> bam.explain(classifier, batch.images, batch.scene_labels, method="grad_cam").shape
    (2, 64, 64)
    """
    if not hasattr(classifier, "prepare"):
        raise BamError(
            f"`classifier` must be a classifier, not {classifier!r}: `bam.load_classifier` loads one"
        )
    method = _method(method)
    images = classifier.prepare(images)
    if not len(images):
        raise BamError(f"{method.name} was given no images")
    if 0 < images.max() <= 1:
        warnings.warn("no value of `images` exceeds 1: pixels are expected in 0..255", stacklevel=2)
    targets = class_indices(targets, len(images), len(classifier.class_names))
    if ids is not None and (isinstance(ids, str) or len(ids) != len(images)):
        raise BamError(f"ids must be {len(images)} names, one per image, not {ids!r}")
    if masks is not None:
        if np.ndim(masks) != 3 or len(masks) != len(images):
            raise BamError(f"masks must be {len(images)} x (H, W), one per image, not {np.shape(masks)}")
        masks = classifier.prepare_masks(np.asarray(masks))
    known = {"seed": seeds_per_image(seed, len(images)), "masks": masks, "ids": ids, "view": view}
    known |= {"dataset": dataset, "fill_store": fill_store, "fill_seed": fill_seed}
    for name, value in known.items():
        if value is None and method.needs_given(name):
            raise BamError(f"{method.name} needs {name}, which explain() was not given")
        if value is not None and (method.seeded if name == "seed" else method.takes(name)):
            params[name] = value
    given = (images, targets)
    if method.own:
        given = tuple(array.copy() for array in given)
        copied = {"seed": np.copy, "masks": np.copy, "ids": list}
        params = {name: copied[name](value) if name in copied else value for name, value in params.items()}
    maps = method.function(classifier, *given, **params)
    return checked_maps(maps, method.name, method.own, images)


def _method(method: str | Method | Callable[..., np.ndarray]) -> Method:
    """The one that is registered under a name, or that a function stands for."""
    if not isinstance(method, str):
        named = getattr(method, "__name__", type(method).__name__)
        return method if isinstance(method, Method) else Method(named, method)
    if "(" in method:
        raise BamError(f"{method}: the settings of one method are parameters of their own, as samples=20")
    if method not in METHODS:
        raise unknown("attribution method", method, METHODS)
    return METHODS[method]
