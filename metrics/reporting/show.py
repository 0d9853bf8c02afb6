"""`bam.show`: maps to look at, from Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bam.attributions.choice import Choice, choose
from bam.base.errors import BamError
from bam.base.settings import checked
from bam.base.texts import split_outside_brackets
from bam.data_prep.dataset import Dataset
from bam.metrics.api import make_run
from bam.metrics.evaluation.run import Run
from bam.metrics.evaluation.settings import RunSettings
from bam.metrics.reporting import picture
from bam.metrics.reporting.layout import check_size
from bam.metrics.reporting.maps import Maps, maps_of
from bam.metrics.reporting.selection import Selection, image_sets, settled
from bam.models.inpainters.store import GIGABYTES
from bam.models.stored import is_own
from bam.models.torch.built import InputSize

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

DEFAULT_METHODS = "vanilla_gradient,smoothgrad,integrated_gradients,grad_cam"
DEFAULT_NETWORK = "scene"


class Shown:
    """Maps and their picture, which a notebook displays. maps: see `Maps`."""

    def __init__(self, maps: Maps):
        self.maps = maps

    def __repr__(self) -> str:
        return repr(self.maps)

    def _repr_png_(self) -> bytes:
        return picture.png(self.maps)

    def save(self, path: str | Path) -> Path:
        """Write the picture to a file, whose suffix says as what: .pdf, .png or .svg; gives its path.

        Raises `BamError` for another suffix.
        """
        path = Path(path)
        picture.write(self.maps, path)
        return path


def show(
    methods: str | Sequence[Choice] = DEFAULT_METHODS,
    model: str | Path | Classifier | Sequence[str | Path | Classifier] = DEFAULT_NETWORK,
    data: str | Path | Dataset = "data/bam",
    models: str | Path = "runs/models",
    images: str | Path | int | None = None,
    class_names: str | Path | Sequence[str] | None = None,
    preprocess: str = "none",
    out: str | Path = "runs/results",
    fills_gb: float = GIGABYTES,
    input_size: InputSize | None = None,
    **settings: Any,
) -> Shown:
    """The maps of some methods for a few images, to look at: a picture of them, with g_c under each.

    Maps are of the true class, or of the predicted one where none is known, and are those that scores are
    made of. methods: as in `score`, but these alone. model: the network to explain, or several: names in
    `models` (with commas in a text), networks of your own with `class_names`, classifiers. data, models,
    class_names, preprocess, input_size: as in `score`. images: a folder of your own images; or a number,
    which is the limit. out: whose folder `fills` keeps what slow inpainters paint, by default that of
    scores, which need the same; nothing else is written there. fills_gb: the most that this takes, in
    gigabytes. settings: those of `reporting.selection.Selection`: limit, the number of images, the first
    of those that scores are made of (by default 6), or ids, which names them; view, their image set (by
    default object_scene); pair, whether each is also shown without its object; seed, precision,
    batch_size. Raises `BamError` for what is not there or cannot be.

    >>> import bam
    >>> shown = bam.show("grad_cam,smoothgrad(samples=2)", limit=2, pair=True)
    >>> shown.maps.views
    ('object_scene', 'scene_only', 'object_scene', 'scene_only')
    >>> shown.save("maps.pdf")
    PosixPath('maps.pdf')
    """
    selection, folder = settled(checked(Selection, settings), images)
    explainers = choose(methods, always=())
    given = _networks(model)
    own = [each for each in given if is_own(each)]
    runs: list[Run] = []
    for each in given:
        # What only a network of the user's own needs is for these; where there is none, it is refused.
        needed = (class_names, preprocess) if each in own or not own else (None, "none")
        size = input_size if each in own or not own else None
        how = RunSettings(seed=selection.seed, precision=selection.precision, batch_size=selection.batch_size)
        known = runs[0].data if runs and runs[0].data else data
        runs.append(
            make_run(None, explainers, known, models, out, how, folder, each, *needed, fills_gb, size)
        )
    networks = [run.explained(DEFAULT_NETWORK) for run in runs]
    sets, left_out, rule = image_sets(runs[0], networks, selection)
    check_size(sum(map(len, sets[0])), len(networks), len(explainers))
    chosen = list(zip(networks, sets, strict=True))
    return Shown(maps_of(chosen, explainers, selection.seed, left_out, rule))


def _networks(model: Any) -> list[Any]:
    """The networks that are named, each once."""
    if isinstance(model, str):
        model = split_outside_brackets(model)
    elif isinstance(model, Path) or not isinstance(model, Sequence):
        model = [model]
    if not model:
        raise BamError("`model` names no network")
    return list(dict.fromkeys(model))
