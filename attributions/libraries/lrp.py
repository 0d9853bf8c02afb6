"""captum's layer-wise relevance propagation: its rules for the twin, and whether relevance is conserved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bam.attributions.libraries.base import MapOf, probe, seeded

if TYPE_CHECKING:
    import inspect

    import torch

    from bam.attributions.registry import Need
    from bam.models.classifier import Classifier

# Images of noise that the share of the logit is the median of.
PROBES = 8
# The twin's own modules, and torch's without a rule, that are linear: relevance goes back in proportion.
LINEAR = ("Averaged", "Flipped", "Joined", "Permuted", "Reshaped", "Selected")
LINEAR_OF_TORCH = ("ConstantPad2d", "Flatten", "Identity", "Upsample", "ZeroPad2d")
# Changes of scale, value by value: relevance goes back as it is. By its value, pixels near the offset would
# take all that the offset has.
SCALES = ("Rescaled", "Scaled")


def prepare_lrp(network: torch.nn.Module) -> Callable[[], None]:
    """Make sums captum's, which it has a rule for; what is returned attaches rules to the other modules.

    captum takes all rules away after each map.
    """
    import torch
    from captum.attr._utils.custom_modules import Addition_Module
    from captum.attr._utils.lrp_rules import EpsilonRule, IdentityRule

    from bam.models.torch import modules

    for parent in list(network.modules()):
        for name, module in list(parent.named_children()):
            if isinstance(module, modules.Sum):
                setattr(parent, name, Addition_Module())
    linear = [getattr(modules, name) for name in LINEAR] + [
        getattr(torch.nn, name) for name in LINEAR_OF_TORCH
    ]
    scales = [getattr(modules, name) for name in SCALES]

    def attach() -> None:
        for module in network.modules():
            if isinstance(module, tuple(scales)):
                module.rule = IdentityRule()
            elif isinstance(module, tuple(linear)):
                module.rule = EpsilonRule()

    return attach


def share_of_logit(
    name: str,
    prepare: Callable[[Classifier, Mapping[str, Any]], MapOf],
    settings: Mapping[str, inspect.Parameter],
) -> Callable[[Classifier], float]:
    """From a network to the share of the predicted logit that a map sums to: the median of noise images."""

    def share(classifier: Classifier) -> float:
        def measure() -> Callable[[], float]:
            images = probe(classifier, PROBES)
            logits = classifier.logits(images)
            map_of = prepare(classifier, {key: parameter.default for key, parameter in settings.items()})
            with seeded(0):
                sums = [
                    map_of(image, int(target)).sum()
                    for image, target in zip(images, logits.argmax(1), strict=True)
                ]
            found = float(np.median(np.array(sums) / logits.max(1)))
            return lambda: found

        return classifier.compiled(("share of the logit", name), measure)()

    return share


def lacks_conservation(share: Callable[[Classifier], float]) -> Need:
    """What `Method.needs` takes, from what `share_of_logit` gives."""

    def lacks_relevance_that_is_conserved(classifier: Classifier) -> str | None:
        """Relevance that is conserved: a map sums to 0 to 2 times the logit."""
        found = share(classifier)
        return None if 0 <= found <= 2 else f"its map sums to {found:.3g} times the logit, not to 0 to 2"

    return lacks_relevance_that_is_conserved
