"""The activations that a torch module calls, however it calls them: as modules, functions or methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

_RELUS = ("relu", "relu_", "relu6")
# Functions of single values that bend and are no ReLU, as PyTorch calls them.
_BENT = {"abs", "celu", "clamp", "clip", "elu", "erf", "exp", "gelu", "glu", "hardshrink", "hardsigmoid"}
_BENT |= {"hardswish", "hardtanh", "leaky_relu", "logsigmoid", "maximum", "minimum", "mish", "prelu", "rrelu"}
_BENT |= {"selu", "sigmoid", "silu", "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold"}

# Calls a function of torch's with what it is given, by place and by name, and gives what it returns.
Witness = Callable[[Callable, tuple, Mapping[str, Any]], Any]


def witnessed(by: Witness) -> AbstractContextManager:
    """Within it, functions of torch's are called by `by`."""
    from torch.overrides import TorchFunctionMode

    class Witnessed(TorchFunctionMode):
        def __torch_function__(self, function, types, given=(), named=None):
            return by(function, given, named or {})

    return Witnessed()


class Activations:
    """A witness that counts the calls of ReLUs; other: the first activation that is none."""

    def __init__(self):
        self.relus, self.other = 0, None

    def __call__(self, function: Callable, given: tuple, named: Mapping[str, Any]) -> Any:
        """One call more."""
        name = getattr(function, "__name__", "").removesuffix("_")
        if _is_relu(function, given, named):
            self.relus += 1
        elif name in _BENT and self.other is None:
            self.other = name
        return function(*given, **named)

    def unguidable(self) -> str | None:
        """What keeps the ReLUs from being guided, in a few words; None if nothing does."""
        if not self.relus:
            return "has no ReLU"
        return self.other and f"has another activation beside its ReLUs ({self.other})"


def guide(function: Callable, given: tuple, named: Mapping[str, Any]) -> Any:
    """A witness by which ReLUs pass on positive derivatives only (Springenberg et al. 2014, section 3.1)."""
    output = function(*given, **named)
    if _is_relu(function, given, named) and output.requires_grad:
        # What arrives before the ReLU's own derivative, even if its input or its output is changed in place.
        output.register_hook(lambda derivative: derivative.clamp(min=0))
    return output


def deconvolve(function: Callable, given: tuple, named: Mapping[str, Any]) -> Any:
    """A witness by which they do so wherever (Zeiler & Fergus 2014, section 2.1)."""
    if not _is_relu(function, given, named):
        return function(*given, **named)
    before = given[0] if given else named["input"]
    copied = before.detach().clone()
    values = function(copied, *given[1:], **{name: each for name, each in named.items() if name != "input"})
    # The ReLU's values, with the derivative 1 wherever.
    output = values + (before - before.detach())
    if output.requires_grad:
        output.register_hook(lambda derivative: derivative.clamp(min=0))
    return before.copy_(output) if values is copied else output


# What ReLUs can be made to pass on, by the names that `frozen` has for it.
RULES: Mapping[str, Witness] = {"guided": guide, "deconvnet": deconvolve}


def _is_relu(function: Callable, given: tuple, named: Mapping[str, Any]) -> bool:
    """Whether this is a call of a ReLU, or of ReLU6."""
    name = getattr(function, "__name__", "")
    # nn.ReLU6 is called as a clip, at 0 and 6.
    lowest = named.get("min_val", given[1] if len(given) > 1 else None)
    return name in _RELUS or (name == "hardtanh" and lowest == 0)
