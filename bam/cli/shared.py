"""Settings that several commands have."""

from __future__ import annotations

from typing import Annotated, Any

from bam.attributions.gradients import BASELINES
from bam.base.settings import one_of, setting, settings
from bam.models.network.scales import SCALES


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

    @property
    def common(self) -> dict[str, Any]:
        """Those for all methods that have them, as `choose` takes them."""
        given = {name: getattr(self, name) for name in ("baseline", "layer", "samples")}
        return {name: value for name, value in given.items() if value is not None}


@settings
class OwnNetwork:
    """What a network in a .keras file needs."""

    class_names: str | None = setting(None, "text file with the classes of a .keras file, one per line")
    preprocess: Annotated[str, one_of("preprocessing", SCALES)] = setting(
        "none",
        "what a .keras file's network expects to be done to pixels in 0..255 before it gets them: 0..1 or "
        "-1..1 (another range), torch or caffe (as Keras Applications calls them); none if it does it itself",
    )
