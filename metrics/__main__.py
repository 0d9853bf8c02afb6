"""Score attribution methods.

python -m bam.metrics --metric idr --limit 100           # all methods, 100 images: a minute and a half
python -m bam.metrics --metric mcs,rmcs,idr,iir,tcav     # all of the paper: half an hour on 2 cores
python -m bam.metrics --metric idr --methods my_file.py:my_method,grad_cam,random --norobustness
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from absl import flags

# isort: split

from bam.attributions import METHODS
from bam.attributions.gradients import BASELINES
from bam.base.errors import unknown
from bam.cli import flags as command
from bam.data_prep import load_dataset
from bam.metrics import METRICS, PERTURBATION
from bam.metrics.evaluation.run import Request, parse_methods
from bam.metrics.judging.human import read_ranking
from bam.metrics.judging.report import judge
from bam.models.inpainters import INPAINTERS
from bam.models.network.frozen import PRECISIONS

FLAGS = flags.FLAGS
controls = ", ".join(name for name in METHODS if METHODS[name].control)
flags.DEFINE_string("metric", "idr", f"what to measure, comma-separated: {', '.join(METRICS)}")
flags.DEFINE_string(
    "methods",
    "all",
    f"comma-separated attribution methods, of {', '.join(METHODS)}; all of them by default; or your own, as "
    "path/to/file.py:function or a folder of .npy maps, see docs/own_methods.md "
    f"(of these, controls: {controls}; random and edges are always there)",
)
flags.DEFINE_integer("limit", None, "at most so many test images (default: all)", lower_bound=1)
flags.DEFINE_integer("trials", 10, "random samples of 100 images behind the trial sd", lower_bound=2)
flags.DEFINE_enum("baseline", None, list(BASELINES), "where integrated gradients start from (default: black)")
flags.DEFINE_string("layer", None, "layer that Grad-CAM explains (default: the last with feature maps)")
flags.DEFINE_integer(
    "samples", None, "gradients behind a smoothed or integrated one (default: 50)", lower_bound=1
)
flags.DEFINE_integer("tcav_runs", None, "random draws behind a TCAV score (default: 30)", lower_bound=2)
flags.DEFINE_integer(
    "tcav_images", None, "images of either kind behind a concept vector (default: 100)", lower_bound=2
)
flags.DEFINE_list("tcav_layers", None, "layers of TCAV (default: four stages and the logits)")
flags.DEFINE_float(
    "iir_threshold", None, "relative change of g_c that IIR allows (default: 0.1)", lower_bound=0
)
flags.DEFINE_float(
    "patch_tolerance",
    None,
    "change of the logits that IIR's patches may make, as a share of their norm (default: 0.01)",
    lower_bound=0,
)
flags.DEFINE_enum(
    "patch_recipe",
    None,
    ["projected", "paper", "both"],
    "how IIR's patches are found; both: the paper's is scored beside (default: projected)",
)
flags.DEFINE_enum(
    "inpainter", None, list(INPAINTERS), "what paints for the metric inpainting (default: donor)"
)
flags.DEFINE_string(
    "checkpoint", None, "folder or hub name of an inpainting pipeline, for --inpainter stable-diffusion"
)
flags.DEFINE_bool(
    "no_paste_back",
    None,
    "leave the pixels around the hole as stable-diffusion returns them, as the paper does",
)
flags.DEFINE_list(
    "levels", None, "percentages of the pixels that are painted anew (default: 10,20,30,40,50; up to 100)"
)
flags.DEFINE_integer("fills", None, "paintings for each hole (default: 3)", lower_bound=1)
flags.DEFINE_integer(
    "patch_grid", None, "side of the grid to which maps are reduced first; 0: not at all (default: 14)", 0
)
flags.DEFINE_string(
    "images",
    None,
    "folder of JPEG and PNG files, for IIR and the perturbation metrics (default: the dataset)",
)
flags.DEFINE_string(
    "model",
    None,
    "model to explain, for IIR and the perturbation metrics: a name in --models, or a .keras file that you "
    "trust (default: scene_on_scene_only for IIR, else object)",
)
flags.DEFINE_string("class_names", None, "text file with the classes of a .keras file, one per line")
flags.DEFINE_bool("judge", False, "also judge the metrics themselves, see docs/judging.md")
flags.DEFINE_string(
    "human_ranking", None, "with --judge: CSV file with columns method and rank, compared with the metrics'"
)
flags.DEFINE_bool(
    "robustness",
    True,
    "also MCS and IDR for objects of other sizes and at other places (three times the work)",
)
flags.DEFINE_enum("precision", "float32", PRECISIONS, "of the networks' arithmetic")
flags.DEFINE_integer("batch_size", 32, "images in a batch", lower_bound=1)
flags.DEFINE_string("models", "runs/models", "folder of the trained models")
flags.DEFINE_string(
    "out",
    "runs/results",
    "folder of the results; a later run of the same metric replaces its table, not its rows",
)
flags.register_validator("models", bool, "must name a folder")
flags.register_validator("out", bool, "must name a folder")
flags.adopt_module_key_flags(command)
command.must_be_finite("iir_threshold", "patch_tolerance")
# Which metrics a flag is for, where it is not for all.
OWN_FLAGS = {
    **dict.fromkeys(("tcav_runs", "tcav_images", "tcav_layers"), ("tcav",)),
    **dict.fromkeys(("iir_threshold", "patch_tolerance", "patch_recipe"), ("iir",)),
    **dict.fromkeys(("inpainter", "checkpoint", "no_paste_back", "fills"), ("inpainting",)),
    "levels": ("inpainting",),
    "patch_grid": ("inpainting", "violation"),
    **dict.fromkeys(("images", "model", "class_names"), ("iir", *PERTURBATION)),
}
OPTIONS = (*OWN_FLAGS, "robustness")
WITHOUT_IMAGES = {"rmcs", "tcav"}  # metrics that cannot be judged


def parse_metrics(names: str) -> list[str]:
    """Metrics from a comma-separated list. Raises `flags.ValidationError` for unknown names and for none."""
    chosen = list(dict.fromkeys(filter(None, map(str.strip, names.split(",")))))
    for name in chosen:
        if name not in METRICS:
            raise flags.ValidationError(str(unknown("metric", name, METRICS)))
    if not chosen:
        raise flags.ValidationError("names no metric")
    return chosen


def parse_levels(values: list[str]) -> list[int]:
    """Whole percentages from 1 to 100. Raises `flags.ValidationError` for anything else."""
    if not values or not all(value.strip().isdecimal() and 1 <= int(value) <= 100 for value in values):
        raise flags.ValidationError("must be whole percentages from 1 to 100, such as 10,20,30")
    return [int(value) for value in values]


flags.register_validator("metric", parse_metrics)


@flags.multi_flags_validator(["metric", *OWN_FLAGS])
def _no_flag_without_its_metric(values: dict[str, Any]) -> bool:
    for name, metrics in OWN_FLAGS.items():
        if values[name] is not None and not set(metrics) & set(parse_metrics(values["metric"])):
            known = ", ".join(metrics)
            raise flags.ValidationError(f"--{name} is for --metric {known}, which is not asked for")
    return True


@flags.multi_flags_validator(["judge", "metric"])
def _something_to_judge(values: dict[str, Any]) -> bool:
    if values["judge"] and set(parse_metrics(values["metric"])) <= WITHOUT_IMAGES:
        raise flags.ValidationError(
            "--judge needs a metric other than rmcs and tcav: they score no single images"
        )
    return True


@flags.multi_flags_validator(["judge", "human_ranking"])
def _no_ranking_without_judging(values: dict[str, Any]) -> bool:
    if values["human_ranking"] is not None and not values["judge"]:
        raise flags.ValidationError("--human_ranking is for --judge, which is not asked for")
    return True


flags.register_validator("levels", lambda values: values is None or bool(parse_levels(values)))


def main() -> None:
    methods = parse_methods(FLAGS.methods)
    metrics = parse_metrics(FLAGS.metric)
    ranked = [method.name for method in methods if not method.control]
    human = read_ranking(Path(FLAGS.human_ranking), ranked) if FLAGS.human_ranking else None
    dataset = None
    # Images of one's own can do without a dataset, but if there is one, donors are taken from it.
    if (
        FLAGS.images is None
        or not set(metrics) <= set(PERTURBATION)
        or (Path(FLAGS.data) / "dataset.json").exists()
    ):
        dataset = load_dataset(FLAGS.data)
        command.say_if_drawn(dataset)
    options = {name: FLAGS[name].value for name in OPTIONS if FLAGS[name].value is not None}
    if "levels" in options:
        options["levels"] = parse_levels(options["levels"])
    request = Request(
        dataset,
        Path(FLAGS.models),
        methods,
        FLAGS.limit,
        FLAGS.trials,
        FLAGS.seed,
        Path(FLAGS.out),
        params={name: FLAGS[name].value for name in ("baseline", "layer", "samples")},
        precision=FLAGS.precision,
        batch_size=FLAGS.batch_size,
        options=options,
        metrics=metrics,
    )
    scores = []
    for metric in metrics:
        score = METRICS[metric](request)
        scores.append(score)
        path = score.write()
        print(score.table(), end="")
        for warning in score.warnings():
            print(command.red(f"NOT VALID: {warning}"))
        print(f"written to {path}")
    if FLAGS.judge:
        judgement = judge(request, scores, METRICS, human)
        path = judgement.write()
        print(judgement.table(), end="")
        print(f"written to {path}")


if __name__ == "__main__":
    command.run(main)
