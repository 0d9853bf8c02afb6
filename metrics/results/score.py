"""A score: the outcome of one metric, as a table, as files, and read from them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError

from bam.base.errors import BamError, unknown
from bam.base.files import write_json, write_text
from bam.metrics.results.cells import milliseconds, numbers_of, shown
from bam.metrics.results.curves import curve_sections
from bam.metrics.results.image_values import read_image_values
from bam.metrics.results.panels import small_multiples
from bam.metrics.results.schema import (
    ARROWS,
    FORMAT,
    Chart,
    Column,
    Configuration,
    Direction,
    Environment,
    Line,
    Validity,
)
from bam.metrics.results.style import PAGE, write_png
from bam.metrics.results.table import csv_table, latex_table, markdown_table
from bam.metrics.statistics.comparison import Comparison

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Score:
    """The outcome of one metric.

    title: heading of the value's column. direction: "up" if more is better. source: where the metric is
    defined. lines: what was found of each method, by its name. columns: the further ones of the table.
    comparison: tests between the methods. unsuited: the methods that do not apply to the networks, and why.
    notes: sentences below the table. chart, axes: the curves behind the values, if any, and their x axes.
    oracle: whether `object_mask` is where the truth is, so that its value is what a right map has. details:
    more, by the metric.

    images: `ImageValues`, the numbers of single images, written beside the file; None where there are none.
    basis: what the score was made of, see `metrics.scoring.Basis`; it is not written.
    """

    metric: str
    version: int
    title: str
    direction: Direction
    source: str
    lines: Mapping[str, Line]
    columns: tuple[Column, ...]
    comparison: Comparison
    validity: Validity
    configuration: Configuration
    environment: Environment
    unsuited: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    chart: Chart | None = None
    axes: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    oracle: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)
    format: int = FORMAT
    images: Annotated[Any, Field(exclude=True)] = field(default=None, repr=False, compare=False)
    basis: Annotated[Any, Field(exclude=True)] = field(default=None, repr=False, compare=False)

    def __getitem__(self, method: str) -> Line:
        if method not in self.lines:
            raise unknown("method of this score", method, self.lines)
        return self.lines[method]

    def __iter__(self) -> Iterator[str]:
        return iter(self.lines)

    def __len__(self) -> int:
        return len(self.lines)

    def __contains__(self, method: object) -> bool:
        return method in self.lines

    @property
    def trainings(self) -> int:
        """Of how many trainings of the networks it is."""
        return self.configuration.run.get("trainings") or 1

    def warnings(self) -> list[str]:
        """Why the score is not to be trusted, if so."""
        return self.validity.warnings()

    def table(self) -> str:
        """The lines as a Markdown table, best first, controls apart, with the notes below."""
        return "\n".join([markdown_table(*self.rows()), *(f"\n{note}" for note in self.notes)]) + "\n"

    def markdown(self) -> str:
        """The table, the notes, and why they are not to be trusted, if so."""
        return self.table() + "".join(f"\n**NOT VALID: {line}**\n" for line in self.warnings())

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def __repr__(self) -> str:
        best = [f"{name} {self[name].value}" for name in self.in_order()[:3]]
        shown = ", ".join([*best, *(["..."] if len(self.lines) > 3 else [])])
        return f"<Score {self.metric} of {len(self.lines)} methods: {shown}>"

    def rows(self) -> tuple[list[str], list[list[Any]]]:
        """The table: the headings of its columns, and its cells, see `results.table.cell`."""
        known = self.lines.values()
        # Only a mean over more than 100 images has trials.
        trials = any(line.trial_sd is not None for line in known)
        several = any(line.trainings for line in known)
        columns = [
            *([Column("trial sd", "trial_sd")] if trials else []),
            *([Column("sd between trainings", "sd_trainings")] if several else []),
            *self.columns,
        ]
        timed = any(line.seconds is not None for line in known)
        head = ["method", f"{self.title} {ARROWS[self.direction]}", "95% interval"]
        lines = []
        for name in self.in_order():
            line = self.lines[name]
            left_out = ", ".join(f"{count} {why}" for why, count in line.excluded.items() if count)
            lines.append(
                [
                    f"{name} (control)" if line.control else name,
                    line.value,
                    (line.ci_low, line.ci_high),
                    *(shown(line, column) for column in columns),
                    *([milliseconds(line)] if timed else []),
                    line.n,
                    left_out or "0",
                ]
            )
        times = ["ms/image"] if timed else []
        return [*head, *(column.heading for column in columns), *times, "n", "left out"], lines

    def in_order(self) -> list[str]:
        """The methods as the table has them: best first, those without a value last, controls below."""
        sign = 1 if self.direction == "up" else -1

        def place(name: str) -> tuple[bool, float]:
            value = self.lines[name].value
            return self.lines[name].control, np.inf if value is None else -sign * value

        return sorted(self.lines, key=place)

    def to_dataframe(self) -> pandas.DataFrame:
        """The lines as a table of pandas, indexed by method, with all numbers."""
        try:
            import pandas as pd
        except ImportError:
            raise BamError("to_dataframe needs pandas: `pip install pandas`") from None
        names = self.in_order()
        return pd.DataFrame([numbers_of(self[name]) for name in names], pd.Index(names, name="method"))

    def to_csv(self, path: str | Path | None = None) -> str:
        """The lines as CSV, numbers in full; also written to `path`, if there is one."""
        numbers = {name: numbers_of(self[name]) for name in self.in_order()}
        head = list(dict.fromkeys(key for line in numbers.values() for key in line))
        lines = [[name, *(line.get(key) for key in head)] for name, line in numbers.items()]
        return _kept(csv_table(["method", *head], lines), path)

    def to_latex(self, path: str | Path | None = None) -> str:
        """The table as a LaTeX tabular with booktabs' rules; also written to `path`, if there is one.

        Bold are the values of all methods whose rank set has the first rank, if more than one is ranked: none
        of them is shown to be worse than any other.
        """
        ranks = [self.lines[name].rank for name in self.in_order()]
        several = sum(rank is not None for rank in ranks) > 1
        first = {(place, 1) for place, rank in enumerate(ranks) if several and rank and rank[0] == 1}
        return _kept(latex_table(*self.rows(), first), path)

    def to_json(self) -> dict[str, Any]:
        """What the JSON file holds; `score.schema.json` describes it."""
        return _adapter().dump_python(self, mode="json")

    def write(self, folder: str | Path) -> Path:
        """Write <metric>.json, .md and, with a chart, .png to a folder; returns the first path."""
        path = Path(folder) / f"{self.metric}.json"
        if self.chart:
            lines = {name: self.lines[name] for name in self.in_order()}
            figure = small_multiples(curve_sections(self.chart, lines, self.oracle), PAGE)
            write_png(figure, path.with_suffix(".png"))
        if self.images:
            self.images.write(_beside(path))
        else:  # or an older run's would be taken for those of this one
            _beside(path).unlink(missing_ok=True)
        write_json(path, self.to_json())
        write_text(path.with_suffix(".md"), self.markdown())
        return path

    def replaces(self, folder: str | Path) -> str:
        """What `write` to the folder replaces that is not the same run once more, as a sentence; or ""."""
        path = Path(folder) / f"{self.metric}.json"
        if not path.exists():
            return ""
        try:
            old = read_score(path)
        except BamError:
            return f"this replaces {path}, which is of another version or damaged"
        found = changes(old.configuration, self.configuration)
        lost = [name for name in old.lines if name not in self.lines]
        found += [f"with {', '.join(lost)}, which this one has not"] if lost else []
        return f"this replaces {path}, of a run {'; '.join(found)}" if found else ""


def changes(old: Configuration, new: Configuration) -> list[str]:
    """In what a run differed from a new one: "with limit 100, not 20", and so on."""
    before, now = ({**each.run, **each.metric} for each in (old, new))
    found = [
        f"with {key} {before.get(key)}, not {now.get(key)}"
        for key in {**before, **now}
        if before.get(key) != now.get(key)
    ]
    which = [(each.dataset, *map(each.images.get, ("set", "fingerprint", "n"))) for each in (old, new)]
    if which[0] != which[1]:
        found.append("of other images")
    return found + (["of other networks"] if old.digests != new.digests else [])


def _beside(path: Path) -> Path:
    """The table of single images beside a score's file."""
    return path.with_suffix(".images.csv")


def _kept(text: str, path: str | Path | None) -> str:
    if path is not None:
        write_text(path, text)
    return text


@cache
def _adapter() -> TypeAdapter:
    return TypeAdapter(Score)


def score_schema() -> dict[str, Any]:
    """The JSON schema of a score file."""
    return _adapter().json_schema(mode="serialization")


def read_score(path: str | Path) -> Score:
    """The score in a file that `Score.write` wrote; all but `basis` is as it was, `images` if they are there.

    Raises `BamError` for a file that holds none, or one of another format.

    >>> import bam
    >>> path = bam.score("idr", methods="grad_cam", limit=4).write("runs/results")
    >>> bam.read_score(path).metric
    'idr'
    """
    if not Path(path).is_file():
        raise BamError(f"there is no score {path}: `bam metrics` makes it")
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        found = content.get("format") if isinstance(content, dict) else None
        if found != FORMAT:
            raise BamError(f"{path} is of format {found or 1}, this version reads {FORMAT}: make it again")
        score = _adapter().validate_python(content)
        return replace(score, images=_images_of(Path(path), score))
    except (UnicodeDecodeError, json.JSONDecodeError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise BamError(f"{path} holds no score ({reason}): make it again") from None


def _images_of(path: Path, score: Score) -> Any:
    """The table of single images, unless it is of another run, which a kill between two files can leave."""
    if not _beside(path).exists():
        return None
    images = read_image_values(_beside(path))
    means = images.means()
    same = means.keys() == score.lines.keys() and all(
        line.value == means[name]
        or (None not in (line.value, means[name]) and isclose(line.value, means[name]))
        for name, line in score.lines.items()
    )
    return images if same else None
