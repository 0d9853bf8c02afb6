"""The card of a trained model: what it is, what it is for, how it does, how to make it again.

It says what model.json and the network say, for readers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bam.base.citations import PAPER, bibtex
from bam.base.files import write_text
from bam.base.versions import in_words
from bam.models.training.accuracy import EVALUATED
from bam.models.training.numbered import training_name
from bam.models.training.task import Task
from bam.models.training.validity import checks

if TYPE_CHECKING:
    from bam.models.classifier import Classifier

CARD = "model_card.md"
# Settings of a training that the command has as flags.
_FLAGS = ("architecture", "weights", "epochs", "batch_size", "learning_rate", "patience", "seed")


def write_card(folder: Path, description: Mapping[str, Any], classifier: Classifier) -> None:
    """Write the card of the model in `folder`; description: the content of its model.json."""
    write_text(folder / CARD, model_card(description, classifier))


def task_of(config: Mapping[str, Any]) -> Task:
    """What a model was to learn, from its configuration; those of earlier versions do not name classes."""
    return Task(config["labels"], config["on"], config["commonality"], config.get("classes"))


def model_card(description: Mapping[str, Any], classifier: Classifier) -> str:
    """The text of the card."""
    config = description["config"]
    task = task_of(config)
    name = training_name(task.name, config.get("training") or 0)
    (height, width), parameters = classifier.input_size, classifier.model.count_params()
    sections = {
        "Use": _use(),
        "What it learned": _learned(description, task),
        "Accuracy": _accuracy(description, task),
        "Validity": _validity(description, task),
        "How it was made": _how(description, task),
        "How to load it": _loading(name),
        "Citation": ("```bibtex", bibtex([PAPER]), "```"),
    }
    lines = [
        "---",
        "library_name: tf-keras",
        "pipeline_tag: image-classification",
        "tags: [attribution, benchmark, explainability, interpretability, saliency]",
        "---",
        "",
        f"# {name}",
        "",
        f"A classifier of {task.labels}s: the network `{config['architecture']}` of BAM, {parameters:,} "
        f"parameters, from {height} x {width} RGB pixels in 0..255 to logits of "
        f"{len(description['class_names'])} classes.",
    ]
    for title, content in sections.items():
        lines += ["", f"## {title}", "", *content]
    return "\n".join(lines) + "\n"


def _use() -> Iterable[str]:
    yield "To be explained: do attribution methods call those pixels important that must be? Not to be put to"
    yield "use: it knows the images of a benchmark alone."


def _learned(description: Mapping[str, Any], task: Task) -> Iterable[str]:
    config = description["config"]
    of = (
        "`commonality`, k = " + str(config["commonality"]) if task.commonality is not None else f"`{task.on}`"
    )
    yield f"- Classes, in the order of the logits: {', '.join(description['class_names'])}"
    yield f"- Image set: {of}, of the dataset with the digest `{config['dataset']}`"
    weights = {"none": "random", "imagenet": "those of ImageNet"}.get(config["weights"], "those of a file")
    digest = f", SHA-256 `{config['weights_sha256']}`" if config.get("weights_sha256") else ""
    yield f"- First weights: {weights}{digest}"
    if config.get("training"):
        yield f"- Training: number {config['training']} of `{task.name}`; it differs from the others in first"
        yield "  weights, order, augmentation and dropout alone"
    history = description.get("history")
    if history:
        best = min(history, key=lambda entry: entry["validation_loss"])
        yield (
            f"- Steps: {history[-1]['step']}; kept are the weights of step {best['step']}, with the lowest "
            f"validation loss, {best['validation_loss']:.4f}"
        )


def _accuracy(description: Mapping[str, Any], task: Task) -> Iterable[str]:
    yield "| image set, test split | accuracy | images |"
    yield "|---|---|---|"
    images = description.get("images", {})
    for name in EVALUATED:
        if name in description["accuracy"]:
            yield f"| `{name}` | {description['accuracy'][name]:.3f} | {images.get(name, '-')} |"
    forest = description.get("bamboo_forest")
    if forest:
        for key in ("with_dog", "without_dog"):
            yield f"| `bamboo_forest`, {key.replace('_', ' ')} | {forest[key]:.3f} | {forest['images']} |"
    if description.get("confidence_increased") is not None:
        yield ""
        other = "object" if task.labels == "scene" else "scene"
        yield f"Of the images of `object_scene` that stay correctly classified without the {other},"
        yield f"{description['confidence_increased']:.1%} gain confidence in their class."


def _validity(description: Mapping[str, Any], task: Task) -> Iterable[str]:
    if task.on != "object_scene" or task.commonality is not None:
        yield "The check is for models trained on all of `object_scene`: there is none for this one."
        return
    yield f"Whether it relies on {task.labels}s and on nothing else:"
    yield ""
    yield "| check | accuracy | wanted | |"
    yield "|---|---|---|---|"
    for check in checks(dict(description)):
        wanted, answer = (
            f"{check.at_least:.3f} to {check.at_most:.3f}",
            "passed" if check.passed else "**FAILED**",
        )
        yield f"| {check.check} | {check.value:.3f} | {wanted} | {answer} |"


def _how(description: Mapping[str, Any], task: Task) -> Iterable[str]:
    config = description["config"]
    yield f"    {command(config, task)}"
    yield ""
    yield f"- Settings: `{json.dumps(config)}`"
    yield f"- Versions: {in_words(description.get('versions'))}"
    yield f"- Digest of layers, connections and weights: `{description['digest']}`"


def command(config: Mapping[str, Any], task: Task) -> str:
    """The command that trains it, with FOLDER where a path stands, and FILE for weights of a file.

    It also trains those of smaller number that are not there.
    """
    named = config["weights"] in ("none", "imagenet")
    values = {**config, "weights": config["weights"] if named else "FILE"}
    flags = " ".join(f"--{name} {values[name]}" for name in _FLAGS)
    if config.get("training"):
        flags += f" --trainings {config['training'] + 1}"
    return f"python -m bam.train {task.flags} {flags} --data FOLDER --models FOLDER"


def _loading(name: str) -> Iterable[str]:
    yield "```python"
    yield "import bam"
    yield ""
    yield f'classifier = bam.load_classifier("FOLDER/{name}")'
    yield "```"
