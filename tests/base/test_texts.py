import pytest

from bam.base.texts import split_outside_brackets


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a,b", ["a", "b"]),
        (" a , , b,", ["a", "b"]),
        ("a(x=1,y=2),b", ["a(x=1,y=2)", "b"]),
        ("a(x=(1,[2,3])),b(z={'k':1,'l':2})", ["a(x=(1,[2,3]))", "b(z={'k':1,'l':2})"]),
        ("", []),
        (",", []),
    ],
)
def test_commas_in_brackets_part_nothing(text, parts):
    assert split_outside_brackets(text) == parts
