"""Means over images and over trainings of the networks, and how much they vary for which of the two."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from bam.metrics.statistics.resampling import Resampling


@dataclass(frozen=True)
class Moments:
    """Of m columns, each of T trainings on n images, which all trainings have in common.

    means: of each training, float (T, m); NaN where it uses no image. The others are float (m,). trainings:
    how many use an image. images: the variance, over other images, of the mean over these trainings, with
    images_freedom degrees of freedom, see `Resampling.clustered_variance`. between: the variance of the
    trainings' means, 0 of fewer than two. noise: what of it is chance, since trainings do not differ on all
    images alike; NaN where no image is used by two of them.
    """

    means: np.ndarray
    trainings: np.ndarray
    images: np.ndarray
    images_freedom: np.ndarray
    between: np.ndarray
    noise: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """The mean of the trainings' means, float (m,); NaN where no image is used."""
        return mean_over(self.means)

    def variance(self, borrowed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Of `mean`, over other images and other trainings, and its degrees of freedom, float (m,) each.

        The part of the images, plus that of the trainings, less what both have of the chance that it is these
        images on which these trainings differ (as where errors are clustered in several ways, see
        `Resampling.clustered_variance`); at least the part of the images, and that chance. The degrees of
        freedom are those of Satterthwaite's formula, the trainings bringing one less than there are; at least
        those of the part that has fewest, at most those of the one with most. Of one training, both are those
        of the images.

        borrowed: degrees of freedom with which the mean of all columns' `between` stands beside that of each.
        Of many columns some seem to agree between few trainings by luck, and would be taken for sure (the
        moderated t of Smyth 2004, "Linear models and empirical Bayes methods for assessing differential
        expression in microarray experiments", Statistical Applications in Genetics and Molecular Biology 3).
        """
        several = self.trainings > 1
        free = np.maximum(self.trainings - 1, 1) + borrowed
        between = self.between
        if borrowed and several.any():
            drawn = between + borrowed / free * (between[several].mean() - between)
            between = np.where(several, drawn, 0)
        part, noise = (of / np.maximum(self.trainings, 1) for of in (between, np.nan_to_num(self.noise)))
        total = np.maximum(self.images + np.maximum(0, part - noise), noise)
        free = np.where(several, free, self.images_freedom)
        with np.errstate(invalid="ignore", divide="ignore"):
            found = total**2 / (self.images**2 / self.images_freedom + part**2 / free)
        least, most = np.minimum(self.images_freedom, free), np.maximum(self.images_freedom, free)
        return total, np.clip(np.nan_to_num(found), least, most)


def stacked(columns: Iterable[np.ndarray]) -> np.ndarray:
    """Columns, each (T, n), or (n,) of one training, as a table (T, n, m)."""
    return np.stack([np.atleast_2d(np.asarray(column, float)) for column in columns], -1)


def mean_over(table: np.ndarray) -> np.ndarray:
    """Over the last axis but one of (..., n, m), NaN left out; NaN where there is nothing else."""
    used = ~np.isnan(table)
    with np.errstate(invalid="ignore"):
        return np.where(used, table, 0).sum(-2) / used.sum(-2)


def image_values(table: np.ndarray) -> np.ndarray:
    """What each image brings to the mean over trainings, of a table (T, n, m): float (n, m), NaN where no
    training uses it.

    Where all use all images it is their mean of an image, less that of all. An image that few trainings use
    brings less, so that the mean of these values varies over images as the mean over trainings does. Of one
    training they are its values.
    """
    if len(table) == 1:
        return table[0]
    used = ~np.isnan(table)
    counts, trainings = used.sum(1, keepdims=True), used.any(1).sum(0)
    share = np.where(used, table - mean_over(table)[:, None], 0) / np.maximum(counts, 1)
    found = used.any(0)
    return np.where(found, share.sum(0) * found.sum(0) / np.maximum(trainings, 1), np.nan)


def moments(table: np.ndarray, resampling: Resampling) -> Moments:
    """Of each column of `table`, float (T, n, m), NaN left out."""
    means, trainings = mean_over(table), (~np.isnan(table)).any(1).sum(0)
    images, freedom = resampling.clustered_variance(image_values(table))
    if len(table) == 1:
        nothing = np.zeros(table.shape[2])
        return Moments(means, trainings, images, freedom, nothing, nothing)
    with np.errstate(invalid="ignore", divide="ignore"):
        between = np.nansum((means - mean_over(means)) ** 2, 0) / (trainings - 1)
    between = np.where(trainings > 1, between, 0)
    return Moments(means, trainings, images, freedom, between, _noise(table - means[:, None], resampling))


def _noise(table: np.ndarray, resampling: Resampling) -> np.ndarray:
    """Variance of a training's mean over other images, less what all trainings have in common, float (m,)."""
    uses = (~np.isnan(table)).sum(0)
    # Less their own mean, values vary too little.
    with np.errstate(invalid="ignore", divide="ignore"):
        rest = (table - mean_over(table.swapaxes(0, 1))) * np.sqrt(uses / (uses - 1))
    variances = resampling.clustered_variance(np.concatenate(list(rest), 1))[0]
    return mean_over(variances.reshape(len(table), -1))
