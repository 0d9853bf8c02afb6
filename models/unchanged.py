"""Seeing to it that who works with a network leaves its weights as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from bam.base.errors import BamError


@contextmanager
def unchanged(classifier: Any, borrower: str) -> Iterator[None]:
    """Within it, what is called `borrower` works with the classifier.

    Raises `BamError` if weights are others afterwards. They are put back, so that what comes next explains
    the network that it is said to explain.
    """
    torch_network = getattr(classifier, "torch_network", None)
    if not torch_network:
        classifier.network  # noqa: B018 - made now, and not of weights that the borrower lets stand for a while
    put_back = _of_torch(torch_network.module) if torch_network else _of_keras(classifier.model)
    changed: list[str] = []
    try:
        yield
    finally:
        if changed := put_back():
            classifier.forget()
    if changed:
        raise BamError(
            f"{borrower} changed the weights of {classifier.name} ({changed[0]}), which other methods "
            "explain too: let it work on a copy"
        )


def _of_keras(model: Any) -> Callable[[], list[str]]:
    """What gives the variables that have changed since, by name, their values back."""
    # No copies: what is assigned to a variable does not touch a value of it that is held.
    kept = [(weight, weight.value()) for weight in model.weights]

    def put_back() -> list[str]:
        changed = [each for each in kept if _changed(each[0].value(), each[1], tf.reduce_any)]
        for weight, value in changed:
            weight.assign(value)
        return [weight.name for weight, _ in changed]

    return put_back


def _of_torch(module: Any) -> Callable[[], list[str]]:
    """The same of a torch module's parameters and buffers."""
    named = (*module.named_parameters(), *module.named_buffers())
    kept = [(name, weight, weight.detach().clone()) for name, weight in named]

    def put_back() -> list[str]:
        changed = [each for each in kept if _changed(each[1].detach(), each[2], lambda x: x.any())]
        for _, weight, value in changed:
            weight.detach().copy_(value)
        return [name for name, *_ in changed]

    return put_back


def _changed(one: Any, other: Any, any_of: Callable[[Any], Any]) -> bool:
    """Whether two tensors of a framework hold other numbers; NaN is no other than NaN."""
    different = one != other
    return bool(any_of(different)) and bool(any_of(different & ((one == one) | (other == other))))
