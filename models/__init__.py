"""Classifiers of objects and scenes, their training, and the check that they are what BAM assumes."""

if __name__ != "bam.models":
    raise ImportError("models is a part of bam: import bam.models")

from bam.base.lazy import lazily

__all__ = ["Classifier", "Models", "load_classifier"]
__getattr__ = lazily(
    __name__,
    {
        "Classifier": "bam.models.classifier",
        "Models": "bam.models.stored",
        "load_classifier": "bam.models.stored",
    },
)
