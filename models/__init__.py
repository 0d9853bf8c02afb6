"""Classifiers of objects and scenes, their training, and the check that they are what BAM assumes."""

from models.classifier import Classifier
from models.stored import load_classifier

__all__ = ["Classifier", "load_classifier"]
