"""Train a classifier, or with --all the thirteen of the paper.

python -m bam.train --labels scene                    # f_s, small network: about a minute on 2 cores
python -m bam.train --labels scene --on scene_only    # the model of the input independence rate
python -m bam.train --labels scene --commonality 0.3  # f^k
python -m bam.train --labels object --classes bird,dog --architecture four_conv   # two classes alone
python -m bam.train --all --architecture resnet50 --weights imagenet --models runs/resnet50   # as the paper
"""

from __future__ import annotations

from pathlib import Path

from absl import flags

# isort: split

from bam.base.errors import BamError
from bam.base.files import write_text
from bam.cli import flags as command
from bam.data_prep import load_dataset
from bam.models.architectures import ARCHITECTURES
from bam.models.training.task import SUITE, Task
from bam.models.training.training import is_chief, make_config, train
from bam.models.training.validity import check, failures, table

FLAGS = flags.FLAGS
flags.DEFINE_enum("labels", "scene", ["object", "scene"], "what to classify")
flags.DEFINE_enum("on", "object_scene", ["object_scene", "scene_only"], "image set to train on")
flags.DEFINE_float(
    "commonality", None, "train on X^k instead, the dog in the first 10 k scene classes (0.1 ... 1)"
)
flags.DEFINE_list("classes", None, "tell only these classes apart, two or more (default: all ten)")
flags.DEFINE_bool("all", False, "train the thirteen models: f_o, f_s, f_s on scene_only, f^0.1 ... f^1.0")
flags.DEFINE_enum("architecture", "small", list(ARCHITECTURES), "network")
flags.DEFINE_string(
    "weights", "none", "weights to start from: none, imagenet, or a file (.keras; .h5 of Keras; .npz of ViT)"
)
flags.DEFINE_float("epochs", None, "passes over the training images (default: suits the architecture)", 1e-6)
flags.DEFINE_integer("batch_size", 32, "images per step, over all devices", lower_bound=1)
flags.DEFINE_float("learning_rate", None, "peak learning rate (default: suits the architecture)", 0)
flags.DEFINE_float(
    "patience", 0.5, "stop when the validation loss has not improved for this share of all steps", 0, 1
)
flags.DEFINE_string("models", "runs/models", "folder of the trained models; several machines must share it")
command.must_be_finite("epochs", "learning_rate")
flags.register_validator("models", bool, "must name a folder")
flags.adopt_module_key_flags(command)


def main() -> None:
    dataset, folder = load_dataset(FLAGS.data), Path(FLAGS.models)
    tasks = SUITE if FLAGS.all else (Task(FLAGS.labels, FLAGS.on, FLAGS.commonality, FLAGS.classes),)
    if FLAGS.all and any(FLAGS[name].present for name in ("labels", "on", "commonality", "classes")):
        raise BamError("--all trains every model: leave out --labels, --on, --commonality and --classes")
    command.say_if_drawn(dataset)
    settings = {key: FLAGS[key].value for key in ("architecture", "weights", "epochs", "batch_size")}
    settings |= {key: FLAGS[key].value for key in ("learning_rate", "patience", "seed")}
    for task in tasks:
        description = train(make_config(task, dataset, **settings), dataset, folder)
        accuracy = ", ".join(f"{view} {value:.3f}" for view, value in description["accuracy"].items())
        print(f"{folder / task.name}: accuracy {accuracy}")
        if task.on == "object_scene" and task.commonality is None:
            for failure in failures(task.name, check(description)):
                print(command.red(failure))
    report = table(folder)
    if is_chief():
        write_text(folder / "validity.md", f"{report}\n")
    print(report)


if __name__ == "__main__":
    command.run(main)
