"""Files of Keras 3."""

from __future__ import annotations

from pathlib import Path

import tf_keras as keras

from bam.models.keras3.importing import import_keras3
from bam.models.keras3.translation import translated


def read_keras3(path: str | Path) -> keras.Model:
    """The network in a .keras or .h5 file of Keras 3, whose parts were checked, in tf_keras.

    It is read in Keras' safe mode. Raises what Keras raises for what it cannot read, and `BamError` for what
    `translated` refuses.
    """
    model = import_keras3().saving.load_model(path, compile=False, safe_mode=True)
    return translated(model, str(path))
