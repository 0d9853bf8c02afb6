"""What metrics are judged by."""

from __future__ import annotations

from bam.base.settings import setting, settings


@settings
class Judging:
    """How metrics are judged, see docs/judging.md."""

    judge_both: bool = setting(
        True,
        "with judge: metrics that explain one network of the dataset's, object or scene, by the other too",
    )
    judge_inverted: bool = setting(
        True, "with judge: also what the metrics say of each method's inverted map"
    )
    judge_copies: int = setting(
        16,
        "with judge: images on which methods' maps are compared, so that near-copies count as one; 0: none",
        ge=0,
    )
    judge_grid: tuple[str, ...] = setting(
        (),
        "with judge: METRIC.SETTING=VALUE,VALUE, settings of the metrics with which they rank again, as "
        "violation.patch_grid=7,14; may be given several times",
    )
