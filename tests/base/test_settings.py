from dataclasses import FrozenInstanceError, asdict, replace
from typing import Annotated, Literal

import pytest

from bam.base.errors import BamError
from bam.base.settings import Folder, checked, one_of, parameters, setting, settings


@settings
class Blur:
    """Settings of a blur."""

    radius: float = setting(2.0, "in pixels", ge=0)
    passes: int | None = setting(None, "how often", ge=1)
    edges: Literal["grey", "mirror"] = setting("mirror", "what lies outside")
    kernel: Annotated[str, one_of("kernel", ["box", "gauss"])] = setting("gauss", "its shape")
    sides: tuple[int, ...] = setting((1, 2), "which", min_length=1)
    slow: bool = setting(False, "exact")
    out: Folder = setting("runs", "where to")


def test_texts_are_read_as_what_a_field_holds():
    found = checked(Blur, {"radius": "0.5", "passes": "3", "sides": ["4", "5"], "slow": "true"})
    assert found == replace(Blur(), radius=0.5, passes=3, sides=(4, 5), slow=True)
    assert asdict(Blur())["sides"] == (1, 2)
    with pytest.raises(FrozenInstanceError):
        found.radius = 1.0


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"radius": "-1"}, "`radius` must be greater than or equal to 0, not '-1'"),
        ({"radius": "nan"}, "`radius` must be a finite number, not 'nan'"),
        ({"radius": "inf"}, "`radius` must be a finite number"),
        ({"passes": "many"}, "`passes` must be a valid integer"),
        ({"edges": "white"}, "`edges` must be 'grey' or 'mirror', not 'white'"),
        ({"kernel": "gaus"}, "`kernel`: unknown kernel 'gaus': did you mean 'gauss'"),
        ({"sides": ["1", "x"]}, "`sides` must be a valid integer"),
        ({"sides": []}, "`sides`"),
        ({"slow": "perhaps"}, "`slow` must be a valid boolean"),
        ({"out": ""}, "`out` must name a folder"),
        ({"radios": 1}, "unknown setting 'radios': did you mean 'radius'"),
    ],
)
def test_what_cannot_be_is_one_sentence(values, words):
    with pytest.raises(BamError) as error:
        checked(Blur, values)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_values_are_checked_from_python_too():
    with pytest.raises(ValueError, match="radius"):
        Blur(radius=-1)


def test_fields_are_described():
    known = {parameter.name: parameter for parameter in parameters(Blur)}
    assert list(known) == ["radius", "passes", "edges", "kernel", "sides", "slow", "out"]
    assert (known["radius"].kind, known["radius"].default) == ("number", 2.0)
    assert (known["passes"].kind, known["passes"].default) == ("integer", None)
    assert known["edges"].choices == ("grey", "mirror")
    assert (known["sides"].kind, known["sides"].default) == ("array", [1, 2])
    assert known["slow"].kind == "boolean"
    assert known["kernel"].description == "its shape"
