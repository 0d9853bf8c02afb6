"""The JSON schemas beside the code are those of the code, and what is written keeps to them."""

from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

import bam.metrics.results
from bam.base.files import read_json
from bam.metrics.judging.report import judgement_schema
from bam.metrics.results.score import score_schema

FOLDER = Path(bam.metrics.results.__file__).parent
SCHEMAS = {
    "score": ("bam.metrics.results.score", score_schema),
    "judgement": ("bam.metrics.judging.report", judgement_schema),
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_file_is_what_the_code_says(name):
    module, schema = SCHEMAS[name]
    path = FOLDER / f"{name}.schema.json"
    jsonschema.Draft202012Validator.check_schema(schema())
    found = read_json(path) if path.exists() else None
    assert found == schema(), (
        f"a result's form has changed: raise FORMAT if old files cannot be read, and write the schema anew:\n"
        f"python -c 'from bam.base.files import write_json; from {module} import {name}_schema; "
        f'write_json("metrics/results/{name}.schema.json", {name}_schema())\''
    )


def test_a_score_keeps_to_its_schema(score):
    validator = jsonschema.Draft202012Validator(score_schema())
    validator.validate(score.to_json())
    validator.validate(replace(score, lines={}).to_json())


@pytest.mark.parametrize(
    ("place", "value"), [("direction", "left"), ("lines", []), ("version", "1"), ("configuration", None)]
)
def test_what_is_no_score_does_not(score, place, value):
    content = {**score.to_json(), place: value}
    assert not jsonschema.Draft202012Validator(score_schema()).is_valid(content)
