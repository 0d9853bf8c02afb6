import json
from pathlib import Path

import jsonschema
import pytest

from bam import BamError
from bam.base.files import read_json, write_json
from bam.leaderboard.canonical import METRICS
from bam.leaderboard.entry import entry_schema, read_entries, read_entry

FOLDER = Path(__file__).parents[2] / "leaderboard"


def test_the_schema_in_the_repository_is_what_the_code_says():
    jsonschema.Draft202012Validator.check_schema(entry_schema())
    assert read_json(FOLDER / "entry.schema.json") == entry_schema(), (
        "an entry's form has changed: raise FORMAT if old files cannot be read, and write the schema anew:\n"
        "python -c 'from bam.base.files import write_json; from bam.leaderboard.entry import entry_schema; "
        'write_json("leaderboard/entry.schema.json", entry_schema())\''
    )


def test_every_entry_keeps_to_it_and_is_written_as_it_is_read(entries, tmp_path):
    validator = jsonschema.Draft202012Validator(read_json(FOLDER / "entry.schema.json"))
    for path, entry in entries.items():
        validator.validate(read_json(path))
        assert entry.write(tmp_path / "again.json").read_text() == path.read_text()
        assert path.stat().st_size < 20_000


@pytest.mark.parametrize(
    ("place", "value", "named"),
    [
        (("method", "link"), "javascript:alert(1)", "method.link"),
        (("method", "contol"), True, "method.contol"),
        (("measured", "metrics", "idr", "method", "n"), "88", "measured.metrics.idr.method.n"),
        (("networks",), None, "networks"),
        (("format",), 99, "format 99, this version reads 1"),
    ],
)
def test_what_is_no_entry_is_refused_by_code_and_schema(entry, place, value, named, tmp_path):
    content = read_json(FOLDER / "grad_cam.json")
    inner = content
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    write_json(tmp_path / "wrong.json", content)
    with pytest.raises(BamError, match=named) as error:
        read_entry(tmp_path / "wrong.json")
    assert "make the entry again" in str(error.value)
    if place != ("format",):
        assert not jsonschema.Draft202012Validator(entry_schema()).is_valid(content)


def test_files_that_are_not_there_or_no_json(tmp_path):
    with pytest.raises(BamError, match="there is no entry"):
        read_entry(tmp_path / "none.json")
    with pytest.raises(BamError, match=r"there is no entry in .*give as `entries`"):
        read_entries(tmp_path)
    (tmp_path / "torn.json").write_text(json.dumps({"format": 1})[:5])
    with pytest.raises(BamError, match=r"torn\.json is no JSON"):
        read_entry(tmp_path / "torn.json")


def test_all_methods_that_suit_the_networks_have_an_entry(entries):
    from bam.attributions import METHODS

    built_in = {entry.method.name: entry for entry in entries.values() if entry.method.name in METHODS}
    lacking = {name for name in METHODS if name.startswith("attention_") or not METHODS[name].usual}
    assert set(METHODS) - set(built_in) == lacking
    for name, entry in built_in.items():
        assert entry.method.version == METHODS[name].version
        assert entry.reported is None
        assert set(entry.measured.metrics) == set(METRICS)
