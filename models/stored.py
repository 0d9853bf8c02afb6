"""Trained models as `python -m bam.train` stores them, and networks of the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bam.base.errors import BamError, first_line
from bam.base.files import is_hidden, read_json
from bam.data_prep.dataset import Dataset
from bam.models.formats import check_format, names_network
from bam.models.torch.built import InputSize, built, names_function, read_size
from bam.models.training.numbered import parted_name, training_name, trainings_of
from bam.models.training.task import SUITE

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

# The classes of a network of the user's own: their names, or a text file with one a line.
ClassNames = Sequence[str] | str | Path


def is_own(network: Any) -> bool:
    """Whether this names a network of the user's own: a file of Keras or a SavedModel folder, or a function.

    >>> is_own("net.keras"), is_own("net.py:build"), is_own("scene")
    (True, True, False)
    """
    return isinstance(network, (str, Path)) and (names_network(network) or names_function(network))


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
    input_size: InputSize | None = None,
) -> Classifier:
    """The classifier in a model folder made by `python -m bam.train`, or a network of one's own.

    That is a .keras or .h5 file of Keras 2 or 3, whose last softmax is left out, see `keras3.translation`; a
    SavedModel folder, which is a program that is run; or "path/to/file.py:function", which gives an nn.Module
    of PyTorch, see `torch.built` and its `TorchClassifier`: from pixels to logits of `class_names`. Load only
    what you trust.
    preprocess: what is to be done to pixels in 0..255 first, if the network does not do it itself: "0..1",
    "-1..1", "imagenet", "caffe" or "MEAN/SD", see `network.scales.scale_of`. input_size: of the pictures that
    an nn.Module takes, or a network of Keras that takes any: one number of pixels, or height and width.
    Raises `BamError` if the model is not there, incomplete, damaged, or no such classifier.

    >>> scene = load_classifier("runs/models/scene")
    >>> scene.class_names[:2]
    ('bamboo_forest', 'bedroom')
    >>> own = load_classifier("net.keras", class_names=["cat", "dog"])  # doctest: +SKIP
    >>> names = "names.txt"  # one a line
    >>> own = load_classifier("net.py:build", class_names=names, input_size=224)  # doctest: +SKIP
    """
    if names_function(path):
        return built(path, read_names(class_names), input_size, preprocess, precision, batch_size)
    path = Path(path)
    check_format(path)
    if names_network(path) or path.is_file():
        return _own(path, read_names(class_names), precision, batch_size, preprocess, input_size)
    if (path / "model.json").exists():
        check_knows_its_input(path.name, class_names, preprocess, input_size)
    return _trained(path, precision, batch_size)


def check_knows_its_input(
    name: str, class_names: ClassNames | None, preprocess: str, input_size: InputSize | None = None
) -> None:
    """Raise `BamError` if a network that is not the user's own is given what only such a one needs."""
    if class_names is not None:
        raise BamError(f"`class_names` is for a network of your own: the model {name} knows its classes")
    if preprocess != "none":
        raise BamError(f"`preprocess` is for a network of your own: the model {name} takes pixels in 0..255")
    if input_size is not None:
        raise BamError(f"`input_size` is for a network of your own: the model {name} knows its size")


def read_names(class_names: ClassNames | None) -> tuple[str, ...]:
    """The names of classes, from a file if need be. Raises `BamError` if there are none."""
    if class_names is not None and not isinstance(class_names, (str, Path)):
        return tuple(class_names)
    if class_names is None:
        raise BamError("a network of your own needs `class_names`, a list or a text file with one per line")
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
    network, training = parted_name(folder.name)
    flags = next((task.flags for task in SUITE if task.name == network), None)
    if flags:
        flags += f" --trainings {training + 1}" if training else ""
        return f"make it with `python -m bam.train {flags} --models {folder.parent}`"
    found = sorted(path.parent.name for path in folder.parent.glob("*/model.json"))
    there = ", ".join(name for name in found if not is_hidden(name)) or "no trained models"
    return f"its folder has {there}, and `python -m bam.train` makes the paper's"


def _own(
    path: Path,
    class_names: tuple[str, ...],
    precision: str,
    batch_size: int,
    preprocess: str,
    input_size: InputSize | None,
) -> Classifier:
    from bam.models.architectures.weights import read_network
    from bam.models.classifier import Classifier
    from bam.models.network.outputs import with_logits
    from bam.models.network.rebuilt import preprocessed

    model = read_network(path)
    shapes = [[tuple(tensor.shape) for tensor in ends or ()] for ends in (model.inputs, model.outputs)]
    if [[len(shape) for shape in ends] for ends in shapes] != [[4], [2]]:
        raise BamError(f"{path} goes from {shapes[0]} to {shapes[1]}: from images to logits is needed")
    model, remarks = _of_size(model, path, input_size)
    if model.input_shape[3] is not None:  # else the classifier says so
        model, more = with_logits(preprocessed(model, preprocess), str(path))
        remarks += more
    # Checked under the name of the file.
    return Classifier(model, class_names, path.stem, None, {}, batch_size, precision, remarks)


def _of_size(model: Any, path: Path, input_size: InputSize | None) -> tuple[Any, list[str]]:
    """A network of Keras for pictures of the size that it is given; as it is, with a remark, if it takes no
    other: beside it there may be one that needs the size."""
    from bam.models.network.rebuilt import sized

    sides = model.input_shape[1:3]
    if input_size is None and None in sides:
        raise BamError(
            f"{path} takes pictures of any size, but one is needed: give `input_size`, as 224, or 224,192 "
            "for height and width"
        )
    size = sides if input_size is None else read_size(input_size)
    fitting = all(side in (None, given) for side, given in zip(sides, size, strict=True))
    taken = " x ".join("any" if side is None else str(side) for side in sides)
    if None not in sides:
        said = f"{path} takes pictures of {taken} alone: `input_size` changes nothing of it."
        return model, [] if fitting else [said]
    if not fitting:
        raise BamError(
            f"{path} takes pictures of {taken}, not {size[0]} x {size[1]}: give an `input_size` that fits"
        )
    try:
        return sized(model, size), []
    except ValueError as error:
        raise BamError(
            f"{path} cannot take pictures of {size[0]} x {size[1]} ({first_line(error)}): give another "
            "`input_size`"
        ) from None


class Models:
    """The trained models of a folder, and networks of the user's own; each is loaded once.

    folder: as `python -m bam.train` fills it. precision, batch_size: those of all classifiers. training: the
    number of theirs, see `training_name`.

    >>> models = Models("runs/models", batch_size=64)
    >>> models["scene"] is models["scene"]
    True
    """

    def __init__(
        self, folder: str | Path, precision: str = "float32", batch_size: int = 32, training: int = 0
    ):
        self.folder, self.precision, self.batch_size = Path(folder), precision, batch_size
        self.training = training
        self._loaded: dict[Any, Classifier] = {}

    def has(self, name: str) -> bool:
        """Whether the folder has a trained model of this name."""
        return (self._path(name) / "model.json").exists()

    def of_training(self, training: int) -> Models:
        """Another training of the same networks, under their names."""
        if training == self.training:
            return self
        return Models(self.folder, self.precision, self.batch_size, training)

    def check_trainings(self, name: str, count: int) -> None:
        """Raise `BamError` if the folder has not as many trainings of a network, from number 0 on."""
        lacking = set(range(count)) - set(self.trainings(name))
        if lacking and parted_name(name)[1]:
            raise BamError(f"{name} is one training of a network: name the network, or leave out `trainings`")
        if lacking:
            folder = self.folder / training_name(name, max(lacking))
            raise BamError(f"there is no trained model in {folder}: {_remedy(folder)}")

    def trainings(self, name: str) -> tuple[int, ...]:
        """Numbers of the trainings of a network that the folder has, see `training_name`; ascending."""
        return trainings_of(self.folder, name)

    def __getitem__(self, name: str) -> Classifier:
        """The trained model `name`. Raises `BamError` if it cannot be loaded."""
        return self._load(self._path(name))

    def trained_on(self, dataset: Dataset, name: str) -> Classifier:
        """The same. Raises `BamError` if it was trained on another dataset, too."""
        classifier = self[name]
        if classifier.description["config"]["dataset"] != dataset.fingerprint:
            raise BamError(
                f"{self._path(name)} was trained on another dataset than {dataset.folder}: give the "
                "`models` trained on it, or train them"
            )
        return classifier

    def file(
        self,
        path: str | Path,
        class_names: ClassNames | None,
        preprocess: str = "none",
        input_size: InputSize | None = None,
    ) -> Classifier:
        """The network of the user's own, see `load_classifier`."""
        return self._load(
            Path(path), read_names(class_names), preprocess, input_size and read_size(input_size)
        )

    def in_float32(self) -> Models:
        """The same models in float32."""
        if self.precision == "float32":
            return self
        return Models(self.folder, "float32", self.batch_size, self.training)

    def _path(self, name: str) -> Path:
        return self.folder / training_name(name, self.training)

    def _load(self, path: Path, *own: Any) -> Classifier:
        key = (path, *own)
        if key not in self._loaded:
            how = (self.precision, self.batch_size, *own)
            self._loaded[key] = load_classifier(path, *how)
        return self._loaded[key]
