"""Settings that several commands have."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Collection, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator

from bam.attributions.choice import ALWAYS, choose
from bam.attributions.gradients import BASELINES
from bam.attributions.libraries import in_words
from bam.attributions.registry import Explainer
from bam.base.settings import one_of, setting, settings
from bam.models.inpainters import INPAINTERS
from bam.models.inpainters.store import GIGABYTES
from bam.models.network.scales import scale_of


@settings
class OfMethods:
    """Settings of the attribution methods, beside those in brackets behind their names."""

    set: tuple[str, ...] = setting(
        (), "METHOD.PARAMETER=VALUE, a setting of a method; may be given several times"
    )
    baseline: Annotated[str | None, one_of("baseline", BASELINES)] = setting(
        None, "where integrated gradients start from (by default black)"
    )
    layer: str | None = setting(None, "layer that Grad-CAM explains (by default the last with feature maps)")
    samples: int | None = setting(
        None,
        "gradients behind a smoothed or integrated one (by default 50), or images behind lime (1000), rise "
        "(4000), kernel_shap (2048)",
        ge=1,
    )

    inpainter: Annotated[str | None, one_of("inpainter", INPAINTERS)] = setting(
        None,
        "what paints, for the metric inpainting (by default donor), and for methods whose names end in _g "
        "(by default donor, for your own images blur)",
    )
    checkpoint: str | None = setting(
        None, "folder with the weights of deepfill; folder or hub name of a pipeline, for stable-diffusion"
    )
    yes: bool = setting(False, "let meaningful_perturbation_g ask a slow inpainter in each iteration")
    fills_gb: float = setting(
        GIGABYTES, "the most that fills of slow inpainters, for these methods, take on disk, in GB", gt=0
    )

    @property
    def common(self) -> dict[str, Any]:
        """Those for all methods that have them, as `choose` takes them."""
        given = {name: getattr(self, name) for name in ("baseline", "layer", "samples")}
        return {name: value for name, value in given.items() if value is not None}

    def chosen(
        self, methods: str, elsewhere: Collection[str] = (), always: Sequence[str] = ALWAYS
    ) -> list[Explainer]:
        """The methods asked for, with these settings; see `choose`.

        elsewhere: names of settings that need not be for a method, since something else has them too.
        """
        painting = {"inpainter": self.inpainter, "checkpoint": self.checkpoint, "yes": self.yes or None}
        painting = {name: value for name, value in painting.items() if value is not None}
        plain = choose(methods, self.common, self.set, always)
        taken = {name for name in painting if any(each.method.takes(name) for each in plain)}
        wanted = {name: value for name, value in painting.items() if name in taken or name not in elsewhere}
        return choose(methods, {**self.common, **wanted}, self.set, always) if wanted else plain


def _scale(name: str) -> str:
    scale_of(name)
    return name


@settings
class Preprocessing:
    """What pictures a network of the user's own takes."""

    preprocess: Annotated[str, AfterValidator(_scale)] = setting(
        "none",
        "what a network of your own expects to be done to pixels in 0..255 before it gets them: 0..1, -1..1 "
        "(another range), imagenet (as torchvision's networks), caffe (as Keras Applications call it), or "
        "MEAN/SD of pixels in 0..1, as 0.5/0.5 or 0.485,0.456,0.406/0.229,0.224,0.225; none if it does it "
        "itself",
    )
    input_size: str | None = setting(
        None,
        "pixels of the pictures that a network of PyTorch takes, or one of Keras that takes pictures of any "
        "size, as 224, or 224,192 for height, width",
    )


@settings
class OwnNetwork(Preprocessing):
    """What a network of the user's own needs."""

    class_names: str | None = setting(
        None, "text file with the classes of a network of your own, one per line"
    )


def with_libraries(doc: str, argv: Sequence[str] | None) -> str:
    """What a command says of itself; in its help, with the methods of other libraries that are found.

    argv: as for `flags.run`. They are looked for only then, since their libraries take seconds to load.
    """
    if not {"-h", "--help"} & set(sys.argv if argv is None else argv):
        return doc
    lines = (
        textwrap.fill(line, 100, subsequent_indent="  ", break_on_hyphens=False)
        for line in in_words().splitlines()
    )
    return "\n".join([doc, "Methods of other libraries, see docs/libraries.md:", *lines])
