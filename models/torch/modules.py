"""The modules of a twin that torch has none for: `modules.Sum`, `modules.Network` and the others.

They are classes of torch's, so that they are made when the first of them is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from bam.base.errors import unknown
from bam.models.torch.importing import import_torch
from bam.models.torch.outputs import logits_of


def __getattr__(name: str) -> Any:
    kind = None if name.startswith("_") else _kinds().get(name)
    if kind is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return kind


@cache
def _kinds() -> dict[str, type]:
    """All of them, by their names."""
    torch = import_torch()
    made: dict[str, type] = {}

    def kind(module: type) -> type:
        # Under these names they are looked for in a pickle.
        module.__module__, module.__qualname__ = __name__, module.__name__
        made[module.__name__] = module
        return module

    for define in (_arithmetic, _shapes, _tokens, _networks, _given):
        define(torch, kind)
    return made


def _arithmetic(torch: Any, kind: Callable[[type], type]) -> None:
    @kind
    class Rescaled(torch.nn.Module):
        """x * scale + offset, numbers or one each per channel; dims: how many stand behind the channels."""

        def __init__(self, scale: float | tuple, offset: float | tuple, dims: int = 0):
            super().__init__()
            self.scale, self.offset, self.dims = scale, offset, dims

        def _fitting(self, value: float | tuple, x):
            # No buffer, since in float64 it is to be exact.
            return x.new_tensor(value).view(-1, *[1] * self.dims) if isinstance(value, tuple) else value

        def forward(self, x):
            return x * self._fitting(self.scale, x) + self._fitting(self.offset, x)

        def extra_repr(self) -> str:
            return f"scale={self.scale}, offset={self.offset}"

    @kind
    class Sum(torch.nn.Module):
        """The sum of two tensors."""

        def forward(self, first, second):
            return first + second

    @kind
    class Difference(torch.nn.Module):
        """The first tensor less the second."""

        def forward(self, first, second):
            return first - second

    @kind
    class Product(torch.nn.Module):
        """The product of two tensors, value by value."""

        def forward(self, first, second):
            return first * second

    @kind
    class Quotient(torch.nn.Module):
        """The first tensor divided by the second."""

        def forward(self, first, second):
            return first / second


def _shapes(torch: Any, kind: Callable[[type], type]) -> None:
    class Along(torch.nn.Module):
        def __init__(self, dim: int):
            super().__init__()
            self.dim = dim

        def extra_repr(self) -> str:
            return f"dim={self.dim}"

    @kind
    class Joined(Along):
        """Tensors behind one another along a dimension."""

        def forward(self, *tensors):
            return torch.cat(tensors, self.dim)

    @kind
    class Flipped(Along):
        """A tensor in reverse order along a dimension."""

        def forward(self, x):
            return x.flip(self.dim)

    @kind
    class Averaged(Along):
        """The mean along a dimension."""

        def forward(self, x):
            return x.mean(self.dim)

    class Arranged(torch.nn.Module):
        def __init__(self, how: tuple):
            super().__init__()
            self.how = how

        def extra_repr(self) -> str:
            return str(self.how)

    @kind
    class Reshaped(Arranged):
        """Each image's values in another shape, in the same order."""

        def forward(self, x):
            return x.reshape(x.shape[0], *self.how)

    @kind
    class Permuted(Arranged):
        """Dimensions in another order, the batch's always first: (3, 1, 2) puts channels first."""

        def forward(self, x):
            return x.permute(0, *self.how)

    @kind
    class Selected(Arranged):
        """What an index selects."""

        def forward(self, x):
            return x[self.how]


def _tokens(torch: Any, kind: Callable[[type], type]) -> None:
    @kind
    class Einsum(torch.nn.Module):
        """The product of two tensors that an `einsum` equation describes, times a factor."""

        def __init__(self, equation: str, factor: float = 1.0):
            super().__init__()
            self.equation, self.factor = equation, factor

        def forward(self, first, second):
            return torch.einsum(self.equation, first, second) * self.factor

        def extra_repr(self) -> str:
            return f"{self.equation!r}, factor={self.factor}"

    @kind
    class EinsumLinear(torch.nn.Module):
        """A linear map of each token, by an `einsum` equation of tensor and weight, and a bias."""

        def __init__(self, equation: str, weight, bias=None):
            super().__init__()
            self.equation, self.weight = equation, torch.nn.Parameter(weight)
            self.bias = None if bias is None else torch.nn.Parameter(bias)

        def forward(self, x):
            y = torch.einsum(self.equation, x, self.weight)
            return y if self.bias is None else y + self.bias

        def extra_repr(self) -> str:
            return repr(self.equation)

    @kind
    class Tokens(torch.nn.Module):
        """Patches (N, patches, width) with a learned class token before them, plus learned positions."""

        def __init__(self, token, positions):
            super().__init__()
            self.token, self.positions = map(torch.nn.Parameter, (token, positions))

        def forward(self, patches):
            token = self.token.expand(patches.shape[0], -1, -1)
            return torch.cat([token, patches], 1) + self.positions

    @kind
    class Scaled(torch.nn.Module):
        """A tensor times a weight for each value of its last dimension."""

        def __init__(self, weight):
            super().__init__()
            self.weight = torch.nn.Parameter(weight)

        def forward(self, x):
            return x * self.weight


def _networks(torch: Any, kind: Callable[[type], type]) -> None:
    @kind
    class Network(torch.nn.Module):
        """Modules by the names of the layers that they stand for, and in which order they are called.

        A layer that does several things is several modules: `conv_padding`, `conv`, `conv_activation`.
        """

        def __init__(self):
            super().__init__()
            self.calls: list[tuple[str, tuple[int, ...]]] = []
            self.ends: dict[str, str] = {}
            self.result, self.spent = 0, {}

        def append(self, name: str, module: torch.nn.Module, places: tuple[int, ...]) -> int:
            """Call a further module with the tensors at these places; the place of what it gives.

            The network's input is at place 0.
            """
            name = name.replace(".", "_")
            while hasattr(self, name):
                name += "_"
            self.add_module(name, module)
            self.calls.append((name, places))
            return len(self.calls)

        def ended(self, place: int) -> torch.nn.Module:
            """The network with the tensor at this place as its result; the others are let go when spent."""
            last = {one: at for at, (_, places) in enumerate(self.calls, 1) for one in places}
            last.pop(place, None)
            self.spent = {at: [one for one in last if last[one] == at] for at in last.values()}
            self.result = place
            return self

        def of_layer(self, name: str) -> torch.nn.Module:
            """The module that gives what a layer of the tf_keras model gives, its activation included.

            name: the layer's; inside a network in the network, `backbone/conv5`. Raises `BamError` for
            another.
            """
            if name in self.ends:
                return getattr(self, self.ends[name])
            outer, _, inner = name.partition("/")
            if inner and isinstance(found := getattr(self, self.ends.get(outer, ""), None), Network):
                return found.of_layer(inner)
            raise unknown("layer", name, self.ends)

        def forward(self, images):
            values = {0: images}
            for place, (name, places) in enumerate(self.calls, 1):
                values[place] = getattr(self, name)(*(values[one] for one in places))
                for one in self.spent.get(place, ()):
                    del values[one]
            return values[self.result]


def _given(torch: Any, kind: Callable[[type], type]) -> None:
    @kind
    class Preprocessed(torch.nn.Module):
        """A module that was there before, of pixels in 0..255: they are rescaled, see `Rescaled`.

        reverse: whether it then takes blue first.
        """

        def __init__(self, module: torch.nn.Module, scale: tuple, offset: tuple, reverse: bool):
            super().__init__()
            self.rescaled = _kinds()["Rescaled"](scale, offset, dims=2)
            self.reversed = _kinds()["Flipped"](1) if reverse else torch.nn.Identity()
            self.module = module

        def of_layer(self, name: str) -> torch.nn.Module:
            """The module of this name in the one that was there. Raises `BamError` for another."""
            names = dict(self.module.named_modules())
            if name not in names:
                raise unknown("layer", name, [each for each in names if each])
            return names[name]

        def forward(self, images):
            return logits_of(self.module(self.reversed(self.rescaled(images))))
