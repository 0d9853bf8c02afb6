"""Trained models as `python -m bam.train` stores them, and networks of the user's own in files of Keras."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bam.base.errors import BamError
from bam.base.files import is_hidden, read_json
from bam.data_prep.dataset import Dataset
from bam.models.formats import check_format, names_network
from bam.models.training.task import SUITE

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

# The classes of a network of the user's own: their names, or a text file with one a line.
ClassNames = Sequence[str] | str | Path


def read_description(folder: Path) -> dict[str, Any]:
    """The content of a model folder's model.json. Raises `BamError` if it is damaged."""
    description = read_json(folder / "model.json")
    needed = {"config", "class_names", "digest", "accuracy"}
    if not isinstance(description, dict) or not needed <= set(description):
        raise BamError(f"{folder / 'model.json'} is damaged: remove {folder} and train it again")
    return description


def load_classifier(
    path: str | Path,
    precision: str = "float32",
    batch_size: int = 32,
    class_names: ClassNames | None = None,
    preprocess: str = "none",
) -> Classifier:
    """The classifier in a model folder made by `python -m bam.train`, or in a file of one's own.

    A network of one's own is a .keras or .h5 file of Keras 2 or 3, or a SavedModel folder, which is a program
    that is run: load only what you trust. One of Keras 3 is rebuilt in tf_keras, see `keras3.translation`. It
    goes from pixels to logits of `class_names`; a last softmax is left out. It is
    given pixels in 0..255; preprocess: what is to be done to them first, if the network does not do it
    itself: "0..1", "-1..1", "torch" or "caffe", see `network.rebuilt.SCALES`. Raises `BamError` if the model
    is not there, incomplete, damaged, or no such classifier.

    >>> scene = load_classifier("runs/models/scene")
    >>> scene.class_names[:2]
    ('bamboo_forest', 'bedroom')
    >>> own = load_classifier("net.keras", class_names=["cat", "dog"])  # doctest: +SKIP
    """
    path = Path(path)
    check_format(path)
    if names_network(path) or path.is_file():
        return _own(path, read_names(class_names), precision, batch_size, preprocess)
    if (path / "model.json").exists():
        check_knows_its_input(path.name, class_names, preprocess)
    return _trained(path, precision, batch_size)


def check_knows_its_input(name: str, class_names: ClassNames | None, preprocess: str) -> None:
    """Raise `BamError` if a network of BAM is given what only one in a file of Keras needs."""
    if class_names is not None:
        raise BamError(f"`class_names` is for a file of Keras: the model {name} knows its classes")
    if preprocess != "none":
        raise BamError(f"`preprocess` is for a file of Keras: the model {name} takes pixels in 0..255")


def read_names(class_names: ClassNames | None) -> tuple[str, ...]:
    """The names of classes, from a file if need be. Raises `BamError` if there are none."""
    if class_names is not None and not isinstance(class_names, (str, Path)):
        return tuple(class_names)
    if class_names is None:
        raise BamError("a network of one's own needs `class_names`, a list or a text file with one per line")
    if not Path(class_names).is_file():
        raise BamError(f"`class_names`: there is no file {class_names}")
    try:
        lines = Path(class_names).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise BamError(f"{class_names} is no text in UTF-8: save it so, with one class per line") from None
    return tuple(line.strip() for line in lines if line.strip())


def _trained(folder: Path, precision: str, batch_size: int) -> Classifier:
    from bam.models.architectures.weights import read_network
    from bam.models.classifier import Classifier

    if not (folder / "model.json").exists():
        raise BamError(f"there is no trained model in {folder}: {_remedy(folder)}")
    description = read_description(folder)
    try:
        model = read_network(folder / "model.keras")
    except BamError as error:
        raise BamError(f"{error}: train it again") from None
    config = description["config"]
    classifier = Classifier(
        model,
        description["class_names"],
        folder.name,
        # The outputs of a classifier of a few classes are no indices into all of them.
        None if config.get("classes") else config["labels"],
        description,
        batch_size,
        precision,
    )
    # Earlier versions knew one digest only.
    if description["digest"] not in (classifier.digest, classifier.seed_digest):
        raise BamError(
            f"{folder / 'model.keras'} is not the network that model.json describes: train it again"
        )
    return classifier


def _remedy(folder: Path) -> str:
    flags = next((task.flags for task in SUITE if task.name == folder.name), None)
    if flags:
        return f"make it with `python -m bam.train {flags} --models {folder.parent}`"
    found = sorted(path.parent.name for path in folder.parent.glob("*/model.json"))
    there = ", ".join(name for name in found if not is_hidden(name)) or "no trained models"
    return f"its folder has {there}, and `python -m bam.train` makes the paper's"


def _own(
    path: Path, class_names: tuple[str, ...], precision: str, batch_size: int, preprocess: str
) -> Classifier:
    from bam.models.architectures.weights import read_network
    from bam.models.classifier import Classifier
    from bam.models.network.outputs import with_logits
    from bam.models.network.rebuilt import preprocessed

    model = read_network(path)
    shapes = [[tuple(tensor.shape) for tensor in ends or ()] for ends in (model.inputs, model.outputs)]
    if [[len(shape) for shape in ends] for ends in shapes] != [[4], [2]]:
        raise BamError(f"{path} goes from {shapes[0]} to {shapes[1]}: from images to logits is needed")
    remarks: list[str] = []
    if None not in shapes[0][0][1:]:  # else the classifier says so
        model, remarks = with_logits(preprocessed(model, preprocess), str(path))
    # Checked under the name of the file.
    return Classifier(model, class_names, path.stem, None, {}, batch_size, precision, remarks)


class Models:
    """The trained models of a folder, and networks of the user's own; each is loaded once.

    folder: as `python -m bam.train` fills it. precision, batch_size: those of all classifiers.

    >>> models = Models("runs/models", batch_size=64)
    >>> models["scene"] is models["scene"]
    True
    """

    def __init__(self, folder: str | Path, precision: str = "float32", batch_size: int = 32):
        self.folder, self.precision, self.batch_size = Path(folder), precision, batch_size
        self._loaded: dict[Any, Classifier] = {}

    def has(self, name: str) -> bool:
        """Whether the folder has a trained model of this name."""
        return (self.folder / name / "model.json").exists()

    def __getitem__(self, name: str) -> Classifier:
        """The trained model `name`. Raises `BamError` if it cannot be loaded."""
        return self._load(self.folder / name, None)

    def trained_on(self, dataset: Dataset, name: str) -> Classifier:
        """The same. Raises `BamError` if it was trained on another dataset, too."""
        classifier = self[name]
        if classifier.description["config"]["dataset"] != dataset.fingerprint:
            raise BamError(
                f"{self.folder / name} was trained on another dataset than {dataset.folder}: give the "
                "`models` trained on it, or train them"
            )
        return classifier

    def file(self, path: str | Path, class_names: ClassNames | None, preprocess: str = "none") -> Classifier:
        """The network in a file of the user's own, see `load_classifier`."""
        return self._load(Path(path), read_names(class_names), preprocess)

    def in_float32(self) -> Models:
        """The same models in float32."""
        return self if self.precision == "float32" else Models(self.folder, "float32", self.batch_size)

    def _load(self, path: Path, class_names: tuple[str, ...] | None, preprocess: str = "none") -> Classifier:
        key = (path, class_names, preprocess)
        if key not in self._loaded:
            how = (self.precision, self.batch_size, class_names, preprocess)
            self._loaded[key] = load_classifier(path, *how)
        return self._loaded[key]
