"""BAM: a controlled benchmark suite for attribution (saliency) methods.

    import bam

    score = bam.score("idr", methods=["grad_cam", my_function], limit=100)
    score["grad_cam"].value

Names are imported when they are first asked for: importing this costs no TensorFlow.
"""

from importlib.metadata import PackageNotFoundError, version

from bam.base.lazy import lazily

try:
    __version__ = version("bam-benchmark")
except PackageNotFoundError:  # run from a checkout
    __version__ = "0"

_PLACES = {
    "BamError": "bam.base.errors",
    "custom_method": "bam.attributions.custom",
    "explain": "bam.attributions.registry",
    "judge": "bam.metrics.judging.judge",
    "load_classifier": "bam.models.stored",
    "load_dataset": "bam.data_prep.dataset",
    "metric": "bam.metrics.metric",
    "read_score": "bam.metrics.results.score",
    "score": "bam.metrics.api",
    "show": "bam.metrics.reporting.show",
    "torch_twin": "bam.models.torch.twin",
}
__all__ = [*_PLACES, "__version__"]
__getattr__ = lazily(__name__, _PLACES)


def __dir__() -> list[str]:
    return __all__
