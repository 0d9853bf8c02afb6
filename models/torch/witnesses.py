"""The activations that a torch module calls, however it calls them: as modules, functions or methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from bam.base.errors import BamError

_RELUS = ("relu", "relu_", "relu6")
# Functions of single values that bend and are no ReLU, as PyTorch calls them.
_BENT = {"abs", "celu", "clamp", "clip", "elu", "erf", "exp", "gelu", "glu", "hardshrink", "hardsigmoid"}
_BENT |= {"hardswish", "hardtanh", "leaky_relu", "logsigmoid", "maximum", "minimum", "mish", "prelu", "rrelu"}
_BENT |= {"selu", "sigmoid", "silu", "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold"}

# Is told a function of torch's that was called, what it was given, by place and by name, and what it gave.
Witness = Callable[[Callable, tuple, Mapping[str, Any], Any], None]


def witnessed(by: Witness) -> AbstractContextManager:
    """Within it, each call of a function of torch's is told to `by`."""
    from torch.overrides import TorchFunctionMode

    class Witnessed(TorchFunctionMode):
        def __torch_function__(self, function, types, given=(), named=None):
            output = function(*given, **(named or {}))
            by(function, given, named or {}, output)
            return output

    return Witnessed()


class Activations:
    """A witness that counts the calls of ReLUs; other: the first activation that is none."""

    def __init__(self):
        self.relus, self.other = 0, None

    def __call__(self, function: Callable, given: tuple, named: Mapping[str, Any], output: Any) -> None:
        """One call more."""
        name = getattr(function, "__name__", "").removesuffix("_")
        if _is_relu(function, given, named):
            self.relus += 1
        elif name in _BENT and self.other is None:
            self.other = name

    def unguidable(self) -> str | None:
        """What keeps the ReLUs from being guided, in a few words; None if nothing does."""
        if not self.relus:
            return "has no ReLU"
        return self.other and f"has another activation beside its ReLUs ({self.other})"


def guide(rule: str) -> Witness:
    """A witness by which ReLUs pass on positive derivatives only; rule: one of `network.frozen.RULES`."""

    def guided(function: Callable, given: tuple, named: Mapping[str, Any], output: Any) -> None:
        if not _is_relu(function, given, named) or not output.requires_grad:
            return
        if rule == "guided":
            # What arrives before the ReLU's own derivative, even if its input or output is changed in place.
            output.register_hook(lambda derivative: derivative.clamp(min=0))
            return
        step = output.grad_fn
        if not step.name().startswith(("Relu", "Hardtanh")):
            raise BamError(
                "a ReLU changes a part of a tensor in place, so that its derivative cannot be replaced: let "
                "the network call one that is not in place, or leave deconvnet out"
            )
        step.register_hook(lambda _, arrived: (arrived[0].clamp(min=0),))

    return guided


def _is_relu(function: Callable, given: tuple, named: Mapping[str, Any]) -> bool:
    """Whether this is a call of a ReLU, or of ReLU6."""
    name = getattr(function, "__name__", "")
    # nn.ReLU6 is called as a clip, at 0 and 6.
    lowest = named.get("min_val", given[1] if len(given) > 1 else None)
    return name in _RELUS or (name == "hardtanh" and lowest == 0)
